"""A request's body into a file of the spool as it arrives, raw or as a form, at a pace that is bounded below."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from reprise_kit.apps.demo.refusal import Code, Refusal, no_room

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

PAUSE_SECONDS = 10.0  # without a byte
WINDOW_SECONDS = 20.0  # in which at least so many bytes are to arrive:
WINDOW_BYTES = 40_000
FIELD_BYTES = 1000  # of a form's field beside the clip that are read: no name is so long
FIELDS = ("clip", "system")
CHUNK_BYTES = 1 << 16


async def body(request: Request, most: int) -> AsyncIterator[bytes]:
    """Yield a request's body; raises Refusal where it is too large, too slow or breaks off."""
    too_large = Refusal(Code.TOO_LARGE, f"the file is larger than is allowed here, {most / 2**20:g} MB")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise too_large
    clock, total = asyncio.get_running_loop().time, 0
    since, counted = clock(), 0
    chunks = request.stream()
    while True:
        try:
            chunk = await asyncio.wait_for(anext(chunks), PAUSE_SECONDS)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise _slow() from None
        except ClientDisconnect:
            raise Refusal(Code.BAD_REQUEST, "the upload broke off") from None
        total, counted = total + len(chunk), counted + len(chunk)
        if total > most:
            raise too_large
        if clock() - since > WINDOW_SECONDS:
            if counted < WINDOW_BYTES:
                raise _slow()
            since, counted = clock(), 0
        yield chunk


def _slow() -> Refusal:
    return Refusal(Code.TOO_SLOW, f"too slow: send at least {WINDOW_BYTES // WINDOW_SECONDS:g} bytes a second")


class Spool:
    """The folder of the uploads, and how much all of them may hold together."""

    def __init__(self, folder: Path, most: int) -> None:
        """Keep at most `most` bytes in `folder`."""
        self.folder, self.left = folder, most

    def take(self, size: int) -> None:
        """Reserve room; raises Refusal where there is none."""
        if size > self.left:
            raise no_room()
        self.left -= size


class Arrival:
    """A clip that is arriving in a file: `size` bytes by now, all of it when `complete`. To be discarded at the end."""

    def __init__(self, path: Path, spool: Spool) -> None:
        """Open the file, empty."""
        self.path, self.spool = path, spool
        self.size, self.complete, self.system = 0, False, ""
        self.expected = 0  # bytes, an estimate; 0: not said
        self.changed = threading.Condition()
        self._file: BinaryIO | None = path.open("xb")

    async def receive(self, request: Request, most: int) -> None:
        """Read a request's body to its end; raises Refusal."""
        try:
            await self._receive(request, most)
        finally:
            self._close()

    async def _receive(self, request: Request, most: int) -> None:
        kind, options = parse_options_header(request.headers.get("content-type"))
        length = request.headers.get("content-length", "")
        self.expected = int(length) if length.isdigit() else 0
        if kind == b"multipart/form-data":
            await self._receive_form(request, most, options.get(b"boundary", b""))
        else:
            async for chunk in body(request, most):
                self.write(chunk)
            if not self.size:
                raise Refusal(Code.NO_CLIP, "no file: send it as the body, or as the multipart field `clip`")

    async def _receive_form(self, request: Request, most: int, boundary: bytes) -> None:
        form = Form(self)
        try:
            parser = MultipartParser(boundary, form.callbacks)
            async for chunk in body(request, most):
                parser.write(chunk)
            parser.finalize()
        except FormParserError:
            raise Refusal(Code.BAD_FORM, "the form cannot be read; send multipart/form-data") from None
        form.finish()

    def write(self, chunk: bytes) -> None:
        """Take bytes of the clip; raises Refusal where the spool or the disk is full."""
        assert self._file is not None
        self.spool.take(len(chunk))
        self.size += len(chunk)
        self._file.write(chunk)
        self._file.flush()
        with self.changed:
            self.changed.notify_all()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        with self.changed:
            self.complete = True
            self.changed.notify_all()

    def feed(self, pipe: IO[bytes]) -> None:
        """Write the clip into a pipe as it arrives, in a thread of its own; ends with either."""
        with suppress(OSError), pipe, self.path.open("rb") as file:
            while True:
                if chunk := file.read(CHUNK_BYTES):
                    pipe.write(chunk)
                    pipe.flush()
                elif self.complete:
                    return
                else:
                    with self.changed:
                        self.changed.wait(1.0)

    def discard(self) -> None:
        """Delete the file; safe to call twice."""
        self._close()
        self.path.unlink(missing_ok=True)
        self.spool.left += self.size
        self.size = 0


class Form:
    """The parts of a multipart body: one `clip`, and if wanted `system`."""

    def __init__(self, arrival: Arrival) -> None:
        """Send the clip's bytes to `arrival`."""
        self.arrival = arrival
        self.seen: list[str] = []
        self.value = self.header = b""
        self.disposition: dict[bytes, bytes] = {}
        self.callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": self._end,
        }

    def _begin(self) -> None:
        self.header = self.value = b""
        self.disposition = {}

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self.header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def _header_end(self) -> None:
        if self.header.lower() == b"content-disposition":
            self.disposition = parse_options_header(self.value)[1]
        self.header = self.value = b""

    def _headers_finished(self) -> None:
        name = self.disposition.get(b"name", b"").decode("utf-8", "replace")
        if name not in FIELDS:
            raise Refusal(Code.UNKNOWN_PARAMETER, f"no field {name[:40]!r}; there are: {', '.join(FIELDS)}")
        if name in self.seen:
            raise Refusal(Code.BAD_FORM, f"the field {name!r} came twice")
        self.seen.append(name)
        self.value = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self.seen[-1] == "clip":
            return self.arrival.write(data[start:end])
        self.value = (self.value + data[start:end])[:FIELD_BYTES]
        return None

    def _end(self) -> None:
        if self.seen[-1] == "system":
            self.arrival.system = self.value.decode("utf-8", "replace")

    def finish(self) -> None:
        """Raise Refusal where there was no clip."""
        if "clip" not in self.seen:
            raise Refusal(Code.NO_CLIP, "no file: send it as the multipart field `clip`, or as the body")
