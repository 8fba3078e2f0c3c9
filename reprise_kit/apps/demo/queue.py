"""Who may compute now, who waits, and who is turned away: first come, first served."""

import threading
from collections.abc import Callable


class BusyError(Exception):
    """The queue is full."""


class Queue:
    """At most `running` tickets are at work and `waiting` more in line."""

    def __init__(self, running: int, waiting: int) -> None:
        """Open an empty queue."""
        self.running, self.places = running, running + waiting
        self.changed = threading.Condition()
        self.line: list[Ticket] = []  # everybody inside who has not had a turn, in order of arrival
        self.working = 0
        self.inside = 0

    def join(self) -> "Ticket":
        """Get in line; raises BusyError where there is no place left."""
        with self.changed:
            if self.inside >= self.places:
                raise BusyError
            self.inside += 1
            ticket = Ticket(self)
            self.line.append(ticket)
            return ticket


class Ticket:
    """A place in the queue, to be given back by `release` whatever happened."""

    def __init__(self, queue: Queue) -> None:
        """Made by `Queue.join`."""
        self.queue = queue
        self._working = self._left = False

    def wait(self, gone: Callable[[], bool]) -> bool:
        """Wait for a turn; return False where `gone` says that nobody waits for the answer any more."""
        queue = self.queue
        with queue.changed:
            while queue.working >= queue.running or queue.line[0] is not self:
                queue.changed.wait(0.2)
                if gone():
                    return False
            queue.line.remove(self)
            queue.working += 1
            self._working = True
            queue.changed.notify_all()
            return True

    def step_aside(self) -> None:
        """Let the next one compute; the place in the queue is kept."""
        with self.queue.changed:
            if self._working:
                self._working = False
                self.queue.working -= 1
                self.queue.changed.notify_all()

    def release(self) -> None:
        """Leave; safe to call twice."""
        self.step_aside()
        with self.queue.changed:
            if self._left:
                return
            self._left = True
            self.queue.inside -= 1
            if self in self.queue.line:
                self.queue.line.remove(self)
            self.queue.changed.notify_all()
