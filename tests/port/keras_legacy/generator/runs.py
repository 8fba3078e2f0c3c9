"""A run: graphs made in old stacks and migrated, each one row and one folder, so that a stopped run goes on.

OUT/KERAS-BACKEND/graphs.jsonl      number, and what the old stack made of it
OUT/KERAS-BACKEND/NUMBER/           spec.json, golden*.npz, model.json, model.yaml, weights.h5, whole.h5
OUT/KERAS-BACKEND/outcomes.jsonl    number, and what the migration of those files gave
"""

import json
import os
import selectors
import subprocess
import sys
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .aims import Aims
from .coverage import as_covered
from .draw import spec
from .drawing import Stack
from .rows import Row, rows
from .stacks import Child, Interpreter, Worker

ROOT = Path(__file__).parents[4]
PIECE = 100
SECONDS = 120.0
MODELS = 300  # one migrating process may load


class Migrator(Child):
    """A process that migrates folders; one that kills or stops it is a crash and costs itself alone."""

    def __init__(self, log: Path, module: str = "migrating", arguments: tuple[str, ...] = ()) -> None:
        self.log, self.module, self.arguments = log, module, arguments
        super().__init__()
        self._done = 0

    def outcome(self, folder: Path) -> Row:
        """Return what `migrating.outcome` says of a folder."""
        if self._process is not None and self._done >= MODELS:
            self.close()
        process = self._process or self._start()
        assert process.stdin and process.stdout
        try:
            process.stdin.write(f"{folder.resolve()}\n")
            process.stdin.flush()
            with selectors.DefaultSelector() as selector:
                selector.register(process.stdout, selectors.EVENT_READ)
                line = process.stdout.readline() if selector.select(SECONDS) else ""
        except BrokenPipeError:
            line = ""
        self._done += 1
        if not line:
            self.close()
            return {"kind": "crashed", "error": 0.0, "allowed": 0.0, "message": "the process ended", "asked": []}
        return dict(json.loads(line))

    def _start(self) -> "subprocess.Popen[str]":
        package = __package__ or ""
        env = dict(os.environ) | {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"{package}.{self.module}", *self.arguments],
                cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        self._done = 0
        return self._process


class Run:
    """A folder of graphs of several stacks, all drawn with one seed."""

    def __init__(self, out: Path, interpreters: dict[str, Interpreter], seed: int) -> None:
        self.out, self.interpreters, self.seed = out, interpreters, seed
        self._lock = threading.Lock()
        self._local = threading.local()
        self._migrators: list[Migrator] = []
        self._aims: Aims | None = None

    def go(self, stacks: list[Stack], count: int, jobs: int, make: bool = True, migrate: bool = True) -> None:
        """Make and migrate what is still missing of `count` graphs of each stack, or only the one or the other."""
        pieces = [
            (stack, range(first, min(first + PIECE, count))) for first in range(0, count, PIECE) for stack in stacks
        ]
        self._aims = Aims(self.out) if make else None
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(lambda piece: self._piece(*piece, make, migrate), pieces))
        for migrator in self._migrators:
            migrator.close()

    def _piece(self, stack: Stack, numbers: Iterable[int], make: bool, migrate: bool) -> None:
        folder = self.out / str(stack)
        folder.mkdir(parents=True, exist_ok=True)
        graphs, outcomes = rows(folder / "graphs.jsonl"), rows(folder / "outcomes.jsonl")
        missing = [number for number in numbers if number not in graphs and make]
        if missing:
            worker = Worker(stack, self.interpreters[str(stack)], folder / "log")
            try:
                for number in missing:
                    graphs[number] = self._made(worker, stack, number)
                    self._append(folder / "graphs.jsonl", graphs[number])
            finally:
                worker.close()
        for number in numbers:
            if migrate and number not in outcomes and "made" in graphs.get(number, {}):
                found = self._migrator(folder).outcome(folder / str(number))
                self._append(folder / "outcomes.jsonl", {"number": number, **found})

    def _made(self, worker: Worker, stack: Stack, number: int) -> Row:
        folder = self.out / str(stack) / str(number)
        if folder.exists():  # half made when a run was stopped
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
        assert self._aims is not None
        with self._lock:
            aim = self._aims.next(stack, number)
        drawn = spec(stack, number, self.seed, aim)
        row = {"number": number, "aim": aim and as_covered(aim), **worker.record(drawn, folder)}
        with self._lock:
            self._aims.made(stack, row, drawn)
        return row

    def _migrator(self, folder: Path) -> Migrator:
        if not hasattr(self._local, "migrator"):
            self._local.migrator = Migrator(folder.parent / "migrating.log")
            with self._lock:
                self._migrators.append(self._local.migrator)
        return self._local.migrator  # type: ignore[no-any-return]

    def _append(self, path: Path, row: Row) -> None:
        with self._lock, path.open("a") as stream:
            stream.write(json.dumps(row) + "\n")
