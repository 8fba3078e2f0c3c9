"""The real old stacks, each as a long-lived process that builds and records graphs."""

import json
import os
import selectors
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .drawing import Spec, Stack

HERE = Path(__file__).parent
OLD_KERAS = HERE / "old_keras"
STACK = HERE.parent / "family" / "py27"
SECONDS = 90.0  # one graph may take; a Theano scan compiles its helper once
GRAPHS = 400  # one process may make: Theano keeps what it compiled


@dataclass(frozen=True)
class Interpreter:
    """An old Python and the environment its process runs in."""

    python: str
    environment: dict[str, str]


def environments(path: Path) -> dict[str, Interpreter]:
    """Return the stacks of a file of {"KERAS-BACKEND": {"python": ..., "environment": {...}}}."""
    found = json.loads(path.read_text())
    return {name: Interpreter(entry["python"], entry["environment"]) for name, entry in found.items()}


class Child:
    """A process that is started where it is needed and ended where it is not."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


class Worker(Child):
    """A process in one old stack; a graph that kills or stops it costs that graph alone."""

    def __init__(self, stack: Stack, interpreter: Interpreter, log: Path) -> None:
        self.stack, self.interpreter, self.log = stack, interpreter, log
        super().__init__()
        self._made = 0

    def record(self, spec: Spec, folder: Path) -> dict[str, Any]:
        """Return {"made": ...} or {"error": text, "at": build, run, undecided or process}."""
        process = self._running()
        assert process.stdin and process.stdout
        try:
            process.stdin.write(json.dumps({"spec": spec, "folder": str(folder)}) + "\n")
            process.stdin.flush()
            line = self._line(process)
        except BrokenPipeError:
            line = ""
        self._made += 1
        if not line:
            self.close()
            return {"error": "the old stack's process ended or took too long", "at": "process"}
        return dict(json.loads(line))

    def _line(self, process: "subprocess.Popen[str]") -> str:
        with selectors.DefaultSelector() as selector:
            assert process.stdout
            selector.register(process.stdout, selectors.EVENT_READ)
            return process.stdout.readline() if selector.select(SECONDS) else ""

    def _running(self) -> "subprocess.Popen[str]":
        if self._process is not None and self._made >= GRAPHS:
            self.close()
        if self._process is None:
            env = dict(os.environ) | self.interpreter.environment
            paths = [env.get("PYTHONPATH", ""), str(STACK), str(OLD_KERAS)]
            env["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
            env["PYTHONHASHSEED"] = "0"
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    [self.interpreter.python, str(OLD_KERAS / "worker.py")],
                    env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                )  # fmt: skip
            self._made = 0
        return self._process
