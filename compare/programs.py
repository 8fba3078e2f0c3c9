"""Other programs, run to their end: what they say is read whatever its bytes, and no more of it than is bounded."""

import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

MOST = 256 << 20  # bytes of each output; a program that says more is ended
CHUNK = 1 << 16
LOOK_SECONDS = 0.1  # between two looks whether a program that says nothing has ended


def run_program(
    command: Sequence[object],
    seconds: float | None = None,
    given: str = "",
    most: int = MOST,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program and return its exit code and what it said, what is no UTF-8 in it as escapes.

    seconds: of the clock, None for as long as it takes. given: its standard input. most: bytes of each output, after
    which it is killed. What it leaves running in the background is not waited for. Raises TimeoutExpired when
    `seconds` are over, and OSError where it cannot be started.
    """
    words = list(map(str, command))
    with tempfile.TemporaryFile() as read:
        read.write(given.encode())
        read.seek(0)
        pipe = subprocess.PIPE
        process = subprocess.Popen(words, stdin=read, stdout=pipe, stderr=pipe, env=env, cwd=cwd)
    with process:
        try:
            out, err = _said(process, most, time.monotonic() + seconds if seconds else None)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(words, process.returncode, _text(out), _text(err))


def _said(process: "subprocess.Popen[bytes]", most: int, until: float | None) -> list[bytearray]:
    """Return what it says on both outputs until it ends; it is killed where one of them is of more than `most`."""
    said: dict[IO[bytes] | None, bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as talking:
        for stream in said:
            assert stream is not None
            talking.register(stream, selectors.EVENT_READ)
        while talking.get_map():
            has_ended = process.poll() is not None  # asked first: what it said before is there then
            ready = talking.select(0 if has_ended else LOOK_SECONDS)
            if has_ended and not ready:
                break
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired(process.args, LOOK_SECONDS)
            for key, _ in ready:
                chunk = os.read(key.fd, CHUNK)
                said[key.fileobj] += chunk  # type: ignore[index]
                if not chunk:
                    talking.unregister(key.fileobj)
                elif len(said[key.fileobj]) > most:  # type: ignore[index]
                    process.kill()
                    return list(said.values())
    process.wait(None if until is None else max(until - time.monotonic(), 0))
    return list(said.values())


def _text(said: bytearray) -> str:
    return said.decode("utf-8", "backslashreplace").replace("\r\n", "\n").replace("\r", "\n")
