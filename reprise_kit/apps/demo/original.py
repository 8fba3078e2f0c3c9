"""The original's answer on the same clip, from its own running server or from the recorded traces."""

import http.client
import json
import re
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reprise_kit.apps.demo.analysis import rounded
from reprise_kit.apps.demo.engine import Engine
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.input import Input
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.runners.recorded import RecordedRunner, open_runner

TIME_LIMIT = 180.0  # seconds; the original's server answers one request after the other
MAX_ANSWER = 64 << 20  # bytes
# What a server that answers with something else than the original can make of asking it.
NO_ANSWER = (OSError, ValueError, LookupError, TypeError, ArithmeticError, RecursionError, http.client.HTTPException)


class Original:
    """Where the original's answers come from. url: its demo server, None takes the recorded traces."""

    def __init__(self, url: str | None, url_of: str) -> None:
        """url_of: the system whose demo it is. Raises InputError on a URL that is not plain http."""
        if url and not re.match("https?://[^/?#]", url):
            raise InputError(f"--original {url}: give the URL of the original's demo, http://HOST:PORT")
        self.url, self.url_of = url.rstrip("/") if url else None, url_of

    def missing(self, engine: Engine) -> str | None:
        """Say in one line why no answer of this system's original can be had here, or return None."""
        if not engine.steps_stage:
            return "answers of one line for the whole clip are not drawn beside the original's"
        return None if self._asks(engine) else _recordings(engine).unavailable_reason()

    def answer(self, engine: Engine, clip: Path, sha256: str, ours: ArrayLike | None) -> dict[str, Any]:
        """Return the original's curve beside our step_probs (n_steps, n_labels), or why there is none."""
        try:
            reason = self.missing(engine)
            if reason:
                raise InputError(reason)
            asks = self._asks(engine)
            theirs = self._ask(engine, clip) if asks else self._recorded(engine, clip, sha256)
            return {"source": "live" if asks else "recorded"} | compared(theirs, np.asarray(ours, np.float32))
        except InputError as error:
            return {"unavailable": str(error)}

    def _asks(self, engine: Engine) -> bool:
        return bool(self.url) and engine.name == self.url_of

    def _recorded(self, engine: Engine, clip: Path, sha256: str) -> NDArray[np.float32]:
        try:
            trace = _recordings(engine).trace(Input(clip, sha256), engine.system.stages)
        except InputError:
            raise InputError(
                "no recording of the original on this song with these weights; start its own demo and give its URL "
                "with --original"
            ) from None
        return np.asarray(trace.arrays[engine.steps_stage], np.float32)

    def _ask(self, engine: Engine, clip: Path) -> NDArray[np.float32]:
        boundary = secrets.token_hex(16)
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="filearg"; filename="clip"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = head.encode() + clip.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        form = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        try:
            name = json.loads(self._fetch("POST", "/upload", body, form))
            if not isinstance(name, str) or not re.fullmatch("[0-9A-Za-z-]+", name):
                raise ValueError("an id was expected")
            curve = json.loads(self._fetch("GET", f"/uploads/{name}.json"))
            return np.array([[float(step[label]) for label in engine.labels] for _, step in curve], np.float32)
        except NO_ANSWER as error:
            raise InputError(f"the original's server gave no answer on this song ({str(error)[:200]})") from None

    def _fetch(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}) -> bytes:
        """Ask nothing but the named server, for it is a neighbour: no proxy is used, no redirection followed."""
        assert self.url
        parts = urlsplit(self.url)
        opened = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        with closing(opened(parts.netloc, timeout=TIME_LIMIT)) as connection, _ended_in_time(connection):
            connection.request(method, parts.path + path, body, dict(headers))
            with connection.getresponse() as answer:
                if answer.status != http.HTTPStatus.OK:
                    raise ValueError(f"status {answer.status}")
                return answer.read(MAX_ANSWER)


@contextmanager
def _ended_in_time(connection: http.client.HTTPConnection) -> Iterator[None]:
    """Connect, and end the connection after the whole time: a byte now and then would keep it open for ever."""
    connection.connect()
    ended = threading.Timer(TIME_LIMIT, _end, [connection.sock])
    ended.daemon = True
    ended.start()
    try:
        yield
    finally:
        ended.cancel()


def _end(connected: socket.socket) -> None:
    with suppress(OSError):  # it has ended
        connected.shutdown(socket.SHUT_RDWR)


def _recordings(engine: Engine) -> RecordedRunner:
    return open_runner(Settings(engine.system, engine.ready().path, engine.ready().backend))


def compared(theirs: NDArray[np.float32], ours: NDArray[np.float32]) -> dict[str, Any]:
    """Return both sides' difference: step_probs of the original, max_abs, where, and the steps of another genre.

    Raises InputError where the two have another number of steps or hold no numbers.
    """
    if theirs.shape != ours.shape or not theirs.size:
        raise InputError(f"the original gave {len(theirs)} steps and the port {len(ours)}: not comparable")
    if not (np.isfinite(theirs).all() and np.isfinite(ours).all()):
        raise InputError("an answer holds numbers that are not finite: not comparable")
    difference = np.abs(theirs.astype(np.float64) - ours)
    step, label = np.unravel_index(difference.argmax(), difference.shape)
    differ = np.flatnonzero(theirs.argmax(axis=1) != ours.argmax(axis=1))
    return {
        "step_probs": rounded(theirs, 7),
        "max_abs": float(difference.max()),
        "at_step": int(step),
        "at_label": int(label),
        "max_abs_by_step": rounded(difference.max(axis=1), 7),
        "differ": differ.tolist(),
        "same_genre": float(1 - len(differ) / len(ours)),
    }
