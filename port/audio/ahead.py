"""The next clip is decoded, in its box, while the one before it is worked on: one more clip in memory."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Yield `work(item)` for each item, in order; while one result is used the next is under way on a thread."""
    if len(items) < 2:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(1) as thread:
        under_way = thread.submit(work, items[0])
        for item in items[1:]:
            result, under_way = under_way.result(), thread.submit(work, item)
            yield result
            del result  # whoever took it decides how long it lives
        yield under_way.result()
