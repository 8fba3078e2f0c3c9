"""What worker processes of any pool do alike."""

import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
PR_SET_PDEATHSIG = 1  # of Linux' prctl
ROOT = Path(__file__).parents[2]  # where the package lies
SAFE_PATH = "PYTHONSAFEPATH"  # set: Python puts no folder of its own choice first on the path
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
    killed_with_parent()
    threading.Thread(target=_wait_and_end, daemon=True).start()


def end_with_parent(parent: int) -> None:
    """In a process that was just forked: be killed when `parent` ends, or end now where it is gone already."""
    killed_with_parent()
    if os.getppid() != parent:
        os._exit(1)


def killed_with_parent() -> None:
    """Have the kernel kill this process when the one that made it ends."""
    with suppress(OSError, AttributeError):  # Linux only
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def python(program: str) -> list[str]:
    """Return the command of a Python with this one's path that runs `program`, but nothing out of the working folder.

    -I and no site: nothing of a user's is imported either. An editable installation finds the package by a hook that
    runs in this process only, so that its folder is named.
    """
    here = Path.cwd()
    places = [Path(place).absolute() for place in sys.path]
    path = [str(place) for place in (*(place for place in places if place != here), ROOT)]
    return [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:] = {path!r}; {program}"]


@contextmanager
def starting() -> Iterator[None]:
    """Workers that are started in this block never see a Ctrl-C, from their first instruction on.

    Nor do they import what lies in the folder that the user stands in: it may be a stranger's, with a `json.py` in it.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    kept = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        with _undisturbed():
            yield
    finally:
        if kept is None:
            os.environ.pop(SAFE_PATH, None)
        else:
            os.environ[SAFE_PATH] = kept
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Put a Ctrl-C off until the block is done: a worker that was half begun would be known to nobody.

    Blocking it in this thread is not enough: a library's threads take it, and Python then handles it in this one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


class Workers(ProcessPoolExecutor):
    """A pool of processes that are started as in `starting`, whenever that is."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """As the pool's own."""
        with starting():
            super().__init__(*arguments, **options)

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> "Future[Any]":
        """As the pool's own."""
        with starting():
            return super().submit(function, *arguments, **options)


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


class Died(Exception):
    """A child died, of what its words say: a signal's name, or an exit code."""


class Child:
    """A process for what may end its process, as native code can: it stays for the next call, or is replaced."""

    def __init__(self) -> None:
        """Start none yet."""
        self._pool = self._new()

    def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return what the function returns, raise what it raises; raises Died where its process dies."""
        asked = self._pool.submit(function, *arguments)
        workers = list((getattr(self._pool, "_processes", None) or {}).values())
        try:
            result: T = asked.result()
            return result
        except BrokenProcessPool:
            end_now(self._pool)
            self._pool = self._new()
            raise Died(_how(workers)) from None

    def end(self) -> None:
        """End it."""
        end_now(self._pool)

    @staticmethod
    def _new() -> Workers:
        return Workers(1, multiprocessing.get_context("spawn"), begin_worker)


@contextmanager
def child() -> Iterator[Child]:
    """Give a child; its process ends with the block."""
    one = Child()
    try:
        yield one
    finally:
        one.end()


def _how(workers: list[Any]) -> str:
    """Say how a process of native code ended; what was killed by another is most often memory."""
    codes = []
    for worker in workers:
        worker.join()
        codes.append(worker.exitcode)
    code = next((code for code in codes if code), None)
    if code is None or code >= 0:
        return f"exit code {code}"
    return signal.Signals(-code).name + (", which the system sends where memory runs out" if code == -9 else "")


def _wait_and_end() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
