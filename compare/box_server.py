"""The process that boxes are forked from: it imports readers, forks one for each request, and tells how each ended.

A reader's module may have a function `before_the_box`: what it loads and makes, once, is there in every box.
"""

import importlib
import json
import os
import select
import signal
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from reprise_kit.compare import confinement
from reprise_kit.compare.freed import keep_what_is_freed

if TYPE_CHECKING:
    from reprise_kit.compare.frames import RoomInside

REQUEST_BYTES = 1 << 17
KEPT = 1 << 25  # bytes of a reader's arrays
HELD = 4  # arrays that a box which stays tells of at once
done: list[str] = []  # in a box: what keeps it in


def serve(descriptor: int) -> None:
    """Answer requests until the line closes: whoever asked has ended, and the readers that are left end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    done[:] = confinement.begin()
    keep_what_is_freed(KEPT, KEPT)
    with socket.socket(fileno=descriptor) as line:
        readers = _Readers(line)
        threading.Thread(target=readers.end_with_line, daemon=True).start()  # a new namespace wants one thread
        readers.serve()


class _Readers:
    """The readers at work: by process, the descriptor that tells of its end and the line to whoever waits for it."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.at_work: dict[int, tuple[int, socket.socket]] = {}
        self.killed: set[int] = set()  # of them, and not buried yet

    def serve(self) -> None:
        while True:
            ready = {number for number, _ in self._waiting().poll()}
            self._end_those(ready)
            if self.line.fileno() in ready:
                self._take()

    def _waiting(self) -> select.poll:
        """For a request, the end of a reader, and whoever waits for one giving it up."""
        poll = select.poll()
        poll.register(self.line, select.POLLIN)
        for pid, (ended, their_line) in self.at_work.items():
            poll.register(ended, select.POLLIN)
            if pid not in self.killed:
                poll.register(their_line, select.POLLIN)
        return poll

    def _end_those(self, ready: set[int]) -> None:
        """Bury readers that ended, and end those that nobody waits for any more: their line is closed."""
        for pid, (ended, their_line) in list(self.at_work.items()):
            if ended in ready:
                self._bury(pid)
            elif their_line.fileno() in ready:
                os.kill(pid, signal.SIGKILL)
                self.killed.add(pid)

    def end_with_line(self) -> None:
        """End when the line closes, also in the middle of an import."""
        poll = select.poll()
        poll.register(self.line, 0)  # its closing is told all the same
        poll.poll()
        self._end()

    def _end(self) -> NoReturn:
        """End this process and its readers."""
        for pid in list(self.at_work):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        os._exit(0)

    def _take(self) -> None:
        """Begin on a request."""
        request, descriptors, _, _ = socket.recv_fds(self.line, REQUEST_BYTES, 4)
        if not request or len(descriptors) < 3:
            self._end()
        pipe, theirs, shared, *handed = descriptors
        asked = json.loads(request)
        with suppress(Exception):  # the reader says why
            importlib.import_module("reprise_kit.compare.frames")
            module = importlib.import_module(asked["reader"][0])
            if ready := getattr(module, "before_the_box", None):
                ready()
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            _read(pipe, shared, handed, asked, server)
        for passed in (pipe, shared, *handed):
            os.close(passed)
        self.at_work[pid] = os.pidfd_open(pid), socket.socket(fileno=theirs)

    def _bury(self, pid: int) -> None:
        """Tell whoever waits how a reader ended."""
        _, status = os.waitpid(pid, 0)
        ended, their_line = self.at_work.pop(pid)
        self.killed.discard(pid)
        os.close(ended)
        with their_line, suppress(OSError):
            their_line.send(str(os.waitstatus_to_exitcode(status)).encode())


def _read(pipe: int, shared: int, handed: list[int], asked: dict[str, Any], server: int) -> None:
    """Be a box: give up everything else, read the files one after another, end."""
    code = 1
    try:
        _close_all_but(pipe, shared, *handed)
        from reprise_kit.compare.frames import RoomInside

        room = RoomInside(shared)  # before what may be mapped is bounded
        os.chdir(asked["folder"])
        paths = [Path(path) for path in asked["paths"]]
        memory, seconds = asked["limits"]
        also = map(Path, asked["also"])
        named, opened = ([], len(paths) or asked["more"]) if handed else (paths, 0)
        done.extend(confinement.confine(named, also, memory, seconds, opened))
        if os.getppid() != server:
            return  # which ended before the kernel knew that this process is to end with it
        module, name = asked["reader"]
        saying = _Saying(pipe, 1 if paths else HELD)
        for path, arguments in _asked(asked, handed):
            confinement.begin_file(seconds)
            if not paths:  # whoever asks has taken the last file's arrays out
                room.end = 0
            _answer(saying, room, path, partial(_read_by, module, name, path, arguments))
        code = 0
    finally:
        os._exit(code)


def _asked(asked: dict[str, Any], handed: list[int]) -> Iterator[tuple[Path, list[Any]]]:
    """Yield each file and what its reader gets: those named, or what comes by a line, a file open already each."""
    for path in asked["paths"]:
        yield Path(path), [*handed, *asked["arguments"]]
    if asked["paths"]:
        return
    with socket.socket(fileno=handed[0]) as line:
        for _ in range(asked["more"]):
            request, descriptors, _, _ = socket.recv_fds(line, REQUEST_BYTES, 1)
            if not request:
                return
            path, arguments = json.loads(request)
            yield Path(path), [*descriptors, *arguments]
            os.close(descriptors[0])


def _read_by(module: str, name: str, path: Path, arguments: list[Any]) -> Iterator[Any]:
    yield from getattr(importlib.import_module(module), name)(path, *arguments)


def _close_all_but(*kept: int) -> None:
    """Close every other descriptor but the standard ones: those of other requests, and the line they come by."""
    first = 3
    for descriptor in (*sorted(kept), 1 << 16):
        os.closerange(first, descriptor)
        first = descriptor + 1


def _answer(saying: "_Saying", room: "RoomInside", path: Path, reading: Callable[[], Any]) -> None:
    """Say what a reader yields, or why it cannot."""
    import numpy as np

    from reprise_kit.compare import frames
    from reprise_kit.compare.errors import InputError

    try:
        for item in reading():
            if isinstance(item, np.ndarray):
                saying.hold(*frames.array(item, room))
            else:
                saying.say(frames.message(frames.VALUE, item))
        saying.say(frames.message(frames.DONE))
    except InputError as error:
        saying.say(frames.message(frames.REFUSED, str(error)))
    except MemoryError:
        saying.say(frames.message(frames.REFUSED, f"{path}: reading it takes more memory than a file of its size may"))
    except Exception as error:
        words = f"{type(error).__name__}: {error}".strip(": ")
        saying.say(frames.message(frames.FAULT, [words, "".join(traceback.format_exception(error))]))


class _Saying:
    """What goes into the pipe: of arrays so many frames at once, which wake up whoever waits for them once."""

    def __init__(self, pipe: int, most: int) -> None:
        self.pipe, self.most = pipe, most
        self.held: list[bytes] = []

    def hold(self, frame: bytes, raw: memoryview) -> None:
        """Say an array with the next ones, if all of it is in memory."""
        self.held.append(frame)
        if raw or len(self.held) >= self.most:
            self.say(raw)

    def say(self, last: bytes | memoryview) -> None:
        for part in (b"".join(self.held), last):
            left = memoryview(part)
            while left:
                left = left[os.write(self.pipe, left) :]
        self.held.clear()
