"""Copies of a store's clips on this machine, brought while the clips before them are answered."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event, Lock

from reprise_kit.apps.archive.archive import BATCH
from reprise_kit.apps.archive.rows import Task
from reprise_kit.apps.archive.stores import fetched, is_address
from reprise_kit.compare.errors import InputError

AHEAD = 2 * BATCH  # clips that are asked for at once
ROOM = 2 << 30  # bytes of copies, above which a clip is left to the worker that answers it


class Copies:
    """Tasks whose clips lie here, and what is to be removed as their rows arrive, in the same order."""

    def __init__(self) -> None:
        """Begin without a copy."""
        self._threads = ThreadPoolExecutor(AHEAD)
        self._kept: deque[ExitStack] = deque()
        self._bytes, self._lock = 0, Lock()
        self._ended = Event()

    def __enter__(self) -> "Copies":
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove every copy; what is being fetched is given up."""
        self._ended.set()
        self._threads.shutdown(wait=True, cancel_futures=True)
        while self._kept:
            self.answered()

    def here(self, tasks: Iterable[Task]) -> Iterator[Task]:
        """Yield the tasks in their order; a clip that could not be brought keeps its address.

        Its worker tries once more, and says why it cannot be had.
        """
        coming: deque[Future[Task]] = deque()
        for task in tasks:
            self._kept.append(ExitStack())
            coming.append(self._threads.submit(self._brought, task, self._kept[-1]))
            if len(coming) > AHEAD:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()

    def answered(self) -> None:
        """Remove the copy of the clip that was asked first."""
        self._kept.popleft().close()

    def _brought(self, task: Task, kept: ExitStack) -> Task:
        if not is_address(task.path) or self._bytes > ROOM:
            return task
        try:
            path, sha256 = kept.enter_context(fetched(task.path, self._ended.is_set))
        except InputError:
            return task
        size = path.stat().st_size
        self._grow(size)
        kept.callback(self._grow, -size)
        return Task(str(path), sha256)

    def _grow(self, size: int) -> None:
        with self._lock:
            self._bytes += size
