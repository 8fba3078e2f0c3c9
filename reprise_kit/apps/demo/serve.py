"""The demo as a process: uvicorn, a spool folder that is always emptied, a stop that lets people finish."""

import asyncio
import contextlib
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's own lines are not JSON; read when it is imported

import uvicorn

from reprise_kit.apps.demo.analysis import Limits
from reprise_kit.apps.demo.app import Demo
from reprise_kit.apps.demo.connections import Connection
from reprise_kit.apps.demo.engine import Engines
from reprise_kit.apps.demo.observe import log
from reprise_kit.apps.demo.refusal import stopping
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.patience import patience
from reprise_kit.compare.scratch import leave
from reprise_kit.compare.shown import say

STOP_SECONDS = 6.0  # for clips at work when the server is told to stop; docker kills after ten
LAST_WORDS = 1.0  # seconds in which the last answers leave
BACKLOG = 1024  # connections that the kernel holds until they are taken


def serve(
    host: str, port: int, weights: Path | None, backend: str | None, original: str | None, limits: Limits
) -> None:
    """Run until SIGTERM or SIGINT; raises InputError where the weights are missing or the port is taken."""
    with tempfile.TemporaryDirectory(prefix="reprise-demo-") as folder:
        with patience(lambda: "loading the network") if sys.stderr.isatty() else contextlib.nullcontext():
            demo = Demo(Engines(weights, backend), Path(folder), limits, original)
        with _listening(host, port) as listener:
            greet(host, listener.getsockname()[1])
            log("listening", host=host, port=listener.getsockname()[1], **demo.about)
            asyncio.run(Server(demo).serve([listener]))
    log("stopped")
    leave(0)  # a thread that computes what nobody waits for any more would be waited for


def greet(host: str, port: int) -> None:
    """Tell a person at a terminal what to open; the log's lines are for machines."""
    if sys.stderr.isatty():
        say(f"The page: http://{host}:{port}/ (Ctrl-C ends it)", error=True)


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise InputError(f"cannot listen on {host}:{port} ({error.strerror}); choose another --port") from None
    with listener:
        yield listener


class Server(uvicorn.Server):
    """uvicorn's server, which goes on to answer while the last clips are worked on."""

    def __init__(self, demo: Demo) -> None:
        """Serve a demo."""
        self.demo = demo
        config = uvicorn.Config(
            demo.app,
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On the first signal turn new clips away; end when the last is answered, or at a second signal."""
        if self.demo.house.queue.closed:
            self.should_exit = True
            return
        asyncio.get_running_loop().call_soon_threadsafe(self._begin_to_stop)

    def _begin_to_stop(self) -> None:
        self._stopping = asyncio.ensure_future(self._stop())

    async def _stop(self) -> None:
        house = self.demo.house
        log("stopping", clips_inside=len(house.inside))
        house.queue.close()
        house.cut(stopping(), all_of_them=False)
        deadline = time.monotonic() + STOP_SECONDS
        while house.inside and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        house.cut(stopping(), all_of_them=True)
        await asyncio.sleep(LAST_WORDS)
        self.should_exit = True
