"""Work that blocks, in threads, and its events in the event loop; each job ends when nobody wants it any more."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor

from reprise_kit.apps.demo.analysis import ClientGoneError, Event, Wanted


class Job:
    """One piece of work in a thread. Its thread may outlive the wish for it: `finished` tells when it has ended."""

    def __init__(self, pool: Executor, work: Callable[[Wanted], Iterator[Event]]) -> None:
        """Start it. work: yields events; calls what it is given between them and now and then."""
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event | Exception | None] = asyncio.Queue()
        self._stop = threading.Event()
        self.finished: asyncio.Future[None] = self._loop.create_future()
        pool.submit(self._run, work)

    def _run(self, work: Callable[[Wanted], Iterator[Event]]) -> None:
        end: Exception | None = None
        try:
            for event in work(self._wanted):
                self._tell(event)
        except ClientGoneError:
            pass
        except Exception as error:
            end = error
        self._tell(end, last=True)

    def _tell(self, item: Event | Exception | None, last: bool = False) -> None:
        def here() -> None:
            self._events.put_nowait(item)
            if last and not self.finished.done():
                self.finished.set_result(None)

        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(here)

    def _wanted(self) -> None:
        if self._stop.is_set():
            raise ClientGoneError

    def end(self) -> None:
        """Nobody wants it any more."""
        self._stop.set()

    def cut(self, error: Exception | None) -> None:
        """End its events, with an error or without, at once, whatever its thread is at."""
        self.end()
        self._events.put_nowait(error)

    async def events(self) -> AsyncIterator[Event]:
        """Yield its events; raises what it raised."""
        try:
            while (item := await self._events.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self.end()
