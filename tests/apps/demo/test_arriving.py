"""Clips that are heard while they arrive: the first step before the last byte, nothing told twice, the same result."""

import json
import threading
from itertools import pairwise
from typing import Any

import numpy as np

from reprise_kit.apps.demo.analysis import Told
from tests.apps.demo.load import arriving, mp3
from tests.apps.demo.running import CLIPS, Running
from tests.apps.demo.test_api import settled


def slowly(server: Running, content: bytes, seconds: float) -> list[tuple[str, dict[str, Any]]]:
    """Send a clip in so many seconds; return its events."""
    pieces = [content[k : k + len(content) // 20] for k in range(0, len(content), len(content) // 20)]

    def body() -> Any:
        for piece in pieces:
            yield piece
            threading.Event().wait(seconds / len(pieces))

    headers = {"Accept": "text/event-stream", "Content-Length": str(len(content))}
    return server.request("POST", "/api/v1/predict", body(), headers).stream


def test_the_first_step_comes_before_the_last_byte(server: Running) -> None:
    at = arriving(server, mp3(300), 0.4e6)
    assert at["first_step"] < at["last_byte"] / 2 and at["event: result"] > at["last_byte"]
    assert settled(server)


def test_nothing_is_told_twice_and_the_result_is_the_whole_files(server: Running) -> None:
    content = mp3(20, once=20)
    events = slowly(server, content, 4.0)
    names = [name for name, _ in events]
    assert names.index("steps") < names.index("queued") and names[-1] == "result" and names.count("start") == 2
    firsts = [(e["first"], len(e["step_probs"])) for name, e in events if name == "steps"]
    assert all(a + n == b for (a, n), (b, _) in pairwise(firsts)), firsts
    result = dict(events[-1][1])
    assert sum(firsts[-1]) == len(result["step_probs"]) and result.pop("live_agreement") >= 0
    assert result == server.upload(content).json


def test_kinds_that_are_read_when_they_are_whole_are_only_later(server: Running) -> None:
    content = (CLIPS / "quad_4channels.wav").read_bytes()
    events = slowly(server, content, 3.0)
    names = [name for name, _ in events]
    assert names[:2] == ["queued", "start"] and names[-1] == "result"
    assert len(events[-1][1]["step_probs"]) == 8


def test_a_clip_that_breaks_off_leaves_nothing(server: Running) -> None:
    import socket

    content = mp3(100)
    head = f"POST /api/v1/predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head.encode() + b"Accept: text/event-stream\r\n\r\n" + content[: len(content) // 2])
        assert b"200 OK" in connection.recv(200)
    assert settled(server)


def test_a_second_hearing_tells_what_is_new_and_another_system_all() -> None:
    def steps(first: int, n: int) -> tuple[str, dict[str, Any]]:
        return "steps", {"first": first, "step_probs": np.eye(10)[:n].tolist(), "picture": ""}

    told = Told()
    for event in (("start", {"system": "a"}), steps(0, 3), steps(3, 2), ("start", {"system": "a"})):
        assert told.news(event)
    assert told.news(steps(0, 4)) is None
    name, content = told.news(steps(4, 3)) or ("", {})
    assert name == "steps" and content["first"] == 5 and len(content["step_probs"]) == 2
    told.news(("start", {"system": "b"}))
    assert json.dumps(told.news(steps(0, 3))) == json.dumps(steps(0, 3))
