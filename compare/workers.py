"""What worker processes of any pool do alike."""

import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress

PR_SET_PDEATHSIG = 1  # of Linux' prctl
DIED = "the worker that read it died: the decoder crashed, or memory ran out"  # a clip's fault, in words


def cores() -> int:
    """Processors that this process may use; macOS cannot say which, only how many there are."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def begin_worker() -> None:
    """Leave Ctrl-C to the parent, and end when it ends: one that was killed cannot tell its workers.

    The kernel does it where it can; where not, or where the parent is gone already, a thread that watches.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_wait_and_end, daemon=True).start()


@contextmanager
def ctrl_c_for_the_parent() -> Iterator[None]:
    """Workers that are started in this block never see a Ctrl-C, from their first instruction on."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin_with(pickled: bytes) -> None:
    """Begin a worker, and only then do what takes long: import what `pickled`, (function, arguments), is made of."""
    begin_worker()
    function, arguments = pickle.loads(pickled)  # from our own process, never a file
    function(*arguments)


def end_now(pool: ProcessPoolExecutor) -> None:
    """End a pool and its workers, which hold nothing that would be lost: those of a stopped run are not waited for."""
    if sys.exc_info()[0] is not None:
        for worker in list((getattr(pool, "_processes", None) or {}).values()):
            worker.kill()
    pool.shutdown(wait=True, cancel_futures=True)


def _wait_and_end() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
