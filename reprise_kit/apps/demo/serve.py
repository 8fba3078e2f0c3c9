"""The demo as a process: waitress, a spool folder that is always emptied, a stop that lets people finish."""

import os
import signal
import tempfile
import time
from pathlib import Path
from types import FrameType

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's own lines are not JSON; read when it is imported

from reprise_kit.apps.demo.analysis import Limits
from reprise_kit.apps.demo.app import Demo
from reprise_kit.apps.demo.engine import Engines
from reprise_kit.apps.demo.observe import log
from reprise_kit.compare.errors import InputError

STOP_SECONDS = 20  # for requests at work when the server is told to stop
THREADS = 20  # places for clips, microphones and the page


def serve(
    host: str, port: int, weights: Path | None, backend: str | None, original: str | None, limits: Limits
) -> None:
    """Run until SIGTERM or SIGINT; raises InputError where the weights are missing or the port is taken."""
    from waitress.server import create_server

    with tempfile.TemporaryDirectory(prefix="reprise-") as spool:
        demo = Demo(Engines(weights, backend), Path(spool), limits, original)
        try:
            server = create_server(
                demo.app,
                host=host,
                port=port,
                threads=THREADS,
                max_request_body_size=limits.upload_bytes,
                channel_timeout=120,
                channel_request_lookahead=1,  # lets a running request see that its client has gone
                connection_limit=200,
                ident=None,
            )
        except OSError as error:
            raise InputError(f"cannot listen on {host}:{port} ({error.strerror}); choose another --port") from None
        _stop_gently(demo)
        log("listening", host=host, port=server.effective_port, **demo.about)
        server.run()
        log("stopped")


def _stop_gently(demo: Demo) -> None:
    """On the first signal turn new clips away; end when the last is answered, or at a second signal."""

    def look(_: int, __: FrameType | None) -> None:
        if not demo.queue.inside or time.monotonic() > demo.deadline:
            # Half a second, in which the last answer leaves; then waitress closes what is left.
            signal.signal(signal.SIGALRM, leave)
            signal.setitimer(signal.ITIMER_REAL, 0.5)

    def leave(_: int, __: FrameType | None) -> None:
        raise SystemExit

    def stop(_: int, __: FrameType | None) -> None:
        log("stopping", clips_inside=demo.queue.inside)
        demo.draining = True
        demo.deadline = time.monotonic() + STOP_SECONDS
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, leave)
        signal.signal(signal.SIGALRM, look)
        signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
