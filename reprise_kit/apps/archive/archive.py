"""A whole folder of clips to one Parquet file: any number of workers, bounded memory, restart where it stopped.

Rows arrive in the order of the file names and are written in parts (`OUT.parts/000000.parquet`, each whole or absent);
a restart skips what the parts hold, by the hash of the clip's bytes, and the parts become OUT when nothing is left.
What was answered is written when a run is stopped or fails, too. A damaged part is set aside and its clips answered
again. Where a clip may be readable another time (memory ran out, a worker was lost, the file changed while it was read)
OUT says so and the parts stay: the next run tries those clips alone. One row for each distinct clip:

    sha256        of the file's bytes, the key; null for a file that could not be opened
    paths         every file of the folder with these bytes, relative to it, "/" between names; bytes of a name that
                  are not UTF-8 as \\xff
    path_bytes    the same names as they are on the disk, null where `paths` holds them exactly
    error         why it could not be read, null where it could
    duration      seconds
    label         the label with the highest clip probability
    clip_probs    (n_labels,) float32
    step_probs    (n_steps, n_labels) float32, null where the system answers once per clip
    step_seconds  length of a step
    notes         one line for each habit of the original, or of this port, that changed what was heard

The labels, and what decided the numbers, are in the file's metadata under `reprise`.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from reprise_kit.apps.archive.rows import PART_SCHEMA, SCHEMA, Row, Task, failed, named, row, stamp
from reprise_kit.compare import registry
from reprise_kit.compare.atomic import atomic_file, claim_folder, discard_folder, refuse_folder
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import predict_all
from reprise_kit.compare.lock import held
from reprise_kit.compare.weights import Weights

BATCH = 8  # clips that a worker takes at once
PART_ROWS = 64  # rows in a part: what a crash costs at most
PART_SECONDS = 60.0  # or the rows of this long

OURS = ("[0-9]*.parquet", "[0-9]*.parquet.damaged", "job.json", "lock")  # names of the files in a folder of parts


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
        answers = predict_all(self.pipeline, [Path(task.path) for task in tasks])
        return [row(task, answer) for task, answer in zip(tasks, answers, strict=True)]


# An engine answers tasks, in their order, with some number of workers.
Engine = Callable[[Job, Iterable[Task], int], Iterable[Row]]


class Archive:
    """The state of one run on disk."""

    def __init__(self, folder: Path, out: Path, job: Job) -> None:
        """Prepare to answer every clip of `folder` into `out`."""
        self.folder, self.out, self.job = folder, out, job
        self.parts = out.with_name(out.name + ".parts")
        self.paths: dict[str, list[Path]] = {}  # of every clip met, by hash
        self.unopened: list[tuple[Path, str]] = []  # files, and why

    def run(self, files: list[Path], engine: Engine, workers: int, advance: Callable[[int], None]) -> dict[str, str]:
        """Answer all files, write `out`, return path: reason of those that could not be read.

        advance: called with a number of files whenever so many are done.
        Raises InputError where the parts are another job's, or another process writes them.
        """
        with self._locked():
            done = self._take_up()
            self._write(engine(self.job, self._tasks(files, done, advance), workers), advance)
            unreadable, again = self._merge()
            if not again:
                discard_folder(self.parts, OURS)
        return unreadable

    def _write(self, answered: Iterable[Row], advance: Callable[[int], None]) -> None:
        """Write rows in parts as they come, and the last ones whatever ends it."""
        rows: list[Row] = []
        began = time.monotonic()
        try:
            for row in answered:
                rows.append(row)
                advance(1)
                if len(rows) >= PART_ROWS or time.monotonic() - began > PART_SECONDS:
                    self._write_part(rows)
                    rows, began = [], time.monotonic()
        finally:
            self._write_part(rows)

    def _take_up(self) -> set[str]:
        """Return the hashes of the clips that earlier runs answered for good; drop rows that are to be tried again."""
        done: set[str] = set()
        for part in self._finished():
            try:
                rows = pq.read_table(part, schema=PART_SCHEMA).to_pylist()
            except (OSError, pa.ArrowException, ValueError):
                part.rename(part.with_name(f"{part.name}.damaged"))
                continue
            kept = [row for row in rows if not row["again"] and row["sha256"] not in done]
            if len(kept) < len(rows):
                with atomic_file(part) as temporary:
                    pq.write_table(pa.Table.from_pylist(kept, PART_SCHEMA), temporary)
            done |= {row["sha256"] for row in kept}
        return done

    def _finished(self) -> list[Path]:
        return sorted(self.parts.glob("[0-9]*.parquet"))

    def _tasks(self, files: list[Path], done: set[str], advance: Callable[[int], None]) -> Iterator[Task]:
        for file in files:
            try:
                with file.open("rb") as content:
                    found = stamp(os.fstat(content.fileno()))
                    key = hashlib.file_digest(content, "sha256").hexdigest()
            except OSError as error:
                self.unopened.append((file, error.strerror or str(error)))
                advance(1)
                continue
            met = self.paths.setdefault(key, [])
            met.append(file)
            if len(met) == 1 and key not in done:
                yield Task(key, str(file), found)
            else:
                advance(1)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        refuse_folder(self.out)
        claim_folder(self.parts, "predict")
        busy = f"{self.out}: another run is writing it; wait for it or choose another --out"
        with held(self.parts / "lock", busy):
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
        number = int(finished[-1].stem) + 1 if finished else 0  # a damaged one's is free again, its name is not
        with atomic_file(self.parts / f"{number:06d}.parquet") as temporary:
            pq.write_table(pa.Table.from_pylist(rows, PART_SCHEMA), temporary)

    def _merge(self) -> tuple[dict[str, str], bool]:
        """Write the parts as one file, a part in memory at a time; clips no longer in the folder are left out.

        Returns path: reason of what could not be read, and whether some of it is worth trying again.
        """
        again = False
        left = dict(self.paths)
        unreadable: dict[str, str] = {}
        schema = SCHEMA.with_metadata({"reprise": json.dumps(self.job.identity())})
        with atomic_file(self.out) as temporary, pq.ParquetWriter(temporary, schema) as writer:
            for rows in self._rows(left):
                for row in rows:
                    again |= bool(row.pop("again"))
                    if row["error"] is not None:
                        unreadable |= dict.fromkeys(row["paths"], row["error"])
                writer.write_table(pa.Table.from_pylist(rows, schema))
            if left:
                raise RuntimeError(f"{len(left)} clips without a row, {next(iter(left.values()))[0]} among them")
        return unreadable, again

    def _rows(self, left: dict[str, list[Path]]) -> Iterator[list[Row]]:
        """Yield each part's rows with their files, which are taken from `left`; then the files that did not open."""
        for part in self._finished():
            rows = [row for row in pq.read_table(part).to_pylist() if row["sha256"] in left]
            yield [row | named(left.pop(row["sha256"]), self.folder) for row in rows]
        for file, reason in self.unopened:
            yield [{**failed(Task("", str(file)), reason), "sha256": None, **named([file], self.folder)}]
