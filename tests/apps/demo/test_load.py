"""Many at once: all answered or turned away, none mixed up, nothing left behind. (50 uploads: see measure.py.)"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from reprise_kit.apps.demo.queue import Queue, Ticket
from reprise_kit.apps.demo.refusal import Refusal
from tests.apps.demo.running import CLIPS, Running, running
from tests.apps.demo.test_api import settled

NAMES = ("guitar_22050.au", "piano_22050.wav", "drums_mono_vbr.mp3", "quad_4channels.wav")


def burst(server: Running, n: int, at_a_time: int) -> list[int]:
    contents = [(CLIPS / name).read_bytes() for name in NAMES]
    alone = [server.upload(content).json for content in contents]
    assert len({answer["sha256"] for answer in alone}) == len(NAMES)
    with ThreadPoolExecutor(at_a_time) as pool:
        answers = list(pool.map(lambda k: server.upload(contents[k % len(contents)]), range(n)))
    for k, answer in enumerate(answers):
        assert answer.status in (200, 429)
        if answer.status == 200:
            assert answer.json == alone[k % len(alone)]
        else:
            assert int(answer.headers["retry-after"]) > 0 and "try again" in answer.json["error"]
    assert settled(server)
    return [answer.status for answer in answers]


def test_eight_at_a_time_are_all_answered(server: Running) -> None:
    assert burst(server, 16, 8) == [200] * 16


def test_past_the_queue_they_are_turned_away_with_the_time_that_it_takes() -> None:
    with running("--max-waiting", "6") as own:
        statuses = burst(own, 24, 24)
        assert statuses.count(429) >= 1 and statuses.count(200) >= 8


def in_a_loop(work: Callable[[Queue], Coroutine[Any, Any, None]], running: int = 1, waiting: int = 3) -> None:
    async def all_of_it() -> None:
        await work(Queue(running, waiting))

    asyncio.run(all_of_it())


def served(queue: Queue, tickets: list[Ticket]) -> list[Ticket]:
    """Let all of them have their turn; return them in that order."""
    order: list[Ticket] = []
    while len(order) < len(tickets):
        began = [ticket for ticket in tickets if ticket.at_work]
        assert len(began) == queue.running or len(order) + len(began) == len(tickets)
        order.append(began[0])
        began[0].release()
    return order


def test_clients_take_turns_and_each_ones_clips_go_in_order() -> None:
    async def work(queue: Queue) -> None:
        tickets = [queue.join(client) for client in "aaab"]
        first, second, third, other = tickets
        assert served(queue, tickets) == [first, second, other, third] and queue.inside == 0

    in_a_loop(work)


def test_who_has_most_in_line_makes_room_for_who_has_nothing() -> None:
    """Nobody is refused again and again while another's clips pass."""

    async def work(queue: Queue) -> None:
        many = [queue.join("many") for _ in range(4)]
        with pytest.raises(Refusal) as refused:
            queue.join("many")
        assert refused.value.status == 429 and refused.value.retry_after == 8  # four of two seconds each
        one = queue.join("one")
        with pytest.raises(Refusal):
            await many[3].turn()
        assert served(queue, [*many[:3], one]) == [many[0], many[1], one, many[2]]

    in_a_loop(work)


def test_a_place_is_kept_while_its_desk_is_given_on_and_given_back_once() -> None:
    async def work(queue: Queue) -> None:
        first, second = queue.join("a"), queue.join("a")
        await first.turn()
        first.step_aside()
        await second.turn()
        assert queue.inside == 2
        for ticket in (first, second, first):
            ticket.release()
        assert queue.inside == queue.working == 0

    in_a_loop(work)


def test_a_closed_queue_turns_everybody_away_but_those_at_work() -> None:
    async def work(queue: Queue) -> None:
        first, second = queue.join("a"), queue.join("b")
        queue.close()
        await first.turn()
        with pytest.raises(Refusal, match="stopping"):
            await second.turn()
        with pytest.raises(Refusal, match="stopping"):
            queue.join("c")

    in_a_loop(work)
