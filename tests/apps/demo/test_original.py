"""The original's answer beside the port's: differences computed right, and every failure said in words."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from reprise_kit.apps.demo import original
from reprise_kit.apps.demo.engine import Engine, Engines
from reprise_kit.apps.demo.original import Original, compared
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.registry import load
from reprise_kit.compare.weights import Weights, find
from reprise_kit.port.shared.gtzan import GENRES
from tests.apps.demo.running import CLIPS, FIXTURE

SONG = CLIPS / "guitar_22050.au"


def curves(seed: int = 0, n_steps: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(10), n_steps).astype(np.float32)


def test_differences_are_found_where_they_are() -> None:
    ours = curves()
    theirs = ours.copy()
    best = int(ours[4].argmax())
    theirs[4, best], theirs[4, (best + 1) % 10] = 0.0, 0.9
    found = compared(theirs, ours)
    assert found["at_step"] == 4 and found["differ"] == [4] and found["same_genre"] == pytest.approx(5 / 6)
    assert found["max_abs"] == pytest.approx(float(np.abs(theirs - ours).max()), rel=1e-6)
    assert compared(ours, ours)["max_abs"] == 0 and compared(ours, ours)["differ"] == []


@pytest.mark.parametrize("theirs", [curves(n_steps=5), curves(n_steps=0), np.full((6, 10), np.nan, np.float32)])
def test_what_cannot_be_compared_is_refused(theirs: np.ndarray) -> None:
    with pytest.raises(InputError, match="not comparable"):
        compared(theirs, curves())


@contextmanager
def stand_in(curve: object, name: object = "a-1", status: int = 200) -> Iterator[tuple[str, list[bytes]]]:
    """Answers as the original's server does: an id for an upload, then its JSON."""
    uploads: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            uploads.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(name)

        def do_GET(self) -> None:
            self.answer(curve)

        def answer(self, content: object) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", uploads
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(load("deepsound_crnn"), Weights(FIXTURE, "theano", origin="kit"))


def steps(probs: np.ndarray) -> list[object]:
    return [[float(k + 1), dict(zip(GENRES, map(float, row), strict=True))] for k, row in enumerate(probs)]


def test_a_running_original_is_asked(engine: Engine) -> None:
    ours, theirs = curves(1), curves(2)
    with stand_in(steps(theirs)) as (url, uploads):
        found = Original(url, engine.name).answer(engine, SONG, "no hash", ours)
    assert found["source"] == "live" and found["max_abs"] == pytest.approx(np.abs(ours - theirs).max(), rel=1e-5)
    assert SONG.read_bytes() in uploads[0] and b'name="filearg"' in uploads[0]


@pytest.mark.parametrize(
    ("curve", "name", "status"),
    [([], "a-1", 200), ("x", "a-1", 200), (steps(curves(3)), "../etc", 200), (steps(curves(3)), "a", 500),
     ([[1.0, {"polka": 1.0}]], "a", 200), (steps(curves(3)), "a-1", 302), (steps(curves(3)), "\u00e9", 200),
     ([[1.0, dict.fromkeys(GENRES, 10**400)]], "a", 200), ([[1.0, [0.1] * 10]], "a", 200)],
)  # fmt: skip
def test_an_original_that_answers_nonsense_is_unavailable(
    engine: Engine, curve: object, name: object, status: int
) -> None:
    with stand_in(curve, name, status) as (url, _):
        found = Original(url, engine.name).answer(engine, SONG, "no hash", curves(1))
    assert list(found) == ["unavailable"] and found["unavailable"]


def test_an_original_that_says_a_byte_now_and_then_is_waited_for_so_long(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(original, "TIME_LIMIT", 1.0)
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def dripping() -> None:
            with listener.accept()[0] as client, suppress(OSError):
                while not over.wait(0.1):
                    client.sendall(b"H")

        threading.Thread(target=dripping, daemon=True).start()
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            found = Original(url, engine.name).answer(engine, SONG, "no hash", curves(1))
        finally:
            over.set()
    assert "gave no answer" in found["unavailable"]


def test_an_original_that_is_down_is_unavailable(engine: Engine) -> None:
    found = Original("http://127.0.0.1:9", engine.name).answer(engine, SONG, "no hash", curves(1))
    assert "gave no answer" in found["unavailable"]
    for url in ("file:///etc/passwd", "http://", "http:///x"):
        with pytest.raises(InputError, match="http://HOST:PORT"):
            Original(url, engine.name)


def test_weights_default_to_the_fixture_and_say_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path))
    assert find(load("deepsound_crnn")) == Weights(FIXTURE, "theano", origin="kit")
    given = tmp_path / "given.h5"
    given.write_bytes(FIXTURE.read_bytes())
    assert Engines(given, "tensorflow").default.weights == Weights(given, "tensorflow", origin="given")
