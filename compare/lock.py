"""A file that one process at a time holds, and loses when it ends in whatever way: two runs never write the same."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reprise_kit.compare.errors import InputError

PAUSE_SECONDS = 0.05  # between two looks at a lock that another process has


@contextmanager
def held(path: Path, busy: str, wait: float = 0.0) -> Iterator[None]:
    """Hold the lock `path`, a file that stays; wait at most `wait` seconds for another process that has it.

    Raises InputError with the line `busy` where that one does not let go.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + wait
    while (lock := try_lock(path)) is None:
        if time.monotonic() >= until:
            raise InputError(busy)
        time.sleep(PAUSE_SECONDS)
    try:
        yield
    finally:
        os.close(lock)


def try_lock(path: Path) -> int | None:
    """Lock a file, made where there is none; return the descriptor whose closing lets go, None where another has it.

    Raises FileNotFoundError where its folder is missing.
    """
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(lock), path.stat()):
                return lock
        except BlockingIOError:
            os.close(lock)
            return None
        except FileNotFoundError:
            pass
        os.close(lock)  # of a file that the one before us has removed
