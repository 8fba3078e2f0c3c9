"""The demo's pages and HTTP API (reprise_kit/apps/demo/API.md) over the engines; no signal processing here."""

import errno
import re
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from reprise_kit.apps.demo import events, schema
from reprise_kit.apps.demo.analysis import ClientGoneError, Event, Limits, Told
from reprise_kit.apps.demo.engine import VERSION, Engines
from reprise_kit.apps.demo.gate import Gate, as_json
from reprise_kit.apps.demo.microphone import MAX_SECONDS_AT_ONCE, RATES, Microphones
from reprise_kit.apps.demo.observe import Metrics, log
from reprise_kit.apps.demo.original import Original
from reprise_kit.apps.demo.page import STATIC, page, shipped
from reprise_kit.apps.demo.queue import Queue
from reprise_kit.apps.demo.refusal import WAIT_SECONDS, Code, Refusal, failure, no_room, stopping
from reprise_kit.apps.demo.schema import answers
from reprise_kit.apps.demo.upload import Spool, body
from reprise_kit.apps.demo.visit import House, Visit
from reprise_kit.compare import box_pool
from reprise_kit.compare.errors import InputError

API = "/api/v1"
GONE = 499  # the status that log and metrics have where the client left; nobody reads it
PAGE_SECONDS = 2.0  # for which the page is kept as it was made
SYSTEM = Query(description="name of a system; default: the server's")
BYTES = {"schema": {"type": "string", "format": "binary"}}
FORM = {
    "schema": {
        "type": "object",
        "properties": {"clip": BYTES["schema"], "system": {"type": "string"}},
        "required": ["clip"],
        "additionalProperties": False,
    }
}


def raw_body(**kinds: Any) -> dict[str, Any]:
    """`openapi_extra` of a route that reads its request itself."""
    content = {"application/octet-stream": BYTES, **{name.replace("_", "/"): kind for name, kind in kinds.items()}}
    return {"requestBody": {"required": True, "content": content}}


class Demo:
    """The application and what its requests share."""

    def __init__(
        self, engines: Engines, spool: Path, limits: Limits | None = None, original: str | None = None
    ) -> None:
        """Serve `engines`, the default one warm; uploads live in the folder `spool` while they are worked on."""
        box_pool.most = 1  # an upload is none of the next one's sender's business
        self.engines, self.limits = engines, limits or Limits()
        self.original = Original(original, engines.own_name)
        queue = Queue(self.limits.running, self.limits.waiting)
        self.house = House(engines, Spool(spool, self.limits.spool_bytes), self.limits, self.original, queue)
        self.microphones = Microphones(self.limits.microphones)
        self.metrics = Metrics(lambda: len(self.house.inside), lambda: len(self.microphones))
        engines.default.warm_up()
        self.about = engines.default.about()
        self._pages: dict[str, tuple[float, str]] = {}
        self.api = FastAPI(
            title="Reprise", version=VERSION, openapi_url=f"{API}/openapi.json", docs_url=None, redoc_url=None
        )
        self._route()
        self.app = Gate(self.api, self.limits, self.metrics)

    def _route(self) -> None:
        api = APIRouter(dependencies=[Depends(refuse_unknown)])
        api.get("/about", responses=answers(schema.About))(self.say_about)
        api.post(
            "/predict",
            responses=answers(schema.Prediction, *PREDICT_REFUSALS, stream=True),
            openapi_extra=raw_body(**{"multipart_form-data": FORM}),
        )(self.predict)
        refusals = (Code.BAD_PARAMETER, Code.UNKNOWN_SYSTEM, Code.NOT_FETCHED, Code.NO_LIVE_PATH)
        stream = {word: schema.link("/live/{name}", how, name="id") for word, how in schema.MICROPHONE}
        opened = answers(schema.Opened, *refusals, Code.BUSY, Code.STOPPING, links=stream)
        api.post("/live", responses=opened)(self.open_microphone)
        refusals = (Code.NO_STREAM, Code.BAD_SOUND, Code.TOO_LARGE, Code.TOO_SLOW)
        api.post("/live/{name}", responses=answers(schema.Heard, *refusals), openapi_extra=raw_body())(self.hear)
        api.delete("/live/{name}", responses=answers(schema.Closed, Code.NO_STREAM))(self.close_microphone)
        self.api.include_router(api, prefix=API)
        self.api.include_router(api, prefix="/api", include_in_schema=False)  # as it was before it had a version
        health = answers(schema.Health) | {503: {"model": schema.Health}}
        self.api.get("/health", responses=health, dependencies=[Depends(refuse_unknown)])(self.health)
        for path, view in (("/", self.page), ("/metrics", self.read_metrics), ("/clips/{name}", shipped_clip)):
            self.api.get(path, include_in_schema=False)(view)
        self.api.mount("/static", StaticFiles(directory=STATIC))
        for kind in (Refusal, RequestValidationError, HTTPException, OSError, Exception):
            self.api.add_exception_handler(kind, failed)
        document = self.api.openapi()
        for method in (method for path in document["paths"].values() for method in path.values()):
            if "HTTPValidationError" in str(method["responses"].get("422")):
                del method["responses"]["422"]  # FastAPI's own; here it is a 400 with a code

    async def page(self, request: Request) -> HTMLResponse:
        """GET / : the page."""
        return HTMLResponse(await self._page(str(request.base_url)))

    async def _page(self, url: str) -> str:
        until, made = self._pages.get(url, (0.0, ""))
        if time.monotonic() < until:
            return made
        offers = await run_in_threadpool(self.offers)
        shown = {"about": self.about, "offers": offers, "limits": self.limits, "live": bool(self.original.url)}
        made = page(**shown, url=url, whole_minutes=round(self.limits.whole_file_seconds / 60))
        self._pages = {url: (time.monotonic() + PAGE_SECONDS, made)}
        return made

    def offers(self) -> list[dict[str, Any]]:
        """Return what a person chooses a system by: recommended ones first, those without weights last."""
        offers = [
            engine.offer() | {"compared": bool(engine.weights) and self.original.missing(engine) is None}
            for engine in self.engines
        ]
        offers.sort(key=lambda offer: (not offer["recommended"], not offer["available"]))
        return offers

    def say_about(self) -> JSONResponse:
        """The default system, and all that can be chosen."""
        return JSONResponse({**self.about, "systems": self.offers()})

    async def health(self) -> JSONResponse:
        """200 while new work is taken, 503 while the server is stopping."""
        closed = self.house.queue.closed
        later = {"Retry-After": str(WAIT_SECONDS[Code.STOPPING])} if closed else {}
        return JSONResponse({"status": "stopping" if closed else "ok", **self.about}, 503 if closed else 200, later)

    def read_metrics(self) -> Response:
        """GET /metrics : Prometheus' text format."""
        return Response(generate_latest(self.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    async def predict(
        self, request: Request, system: Annotated[str | None, SYSTEM] = None, original: bool = False
    ) -> Response:
        """A clip to its answer, or to an event stream where the client accepts one."""
        stream = events.wanted(request.headers.get("accept", ""))
        happening = self._counted(Visit(self.house, request, system, original, stream))
        try:
            if not stream:
                return JSONResponse(await events.last(happening))
            return events.EventStream(await anext(happening), happening)
        except ClientGoneError:
            return Response(status_code=GONE)

    async def _counted(self, visit: Visit) -> AsyncIterator[Event]:
        """A visit's events, each told once, and counted."""
        began, told, outcome = time.monotonic(), Told(), "gone"
        try:
            async with aclosing(visit.events()) as happening:  # type: ignore[type-var]
                async for event in happening:
                    outcome = event[0] if event[0] in ("result", "error") else outcome
                    if told.first_steps(event):
                        self.metrics.first_step.observe(time.monotonic() - began)
                    if news := told.news(event):
                        yield news
        except Refusal as refusal:
            outcome = refusal.code.value
            raise
        except ClientGoneError:
            raise
        except Exception:
            outcome = "failed"
            log("failed", trace=traceback.format_exc())
            raise failure("song") from None
        finally:
            self.metrics.clips.labels(outcome).inc()
            self.metrics.seconds.observe(time.monotonic() - began)

    async def open_microphone(
        self,
        rate: Annotated[int, Query(ge=RATES[0], le=RATES[-1], description="of the sound, Hz")],
        system: Annotated[str | None, SYSTEM] = None,
    ) -> JSONResponse:
        """Begin a stream of live sound."""
        if self.house.queue.closed:
            raise stopping()
        engine = self.house.find(system)
        try:
            name = await run_in_threadpool(self.microphones.open, engine, rate)
        except InputError as error:
            raise Refusal(Code.NO_LIVE_PATH, str(error)) from None
        return JSONResponse(engine.identity() | {"id": name, "rate": rate, "labels": list(engine.labels)})

    async def hear(self, request: Request, name: str) -> JSONResponse:
        """Float32 samples in, the steps they settle out."""
        sound = b"".join([part async for part in body(request, 4 * MAX_SECONDS_AT_ONCE * RATES[-1])])
        try:
            answer = await run_in_threadpool(self.microphones.push, name, sound)
        except InputError as error:
            raise Refusal(Code.BAD_SOUND, str(error)) from None
        if answer is None:
            raise no_stream()
        return JSONResponse(answer)

    async def close_microphone(self, name: str) -> JSONResponse:
        """End a stream of live sound."""
        if not self.microphones.close(name):
            raise no_stream()
        return JSONResponse({"closed": True})


PREDICT_REFUSALS = (
    *(Code.NO_CLIP, Code.BAD_FORM, Code.BAD_PARAMETER, Code.UNKNOWN_SYSTEM, Code.NOT_FETCHED, Code.TOO_SLOW),
    *(Code.TOO_LARGE, Code.BAD_CLIP, Code.BUSY, Code.NO_ROOM, Code.STOPPING),
)


def no_stream() -> Refusal:
    """Nobody is heard under this name."""
    return Refusal(Code.NO_STREAM, "no such stream, or it was silent for too long")


def shipped_clip(name: str) -> FileResponse:
    """GET /clips/NAME : one of the kit's own clips."""
    if name not in shipped():
        raise Refusal(Code.NOT_FOUND, "no such clip")
    return FileResponse(shipped()[name])


async def refuse_unknown(request: Request) -> None:
    """Raise Refusal on a parameter that the route does not have: a misspelt one would be silently without effect."""
    known = [field.alias for field in request.scope["route"].dependant.query_params]
    for name in request.query_params:
        if name not in known:
            allowed = f"there are: {', '.join(known)}" if known else "there are none here"
            raise Refusal(Code.UNKNOWN_PARAMETER, f"no parameter {name[:40]!r}; {allowed}")


async def failed(request: Request, error: Exception) -> JSONResponse:
    """One readable line for whatever went wrong; the traceback goes to the log only."""
    if isinstance(error, Refusal):
        return as_json(error)
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        return as_json(Refusal(Code.BAD_PARAMETER, f"parameter {first['loc'][-1]!r}: {first['msg']}"))
    if isinstance(error, HTTPException):
        allowed = {"Allow": methods} if error.status_code == 405 and (methods := _methods(request)) else {}
        code = {404: Code.NOT_FOUND, 405: Code.WRONG_METHOD}.get(error.status_code, Code.BAD_REQUEST)
        answer = as_json(Refusal(code, str(error.detail)))
        answer.headers.update({**(error.headers or {}), **allowed})
        return answer
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return as_json(no_room())
    log("failed", trace="".join(traceback.format_exception(error)))
    return as_json(failure())


def _methods(request: Request) -> str:
    """What the document has for a path: a route of Starlette's own knows its own method only."""
    for template, methods in request.app.openapi()["paths"].items():
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), request.url.path):
            return ", ".join(sorted(map(str.upper, methods)))
    return ""
