"""A line on standard error every few seconds while nothing else is said: nobody is left to guess whether it goes on.

Of several at once the one that began last speaks: what is done just now, not what waits for it.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from reprise_kit.compare.shown import say

EVERY = float(os.environ.get("REPRISE_PATIENCE", 5))  # seconds
_lasting: list[threading.Event] = []  # of each that lasts, the event of its end


@contextmanager
def patience(what: Callable[[], str], every: float = EVERY) -> Iterator[None]:
    """Say `what()` and the seconds gone, every so often, while the block runs."""
    done, started = threading.Event(), time.monotonic()

    def wait() -> None:
        while not done.wait(every):
            if _lasting[-1:] == [done]:
                say(f"{what()} ... {time.monotonic() - started:.0f} s", error=True)

    thread = threading.Thread(target=wait, daemon=True)
    _lasting.append(done)
    thread.start()
    try:
        yield
    finally:
        done.set()
        _lasting.remove(done)
        thread.join()


def loading() -> AbstractContextManager[None]:
    """Speak while TensorFlow is imported, which takes seconds, and on a busy machine a minute."""
    return patience(lambda: "loading TensorFlow")
