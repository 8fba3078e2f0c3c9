"""Many at once: all answered or turned away, none mixed up, nothing left behind. (50 uploads: see measure.py.)"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from reprise_kit.apps.demo.queue import BusyError, Queue
from tests.apps.demo.running import CLIPS, Running
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
            assert answer.headers["Retry-After"] and "try again" in answer.json["error"]
    assert settled(server)
    return [answer.status for answer in answers]


def test_eight_at_a_time_are_all_answered(server: Running) -> None:
    assert burst(server, 16, 8) == [200] * 16


def test_past_the_queue_they_are_turned_away(server: Running) -> None:
    statuses = burst(server, 18, 18)
    assert statuses.count(429) >= 1 and statuses.count(200) >= 10


def test_queue_counts_places_and_desks() -> None:
    queue = Queue(running=1, waiting=1)
    first, second = queue.join(), queue.join()
    with pytest.raises(BusyError):
        queue.join()
    assert first.wait(lambda: False)
    assert not second.wait(lambda: True)  # its client left
    first.step_aside()
    assert second.wait(lambda: False)
    for ticket in (first, second, first):
        ticket.release()
    assert queue.inside == 0
    queue.join().release()
