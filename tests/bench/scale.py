"""`python -m tests.bench.scale [ROWS]`: an archive's bookkeeping at its real size, with answers that cost nothing.

First run, restart, 1 % more files, half of the files copied: CPU seconds, memory, and what was asked again.
"""

import hashlib
import resource
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from reprise_kit.apps.archive.archive import Archive, Job
from reprise_kit.apps.archive.dataset import Dataset
from reprise_kit.apps.archive.rows import Row, Task
from reprise_kit.apps.archive.sources import Entry, Source
from reprise_kit.apps.archive.status import Status
from reprise_kit.apps.archive.stores import FolderStore
from tests.bench.__main__ import machine

STEPS, LABELS = 1, 10  # of a row; a clip of 30 s has 75 steps, which only makes the parts larger


class Made(Entry):
    """A file that is not there: its bytes are its content's number."""

    def task(self) -> Task:
        """Return the task of it."""
        return Task(self.location, hashlib.sha256(str(self.version[0]).encode()).hexdigest())


def source(n: int, copies: int = 0, more: int = 0) -> Source:
    """Return n files, of which the last `copies` repeat the first ones, and `more` beside them."""

    def entries() -> Iterator[Entry]:
        for k in range(n + more):
            name = f"{k // 1000:05d}/{k:08d}.mp3"
            yield Made(name, f"/archive/{name}", (k - n // 2 if n - copies <= k < n else k,))

    return Source(entries, lambda: n + more)


def engine(job: Job, tasks: Iterable[Task], workers: int) -> Iterator[Row]:
    """Answer with constants."""
    for task in tasks:
        yield {
            "sha256": task.sha256,
            "error": None,
            "duration": 30.0,
            "label": "pop",
            "clip_probs": [0.1] * LABELS,
            "step_probs": [[0.1] * LABELS] * STEPS,
            "step_seconds": 0.4,
            "notes": [],
            "again": False,
        }


def run(folder: Path, what: str, files: Source) -> None:
    """Open and run once, and print what it took."""
    began = time.process_time()
    job = Job("stub", __file__, "theano", {}, ("a",) * LABELS)
    dataset = Dataset(FolderStore(folder), job.identity())
    dataset.take_up()
    opened = time.process_time() - began
    status = Status(dataset.store, "", None, lambda n: None)
    Archive(files, dataset, status).run(job, engine, 1)
    counts, memory = status.counts, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{what}: opened in {opened:.1f} CPU s, done in {time.process_time() - began:.0f}; {counts.answered} answered, "
        f"{counts.known} known, {counts.duplicates} second copies; {memory:.0f} MB at most so far",
        flush=True,
    )


def main() -> None:
    """Run and print."""
    n = int(float(sys.argv[1])) if len(sys.argv) > 1 else 1_000_000
    print(f"{machine()}; {n} files")
    with tempfile.TemporaryDirectory(prefix="reprise-scale-") as name:
        run(Path(name) / "whole", "first run", source(n))
        run(Path(name) / "whole", "restart", source(n))
        run(Path(name) / "whole", "1 % more", source(n, more=n // 100))
        run(Path(name) / "half", "half of them copies", source(n, copies=n // 2))


if __name__ == "__main__":
    main()
