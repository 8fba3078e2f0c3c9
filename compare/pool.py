"""Work that processes share, answered in the order in which it was given; who dies on a piece costs that piece only."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Generic, TypeVar

from reprise_kit.compare.workers import Workers, end_now

QUEUED = 3  # batches for each worker that are begun or waiting, their answers in memory

Piece = TypeVar("Piece")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Pool(Generic[Piece, Answer]):
    """How a pool works. start: begins so many workers. work: what one of them answers on each of some pieces.

    lost: the answer on a piece on which a worker died.
    """

    start: Callable[[int], Workers]
    work: Callable[[Sequence[Piece]], list[Answer]]
    lost: Callable[[Piece], Answer]

    def answers(self, batches: Iterable[Sequence[Piece]], workers: int) -> Iterator[Answer]:
        """Yield the answers on all pieces, in order; a bounded number of batches is taken ahead."""
        if workers < 1:
            raise ValueError(f"{workers} workers")
        waiting: deque[tuple[Sequence[Piece], Future[list[Answer]]]] = deque()
        pool = self.start(workers)
        try:
            for batch in batches:
                if len(waiting) >= QUEUED * workers:
                    found, pool = self._first(waiting, pool, workers)
                    yield from found
                waiting.append((batch, self._submit(pool, batch)))
            while waiting:
                found, pool = self._first(waiting, pool, workers)
                yield from found
        finally:
            end_now(pool)

    def _submit(self, pool: Workers, batch: Sequence[Piece]) -> Future[list[Answer]]:
        try:
            return pool.submit(self.work, batch)
        except BrokenProcessPool as error:
            broken: Future[list[Answer]] = Future()
            broken.set_exception(error)
            return broken

    def _first(
        self, waiting: "deque[tuple[Sequence[Piece], Future[list[Answer]]]]", pool: Workers, workers: int
    ) -> tuple[list[Answer], Workers]:
        """Take the answers that are next; where a worker died on the way, find out on what, and go on anew."""
        batch, future = waiting.popleft()
        try:
            return future.result(), pool
        except BrokenProcessPool:
            pool.shutdown(wait=True, cancel_futures=True)
        found = self._one_by_one(batch)
        pool = self.start(workers)
        for k, (later, begun) in enumerate(waiting):
            if begun.cancelled() or not begun.done() or begun.exception() is not None:
                waiting[k] = later, self._submit(pool, later)
        return found, pool

    def _one_by_one(self, batch: Sequence[Piece]) -> list[Answer]:
        """Answer pieces in a process of their own, which a bad one may end."""
        found: list[Answer] = []
        while len(found) < len(batch):
            with self.start(1) as pool:
                try:
                    for piece in batch[len(found) :]:
                        found += pool.submit(self.work, [piece]).result()
                except BrokenProcessPool:
                    found.append(self.lost(batch[len(found)]))
        return found
