"""Every Python that the kit starts: nothing that lies in the folder the user stands in runs in it."""

import ast
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reprise_kit.compare.system import CLIPS, ROOT
from reprise_kit.compare.workers import SAFE_PATH, _undisturbed, starting

PLANTED = ("json", "selectors", "signal", "socket", "struct", "threading", "numpy", "reprise_kit", "pickle")
POOL = "import multiprocessing; from reprise_kit.compare.workers import Workers; p = Workers(1, multiprocessing."
POOL += "get_context({how!r})); print(p.submit(len, 'abc').result()); p.shutdown()"
PROGRAMS = {
    "box": "from reprise_kit.compare import box; print(bool(box.confinements()))",
    "decoder": "from reprise_kit.port.audio.stream import *; "
    f"c = incoming(Path({str(CLIPS / 'shortest.wav')!r}), 60); print(len(list(c.__enter__().parts)) > 0)",
    "spawn": POOL.format(how="spawn"),
    "forkserver": POOL.format(how="forkserver"),
}
# Whose working folder does not matter: it runs again what was typed; it runs a script by its path.
OTHERS = {"cli.py": "_in_utf8", "new_system.py": "PYTHON", "imports.py": "parse"}


@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_of_the_working_folder_runs(name: str, tmp_path: Path) -> None:
    here, script = tmp_path / "here", tmp_path / "bin" / "command.py"  # as an installed command is started
    here.mkdir()
    script.parent.mkdir()
    for module in PLANTED:
        (here / f"{module}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write('{module} ')")
    script.write_text(f"import sys; sys.path.append({str(ROOT)!r})\nif __name__ == '__main__':\n    {PROGRAMS[name]}\n")
    done = subprocess.run([sys.executable, script], cwd=here, capture_output=True, text=True, check=False)
    assert done.stdout.strip() in ("True", "3"), done.stderr
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()


def test_the_users_own_setting_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for before in (None, "", "1"):
        monkeypatch.delenv(SAFE_PATH, raising=False)
        if before is not None:
            monkeypatch.setenv(SAFE_PATH, before)
        with starting():
            assert os.environ[SAFE_PATH] == "1"
        assert os.environ.get(SAFE_PATH) == before


def test_every_command_with_this_python_leaves_the_working_folder_out() -> None:
    """A new one has -P, or -I, or its reason in OTHERS."""
    seen, bare = 0, []
    for folder in ("compare", "port", "reprise_kit/apps", "reprise_kit/commands", "reprise_kit", "original/eras"):
        for path in (ROOT / folder).rglob("*.py") if folder != "reprise_kit" else (ROOT / folder).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if (
                    isinstance(node, (ast.List, ast.Tuple))
                    and node.elts
                    and ast.unparse(node.elts[0]) == "sys.executable"
                ):
                    seen += 1
                    option = ast.unparse(node.elts[1]) if len(node.elts) > 1 else ""
                    if option.strip("'") not in ("-P", "-I") and path.name not in OTHERS:
                        bare.append(f"{path}: {ast.unparse(node)[:80]}")
    assert seen >= 5 and not bare


@pytest.mark.parametrize("in_thread", [True, False])
def test_a_ctrl_c_is_put_off_in_the_main_thread_alone(in_thread):
    seen = []

    def block():
        with _undisturbed():
            seen.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    if in_thread:
        thread = threading.Thread(target=block)
        thread.start()
        thread.join()
    else:
        block()
    assert len(seen) == 1 and (seen[0] is before) is in_thread and signal.getsignal(signal.SIGINT) is before
