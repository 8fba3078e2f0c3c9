"""The server under load: python -m tests.apps.demo.load {uploads N AT_A_TIME | slow N | hostile} [--weights FILE].

uploads: N clips, AT_A_TIME at a time, every answer checked; how many were answered, p50, p95, and what /health took.
slow: N sockets of five slow kinds for 40 s; the slowest /health meanwhile. hostile: the most memory of the server and
its children over every hostile clip.
"""

import argparse
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

from tests.apps.demo.running import CLIPS, FIXTURE, Running, form, running

NAMES = ("guitar_22050.au", "piano_22050.wav", "drums_mono_vbr.mp3", "quad_4channels.wav", "bells.ogg", "disco.m4a")
PAUSE = 0.1  # seconds between two looks
SLOW_SECONDS = 40


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


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["uploads", "slow", "hostile"])
    parser.add_argument("numbers", nargs="*", type=int)
    parser.add_argument("--weights", type=Path, default=FIXTURE)
    chosen = parser.parse_args()
    with running(weights=chosen.weights) as server:
        if chosen.what == "uploads":
            figures = uploads(server, *chosen.numbers)
        elif chosen.what == "slow":
            figures = slow(server, *chosen.numbers, seconds=SLOW_SECONDS)
        else:
            from tests.apps.demo.hostile_clips import every

            figures = hostile(server, every())
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
