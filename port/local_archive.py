"""The engine of one machine: processes, each with the model loaded once, and a bounded queue before them."""

import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from port.archive import Answerer, Job, Row, Task, failed

QUEUED = 16  # tasks for each worker that are begun or waiting, their rows in memory

_answerer: Answerer | None = None


def answer(job: Job, tasks: Iterable[Task], workers: int) -> Iterator[Row]:
    """Yield the rows of all tasks in their order."""
    if workers < 1:
        raise ValueError(f"{workers} workers")
    waiting: deque[tuple[Task, Future[Row]]] = deque()
    pool = _pool(job, workers)
    try:
        for task in tasks:
            if len(waiting) >= QUEUED * workers:
                row, pool = _first(waiting, pool, job, workers)
                yield row
            waiting.append((task, _submit(pool, task)))
        while waiting:
            row, pool = _first(waiting, pool, job, workers)
            yield row
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, task: Task) -> "Future[Row]":
    try:
        return pool.submit(_answer, task)
    except BrokenProcessPool as error:
        broken: Future[Row] = Future()
        broken.set_exception(error)
        return broken


def _first(
    waiting: "deque[tuple[Task, Future[Row]]]", pool: ProcessPoolExecutor, job: Job, workers: int
) -> tuple[Row, ProcessPoolExecutor]:
    """Take the row that is next; where a worker died on the way, find out on which clip, and go on with a new pool."""
    task, future = waiting.popleft()
    try:
        return future.result(), pool
    except BrokenProcessPool:
        pool.shutdown(wait=True, cancel_futures=True)
    row = _alone(job, task)
    pool = _pool(job, workers)
    for k, (later, begun) in enumerate(waiting):
        if begun.cancelled() or not begun.done() or begun.exception() is not None:
            waiting[k] = later, _submit(pool, later)
    return row, pool


def _alone(job: Job, task: Task) -> Row:
    """Answer a task in a process of its own, which a bad clip may end."""
    with _pool(job, 1) as pool:
        try:
            return pool.submit(_answer, task).result()
        except BrokenProcessPool:
            return failed(task, "the worker that read it died: the decoder crashed, or memory ran out")


def _pool(job: Job, workers: int) -> ProcessPoolExecutor:
    # Not fork: TensorFlow's threads would not survive it.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, context, initializer=_load, initargs=(job, os.getpid()))


def _load(job: Job, parent: int) -> None:
    global _answerer
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    _answerer = job.open()


def _end_with(parent: int) -> None:
    """End this worker soon after the run: one that was killed cannot tell its workers."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _answer(task: Task) -> Row:
    assert _answerer is not None
    return _answerer(task)
