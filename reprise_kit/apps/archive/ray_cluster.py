"""The engine of many machines: Ray (optional dependency `reprise-kit[ray]`).

Batches are Ray tasks: a worker process keeps the model loaded from one to the next, a node that joins is given some at
once, those of one that is lost run again elsewhere. A few batches for each core are under way, so that the memory of
the driver does not grow with the archive. All machines must see the clips and the weights under the same paths, and
have this package installed.
"""

import json
import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from reprise_kit.apps.archive.archive import Answerer, Job
from reprise_kit.apps.archive.local import batches
from reprise_kit.apps.archive.rows import Row, Task, failed
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.pool import QUEUED
from reprise_kit.compare.scratch import outer
from reprise_kit.compare.workers import DIED

LOSSES = 5  # of a node or a worker that one batch may meet before its clips are asked about one by one

_loaded: dict[str, Answerer] = {}  # of this worker process


def engine(address: str | None) -> Any:
    """Return the engine on the cluster at `address`, None for one on this machine; raises InputError without Ray."""
    try:
        import ray
    except ImportError:
        raise InputError("Ray is not installed; pip install 'reprise-kit[ray]'") from None
    if not ray.is_initialized():
        os.environ.setdefault("RAY_TMPDIR", str(outer()))  # clusters are found there, and live longer than this run
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError) as error:
            raise InputError(f"no Ray cluster at {address}: {error}") from None
    return _answer


def _answer(job: Job, tasks: Iterable[Task], workers: int) -> Iterator[Row]:
    """Yield the rows of all tasks in their order."""
    import ray

    run = ray.remote(num_cpus=1, max_retries=LOSSES)(_rows)
    told = ray.put(job)
    waiting: deque[tuple[Sequence[Task], Any]] = deque()

    def first() -> Iterator[Row]:
        batch, reference = waiting.popleft()
        try:
            answered = ray.get(reference)
        except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.OutOfMemoryError):
            answered = [row for task in batch for row in _alone(run, told, task)]
        yield from map(json.loads, answered)

    for batch in batches(tasks):
        while len(waiting) >= QUEUED * max(workers, _cpus()):
            yield from first()
        waiting.append((batch, run.remote(told, _packed(batch))))
    while waiting:
        yield from first()


def _alone(run: Any, told: Any, task: Task) -> list[str]:
    import ray

    try:
        return list(ray.get(run.remote(told, _packed([task]))))
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.OutOfMemoryError):
        return [json.dumps(failed(task, DIED, again=True))]


def _packed(batch: Sequence[Task]) -> list[str]:
    # As text both ways: names that are not in UTF-8 pass, and nothing is guessed of nulls.
    return [json.dumps(asdict(task)) for task in batch]


def _rows(job: Job, batch: list[str]) -> list[str]:
    """Answer a batch, in a worker."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    key = json.dumps(asdict(job), sort_keys=True)
    if key not in _loaded:
        _loaded[key] = job.open()
    return [json.dumps(row) for row in _loaded[key]([Task(**json.loads(task)) for task in batch])]


def _cpus() -> int:
    import ray

    return int(ray.cluster_resources().get("CPU", 1))  # type: ignore[no-untyped-call]
