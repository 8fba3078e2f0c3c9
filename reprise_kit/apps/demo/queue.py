"""Who may compute now, who waits, and who is turned away: clients take turns, each one's clips in order of arrival.

Everything here belongs to the event loop's thread.
"""

import asyncio
import math
from collections import Counter, OrderedDict, deque

from reprise_kit.apps.demo.refusal import Code, Refusal, later, stopping

FIRST_GUESS = 2.0  # seconds that a clip takes, until some were answered
NEWEST = 0.1  # weight of the newest clip in the mean


class Queue:
    """At most `running` tickets are at work and `waiting` more in line."""

    def __init__(self, running: int, waiting: int) -> None:
        """Open an empty queue."""
        self.running, self.waiting = running, waiting
        self.lines: OrderedDict[str, deque[Ticket]] = OrderedDict()  # of each client, the next client first
        self.working = self.inside = 0
        self.seconds = FIRST_GUESS  # a clip's, on the mean
        self.closed = False

    @property
    def in_line(self) -> int:
        """How many wait."""
        return sum(map(len, self.lines.values()))

    @property
    def retry_after(self) -> int:
        """Seconds until those that are inside now will be done."""
        return math.ceil((self.in_line + self.working) * self.seconds / self.running) or 1

    def busy(self) -> Refusal:
        """What one is told who finds no place."""
        wait = self.retry_after
        return later(Code.BUSY, "too many songs at once", wait)

    def refuse_if_full(self, client: str) -> None:
        """Raise Refusal where `join` would, before anything is read."""
        if self.closed:
            raise stopping()
        if self.in_line >= self.waiting and self._crowding(client) is None:
            raise self.busy()

    def join(self, client: str) -> "Ticket":
        """Get in line; where it is full, in the place of a client that has more in it; raises Refusal."""
        self.refuse_if_full(client)
        if self.in_line >= self.waiting and self.working >= self.running:
            crowding = self._crowding(client)
            assert crowding is not None
            self.lines[crowding][-1].refuse(self.busy())
        ticket = Ticket(self, client)
        self.inside += 1
        self.lines.setdefault(client, deque()).append(ticket)
        self.call()
        return ticket

    def _crowding(self, client: str) -> str | None:
        """The client with the most in line, where it has at least two more than this one."""
        lengths = Counter({name: len(line) for name, line in self.lines.items()})
        for name, length in lengths.most_common(1):
            if length >= lengths[client] + 2:
                return name
        return None

    def call(self) -> None:
        """Give the free desks to those whose turn it is."""
        while self.working < self.running and self.lines:
            client, line = self.lines.popitem(last=False)
            ticket = line.popleft()
            if line:
                self.lines[client] = line  # behind the others
            self.working += 1
            ticket.begin()

    def leave(self, ticket: "Ticket") -> None:
        """Take a ticket out of the line."""
        line = self.lines.get(ticket.client)
        if line and ticket in line:
            line.remove(ticket)
            if not line:
                del self.lines[ticket.client]

    def close(self) -> None:
        """Turn away everybody who waits, and whoever comes."""
        self.closed = True
        for ticket in [ticket for line in self.lines.values() for ticket in line]:
            ticket.refuse(stopping())


class Ticket:
    """A place in the queue, to be given back by `release` whatever happened."""

    def __init__(self, queue: Queue, client: str) -> None:
        """Made by `Queue.join`."""
        self.queue, self.client = queue, client
        self._turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._began: float | None = None
        self._left = False

    @property
    def before(self) -> int:
        """How many are inside before this one."""
        return self.queue.inside - 1

    @property
    def at_work(self) -> bool:
        """Whether it has a desk."""
        return self._began is not None

    async def turn(self) -> None:
        """Wait for a desk; raises Refusal where the place was taken or the server stops."""
        await self._turn

    def begin(self) -> None:
        """Take a desk."""
        self._began = asyncio.get_running_loop().time()
        if not self._turn.done():
            self._turn.set_result(None)

    def refuse(self, reason: Exception) -> None:
        """Turn it away while it waits."""
        self.queue.leave(self)
        if not self._turn.done():
            self._turn.set_exception(reason)
            self._turn.exception()  # it may have left already: nobody needs to hear of it

    def step_aside(self) -> None:
        """Let the next one compute."""
        if self._began is None:
            return
        took = asyncio.get_running_loop().time() - self._began
        self.queue.seconds += NEWEST * (took - self.queue.seconds)
        self._began = None
        self.queue.working -= 1
        self.queue.call()

    def release(self) -> None:
        """Leave; safe to call twice."""
        if self._left:
            return
        self._left = True
        self.queue.inside -= 1
        self.queue.leave(self)
        if not self._turn.done():
            self._turn.cancel()
        self.step_aside()
