"""Strangers' files are read in a box: a process that can read that file, answer, and nothing else.

    for item in boxed(READER, path, more arguments, limits=Limits(...)):

READER is a function on the top level of a module, `READER(path, *arguments)`, that yields JSON values and arrays. It
runs in a process of its own with what `compare/confinement.py` takes from it; that process is forked off one that was
started once and has imported the reader's module already. What comes back is bounded and held to be hostile. However
the reader ends - a crash, a limit, silence - is one InputError that names the file.
"""

import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reprise_kit.compare import frames
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import LINE, unforeseen
from reprise_kit.compare.workers import python, starting

MB = 1 << 20
MORE = 16  # files that a box reads which stays for more
AHEAD = 1 << 12  # bytes of frames that are read before they are asked for
WORDS = 2000  # characters of a message that are taken from a box


@dataclass(frozen=True)
class Limits:
    """What a reader may take. memory: bytes beyond what its libraries map. seconds: of processor time.

    answer: bytes of all that it answers on one file; shared: of what of all of that may lie in memory. silence: seconds
    of the clock without a byte, then it is taken to hang. They grow with the file, by so many `times` its bytes and a
    second for each `per_second` of them.
    """

    memory: int = 256 * MB
    seconds: int = 2
    answer: int = 256 * MB
    shared: int = 256 * MB
    silence: float = 60.0
    times: int = 0
    per_second: int = 0

    def grown(self, paths: Sequence[Path], also: Sequence[Path]) -> "Limits":
        """Return the limits for the largest of some files, each read with the files of the folders `also`."""
        if not self.per_second:
            return self
        beside = sum(_size(file) for folder in also if folder.is_dir() for file in folder.iterdir())
        size = max(beside or _size(path) for path in paths)
        more = self.times * size
        return replace(
            self,
            memory=self.memory + more,
            answer=self.answer + more,
            shared=self.shared + more,
            seconds=self.seconds + size // self.per_second,
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


Reader = Callable[..., Iterator[Any]]


def boxed(
    reader: Reader,
    path: Path,
    *arguments: Any,
    limits: Limits | None = None,
    also: Sequence[Path] = (),
    handed: int | None = None,
) -> Generator[Any, None, None]:
    """Yield what `reader(path, *arguments)` yields, JSON values and arrays, from a box.

    arguments: JSON values. also: more files, and folders with all that is in them, that it may read. handed: an open
    file, for which the reader gets a descriptor before its arguments; where one stands in it, the other does.

    Raises InputError, of the reader's own words or how its process ended; UnforeseenError on an exception of the reader
    that is none.
    """
    for items in boxed_each(reader, [path], *arguments, limits=limits, also=also, handed=handed):
        yield from items


def boxed_each(
    reader: Reader,
    paths: Sequence[Path],
    *arguments: Any,
    limits: Limits | None = None,
    also: Sequence[Path] = (),
    handed: int | None = None,
) -> Iterator[Iterator[Any]]:
    """Yield for each path what `boxed` does, from as few boxes as may be: one, and one more after each that ended.

    limits: for each of the files. handed: of one path alone. The items of one are to be read before the next one's.
    """
    limits, left = (limits or Limits()).grown(paths, also), list(paths)
    while left:
        with _SERVER.ask(reader, limits, handed, paths=left, also=also, arguments=arguments) as answer:
            whole = True
            while left and whole:
                items = Items(answer, left.pop(0), limits)
                yield items
                whole = items.whole


def staying(reader: Reader, limits: Limits, line: socket.socket) -> "Answer":
    """Begin a box that stays for MORE files: for what comes by the other end of a line, [path, arguments] and the
    descriptor of that file, open already, it answers with `Items`."""
    return _SERVER.ask(reader, limits, line.fileno(), paths=[], also=[], arguments=[])


class Items(Iterator[Any]):
    """What was read of one file; `whole` once nothing more comes and the box can read another, `good` if all was."""

    def __init__(self, answer: "Answer", path: Path, limits: Limits) -> None:
        """Nothing is read yet."""
        self.answer, self.path, self.limits = answer, path, limits
        self.left, self.whole, self.good = limits.answer, False, False

    def __next__(self) -> Any:
        """Return the next value or array; raises as `boxed` says."""
        if self.whole:
            raise StopIteration
        kind, value = self._next()
        self.whole = kind not in (frames.VALUE, frames.ARRAY)
        if kind == frames.DONE:
            self.good = True
            raise StopIteration
        if kind == frames.REFUSED:
            raise InputError(str(value)[:WORDS])
        if kind == frames.FAULT:
            raise _fault(self.path, value)
        return value

    def _next(self) -> tuple[bytes, Any]:
        try:
            kind, value, size = frames.receive(self.answer.fill, self.answer.shared, self.left)
        except EOFError:
            raise InputError(f"{self.path}: {self.answer.how_it_ended(self.limits)}") from None
        except frames.FrameError as error:
            raise InputError(f"{self.path}: its reader answered what it may not ({error}); refused") from None
        self.left -= size
        return kind, value


def confinements() -> list[str]:
    """Return the names of what keeps a box in on this machine, as the box itself found; see confinement.NAMES."""
    found, _ = boxed(said, Path(os.devnull))
    return [str(name) for name in found]


def said(path: Path) -> Iterator[Any]:
    """A reader that reads nothing and says what keeps it in, and the processor time that it had."""
    from reprise_kit.compare import box_server

    yield box_server.done
    yield sum(os.times()[:2])


def _fault(path: Path, value: Any) -> InputError:
    """What a reader's unforeseen exception is here: [type and words, its trace]."""
    try:
        words, trace = map(str, value)
    except (TypeError, ValueError):
        words, trace = "exception", ""
    error = RuntimeError(words[:LINE])
    error.add_note(trace[:100_000])
    return unforeseen(error, path)


class Answer:
    """One request: the pipe and the memory its answer comes by, and the line that tells of its end and asks for it."""

    def __init__(self, pipe: int, shared: frames.Room, line: socket.socket, silence: float) -> None:
        """Take hold of what it comes by."""
        self.pipe, self.shared, self.line, self.silence = pipe, shared, line, silence
        self.silent = False
        self.waiting = select.poll()
        self.waiting.register(pipe, select.POLLIN)
        self.ahead = memoryview(bytearray(AHEAD))
        self.read = self.ahead[:0]  # of it, what was not asked for yet

    def __enter__(self) -> "Answer":
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the request, whatever its process does."""
        self.line.close()  # which ends the process, if it runs
        os.close(self.pipe)
        self.shared.close()

    def fill(self, room: memoryview) -> None:
        """Read as many bytes as `room` has, or more, ahead; raises EOFError where the process ended or fell silent."""
        at = min(len(room), len(self.read))
        room[:at], self.read = self.read[:at], self.read[at:]
        while at < len(room):
            if not self.waiting.poll(self.silence * 1000):
                self.silent = True
                raise EOFError
            n = os.readv(self.pipe, [room[at:], self.ahead])
            if not n:
                raise EOFError
            at += n
        if at > len(room):
            self.read = self.ahead[: at - len(room)]

    def ended(self) -> bool:
        """Whether its process is no more."""
        told = select.poll()
        told.register(self.line, select.POLLIN)
        return bool(told.poll(0))

    def how_it_ended(self, limits: Limits) -> str:
        """Say why there is no more, in words."""
        if self.silent:
            return f"nothing could be read of it in {limits.silence:g} s; it is refused"
        told = self.line.recv(16)
        if not told:
            return "the process that files are read in did not start, or was ended from outside; try again"
        status = int(told)
        if status in (-signal.SIGXCPU, -signal.SIGKILL):
            return f"reading it takes more than {limits.seconds} s of processor time, the limit for its size; refused"
        name = signal.Signals(-status).name if status < 0 else f"exit code {status}"
        return f"damaged or hostile: its reader crashed on it ({name})"


class _Server:
    """The process that boxes are forked from, started with the first; one for each process and its threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.owner = 0
        self.line: socket.socket | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def ask(self, reader: Reader, limits: Limits, handed: int | None, **asked: Any) -> Answer:
        """Begin to read files in a box. asked: `paths`, `also` and `arguments`, as `boxed` has them."""
        asked |= {
            "reader": [reader.__module__, reader.__qualname__],
            "limits": [limits.memory, limits.seconds],
            "folder": str(Path.cwd()),
            "more": MORE,
        }
        mine, theirs = os.pipe()
        with suppress(OSError):  # more than a user may have
            fcntl.fcntl(mine, fcntl.F_SETPIPE_SZ, MB)
        line, its_end = socket.socketpair()
        shared = frames.Room(limits.shared, anew=not asked["paths"])
        try:
            descriptors = [theirs, its_end.fileno(), shared.descriptor, *([] if handed is None else [handed])]
            self._send(json.dumps(asked, default=str).encode(), descriptors)
        finally:
            os.close(theirs)
            its_end.close()
        return Answer(mine, shared, line, limits.silence)

    def _send(self, request: bytes, descriptors: list[int]) -> None:
        with self.lock:
            for again in (True, False):
                if self.line is None or self.owner != os.getpid():
                    self._start()
                assert self.line is not None
                try:
                    socket.send_fds(self.line, [request], descriptors)
                except OSError:
                    self.line = None
                    if not again:
                        raise
                else:
                    return

    def _start(self) -> None:
        """Start it; it ends when this end of its line closes, which the end of this process does."""
        mine, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with theirs, starting():
            self.process = subprocess.Popen(
                python(f"from reprise_kit.compare.box_server import serve; serve({theirs.fileno()})"),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self.line, self.owner = mine, os.getpid()


_SERVER = _Server()
