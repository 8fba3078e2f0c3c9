"""The server under load: python -m tests.apps.demo.load {uploads N AT_A_TIME | slow N | hostile | arriving SECONDS}.

uploads: N clips, AT_A_TIME at a time, every answer checked; how many were answered, p50, p95, and what /health took.
slow: N sockets of five slow kinds for 40 s; the slowest /health meanwhile. hostile: the most memory of the server and
its children over every hostile clip. arriving: when the first step of an mp3 of so many seconds came whose upload is
throttled to 2 MB/s, and when its last byte left.
"""

import argparse
import io
import json
import socket
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.apps.demo.running import CLIPS, FIXTURE, Running, form, running

NAMES = ("guitar_22050.au", "piano_22050.wav", "drums_mono_vbr.mp3", "quad_4channels.wav", "bells.ogg", "disco.m4a")
PAUSE = 0.1  # seconds between two looks
SLOW_SECONDS = 40
CHUNK = 1 << 16


@contextmanager
def watching(look: Any, every: float = PAUSE) -> Iterator[list[Any]]:
    """Collect what `look` returns, again and again, while the block runs."""
    seen: list[Any] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.append(look())
            done.wait(every)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def health_seconds(server: Running) -> float:
    """How long /health takes; it must answer 200."""
    began = time.monotonic()
    assert server.get("/health").status == 200
    return time.monotonic() - began


def uploads(server: Running, n: int, at_a_time: int) -> dict[str, Any]:
    """Send n clips, at_a_time at a time, each once; compare every answer with the one that it gets alone."""
    contents = [(CLIPS / name).read_bytes() for name in NAMES]
    alone = [server.upload(content).json for content in contents]

    def send(k: int) -> tuple[Any, float]:
        began = time.monotonic()
        return server.upload(contents[k % len(contents)]), time.monotonic() - began

    with watching(lambda: health_seconds(server)) as health, ThreadPoolExecutor(at_a_time) as pool:
        done = list(pool.map(send, range(n)))
    cuts = statistics.quantiles([seconds for _, seconds in done], n=100)
    return {
        "statuses": dict(Counter(answer.status for answer, _ in done)),
        "wrong": [k for k, (a, _) in enumerate(done) if a.status == 200 and a.json != alone[k % len(alone)]],
        "p50_seconds": round(cuts[49], 2),
        "p95_seconds": round(cuts[94], 2),
        "slowest_health_seconds": round(max(health), 3),
        "files_left": server.uploads_left(),
        "children_left": server.children(),
    }


def slow_requests(port: int) -> list[bytes]:
    """What slow clients begin with: nothing, half a header, a header, half a form, a long answer that is not read."""
    body, headers = form((CLIPS / "quad_4channels.wav").read_bytes(), "x")
    lines = {**headers, "Host": f"127.0.0.1:{port}", "Content-Length": str(len(body))}
    head = "\r\n".join(["POST /api/v1/predict HTTP/1.1", *(f"{k}: {v}" for k, v in lines.items()), "", ""]).encode()
    page = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    return [b"", head[:40], head, head + body[:2000], page * 50]


def slow(server: Running, n: int, seconds: float) -> dict[str, Any]:
    """Keep n sockets slow for so long, a byte now and then; ask for /health and send honest clips meanwhile."""
    begun = slow_requests(server.port)
    sockets = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(n)]
    for k, connection in enumerate(sockets):
        connection.sendall(begun[k % len(begun)])
    until, honest, closed = time.monotonic() + seconds, [], set()
    with watching(lambda: health_seconds(server)) as health:
        while time.monotonic() < until:
            honest.append(server.upload((CLIPS / "guitar_22050.au").read_bytes()).status)
            for k, connection in enumerate(sockets):
                try:
                    connection.send(b"x") if k % len(begun) in (1, 2, 3) else None
                except OSError:
                    closed.add(k)
            time.sleep(1)
    for connection in sockets:
        connection.close()
    return {
        "sockets": n,
        "healths": len(health),
        "slowest_health_seconds": round(max(health), 3),
        "p99_health_seconds": round(statistics.quantiles(health, n=100)[98], 3),
        "honest_uploads": dict(Counter(honest)),
        "closed_by_the_server": len(closed),
    }


def hostile(server: Running, clips: dict[str, bytes]) -> dict[str, Any]:
    """Send every hostile clip, two at a time, as JSON and as a stream; the most memory meanwhile."""
    most, statuses = {}, Counter[int]()
    for name, content in clips.items():
        with watching(server.memory) as seen, ThreadPoolExecutor(2) as pool:
            statuses.update(a.status for a in pool.map(lambda s: server.upload(content, stream=s), (False, True)))  # noqa: B023
        most[name] = round(max(seen) / 1e6)
        print(f"{most[name]} MB, {name}", file=sys.stderr, flush=True)
    worst = max(most, key=lambda name: most[name])
    return {"clips": len(clips), "statuses": dict(statuses), "most_megabytes": most[worst], "by": worst, "each": most}


def mp3(seconds: int, once: int = 100) -> bytes:
    """An mp3 of noise, 128 kbit/s, the same `once` seconds again and again."""
    file, rate = io.BytesIO(), 44_100
    noise = np.random.default_rng(0).normal(0, 3000, (1, rate * once)).astype(np.int16)
    with av.open(file, "w", format="mp3", options={"write_xing": "0", "id3v2_version": "0"}) as out:
        stream: Any = out.add_stream("libmp3lame", rate=rate, layout="mono")
        stream.bit_rate = 128_000
        frame = av.AudioFrame.from_ndarray(noise, "s16p", "mono")
        frame.sample_rate = rate
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue() * (seconds // once)


def arriving(server: Running, content: bytes, bytes_a_second: float) -> dict[str, Any]:
    """Send a clip no faster than that, its events read meanwhile; seconds from the first byte to each thing."""
    head = (
        f"POST /api/v1/predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\nAccept: text/event-stream\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=600) as connection:
        began, at = time.monotonic(), {}

        def read() -> None:
            with connection.makefile("rb") as answer:
                for line in answer:
                    name = "first_step" if line.startswith(b'data: {"first"') else line.decode().strip()
                    if name == "first_step" or name.startswith("event: "):
                        at.setdefault(name, round(time.monotonic() - began, 2))
                    if name in ("event: result", "event: error"):
                        return

        reader = threading.Thread(target=read)
        reader.start()
        connection.sendall(head.encode() + b"Connection: close\r\n\r\n")
        for k in range(0, len(content), CHUNK):
            time.sleep(max(0.0, began + k / bytes_a_second - time.monotonic()))
            connection.sendall(content[k : k + CHUNK])
        at["last_byte"] = round(time.monotonic() - began, 2)
        reader.join(600)
    return {"bytes": len(content), **at}


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["uploads", "slow", "hostile", "arriving"])
    parser.add_argument("numbers", nargs="*", type=int)
    parser.add_argument("--weights", type=Path, default=FIXTURE)
    chosen = parser.parse_args()
    with running(weights=chosen.weights) as server:
        if chosen.what == "uploads":
            figures = uploads(server, *chosen.numbers)
        elif chosen.what == "slow":
            figures = slow(server, *chosen.numbers, seconds=SLOW_SECONDS)
        elif chosen.what == "arriving":
            figures = arriving(server, mp3(*chosen.numbers), 2e6)
        else:
            from tests.apps.demo.hostile_clips import every

            figures = hostile(server, every())
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
