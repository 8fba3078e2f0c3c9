"""Boxes that stay for the next file, where a box of its own for each would cost more than what it is to read.

    with asked(READER, path, descriptor, more arguments, limits=Limits(...)) as items:

is `box.boxed` of a file that is open already. A box is given another file only after one that was read well and to its
end, and no more than `most`: what has crashed or refused one ends with it. A reader that a file has taken over in
silence could answer for the next ones, so whoever reads files of several people has a box for each: `most = 1`.
"""

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reprise_kit.compare.box import MORE, Items, Limits, Reader, staying

most = MORE  # files that a box reads, up to MORE


@contextmanager
def asked(reader: Reader, path: Path, handed: int, *arguments: Any, limits: Limits) -> Iterator[Iterator[Any]]:
    """Yield what a reader yields on an open file, as `box.boxed`; where it stands in the file, the reader does."""
    box = _taken(reader, limits)
    items = None
    try:
        items = box.ask(path, handed, arguments)
        yield items
    finally:
        if items and items.good and box.left:
            with _LOCK:
                _IDLE.append(box)
        else:
            box.close()


class _Box:
    """A box that stays, and for how many files yet."""

    def __init__(self, reader: Reader, limits: Limits) -> None:
        self.reader, self.limits, self.left, self.owner = reader, limits, most, os.getpid()
        self.line, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with theirs:
            self.answer = staying(reader, limits, theirs)

    def ask(self, path: Path, handed: int, arguments: tuple[Any, ...]) -> Items:
        self.left -= 1
        socket.send_fds(self.line, [json.dumps([str(path), arguments]).encode()], [handed])
        return Items(self.answer, path, self.limits)

    def close(self) -> None:
        self.line.close()
        self.answer.__exit__()


_LOCK = threading.Lock()
_IDLE: list[_Box] = []


def _taken(reader: Reader, limits: Limits) -> _Box:
    """Take a box that waits for such a file, or begin one; those that a fork brought along are the parent's."""
    with _LOCK:
        for box in list(_IDLE):
            _IDLE.remove(box)
            fits = (box.owner, box.reader, box.limits) == (os.getpid(), reader, limits)
            if fits and most > 1 and not box.answer.ended():
                return box
            box.close()
    return _Box(reader, limits)
