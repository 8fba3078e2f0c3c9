"""The engine of one machine: processes, each with the model loaded once, and a bounded queue before them."""

import multiprocessing
import os
import pickle
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from itertools import islice

from reprise_kit.apps.archive.archive import BATCH, Answerer, Job
from reprise_kit.apps.archive.rows import Row, Task, failed
from reprise_kit.compare.workers import DIED, Workers, begin_with, end_now

QUEUED = 3  # batches for each worker that are begun or waiting, their rows in memory

Batch = Sequence[Task]

_answerer: Answerer | None = None


def answer(job: Job, tasks: Iterable[Task], workers: int) -> Iterator[Row]:
    """Yield the rows of all tasks in their order."""
    if workers < 1:
        raise ValueError(f"{workers} workers")
    waiting: deque[tuple[Batch, Future[list[Row]]]] = deque()
    pool = _pool(job, workers)
    try:
        for batch in batches(tasks):
            if len(waiting) >= QUEUED * workers:
                rows, pool = _first(waiting, pool, job, workers)
                yield from rows
            waiting.append((batch, _submit(pool, batch)))
        while waiting:
            rows, pool = _first(waiting, pool, job, workers)
            yield from rows
    finally:
        end_now(pool)


def batches(tasks: Iterable[Task]) -> Iterator[Batch]:
    """Yield the tasks in batches of a worker's size."""
    ahead = iter(tasks)
    while batch := list(islice(ahead, BATCH)):
        yield batch


def _submit(pool: Workers, batch: Batch) -> Future[list[Row]]:
    try:
        return pool.submit(_answer, batch)
    except BrokenProcessPool as error:
        broken: Future[list[Row]] = Future()
        broken.set_exception(error)
        return broken


def _first(
    waiting: "deque[tuple[Batch, Future[list[Row]]]]", pool: Workers, job: Job, workers: int
) -> tuple[list[Row], Workers]:
    """Take the rows that are next; where a worker died on the way, find out on which clip, and go on anew."""
    batch, future = waiting.popleft()
    try:
        return future.result(), pool
    except BrokenProcessPool:
        pool.shutdown(wait=True, cancel_futures=True)
    rows = _one_by_one(job, batch)
    pool = _pool(job, workers)
    for k, (later, begun) in enumerate(waiting):
        if begun.cancelled() or not begun.done() or begun.exception() is not None:
            waiting[k] = later, _submit(pool, later)
    return rows, pool


def _one_by_one(job: Job, batch: Batch) -> list[Row]:
    """Answer tasks in a process of their own, which a bad clip may end."""
    rows: list[Row] = []
    while len(rows) < len(batch):
        with _pool(job, 1) as pool:
            try:
                for task in batch[len(rows) :]:
                    rows += pool.submit(_answer, [task]).result()
            except BrokenProcessPool:
                rows.append(failed(task, DIED, again=True))
    return rows


def _pool(job: Job, workers: int) -> Workers:
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
