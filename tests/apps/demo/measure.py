"""Heavy measurements of the demo: python -m tests.apps.demo.measure {long FILE | load [--original URL] FILE...}.

long: first step, memory and agreement with the whole-file pipeline on a file of an hour. load: 50 uploads, 8 at a
time, every answer checked; the same against the original's own server where its URL is given.
"""

import argparse
import http.client
import json
import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from tests.apps.demo.running import FIXTURE, Running, form, running

N_UPLOADS, AT_A_TIME = 50, 8


def long(server: Running, path: Path) -> dict[str, float]:
    """Stream one long file; seconds from the end of the upload, bytes above idle."""
    server.upload(Path(path).read_bytes()[:400_000])  # warm, whatever it answers
    time.sleep(1)
    idle, highest, done = server.memory(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            highest[0] = max(highest[0], server.memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    body, headers = form(path.read_bytes(), "hour")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    connection.request("POST", "/api/v1/predict", body, headers | {"Accept": "text/event-stream"})
    sent = time.monotonic()
    response, first, result = connection.getresponse(), 0.0, {}
    name = ""
    while line := response.readline():
        if line.startswith(b"event: "):
            name = line[7:].strip().decode()
        elif line.startswith(b"data: "):
            content = json.loads(line[6:])
            if name == "steps" and content["step_probs"] and not first:
                first = time.monotonic() - sent
            if name in ("result", "error"):
                result = content
    last = time.monotonic() - sent
    done.set()
    watcher.join()
    assert "error" not in result, result
    return {
        "seconds_of_sound": result["duration"],
        "first_step_seconds": first,
        "last_seconds": last,
        "idle_megabytes": idle / 1e6,
        "above_idle_megabytes": (highest[0] - idle) / 1e6,
        "step_probs": result["step_probs"],
    }


def agreement(path: Path, weights: Path, step_probs: list[list[float]]) -> dict[str, float]:
    """Compare a streamed answer with the whole-file pipeline on the same file."""
    from reprise_kit.port.audio.decode import decode
    from reprise_kit.port.deepsound_crnn.pipeline import open_pipeline

    exact = open_pipeline(weights, "theano").recognise(decode(path, max_seconds=7200)).step_probs
    live = np.array(step_probs, np.float32)
    assert exact is not None and exact.shape == live.shape
    same = float((exact.argmax(1) == live.argmax(1)).mean())
    top = int(exact.mean(0).argmax()) == int(live.mean(0).argmax())
    return {
        "same_genre_steps": same,
        "max_abs_step": float(np.abs(exact - live).max()),
        "max_abs_clip": float(np.abs(exact.mean(0) - live.mean(0)).max()),
        "same_clip_genre": top,
    }


def load(post: Callable[[bytes], Any], contents: list[bytes]) -> tuple[list[Any], list[float]]:
    """Send N_UPLOADS uploads, AT_A_TIME at a time; return the answers in order and the seconds of each."""

    def timed(k: int) -> tuple[Any, float]:
        began = time.monotonic()
        return post(contents[k % len(contents)]), time.monotonic() - began

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        done = list(pool.map(timed, range(N_UPLOADS)))
    return [answer for answer, _ in done], [seconds for _, seconds in done]


def percentiles(seconds: list[float]) -> dict[str, float]:
    """p50 and p95 of a list of times."""
    cuts = statistics.quantiles(seconds, n=100)
    return {"p50_seconds": cuts[49], "p95_seconds": cuts[94]}


def original(url: str, content: bytes) -> list[list[float]]:
    """One song through the original's own server."""
    where = urlsplit(url)
    body, headers = form(content, "song.mp3")
    body = body.replace(b'name="clip"', b'name="filearg"', 1)
    answers = []
    for method, path, sent in (("POST", "/upload", body), ("GET", "/uploads/{}.json", None)):
        connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=600)
        connection.request(method, path.format(*answers), sent, headers if sent else {})
        answers.append(json.loads(connection.getresponse().read()))
        connection.close()
    return [list(step.values()) for _, step in answers[1]]


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["long", "load"])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--weights", type=Path, default=FIXTURE)
    parser.add_argument("--original", help="URL of the original's server, the same weights loaded")
    chosen = parser.parse_args()
    with running(weights=chosen.weights) as server:
        if chosen.what == "long":
            figures = long(server, chosen.files[0])
            figures |= agreement(chosen.files[0], chosen.weights, figures.pop("step_probs"))  # type: ignore[arg-type]
        else:
            figures = _load(server, [path.read_bytes() for path in chosen.files], chosen.original)
    print(json.dumps(figures, indent=1))


def _load(server: Running, contents: list[bytes], url: str | None) -> dict[str, Any]:
    alone = [server.upload(content).json for content in contents]
    answers, seconds = load(server.upload, contents)
    wrong = [k for k, a in enumerate(answers) if a.status == 200 and a.json != alone[k % len(alone)]]
    figures = {
        "answered": sum(a.status == 200 for a in answers),
        "turned_away": sum(a.status == 429 for a in answers),
        "wrong": wrong,
        "files_left": server.uploads_left(),
        "children_left": server.children(),
        **percentiles(seconds),
    }
    if url:
        for content in contents:
            original(url, content)
        _, theirs = load(lambda content: original(url, content), contents)
        figures["original"] = percentiles(theirs)
    return figures


if __name__ == "__main__":
    main()
