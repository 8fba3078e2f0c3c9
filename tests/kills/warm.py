"""An interpreter that has imported what takes long, and runs the command line in forks of itself.

So most of the moments drawn lie in the command's own work and not in the seconds of importing TensorFlow. A fork is
told from a command begun anew by nothing that the command looks at: `__main__`, words, variables, descriptors, session.
"""

import json
import os
import random
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

IMPORTED = ("keras", "h5py", "pyarrow.parquet", "av", "reprise_kit.cli")


class Fork:
    """A running command: what is used of subprocess.Popen."""

    def __init__(self, answers: Any) -> None:
        """answers: where the interpreter names the process, and says how it ended."""
        self._answers = answers
        self.pid = int(answers.readline())
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code, as subprocess does; TimeoutExpired where it still runs after so many seconds."""
        if self.returncode is None:
            if not select.select([self._answers], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("a fork", timeout or 0.0)
            self.returncode = int(self._answers.readline())
        return self.returncode

    def poll(self) -> int | None:
        """Return the exit code, or None where it still runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """End it, where it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


class Interpreter:
    """The interpreter; one command at a time."""

    def __init__(self) -> None:
        """Begin to import."""
        words = [sys.executable, "-m", "tests.kills.warm"]
        silent = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}  # as the kit has it before it imports TensorFlow
        self._process = subprocess.Popen(words, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=silent)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def run(self, words: Sequence[str], variables: dict[str, str], said: Path, errors: Path, folder: Path) -> Fork:
        """Run `PYTHON -m MODULE WORDS...` in a session of its own, in a folder, its words written to two files."""
        assert words[:2] == [sys.executable, "-m"]
        order = {"words": words[2:], "variables": variables, "out": [str(said), str(errors)], "folder": str(folder)}
        assert self._process.stdin
        self._process.stdin.write(f"{json.dumps(order)}\n".encode())
        return Fork(self._process.stdout)


@cache
def interpreter() -> Interpreter:
    """Return the one interpreter of this process."""
    return Interpreter()


def serve() -> None:
    """Import; then run each command of standard input, and say its process and its end."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as before Python's first line
    for name in IMPORTED:
        import_module(name)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _become(**json.loads(line))
        os.write(1, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _become(words: list[str], variables: dict[str, str], out: list[str], folder: str) -> NoReturn:
    """Run the command in this process, and end it."""
    os.setsid()
    os.write(1, b"%d\n" % os.getpid())
    for number, path in enumerate((os.devnull, *out)):
        os.dup2(os.open(path, os.O_RDWR), number)
    os.environ.update(variables)
    os.chdir(folder)
    tempfile.tempdir = None
    random.seed()
    sys.argv = words
    code = 0
    try:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else bool(ended.code)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    serve()
