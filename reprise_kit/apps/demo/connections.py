"""Connections of uvicorn that nobody can keep open by being slow, and whose refusals are JSON.

A slow client costs an open socket, never a thread: what is bounded here is how long it keeps that.
"""

import asyncio
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from reprise_kit.apps.demo.refusal import Code, Refusal

HEADER_SECONDS = 10.0  # from the first byte, or from connecting, to the end of a request's header
REST_SECONDS = 15.0  # for the rest of a body whose request was refused already
READER_SECONDS = 30.0  # without reading anything of an answer that waits to be read
MOST = 800  # connections; past that the one that has waited longest for its header makes room


class Connection(H11Protocol):
    """uvicorn's connection, bounded in time and number."""

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a header."""
        super().connection_made(transport)
        self._alarms: dict[str, asyncio.TimerHandle] = {}
        self._watch()
        if len(self.connections) > MOST:
            idle = [c for c in self.connections if isinstance(c, Connection) and "header" in c._alarms]
            min(idle, key=lambda c: c._alarms["header"].when(), default=self).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop every clock."""
        for name in list(self._alarms):
            self._still(name)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and see what is waited for now."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """An answer is written: the rest of its request's body, if any, is thrown away, for so long."""
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """The client does not read what it asked for."""
        super().pause_writing()
        self._alarm("reader", READER_SECONDS)

    def resume_writing(self) -> None:
        """The client reads on."""
        super().resume_writing()
        self._still("reader")

    def _watch(self) -> None:
        theirs, answered = self.conn.their_state, self.cycle is None or self.cycle.response_complete
        self._during("header", HEADER_SECONDS, theirs is h11.IDLE)
        self._during("rest", REST_SECONDS, theirs is h11.SEND_BODY and answered)

    def _during(self, name: str, seconds: float, on: bool) -> None:
        if not on:
            self._still(name)
        elif name not in self._alarms:
            self._alarm(name, seconds)

    def _alarm(self, name: str, seconds: float) -> None:
        self._still(name)
        self._alarms[name] = self.loop.call_later(seconds, self.transport.abort)

    def _still(self, name: str) -> None:
        if name in self._alarms:
            self._alarms.pop(name).cancel()

    def send_400_response(self, msg: str) -> None:
        """Say in JSON that this is no HTTP."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return self.transport.abort()
        body = json.dumps(Refusal(Code.BAD_REQUEST, "this is no HTTP request that can be read").content).encode()
        headers = [("content-type", "application/json"), ("content-length", str(len(body))), ("connection", "close")]
        events = (h11.Response(status_code=400, headers=headers), h11.Data(data=body), h11.EndOfMessage())
        self.transport.write(b"".join(self.conn.send(event) or b"" for event in events))
        return self.transport.close()
