"""The demo's pages and HTTP API (reprise_kit/apps/demo/API.md) over the engines; no signal processing here."""

import errno
import json
import os
import secrets
import tempfile
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from flask import Flask, Request, Response, g, jsonify, render_template, request, send_file
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from werkzeug.exceptions import HTTPException

from reprise_kit.apps.demo.analysis import ClientGoneError, Event, Limits, analyse
from reprise_kit.apps.demo.callers import refusal
from reprise_kit.apps.demo.engine import Engine, Engines
from reprise_kit.apps.demo.microphone import MAX_SECONDS_AT_ONCE, RATES, Microphones
from reprise_kit.apps.demo.observe import Metrics, log
from reprise_kit.apps.demo.original import Original
from reprise_kit.apps.demo.queue import BusyError, Queue, Ticket
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.profiles.audio import SUFFIXES
from reprise_kit.compare.system import CLIPS

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "media-src 'self' blob:; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Upload(Request):
    """A request whose file part goes to a nameless-to-the-client temporary file, once."""

    max_form_parts = 4

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        return tempfile.NamedTemporaryFile(prefix="reprise-", dir=g.spool)


class Demo:
    """The application and what its requests share."""

    def __init__(
        self, engines: Engines, spool: Path, limits: Limits | None = None, original: str | None = None
    ) -> None:
        """Serve `engines`, the default one warm; uploads live in the folder `spool` while they are worked on."""
        self.engines, self.spool, self.limits = engines, spool, limits or Limits()
        self.queue = Queue(self.limits.running, self.limits.waiting)
        self.microphones = Microphones(self.limits.microphones)
        self.original = Original(original, engines.own_name)
        self.metrics = Metrics(lambda: self.queue.inside, lambda: len(self.microphones))
        engines.default.warm_up()
        self.about = engines.default.about()
        self.draining, self.deadline = False, 0.0
        self.app = Flask(__name__)
        self.app.request_class = Upload
        self.app.config["MAX_CONTENT_LENGTH"] = self.limits.upload_bytes
        self.app.json.sort_keys = False  # type: ignore[attr-defined]
        self._route()

    def _route(self) -> None:
        app = self.app
        app.before_request(self._begin)
        app.after_request(self._end)
        app.register_error_handler(Exception, _failed)
        for rule, view, method in (
            ("/", self.page, "GET"),
            ("/health", self.health, "GET"),
            ("/metrics", self.read_metrics, "GET"),
            ("/api/about", lambda: jsonify(**self.about, systems=self.offers()), "GET"),
            ("/api/predict", self.predict, "POST"),
            ("/api/live", self.open_microphone, "POST"),
            ("/api/live/<name>", self.hear, "POST"),
            ("/api/live/<name>", self.close_microphone, "DELETE"),
            ("/clips/<name>", shipped_clip, "GET"),
        ):
            app.add_url_rule(rule, f"{method} {rule}", view, methods=[method])

    def _begin(self) -> Response | None:
        g.began, g.spool = time.monotonic(), self.spool
        reason = refusal(request.host, request.headers.get("Origin"), self.limits.allowed_hosts)
        return _refused(403, reason) if reason else None

    def _end(self, response: Response) -> Response:
        response.headers.update(HEADERS)
        route = request.url_rule.rule if request.url_rule else "none"
        self.metrics.requests.labels(route, response.status_code).inc()
        began, size, method = g.began, request.content_length, request.method

        def written() -> None:
            seconds = round(time.monotonic() - began, 4)
            log("request", method=method, route=route, status=response.status_code, seconds=seconds, bytes_in=size)

        response.call_on_close(written)
        return response

    def page(self) -> str:
        """GET / : the page."""
        return render_template(
            "index.html",
            about=self.about,
            offers=self.offers(),
            limits=self.limits,
            whole_minutes=round(self.limits.whole_file_seconds / 60),
            clips=shipped_clips(),
            live=bool(self.original.url),
        )

    def offers(self) -> list[dict[str, Any]]:
        """Return what a person chooses a system by: recommended ones first, those without weights last."""
        offers = [
            engine.offer() | {"compared": bool(engine.weights) and self.original.missing(engine) is None}
            for engine in self.engines
        ]
        return sorted(offers, key=lambda offer: (not offer["recommended"], not offer["available"]))

    def health(self) -> tuple[Response, int]:
        """GET /health : 200 while new work is taken, 503 while the server is stopping."""
        return jsonify(status="stopping" if self.draining else "ok", **self.about), 503 if self.draining else 200

    def read_metrics(self) -> Response:
        """GET /metrics : Prometheus' text format."""
        return Response(generate_latest(self.metrics.registry), content_type=CONTENT_TYPE_LATEST)

    def predict(self) -> Response:
        """POST /api/predict : a clip to its answer, or to an event stream where the client accepts one."""
        if self.draining:
            return _refused(503, "the server is stopping; try again in a minute")
        clip = request.files.get("clip")
        if clip is None:
            return _refused(400, "no file: send one as the multipart field `clip`")
        engine = self.engines.find(request.form.get("system"))
        engine.ready()
        path = self._kept(clip.stream.name)
        try:
            ticket = self.queue.join()
        except BusyError:
            path.unlink()
            self.metrics.clips.labels("busy").inc()
            return _refused(429, "too many songs at once; try again in a few seconds")

        def leave() -> None:
            ticket.release()
            path.unlink(missing_ok=True)

        gone = request.environ.get("waitress.client_disconnected", lambda: False)
        streaming = request.accept_mimetypes.best == "text/event-stream"
        events = self._events(engine, path, ticket, gone, streaming, request.args.get("original") == "1")
        if streaming:
            response = Response(_as_text(events), content_type="text/event-stream; charset=utf-8")
            response.call_on_close(leave)
            return response
        try:
            answer = _last(events)
        finally:
            leave()
        response = jsonify(answer)
        response.status_code = 422 if "error" in answer else 200
        return response

    def _kept(self, name: str) -> Path:
        """Give an uploaded file a second name: the first goes with the request, before a stream has been read."""
        path = self.spool / secrets.token_hex(16)
        os.link(name, path)
        return path

    def _events(
        self,
        engine: Engine,
        path: Path,
        ticket: Ticket,
        gone: Callable[[], bool],
        streaming: bool,
        with_original: bool,
    ) -> Generator[Event, None, None]:
        began, outcome, first = time.monotonic(), "gone", True
        try:
            yield "queued", {"waiting": self.queue.inside - 1}
            for name, content in analyse(path, engine, self.limits, ticket, gone, streaming):
                if first and name == "steps" and content["step_probs"]:
                    self.metrics.first_step.observe(time.monotonic() - began)
                    first = False
                outcome = name
                yield name, content
                if name == "result" and with_original:
                    ticket.step_aside()
                    yield "original", self.original.answer(engine, path, content["sha256"], content["step_probs"])
        except ClientGoneError:
            outcome = "gone"
        except InputError as error:
            yield "error", {"error": str(error)}
        except GeneratorExit:
            outcome = "gone" if outcome != "result" else outcome
            raise
        except Exception:
            outcome = "failed"
            log("failed", trace=traceback.format_exc())
            yield "error", {"error": "the server failed on this song; it has been noted"}
        finally:
            ticket.release()
            self.metrics.clips.labels(outcome).inc()
            self.metrics.seconds.observe(time.monotonic() - began)

    def open_microphone(self) -> Response:
        """POST /api/live?rate=HZ&system=NAME : begin a stream of live sound."""
        rate = request.args.get("rate", type=int)
        if rate is None:
            return _refused(400, f"give the rate in Hz, {RATES[0]} to {RATES[-1]}: /api/live?rate=48000")
        engine = self.engines.find(request.args.get("system"))
        try:
            name = self.microphones.open(engine, rate)
        except BusyError:
            return _refused(429, "all microphone places are taken; try again in a minute")
        about = {"system": engine.name, "labels": engine.labels, "step_seconds": engine.loaded.step_seconds}
        return jsonify(id=name, rate=rate, **about)

    def hear(self, name: str) -> Response:
        """POST /api/live/ID : float32 samples in, the steps they settle out."""
        request.max_content_length = 4 * MAX_SECONDS_AT_ONCE * RATES[-1]
        answer = self.microphones.push(name, request.get_data(cache=False))
        return jsonify(answer) if answer else _refused(404, "no such stream, or it was silent for too long")

    def close_microphone(self, name: str) -> Response:
        """DELETE /api/live/ID : end a stream."""
        return jsonify(closed=True) if self.microphones.close(name) else _refused(404, "no such stream")


def shipped_clips() -> list[str]:
    """Return the names of the kit's own clips."""
    return sorted(path.name for path in CLIPS.glob("*") if path.suffix in SUFFIXES)


def shipped_clip(name: str) -> Response:
    """GET /clips/NAME : one of the kit's own clips."""
    if name not in shipped_clips():
        return _refused(404, "no such clip")
    return send_file(CLIPS / name)


def _last(events: Iterator[Event]) -> dict[str, Any]:
    """Return the answer or the error that a run ends with, the original's answer inside."""
    answer: dict[str, Any] = {"error": "stopped"}
    for name, content in events:
        if name == "original":
            answer["original"] = content
        elif name in ("result", "error"):
            answer = content
    return answer


def _as_text(events: Generator[Event, None, None]) -> Iterator[str]:
    """Server-sent events; closing the stream closes the run behind it."""
    with closing(events):
        for name, content in events:
            yield f"event: {name}\ndata: {json.dumps(content, separators=(',', ':'))}\n\n"


def _refused(status: int, message: str) -> Response:
    response = jsonify(error=message)
    response.status_code = status
    if status in (429, 503):
        response.headers["Retry-After"] = "5"
    return response


def _failed(error: Exception) -> Response:
    """One readable line for whatever went wrong; the traceback goes to the log only."""
    if isinstance(error, InputError):
        return _refused(400, str(error))
    if isinstance(error, HTTPException):
        too_large = error.code == 413
        return _refused(error.code or 500, "the file is larger than is allowed here" if too_large else error.name)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return _refused(503, "no room for another file just now; try again in a minute")
    log("failed", trace=traceback.format_exc())
    return _refused(500, "the server failed on this request; it has been noted")
