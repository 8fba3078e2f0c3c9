"""Decoding one clip ahead: order, how far, and failures."""

import threading

import pytest

from reprise_kit.port.audio.ahead import ahead

PATIENCE = 30.0  # seconds


def test_results_come_in_order() -> None:
    assert list(ahead(lambda k: k * k, range(5))) == [0, 1, 4, 9, 16]
    assert list(ahead(lambda k: k * k, [])) == []


def test_the_next_is_under_way_while_one_is_used_and_no_more_than_that() -> None:
    begun = [threading.Event() for _ in range(3)]

    def work(k: int) -> int:
        begun[k].set()
        return k

    results = ahead(work, range(3))
    assert next(results) == 0
    assert begun[1].wait(PATIENCE), "the next is not under way"
    assert not begun[2].wait(0.2), "two ahead: memory is for one"
    assert next(results) == 1
    assert begun[2].wait(PATIENCE)
    results.close()


def test_one_alone_takes_no_thread() -> None:
    assert list(ahead(lambda _: threading.current_thread(), [0])) == [threading.current_thread()]


def test_a_failure_is_that_of_its_own_place() -> None:
    def work(k: int) -> int:
        if k == 1:
            raise MemoryError(str(k))
        return k

    results = ahead(work, range(3))
    assert next(results) == 0
    with pytest.raises(MemoryError, match="1"):
        next(results)
