"""What the server did, for machines: one JSON line per request on stderr, and /metrics."""

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector


class Metrics:
    """The counters of one server."""

    def __init__(self, inside: Callable[[], int], microphones: Callable[[], int]) -> None:
        """Count from zero; `inside` and `microphones` tell how many are being served."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Counter("reprise_requests", "Requests.", ["route", "status"], registry=self.registry)
        self.clips = Counter("reprise_clips", "Uploaded clips by outcome.", ["outcome"], registry=self.registry)
        buckets = (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128)
        self.seconds = Histogram(
            "reprise_clip_seconds", "From upload to answer.", buckets=buckets, registry=self.registry
        )
        self.first_step = Histogram(
            "reprise_first_step_seconds", "From upload to the first step.", buckets=buckets, registry=self.registry
        )
        Gauge("reprise_clips_inside", "Clips at work or waiting.", registry=self.registry).set_function(inside)
        Gauge("reprise_microphones", "Open microphones.", registry=self.registry).set_function(microphones)


def log(event: str, **fields: Any) -> None:
    """Write one line, if it can be: that nobody reads it any more, or a disk is full, stops no answer and no stop."""
    line = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": event, **fields}
    # In one write: print makes two, and the lines of two threads would run into each other.
    with suppress(OSError):
        sys.stderr.write(f"{json.dumps(line, default=str)}\n")
        sys.stderr.flush()
