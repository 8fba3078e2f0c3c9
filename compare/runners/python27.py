"""Traces of the live original, in a local Python 2.7."""

import contextlib
import dataclasses
import json
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from reprise_kit.compare import registry
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.fetch import cache, upstream_folder
from reprise_kit.compare.input import Input
from reprise_kit.compare.patience import patience
from reprise_kit.compare.pins import checked_copy, problem
from reprise_kit.compare.python27 import environment, environment_folder, find_interpreter, private_settings
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.stage import Stage
from reprise_kit.compare.trace import Trace, load
from reprise_kit.compare.walk import followed


def last_line(said: str) -> str:
    """Return the last line of what a program said that is not empty."""
    lines = said.strip().splitlines()
    return lines[-1].strip() if lines else "no message"


class Python27Runner:
    """Keeps one process of the system's trace.py, its model loaded, and asks it for one clip after another."""

    def __init__(self, settings: Settings) -> None:
        """Remember what to run."""
        self.settings = settings
        self.system = settings.system
        self.row = self.system.file.environments.get(settings.backend)
        self.python = self.row.python if self.row else "2.7"
        self.interpreter = find_interpreter(self.python)
        pinned = self.system.file.upstream is not None  # else the system's folder holds all of the original
        self.upstream = settings.upstream or (upstream_folder(self.system) if pinned else self.system.folder)
        self.process: subprocess.Popen[bytes] | None = None
        self.copy: tempfile.TemporaryDirectory[str] | None = None  # of upstream, while it runs

    def unavailable_reason(self) -> str | None:
        """Say what is missing: an environment for the backend, Python 2.7, ffmpeg or upstream."""
        if self.row is None:
            return f"{self.system.name} has no environment of the time on {self.settings.backend}"
        if self.interpreter is None:
            name = f"REPRISE_PYTHON{self.python.replace('.', '')}"
            return f"no Python {self.python} found; install one (pyenv install {self.python}) or name it in {name}"
        if self.system.file.input == "sound" and shutil.which("ffmpeg") is None:
            return "no ffmpeg program on PATH, through which the original decodes; install ffmpeg"
        return self._upstream_problem()

    def _upstream_problem(self) -> str | None:
        return problem(self.system, self.upstream)

    def trace(self, clip: Input, stages: Sequence[Stage], given: Trace | None = None) -> Trace:
        """Trace a clip with the live original; raises InputError with its one line where it refuses or hangs."""
        if given is not None:
            raise InputError("the original cannot be fed arrays: isolated stages are the port's side; --runner port")
        reason = self.unavailable_reason()
        if reason:
            raise InputError(reason)
        self._refuse(clip)
        with tempfile.TemporaryDirectory(prefix="reprise-trace-") as folder:
            self._ask({"clip": str(followed(clip.path)), "out": folder}, clip.path.name)
            trace = load(Path(folder))
        wanted = {stage.name for stage in stages}
        arrays = {name: array for name, array in trace.arrays.items() if name in wanted}
        origin = self.system.file.upstream
        pinned = {"upstream": origin.url, "upstream_commit": origin.commit} if origin else {}
        about = {**trace.provenance, **pinned, "runner": "python27"}
        return Trace(trace.system, clip.path.name, clip.sha256, arrays, trace.scalars, about)

    def close(self) -> None:
        """End the original's process and whatever it started."""
        process, self.process = self.process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if self.copy is not None:
            self.copy.cleanup()
            self.copy = None

    @property
    def copied(self) -> Path:
        """The private copy of upstream that `command` made, which is what is run."""
        assert self.copy is not None
        return Path(self.copy.name, "upstream")

    def checked(self) -> Settings:
        """Return the settings with a private copy of upstream's pinned files, checked now, for its folder."""
        if self.copy is not None:
            self.copy.cleanup()
        self.copy = checked_copy(self.system, self.upstream)
        return dataclasses.replace(self.settings, upstream=self.copied)

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return the adapter's command line and environment variables."""
        assert self.row is not None and self.interpreter is not None
        lock = self.system.path(self.row.requirements)
        python = environment(self.interpreter, lock)
        private = cache() / "environments" / "settings" / environment_folder(self.interpreter, lock).name
        run = self.checked()
        arguments = ["--upstream", str(run.upstream), "--backend", self.row.backend]
        arguments += ["--weights", str(followed(run.weights.path))]
        adapter = str(self.system.folder / "trace.py")
        return [str(python), adapter, *arguments], private_settings(private, self.row.backend)

    def _refuse(self, clip: Input) -> None:
        """Raise InputError where the system's port says that the original would not end on this input."""
        refuses = getattr(registry.part(self.system, "pipeline"), "original_refuses", None)
        reason = refuses(clip.path) if refuses else None
        if reason:
            raise InputError(f"{clip.path.name}: {reason}")

    def _start(self) -> None:
        command, variables = self.command()
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env={**variables, "REPRISE_PARENT": str(os.getpid())},
            start_new_session=True,
        )
        with patience(lambda: "starting the original (what its first start compiles takes minutes)"):
            self._answer("start")

    def _ensure_started(self) -> None:
        if self.process is None or self.process.poll() is not None:
            self._start()

    def _ask(self, request: dict[str, str], what: str) -> None:
        self._ensure_started()
        assert self.process is not None and self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has just ended: the answer that does not come says how
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        self._answer(what)

    def _answer(self, what: str) -> dict[str, Any]:
        assert self.process is not None and self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            ready = selector.select(self.settings.time_limit)
        if not ready:
            self.close()
            raise InputError(f"{what}: the original gave no answer in {self.settings.time_limit:.0f} s and was ended")
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            self.close()
            raise InputError(f"{what}: the original ended with code {code}: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise InputError(answer["error"])
        return answer

    def _last_words(self) -> str:
        self.log.seek(0)
        return last_line(self.log.read().decode("utf8", "replace"))


@contextlib.contextmanager
def ffmpeg_on_path(settings: Settings) -> Iterator[None]:
    """This original decodes with the program that is on PATH already."""
    yield


def open_runner(settings: Settings) -> Python27Runner:
    """Open the live original."""
    return Python27Runner(settings)
