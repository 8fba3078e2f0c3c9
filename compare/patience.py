"""A line on standard error every few seconds while nothing else is said: nobody is left to guess whether it goes on."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reprise_kit.compare.shown import say

EVERY = float(os.environ.get("REPRISE_PATIENCE", 5))  # seconds


@contextmanager
def patience(what: Callable[[], str], every: float = EVERY) -> Iterator[None]:
    """Say `what()` and the seconds gone, every so often, while the block runs."""
    done, started = threading.Event(), time.monotonic()

    def wait() -> None:
        while not done.wait(every):
            say(f"{what()} ... {time.monotonic() - started:.0f} s", error=True)
            sys.stderr.flush()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
