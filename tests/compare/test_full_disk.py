"""A full disk under REPRISE_CACHE: one line, exit code 2, and nothing half-written."""

import os
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from reprise_kit import cli as reprise
from reprise_kit.compare import fetch, pins, python27, registry
from reprise_kit.compare.atomic import MARKER
from reprise_kit.compare.system import ROOT, PinnedFile
from tests.pinned import with_files
from tests.require import require

FILES = {"common.py": b"GENRES = []\n", "models/model.yaml": os.urandom(200_000), "server.py": os.urandom(200_000)}


class Quiet(SimpleHTTPRequestHandler):
    """Says nothing on standard error, where the tests look for one line."""

    def log_message(self, *_):
        pass


@pytest.fixture
def small_cache(tmp_path, monkeypatch, request):
    """REPRISE_CACHE on a disk of its own, of the size that the test names."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={request.param}", "none", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        require("root", "no small disk to fill: mounting a tmpfs needs root")
    monkeypatch.setenv("REPRISE_CACHE", str(folder))
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def pinned(monkeypatch, tmp_path):
    """A system of three files, in a folder."""
    files = tuple(PinnedFile(path, pins.blob_id(content), optional=False) for path, content in FILES.items())
    made = with_files(files)
    monkeypatch.setattr(registry, "load", lambda name: made)
    for path, content in FILES.items():
        (tmp_path / "copy" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "copy" / path).write_bytes(content)
    return made


@pytest.fixture
def served(pinned, monkeypatch, tmp_path):
    """The same files over HTTP, where the kit looks for upstream's."""
    owner_and_name = pinned.upstream.url.removeprefix("https://github.com/")
    folder = tmp_path / "www" / owner_and_name / pinned.upstream.commit
    folder.parent.mkdir(parents=True)
    folder.symlink_to(tmp_path / "copy")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path / "www")) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(fetch, "RAW", f"http://127.0.0.1:{server.server_port}")
        yield
        server.shutdown()


def run(monkeypatch, capsys, *words):
    """The command line in this process: (exit code, what it said)."""
    monkeypatch.setattr(sys, "argv", ["reprise", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        reprise.main()
    said = capsys.readouterr()
    return ended.value.code, said.out + said.err


def left(folder):
    return [path for path in folder.rglob("*") if not path.is_dir() and path.name != MARKER]


def assert_refused(ended, small_cache):
    code, said = ended
    assert code == 2
    assert said.startswith("reprise: No space left on device") and said.count("\n") == 1
    assert left(small_cache) == []


@pytest.mark.parametrize("small_cache", ["300k"], indirect=True)
def test_fetch_from_a_folder(small_cache, pinned, tmp_path, monkeypatch, capsys):
    assert_refused(run(monkeypatch, capsys, "fetch", "deepsound_crnn", "--from", tmp_path / "copy"), small_cache)


@pytest.mark.parametrize("small_cache", ["300k"], indirect=True)
def test_fetch_from_the_network(small_cache, served, monkeypatch, capsys):
    assert_refused(run(monkeypatch, capsys, "fetch", "deepsound_crnn"), small_cache)


@pytest.mark.parametrize("small_cache", ["2m"], indirect=True)
def test_the_same_fetch_with_room(small_cache, served, monkeypatch, capsys):
    code, _ = run(monkeypatch, capsys, "fetch", "deepsound_crnn")
    assert code == 0 and len(left(small_cache)) == len(FILES)


# The first disk is too small for the tool that makes environments, the second for the environment's packages.
@pytest.mark.parametrize("small_cache", ["2m", "40m"], indirect=True)
def test_building_an_environment(small_cache):
    interpreter = python27.find_interpreter()
    if interpreter is None:
        require("python27", "no Python 2.7 found (REPRISE_PYTHON27, PATH, pyenv)")
    lock = ROOT / "original/eras/requirements-theano.lock"
    with pytest.raises(reprise.InputError, match=r"cannot install .*No space left on device"):
        python27.environment(interpreter, lock)
    assert not python27.environment_folder(interpreter, lock).exists()
    assert not list((small_cache / "environments").glob(".*"))
