"""The process that boxes are forked from: it imports readers, forks one for each request, and tells how each ended."""

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
from typing import Any, NoReturn

from reprise_kit.compare import confinement

REQUEST_BYTES = 1 << 17
done: list[str] = []  # in a box: what keeps it in


def serve(descriptor: int) -> None:
    """Answer requests until the line closes: whoever asked has ended, and the readers that are left end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    done[:] = confinement.begin()
    with socket.socket(fileno=descriptor) as line:
        readers = _Readers(line)
        threading.Thread(target=readers.end_with_line, daemon=True).start()  # a new namespace wants one thread
        readers.serve()


class _Readers:
    """The readers at work: by process, the descriptor that tells of its end and the line to whoever waits for it."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.at_work: dict[int, tuple[int, socket.socket]] = {}

    def serve(self) -> None:
        while True:
            poll = select.poll()
            poll.register(self.line, select.POLLIN)
            for ended, their_line in self.at_work.values():
                poll.register(ended, select.POLLIN)
                poll.register(their_line, select.POLLIN)
            ready = {number for number, _ in poll.poll()}
            for pid, (ended, their_line) in list(self.at_work.items()):
                if ended in ready:
                    self._bury(pid)
                elif their_line.fileno() in ready:  # closed: nobody waits for it any more
                    os.kill(pid, signal.SIGKILL)
            if self.line.fileno() in ready:
                self._take()

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
            module = importlib.import_module(asked["reader"][0])
            for name in getattr(module, "IN_THE_BOX", ()):
                importlib.import_module(name)
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
        os.close(ended)
        with their_line, suppress(OSError):
            their_line.send(str(os.waitstatus_to_exitcode(status)).encode())


def _read(pipe: int, shared: int, handed: list[int], asked: dict[str, Any], server: int) -> None:
    """Be a box: give up everything else, read the files one after another, end."""
    code = 1
    try:
        _close_all_but(pipe, shared, *handed)
        os.chdir(asked["folder"])
        paths = [Path(path) for path in asked["paths"]]
        memory, seconds, shared_bytes = asked["limits"]
        also = map(Path, asked["also"])
        named, opened = ([], len(paths) or asked["more"]) if handed else (paths, 0)
        done.extend(confinement.confine(named, also, memory, seconds, shared_bytes, opened))
        if os.getppid() != server:
            return  # which ended before the kernel knew that this process is to end with it
        module, name = asked["reader"]
        for path, arguments in _asked(asked, handed):
            confinement.begin_file(seconds)
            _answer(pipe, (shared, shared_bytes), path, partial(_read_by, module, name, path, arguments))
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


def _answer(pipe: int, shared: tuple[int, int], path: Path, reading: Callable[[], Any]) -> None:
    """Say what a reader yields, or why it cannot."""
    import numpy as np

    from reprise_kit.compare import frames
    from reprise_kit.compare.errors import InputError

    try:
        for item in reading():
            is_array = isinstance(item, np.ndarray)
            _say(pipe, *(frames.array(item, *shared) if is_array else [frames.message(frames.VALUE, item)]))
        _say(pipe, frames.message(frames.DONE))
    except InputError as error:
        _say(pipe, frames.message(frames.REFUSED, str(error)))
    except MemoryError:
        _say(pipe, frames.message(frames.REFUSED, f"{path}: reading it takes more memory than a file of its size may"))
    except Exception as error:
        words = f"{type(error).__name__}: {error}".strip(": ")
        _say(pipe, frames.message(frames.FAULT, [words, "".join(traceback.format_exception(error))]))


def _say(pipe: int, *parts: bytes | memoryview) -> None:
    for part in parts:
        left = memoryview(part)
        while left:
            left = left[os.write(pipe, left) :]
