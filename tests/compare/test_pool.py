"""A pool's answers come in order, and who dies on a piece costs that piece only; its workers are stand-ins here."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import Any, ClassVar

import pytest

from reprise_kit.compare.pool import QUEUED, Pool


class StandIn:
    """Works at once, in this process; dies, as a pool of processes does, on any piece that is deadly."""

    begun: ClassVar[list["StandIn"]] = []

    def __init__(self, n: int) -> None:
        self.n, self.broken, self.ended, self.pieces = n, False, False, 0
        self.begun.append(self)

    def submit(self, work: Callable[[Sequence[int]], list[int]], batch: Sequence[int]) -> "Future[list[int]]":
        if self.broken or self.ended:
            raise BrokenProcessPool
        done: Future[list[int]] = Future()
        self.pieces += len(batch)
        if any(piece < 0 for piece in batch):
            self.broken = True
            done.set_exception(BrokenProcessPool())
        else:
            done.set_result(work(batch))
        return done

    def shutdown(self, wait: bool, cancel_futures: bool) -> None:
        self.ended = True

    def __enter__(self) -> "StandIn":
        return self

    def __exit__(self, *_: object) -> None:
        self.ended = True


@pytest.fixture(autouse=True)
def none_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StandIn, "begun", [])


def squares(pieces: Sequence[int]) -> list[int]:
    return [piece**2 for piece in pieces]


def pool() -> Pool[int, int]:
    start: Any = StandIn
    return Pool(start, squares, lambda piece: piece * 1000)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_answers_come_in_order(workers: int) -> None:
    batches = [range(k, k + k % 4) for k in range(40)]
    assert list(pool().answers(batches, workers)) == [piece**2 for batch in batches for piece in batch]
    assert [one.n for one in StandIn.begun] == [workers] and StandIn.begun[0].ended


@pytest.mark.parametrize("deadly", [[0], [3], [19], [3, 4], [0, 1, 2], [2, 7, 13], list(range(20))])
@pytest.mark.parametrize("size", [1, 3, 20])
def test_a_deadly_piece_costs_that_piece_only(deadly: list[int], size: int) -> None:
    pieces = [-k - 1 if k in deadly else k for k in range(20)]
    batches = [pieces[k : k + size] for k in range(0, 20, size)]
    found = list(pool().answers(batches, 2))
    assert found == [piece * 1000 if piece < 0 else piece**2 for piece in pieces]
    assert all(one.ended for one in StandIn.begun)


def test_few_batches_are_taken_ahead() -> None:
    taken = []
    answers = pool().answers(([taken.append(k) or k] for k in range(100)), 2)  # type: ignore[func-returns-value]
    next(answers)
    assert len(taken) == QUEUED * 2 + 1
    answers.close()
    assert StandIn.begun[0].ended


def test_no_workers_are_no_pool() -> None:
    with pytest.raises(ValueError, match="0 workers"):
        next(pool().answers([[1]], 0))
