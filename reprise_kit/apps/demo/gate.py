"""The door of the application: who may come in, what every answer says beside itself, and a line of log for each."""

import time
import traceback
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reprise_kit.apps.demo.analysis import Limits
from reprise_kit.apps.demo.callers import refusal
from reprise_kit.apps.demo.observe import Metrics, log
from reprise_kit.apps.demo.refusal import Code, Refusal, failure

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
PREFIXES = ("/api/v1", "/api")
QUIET = ("/health", "/metrics")  # asked every few seconds by machines: not logged when all is well


def as_json(refused: Refusal) -> JSONResponse:
    """The answer that a refusal is."""
    headers = {"Retry-After": str(refused.retry_after)} if refused.retry_after else {}
    return JSONResponse(refused.content, refused.status, headers)


class Gate:
    """ASGI middleware around everything."""

    def __init__(self, app: ASGIApp, limits: Limits, metrics: Metrics) -> None:
        """Let in whom `limits` allow."""
        self.app, self.limits, self.metrics = app, limits, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began, status = time.monotonic(), 0

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        try:
            await self._app(scope)(scope, receive, told)
        except Exception:
            log("failed", trace=traceback.format_exc())
            if not status:
                await as_json(failure())(scope, receive, told)
        finally:
            self._note(scope, status, round(time.monotonic() - began, 4))
        return None

    def _app(self, scope: Scope) -> ASGIApp:
        headers = Headers(scope=scope)
        reason = refusal(headers.get("host", ""), headers.get("origin"), self.limits.allowed_hosts)
        return as_json(Refusal(Code.FOREIGN, reason)) if reason else self.app

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route: Any = scope.get("route")
        prefix = next((p for p in PREFIXES if scope["path"].startswith(f"{p}/")), "")
        path = f"{prefix}{route.path}" if route else "none"
        self.metrics.requests.labels(path, status).inc()
        if path not in QUIET or status != 200:
            size = Headers(scope=scope).get("content-length")
            log("request", method=scope["method"], route=path, status=status, seconds=seconds, bytes_in=size)
