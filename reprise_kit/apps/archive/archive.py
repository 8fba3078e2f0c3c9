"""A whole folder of clips to one Parquet file: any number of workers, bounded memory, restart where it stopped.

Rows arrive in the order of the file names and are written in parts (`OUT.parts/000000.parquet`, each whole or absent);
a restart skips what the parts hold, by the hash of the clip's bytes, and the parts become OUT when nothing is left.
One row for each distinct clip:

    sha256        of the file's bytes, the key
    paths         every file of the folder with these bytes, relative to it, "/" between names
    error         why it could not be read, null where it could
    duration      seconds
    label         the label with the highest clip probability
    clip_probs    (n_labels,) float32
    step_probs    (n_steps, n_labels) float32, null where the system answers once per clip
    step_seconds  length of a step
    notes         one line for each habit of the original, or of this port, that changed what was heard

The labels, and what decided the numbers, are in the file's metadata under `reprise`.
"""

import fcntl
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from reprise_kit.compare import registry
from reprise_kit.compare.atomic import atomic_file, claim_folder, discard_folder, refuse_folder
from reprise_kit.compare.contract import Prediction
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.weights import Weights

BATCH = 8  # clips that a worker takes at once
PART_ROWS = 64  # rows in a part: what a crash costs at most
PART_SECONDS = 60.0  # or the rows of this long

OURS = ("[0-9]*.parquet", "job.json", "lock")  # names of the files in a folder of parts

SCHEMA = pa.schema(
    [
        ("sha256", pa.string()),
        ("paths", pa.list_(pa.string())),
        ("error", pa.string()),
        ("duration", pa.float64()),
        ("label", pa.string()),
        ("clip_probs", pa.list_(pa.float32())),
        ("step_probs", pa.list_(pa.list_(pa.float32()))),
        ("step_seconds", pa.float64()),
        ("notes", pa.list_(pa.string())),
    ]
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A clip still to be answered: the hash of its bytes and one of its files."""

    sha256: str
    path: str


@dataclass(frozen=True)
class Job:
    """What decides the rows: a system, its weights, and the options of its pipeline."""

    system: str
    weights: str
    backend: str
    options: dict[str, Any]
    labels: tuple[str, ...]

    def open(self) -> "Answerer":
        """Load the model, on one thread: every worker is one, and rows do not depend on how many there are."""
        return Answerer(self)

    def identity(self) -> dict[str, Any]:
        """Return what two runs must share to write into the same parts."""
        return {**asdict(self), "weights": hashlib.sha256(Path(self.weights).read_bytes()).hexdigest()}


class Answerer:
    """A loaded system that turns batches of tasks into rows."""

    def __init__(self, job: Job) -> None:
        """Load it, in a process that has not used TensorFlow yet."""
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        weights = Weights(Path(job.weights), job.backend, "given")
        self.pipeline = registry.open_pipeline(registry.load(job.system), weights, job.options)

    def __call__(self, tasks: Sequence[Task]) -> list[Row]:
        """Return the tasks' rows; a clip that cannot be read gives one with an error."""
        answers = self.pipeline.predict_many([Path(task.path) for task in tasks])
        return [_row(task, answer) for task, answer in zip(tasks, answers, strict=True)]


def _row(task: Task, answer: Prediction | InputError) -> Row:
    if isinstance(answer, InputError):
        return failed(task, str(answer).removeprefix(f"{task.path}: "))
    steps = answer.step_probs
    return {
        "sha256": task.sha256,
        "error": None,
        "duration": float(answer.duration),
        "label": answer.labels[int(np.argmax(answer.clip_probs))],
        "clip_probs": answer.clip_probs.tolist(),
        "step_probs": None if steps is None else steps.tolist(),
        "step_seconds": float(answer.step_seconds),
        "notes": list(answer.notes),
    }


def failed(task: Task, reason: str) -> Row:
    """Return the row of a clip that could not be answered."""
    return {"sha256": task.sha256, "error": " ".join(reason.split()), "notes": []}


# An engine answers tasks, in their order, with some number of workers.
Engine = Callable[[Job, Iterable[Task], int], Iterable[Row]]


class Archive:
    """The state of one run on disk."""

    def __init__(self, folder: Path, out: Path, job: Job) -> None:
        """Prepare to answer every clip of `folder` into `out`."""
        self.folder, self.out, self.job = folder, out, job
        self.parts = out.with_name(out.name + ".parts")
        self.paths: dict[str, list[str]] = {}  # of every clip met, by hash

    def run(self, files: list[Path], engine: Engine, workers: int, advance: Callable[[int], None]) -> dict[str, str]:
        """Answer all files, write `out`, return path: reason of those that could not be read.

        advance: called with a number of files whenever so many are done.
        Raises InputError where the parts are another job's, or another process writes them.
        """
        with self._locked():
            rows: list[Row] = []
            done, began = self.done, time.monotonic()
            for row in engine(self.job, self._tasks(files, done, advance), workers):
                rows.append(row)
                advance(1)
                if len(rows) >= PART_ROWS or time.monotonic() - began > PART_SECONDS:
                    self._write_part(rows)
                    rows, began = [], time.monotonic()
            self._write_part(rows)
            unreadable = self._merge()
            discard_folder(self.parts, OURS)
        return unreadable

    @cached_property
    def done(self) -> set[str]:
        """Hashes of the clips that finished parts hold."""
        return {key for part in self._finished() for key in pq.read_table(part, columns=["sha256"])[0].to_pylist()}

    def _finished(self) -> list[Path]:
        return sorted(self.parts.glob("[0-9]*.parquet"))

    def _tasks(self, files: list[Path], done: set[str], advance: Callable[[int], None]) -> Iterator[Task]:
        for file in files:
            with file.open("rb") as content:
                key = hashlib.file_digest(content, "sha256").hexdigest()
            met = self.paths.setdefault(key, [])
            met.append(file.relative_to(self.folder).as_posix())
            if len(met) == 1 and key not in done:
                yield Task(key, str(file))
            else:
                advance(1)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        refuse_folder(self.out)
        claim_folder(self.parts, "predict")
        with (self.parts / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InputError(
                    f"{self.out}: another run is writing it; wait for it or choose another --out"
                ) from None
            self._check_job()
            yield

    def _check_job(self) -> None:
        about, mine = self.parts / "job.json", json.dumps(self.job.identity(), sort_keys=True)
        if not about.is_file():
            with atomic_file(about) as temporary:
                temporary.write_text(mine)
        elif about.read_text() != mine:
            raise InputError(
                f"{self.parts}: begun with other weights or options; finish it with those, or remove the folder"
            )

    def _write_part(self, rows: list[Row]) -> None:
        if not rows:
            return
        finished = self._finished()
        number = int(finished[-1].stem) + 1 if finished else 0
        with atomic_file(self.parts / f"{number:06d}.parquet") as temporary:
            pq.write_table(pa.Table.from_pylist(rows, SCHEMA), temporary)

    def _merge(self) -> dict[str, str]:
        """Write the parts as one file, a part in memory at a time; clips no longer in the folder are left out."""
        left = dict(self.paths)
        unreadable: dict[str, str] = {}
        schema = SCHEMA.with_metadata({"reprise": json.dumps(self.job.identity())})
        with atomic_file(self.out) as temporary, pq.ParquetWriter(temporary, schema) as writer:
            for part in self._finished():
                rows = [row for row in pq.read_table(part).to_pylist() if row["sha256"] in left]
                for row in rows:
                    row["paths"] = left.pop(row["sha256"])
                    if row["error"] is not None:
                        unreadable |= dict.fromkeys(row["paths"], row["error"])
                writer.write_table(pa.Table.from_pylist(rows, schema))
            if left:
                raise RuntimeError(f"{len(left)} clips without a row, {next(iter(left.values()))[0]} among them")
        return unreadable
