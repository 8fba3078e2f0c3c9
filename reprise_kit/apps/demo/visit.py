"""One request's clip: arriving, overheard meanwhile, in line, at work, beside the original, and then nothing of it."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field

from starlette.requests import Request

from reprise_kit.apps.demo.analysis import ClientGoneError, Event, Limits, Wanted, analyse, overhear
from reprise_kit.apps.demo.engine import Engine, Engines
from reprise_kit.apps.demo.jobs import Job
from reprise_kit.apps.demo.original import Original
from reprise_kit.apps.demo.queue import Queue, Ticket
from reprise_kit.apps.demo.refusal import Code, Refusal
from reprise_kit.apps.demo.upload import Arrival, Spool
from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.stream import Fed

EAR_SECONDS = 0.5  # a clip that takes longer to arrive is heard while it does
ORIGINALS = 2  # askings of the original's server at a time: it answers one after the other


@dataclass
class House:
    """What all visits of a server share; `inside` are those that something is left of."""

    engines: Engines
    spool: Spool
    limits: Limits
    original: Original
    queue: Queue
    inside: "set[Visit]" = field(default_factory=set)

    def __post_init__(self) -> None:
        """Hire the threads."""
        self.desks, self.ears = ThreadPoolExecutor(self.limits.running), ThreadPoolExecutor(self.limits.ears)
        self.originals = ThreadPoolExecutor(ORIGINALS)
        self.free_ears = self.limits.ears

    def find(self, name: str | None) -> Engine:
        """Return the system to ask, its weights here; raises Refusal."""
        try:
            engine = self.engines.find(name)
        except InputError as error:
            raise Refusal(Code.UNKNOWN_SYSTEM, str(error)) from None
        try:
            engine.ready()
        except InputError as error:
            raise Refusal(Code.NOT_FETCHED, str(error)) from None
        return engine

    def cut(self, reason: Exception, all_of_them: bool) -> None:
        """End visits with an error: all of them, or those whose clips are still arriving."""
        for visit in list(self.inside):
            if all_of_them or visit.arriving:
                visit.cut(reason)


class Visit:
    """From a request's first byte until nothing of its clip is left."""

    def __init__(self, house: House, request: Request, system: str | None, original: bool, stream: bool) -> None:
        """original: whether its answer is wanted too. stream: whether the steps are."""
        self.house, self.request, self.original, self.stream = house, request, original, stream
        self.system = system
        self.client = request.client.host if request.client else ""
        self.jobs: list[Job] = []
        self.ticket: Ticket | None = None
        self.reason: Exception | None = None
        self.tasks: list[asyncio.Task[None]] = []

    @property
    def arriving(self) -> bool:
        """Whether its clip is still on its way."""
        return self.ticket is None

    async def events(self) -> AsyncIterator[Event]:
        """Yield what becomes of it; raises Refusal, or ClientGoneError."""
        house = self.house
        engine = house.find(self.system)
        house.queue.refuse_if_full(self.client)
        self.arrival = Arrival(house.spool.folder / secrets.token_hex(16), house.spool)
        house.inside.add(self)
        try:
            async for event in self._receive(engine):
                yield event
            engine = self._named_in_form(engine)
            self.ticket = house.queue.join(self.client)
            yield "queued", {"waiting": self.ticket.before}
            self._begin(self._watch())
            await self.ticket.turn()
            async for event in self._answer(engine):
                yield event
        finally:
            self._leave()

    async def _receive(self, engine: Engine) -> AsyncIterator[Event]:
        receiving = self._begin(self.arrival.receive(self.request, self.house.limits.upload_bytes))
        await asyncio.wait({receiving}, timeout=EAR_SECONDS if self.stream else None)
        if not receiving.done() and engine.has_live and self.house.free_ears:
            self.house.free_ears -= 1
            fed = Fed(self.arrival.feed, self.arrival.expected)
            job = self._job(self.house.ears, lambda wanted: overhear(fed, engine, self.house.limits, wanted))
            job.finished.add_done_callback(self._free_ear)
            receiving.add_done_callback(lambda _: job.cut(None))
            async for event in job.events():
                yield event
        await asyncio.wait({receiving})
        if receiving.cancelled():
            raise self.reason or ClientGoneError
        receiving.result()

    def _free_ear(self, _: object) -> None:
        self.house.free_ears += 1

    def _named_in_form(self, engine: Engine) -> Engine:
        named = self.arrival.system
        if named and self.system and named != self.system:
            raise Refusal(Code.BAD_PARAMETER, "two systems are named, as a parameter and in the form: name one")
        return self.house.find(named) if named else engine

    async def _answer(self, engine: Engine) -> AsyncIterator[Event]:
        path, house = self.arrival.path, self.house
        job = self._job(house.desks, lambda wanted: analyse(path, engine, house.limits, wanted, self.stream))
        job.finished.add_done_callback(self._step_aside)
        result = None
        async for name, content in job.events():
            result = content if name == "result" else result
            yield name, content
        if result is None or not self.original:
            return

        def beside(_: Wanted) -> Iterator[Event]:
            yield "original", house.original.answer(engine, path, result["sha256"], result["step_probs"])

        async for event in self._job(house.originals, beside).events():
            yield event

    def _step_aside(self, _: object) -> None:
        if self.ticket:
            self.ticket.step_aside()

    def _job(self, pool: Executor, work: Callable[[Wanted], Iterator[Event]]) -> Job:
        self.jobs.append(Job(pool, work))
        return self.jobs[-1]

    def _begin(self, work: "asyncio._CoroutineLike[None]") -> "asyncio.Task[None]":
        self.tasks.append(asyncio.create_task(work))
        return self.tasks[-1]

    async def _watch(self) -> None:
        """Wait for the client to leave; its body has been read."""
        while (await self.request.receive())["type"] != "http.disconnect":
            pass
        self.cut(ClientGoneError())

    def cut(self, reason: Exception) -> None:
        """End it with an error, whatever it waits for."""
        self.reason = reason
        if self.arriving:
            self.tasks[0].cancel()
        else:
            assert self.ticket is not None
            self.ticket.refuse(reason)
        for job in self.jobs:
            job.cut(reason)

    def _leave(self) -> None:
        """Give back the place and delete the file, as soon as no thread is at it."""
        for task in self.tasks:
            task.cancel()
        for job in self.jobs:
            job.end()
            job.finished.add_done_callback(self._clear)
        self._clear()

    def _clear(self, _: object = None) -> None:
        if not all(job.finished.done() for job in self.jobs):
            return
        if self.ticket:
            self.ticket.release()
        self.arrival.discard()
        self.house.inside.discard(self)
