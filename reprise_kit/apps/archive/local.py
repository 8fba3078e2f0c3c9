"""The engine of one machine: processes, each with the model loaded once, and a bounded queue before them."""

import multiprocessing
import os
import pickle
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice

from reprise_kit.apps.archive.archive import BATCH, Answerer, Job
from reprise_kit.apps.archive.copies import Copies
from reprise_kit.apps.archive.rows import Row, Task, failed
from reprise_kit.compare.pool import Pool
from reprise_kit.compare.workers import DIED, Workers, begin_with

Batch = Sequence[Task]

_answerer: Answerer | None = None


def answer(job: Job, tasks: Iterable[Task], workers: int) -> Iterator[Row]:
    """Yield the rows of all tasks in their order."""
    pool = Pool(partial(_start, job), _answer, lambda task: failed(task, DIED, again=True))
    with Copies() as copies:
        for row in pool.answers(batches(copies.here(tasks)), workers):
            copies.answered()
            yield row


def batches(tasks: Iterable[Task]) -> Iterator[Batch]:
    """Yield the tasks in batches of a worker's size."""
    ahead = iter(tasks)
    while batch := list(islice(ahead, BATCH)):
        yield batch


def _start(job: Job, workers: int) -> Workers:
    # Not fork: TensorFlow's threads would not survive it.
    context = multiprocessing.get_context("spawn")
    return Workers(workers, context, initializer=begin_with, initargs=(pickle.dumps((_load, (job,))),))


def _load(job: Job) -> None:
    global _answerer
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    _answerer = job.open()


def _answer(batch: Batch) -> list[Row]:
    assert _answerer is not None
    return _answerer(batch)
