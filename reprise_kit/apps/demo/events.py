"""A clip's events as a response: a stream of them, or the one answer that they end with."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from reprise_kit.apps.demo.analysis import ClientGoneError, Event
from reprise_kit.apps.demo.refusal import Code, Refusal

TYPE = "text/event-stream"


class EventStream(Response):
    """Server-sent events, of which the first is known; the stream ends with an `error` where they do."""

    def __init__(self, first: Event, events: AsyncIterator[Event]) -> None:
        """events: the others; closed with the stream."""
        super().__init__(media_type=TYPE)
        del self.headers["content-length"]
        self.first, self.events = first, events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them as they come."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

        async def tell(event: Event) -> None:
            await send({"type": "http.response.body", "body": as_text(event), "more_body": True})

        async with aclosing(self.events):  # type: ignore[type-var]
            await tell(self.first)
            try:
                async for event in self.events:
                    await tell(event)
            except Refusal as refusal:
                await tell(("error", refusal.content))
            except ClientGoneError:
                pass  # nobody is told
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def as_text(event: Event) -> bytes:
    """One event on the wire."""
    name, content = event
    return f"event: {name}\ndata: {json.dumps(content, separators=(',', ':'))}\n\n".encode()


async def last(events: AsyncIterator[Event]) -> dict[str, Any]:
    """Return the answer that a run ends with, the original's answer inside; raises Refusal on an error."""
    answer: dict[str, Any] = {}
    async with aclosing(events):  # type: ignore[type-var]
        async for name, content in events:
            if name == "error":
                raise Refusal(Code(content["code"]), content["error"])
            if name == "result":
                answer = content
            elif name == "original":
                answer = answer | {"original": content}
    return answer


def wanted(accept: str) -> bool:
    """Whether a client that sends this Accept header would rather have events than the answer alone."""
    kinds = [kind.partition(";") for kind in accept.lower().split(",")]
    events = [_quality(options) for kind, _, options in kinds if kind.strip() == TYPE]
    return bool(events) and max(events) > 0 and max(events) >= max(_quality(options) for _, _, options in kinds)


def _quality(options: str) -> float:
    try:
        return next((float(o.strip()[2:]) for o in options.split(";") if o.strip().startswith("q=")), 1.0)
    except ValueError:
        return 0.0
