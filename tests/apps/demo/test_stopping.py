"""The end of a server: told to stop, every request gets its last word in time; killed, the next one cleans up."""

import http.client
import signal
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.apps.demo.running import Answer, Running, running
from tests.apps.demo.test_api import wav
from tests.apps.demo.test_hostile import raw

GRACE_SECONDS = 10  # docker's, between SIGTERM and SIGKILL


def noise(seconds: int, rate: int = 22_050) -> bytes:
    import numpy as np

    return wav(np.random.default_rng(1).normal(0, 3000, seconds * rate).astype("<i2"), rate)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def busy(server: Running, streams: int, others: int) -> tuple[list[threading.Thread], list[Answer]]:
    """Send long clips; return when all of them are inside."""
    clip, answers = noise(1190), []

    def send(stream: bool) -> None:
        with suppress(OSError, http.client.HTTPException):  # of a server that was killed
            answers.append(server.upload(clip, stream=stream))

    threads = [threading.Thread(target=send, args=(k < streams,)) for k in range(streams + others)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while server.clips_inside() != len(threads):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return threads, answers


def test_a_server_whose_log_nobody_reads_answers_and_stops() -> None:
    with running(read_until="listening") as own:
        assert own.upload(b"no sound").json["code"] == "bad_clip"
        assert own.get("/health").status == 200
        own.process.terminate()
        assert own.process.wait(GRACE_SECONDS + 5) == 0


def test_every_stream_and_request_has_its_last_word_within_the_grace_period() -> None:
    with running("--max-upload", "200") as own:
        threads, answers = busy(own, streams=3, others=3)
        arriving, request = raw(own)
        arriving.sendall(request[:3000])
        time.sleep(0.5)
        children = own.children()
        began = time.monotonic()
        own.process.terminate()
        assert own.process.wait(GRACE_SECONDS + 5) == 0 and time.monotonic() - began < GRACE_SECONDS
        for thread in threads:
            thread.join(5)
        assert len(answers) == 6
        for answer in answers:
            if answer.status == 200 and answer.headers["content-type"].startswith("text/event-stream"):
                name, content = answer.stream[-1]
                assert name in ("result", "error") and content.get("code", "stopping") == "stopping"
            elif answer.status != 200:
                assert answer.status == 503 and answer.json["code"] == "stopping" and answer.headers["retry-after"]
        assert sum(b'"stopping"' in answer.body for answer in answers) >= 4
        assert b" 503 " in arriving.recv(4096)
        assert own.uploads_left() == [] and not any(map(alive, children))


def test_what_a_kill_leaves_the_next_server_removes(tmp_path: Path) -> None:
    mine = tmp_path / "reprise-demo-mine"
    (mine / "clips").mkdir(parents=True)
    (mine / "thesis.txt").write_text("not the server's")
    with running(temporary=tmp_path) as own:
        threads, _ = busy(own, streams=2, others=0)
        children = own.children()
        own.process.send_signal(signal.SIGKILL)
        own.process.wait(10)
        for thread in threads:
            thread.join(10)
        deadline = time.monotonic() + 5
        while any(map(alive, children)):
            assert time.monotonic() < deadline, "a child outlived its server"
            time.sleep(0.05)
        assert own.uploads_left()
    with running(temporary=tmp_path) as other, running(temporary=tmp_path) as beside:
        assert other.uploads_left() == [str(mine / "thesis.txt")]
        assert other.get("/health").status == beside.get("/health").status == 200
    assert [path.name for path in tmp_path.iterdir()] == ["reprise-demo-mine"]


@pytest.mark.parametrize(
    "answer", [b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nBad\r\n\r\n", b"\x16\x03\x01" * 40]
)
def test_what_is_no_http_is_refused_in_json(server: Running, answer: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(answer)
        got = connection.recv(4096)
    assert got.startswith(b"HTTP/1.1 400 ") and b"application/json" in got and b'"code": "bad_request"' in got
