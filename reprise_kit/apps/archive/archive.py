"""A whole archive of clips to a Parquet dataset: any number of workers, bounded memory, restart where it stopped.

Rows arrive in the order in which the files were met and are written in parts (`dataset.py` has their columns); a
restart opens no file that it knows and answers no clip twice, by the hash of its bytes. What was answered is written
when a run is stopped or fails, too. Clips that may be readable another time are tried again by the next run. Clips of
an object store are hashed when they are fetched, so a second copy is fetched and answered once more; it has no second
row. Runs with `--shard i/n` share one OUT, each with parts of its own; clips that several of them met have a row in
each.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from reprise_kit.apps.archive.dataset import Dataset
from reprise_kit.apps.archive.rows import Row, Task, failed, named, row
from reprise_kit.apps.archive.sources import Entry, Source
from reprise_kit.apps.archive.status import Status
from reprise_kit.apps.archive.stores import fetched, is_address
from reprise_kit.compare import registry
from reprise_kit.compare.contract import Pipeline
from reprise_kit.compare.digest import sha256
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import predict_all
from reprise_kit.compare.freed import keep_what_is_freed
from reprise_kit.compare.weights import Weights

KEPT_ARRAY, KEPT = 1 << 25, 1 << 27  # bytes that a worker keeps for the next clip: those of a clip of 30 s
BATCH = 8  # clips that a worker takes at once
PART_ROWS = 4096  # rows in a part at most: millions of clips are thousands of parts
PART_SECONDS = 15.0  # or the rows of this long: what a crash costs at most


@dataclass(frozen=True)
class Job:
    """What decides the rows: a system, its weights, and the options of its pipeline."""

    system: str
    weights: str
    backend: str
    options: dict[str, Any]
    labels: tuple[str, ...]

    def open(self) -> "Answerer":
        """Load the model, on one thread: every worker is one, and rows do not depend on how many there are.

        The process must not have used TensorFlow yet.
        """
        import tensorflow as tf

        keep_what_is_freed(KEPT_ARRAY, KEPT)
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        weights = Weights(Path(self.weights), self.backend, "given")
        return Answerer(registry.open_pipeline(registry.load(self.system), weights, self.options))

    def identity(self) -> dict[str, Any]:
        """Return what two runs must share to write into the same parts."""
        return {**asdict(self), "weights": sha256(Path(self.weights))}


class Answerer:
    """A loaded system that turns batches of tasks into rows."""

    def __init__(self, pipeline: Pipeline) -> None:
        """Ask a pipeline."""
        self.pipeline = pipeline
        self._fetchers = ThreadPoolExecutor(BATCH)  # a store's delay is waited for once a batch, not once a clip

    def __call__(self, tasks: Sequence[Task]) -> list[Row]:
        """Return the tasks' rows; a clip that cannot be read gives one with an error."""
        with ExitStack() as until_answered:
            here = list(self._fetchers.map(partial(_here, until_answered), tasks))
            found = [task for task in here if isinstance(task, Task)]
            answers = iter(predict_all(self.pipeline, [Path(task.path) for task in found]))
            return [row(task, next(answers)) if isinstance(task, Task) else task for task in here]


def _here(until_answered: ExitStack, task: Task) -> Task | Row:
    """Return a task whose clip is on this machine, or the row of one that could not be brought."""
    if not is_address(task.path):
        return task
    try:
        path, sha256 = until_answered.enter_context(fetched(task.path))
    except InputError as error:
        return failed(task, str(error).removeprefix(f"{task.path}: "), again=True)
    return Task(str(path), sha256)


# An engine answers tasks, in their order, with some number of workers.
Engine = Callable[[Job, Iterable[Task], int], Iterable[Row]]


class Archive:
    """One run: files of a source, answered by an engine into a dataset."""

    def __init__(self, source: Source, dataset: Dataset, status: Status) -> None:
        """Prepare to answer what the dataset does not know."""
        self.source, self.dataset, self.status = source, dataset, status
        self._asked: deque[tuple[Entry, Task]] = deque()  # of the engine, rows not yet here
        self._rows: list[Row] = []
        self._files: list[Row] = []
        self._began = time.monotonic()

    def run(self, job: Job, engine: Engine, workers: int) -> None:
        """Answer every file; what was answered is written whatever ends it.

        Raises RuntimeError where an engine loses a clip.
        """
        try:
            for answered in engine(job, self._tasks(), workers):
                self._take(answered)
            if self._asked:
                raise RuntimeError(f"{len(self._asked)} clips without a row, {self._asked[0][0].name} the first")
        finally:
            self._write()
        self.status.finish()

    def _tasks(self) -> Iterator[Task]:
        """Yield what is to be answered; note what is known."""
        for entry in self.source.entries():
            if entry.fingerprint in self.dataset.known:
                self.status.count(known=1)
                continue
            try:
                if entry.failure is not None:
                    raise OSError(entry.failure)
                task = entry.task()
            except OSError as error:
                reason = error.strerror or str(error)
                self._rows.append({**failed(Task(""), reason, again=True), **named(entry.name), "sha256": None})
                self.status.count(unreadable=1)
                continue
            if task.sha256 is not None and self._is_answered(entry, task.sha256):
                continue
            self._asked.append((entry, task))
            yield task

    def _is_answered(self, entry: Entry, sha256: str) -> bool:
        """Tell whether a clip has a row, or will have; its file is noted then."""
        if sha256 not in self.dataset.answered:
            self.dataset.answered.add(sha256)
            return False
        self._files.append({**entry.columns, "sha256": sha256})
        self.status.count(duplicates=1)
        if len(self._files) >= 2 * PART_ROWS:  # a stretch of copies, in which no row arrives
            self._write()
        return True

    def _take(self, answered: Row) -> None:
        """Take the row of the clip that was asked first."""
        if not self._asked or (self._asked[0][1].sha256 or answered["sha256"]) != answered["sha256"]:
            raise RuntimeError(f"a row for a clip that was not asked about, {answered['sha256']}")
        entry, task = self._asked.popleft()
        if task.sha256 is None and answered["sha256"] and self._is_answered(entry, answered["sha256"]):
            return
        self._rows.append({**answered, **named(entry.name)})
        if answered["sha256"]:
            self._files.append({**entry.columns, "sha256": answered["sha256"]})
        self.status.count(answered=answered["error"] is None, unreadable=answered["error"] is not None)
        if len(self._rows) >= PART_ROWS or time.monotonic() - self._began > PART_SECONDS:
            self._write()

    def _write(self) -> None:
        """Write what has arrived; copies of clips that have no row yet wait for it."""
        awaited = {task.sha256 for _, task in self._asked}
        self.dataset.add(self._rows, [file for file in self._files if file["sha256"] not in awaited])
        self._files = [file for file in self._files if file["sha256"] in awaited]
        self._rows, self._began = [], time.monotonic()
        self.status.write()
