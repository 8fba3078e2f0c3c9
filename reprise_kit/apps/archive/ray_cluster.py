"""The engine of many machines: Ray Data (optional dependency `reprise-kit[ray]`).

Every worker is an actor with the model loaded once. Ray starts lost actors anew and runs their tasks again. All
machines must see the clips and the weights under the same paths, and have this package installed.
"""

import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from reprise_kit.apps.archive.archive import BATCH, Job, Row, Task
from reprise_kit.compare.errors import InputError

BLOCK_TASKS = 2 * BATCH  # clips in a block, the unit that is sent to a worker and run again when it is lost


class _Worker:
    """What Ray Data runs: a batch of tasks' columns in, their rows of the archive out."""

    def __init__(self, job: Job) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        self.answer = job.open()

    def __call__(self, items: dict[str, Any]) -> dict[str, Any]:
        import json

        # As text both ways: Arrow must not guess the types of nulls and empty lists, nor meet names not in UTF-8.
        tasks = [Task(**json.loads(task)) for task in items["task"]]
        return {"row": [json.dumps(row) for row in self.answer(tasks)]}


def engine(address: str | None) -> Any:
    """Return the engine on the cluster at `address`, None for one on this machine; raises InputError without Ray."""
    try:
        import ray
    except ImportError:
        raise InputError("Ray is not installed; pip install 'reprise-kit[ray]'") from None
    if not ray.is_initialized():
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError) as error:
            raise InputError(f"no Ray cluster at {address}: {error}") from None
    return _answer


def _answer(job: Job, tasks: Iterable[Task], workers: int) -> Iterator[Row]:
    """Yield the rows of all tasks in their order."""
    import json

    import ray

    items = [{"task": json.dumps(asdict(task))} for task in tasks]
    if not items:
        return
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    blocks = max(1, min(len(items), -(-len(items) // BLOCK_TASKS)))
    answered = ray.data.from_items(items, override_num_blocks=blocks).map_batches(
        _Worker,
        batch_size=BATCH,
        fn_constructor_args=(job,),
        num_cpus=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers),
    )
    for row in answered.iter_rows():
        yield json.loads(row["row"])
