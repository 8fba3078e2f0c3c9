"""Who may compute now, who waits, and who is turned away."""

import threading
import time
from collections.abc import Callable


class BusyError(Exception):
    """The queue is full."""


class Queue:
    """At most `running` tickets are at work and `waiting` more in line."""

    def __init__(self, running: int, waiting: int) -> None:
        """Open an empty queue."""
        self._places = threading.BoundedSemaphore(running + waiting)
        self._desks = threading.BoundedSemaphore(running)
        self._lock = threading.Lock()
        self.inside = 0

    def join(self) -> "Ticket":
        """Get in line; raises BusyError where there is no place left."""
        if not self._places.acquire(blocking=False):
            raise BusyError
        with self._lock:
            self.inside += 1
        return Ticket(self, self._desks, self._leave)

    def _leave(self) -> None:
        with self._lock:
            self.inside -= 1
        self._places.release()


class Ticket:
    """A place in the queue, to be given back by `release` whatever happened."""

    def __init__(self, queue: Queue, desks: threading.BoundedSemaphore, leave: Callable[[], None]) -> None:
        """Made by `Queue.join`."""
        self.queue, self._desks, self._leave = queue, desks, leave
        self._at_desk = self._left = False

    def wait(self, gone: Callable[[], bool]) -> bool:
        """Wait for a turn; return False where `gone` says that nobody waits for the answer any more."""
        while not self._desks.acquire(timeout=0.2):
            if gone():
                return False
        self._at_desk = True
        return True

    def step_aside(self) -> None:
        """Let the next one compute; the place in the queue is kept."""
        if self._at_desk:
            self._at_desk = False
            self._desks.release()

    def release(self) -> None:
        """Leave; safe to call twice."""
        self.step_aside()
        if not self._left:
            self._left = True
            self._leave()


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Return whether a condition came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
