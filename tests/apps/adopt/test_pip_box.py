"""What a package's setup.py may do while an environment is made: see that, and ask our index."""

import io
import socket
import subprocess
import tarfile
from pathlib import Path

import pytest

from reprise_kit.apps.adopt import dated_index
from reprise_kit.apps.adopt.dated_index import DatedIndex, served
from reprise_kit.apps.adopt.pip_box import PipBox
from reprise_kit.compare.python27 import find_interpreter, make_virtualenv
from tests.apps.adopt.test_dated_index import TAGS, row
from tests.require import require

pytestmark = pytest.mark.usefixtures("bwrap")
GREEDY = """
import os, socket
from setuptools import setup

def reached(action):
    try:
        action()
        return True
    except Exception:
        return False

got = [what for what, action in (
    ('network', lambda: socket.create_connection(('127.0.0.1', {port}), 2)),
    ('read', lambda: open('{person}/secret').read()),
    ('write', lambda: open('{person}/stolen', 'w')),
    ('token', lambda: os.environ['TOKEN']),
) if reached(action)]
print('GOT %r' % got)
setup(name='greedy', version='1', py_modules=[], setup_requires=['unheard-of-package'])
"""


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Path:
    interpreter = find_interpreter()
    if interpreter is None:
        require("python27", "no Python 2.7 found")
    folder = tmp_path_factory.mktemp("made") / "env"
    make_virtualenv(interpreter, folder)
    return folder


def sdist(setup: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, text in (("setup.py", setup), ("PKG-INFO", "Metadata-Version: 1.0\nName: greedy\nVersion: 1\n")):
            info = tarfile.TarInfo(f"greedy-1/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return stream.getvalue()


@pytest.mark.parametrize("boxed", [True, False])
def test_a_setup_py_gets_nothing_and_knows_our_index_only(
    boxed: bool, env: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Unboxed it reaches the neighbour and the files, which shows that the check bites; our index is its only one."""
    (tmp_path / "secret").write_text("kept")
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TOKEN", "xyzzy")
    with socket.create_server(("127.0.0.1", 0)) as server:
        setup = GREEDY.format(port=server.getsockname()[1], person=tmp_path)
        content = sdist(setup)
        monkeypatch.setattr(dated_index, "_listing", lambda name: [row("greedy-1.tar.gz", "2016-01-01", content)]
                            if name == "greedy" else [])  # fmt: skip
        monkeypatch.setattr(dated_index.urllib.request, "urlopen", lambda *_, **__: io.BytesIO(content))
        index = DatedIndex("2016-06-01", TAGS)
        with served(index) as at:
            pip = PipBox(tmp_path, at)
            command = [str(env / "bin" / name) for name in ("python", "pip")]
            command += ["install", "-v", "--no-build-isolation", "--no-deps", "greedy"]
            words = pip.command(command, env) if boxed else command
            done = subprocess.run(words, env=pip.variables, capture_output=True, text=True, timeout=120, check=False)
    said = done.stdout + done.stderr
    assert ("GOT []" if boxed else "GOT ['network', 'read', 'write']") in said, said
    assert done.returncode != 0 and "unheard-of-package" in index.asked, said
    assert (tmp_path / "stolen").exists() is not boxed
