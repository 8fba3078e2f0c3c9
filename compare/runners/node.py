"""Traces of a live original that is JavaScript, in a local Node: trace.js instead of trace.py, else as `python27`."""

import dataclasses
import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from reprise_kit.compare.atomic import atomic_folder
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.fetch import cache, upstream_folder
from reprise_kit.compare.input import Input
from reprise_kit.compare.lock import held
from reprise_kit.compare.programs import run_program
from reprise_kit.compare.python27 import BUILD_SECONDS
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.runners.python27 import Python27Runner, last_line
from reprise_kit.compare.seal import check_seal, is_sealed, seal
from reprise_kit.compare.stage import Stage
from reprise_kit.compare.trace import Trace
from reprise_kit.compare.walk import followed


def node_modules(lock: Path) -> Path:
    """Return the folder of a package-lock.json's packages, installed by `npm ci` into the cache on first use."""
    folder = cache() / "node_packages" / hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    with held(folder.parent / "lock", f"{folder}: another run installs packages; wait for it", BUILD_SECONDS):
        if not is_sealed(folder):
            _install(lock, folder)
    check_seal(folder)
    return folder / "node_modules"


def _install(lock: Path, folder: Path) -> None:
    with atomic_folder(folder, "node") as temporary:
        for name in ("package.json", lock.name):
            shutil.copyfile(lock.parent / name, temporary / name)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = run_program(command, cwd=temporary)
        if done.returncode:
            raise InputError(f"cannot install the packages of {lock.parent.name}/{lock.name}: {last_line(done.stderr)}")
        seal(temporary)


class NodeRunner(Python27Runner):
    """Keeps one Node process of the system's trace.js; the `[node]` table of system.toml names the lock."""

    def __init__(self, settings: Settings) -> None:
        """Remember what to run."""
        self.settings, self.system = settings, settings.system
        self.node = self.system.file.node
        self.upstream = settings.upstream or upstream_folder(self.system)
        self.process = self.copy = None

    def unavailable_reason(self) -> str | None:
        """Say what is missing: a JavaScript original, Node, npm, ffmpeg or upstream."""
        if self.node is None:
            return f"the original of {self.system.name} is no JavaScript; --reference python27 runs it"
        for program in ("node", "npm", "ffmpeg"):
            if shutil.which(program) is None:
                return f"no {program} program on PATH; install it (Debian: apt-get install nodejs npm ffmpeg)"
        return self._upstream_problem()

    def trace(self, clip: Input, stages: Sequence[Stage], given: Trace | None = None) -> Trace:
        """Trace a clip with the live original; raises InputError with its one line where it refuses or hangs."""
        traced = super().trace(clip, stages, given)
        return dataclasses.replace(traced, provenance={**traced.provenance, "runner": "node"})

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return the adapter's command line and environment variables."""
        assert self.node is not None
        modules = node_modules(self.system.path(self.node.lock))
        run = self.checked()
        arguments = ["--upstream", str(run.upstream), "--weights", str(followed(run.weights.path))]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NODE_")}
        return ["node", str(self.system.folder / "trace.js"), *arguments], {**kept, "NODE_PATH": str(modules)}


def open_runner(settings: Settings) -> NodeRunner:
    """Open the live original in Node."""
    return NodeRunner(settings)
