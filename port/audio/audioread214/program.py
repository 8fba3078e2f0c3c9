"""Compressed audio to 16-bit samples by the `ffmpeg` program, called as audioread 2.1.4 called it."""

import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.walk import followed
from reprise_kit.port.audio.audioread214 import described
from reprise_kit.port.audio.audioread214.coded import EXACT, Coded, none_decoded, too_long
from reprise_kit.port.audio.content import NOTHING, ZEROS
from reprise_kit.port.audio.provenance import Origin, ffmpeg_version

PART_BYTES = 1 << 20  # read at once; a multiple of every sample's width times eight channels
MEMORY, LOG = 4 << 30, 64 << 20  # bytes: of the program's addresses, of what it says
SECONDS, PER_SECOND = 120, 100_000  # of processor time, and one more for so many bytes of the file


@contextmanager
def open_program(path: Path, max_seconds: float) -> Iterator[Coded]:
    """Decode a file with the program on PATH, which opens it itself and ends with the block.

    Raises:
        InputError: no such program, no audio, not decodable; or, also while parts are read, longer than `max_seconds`,
            the program crashed, or it took more time, memory or words than it may.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise InputError("no ffmpeg program on PATH: install ffmpeg, or decode with pyav")
    _refuse_hole(path)
    command = [program, "-nostdin", "-i", str(followed(path)), "-f", "s16le", "-"]
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as process:
        assert process.stdout is not None
        _limit(process.pid, path.stat().st_size)
        try:
            # Samples come after the description of both ends: with the first of them the log has all that is wanted.
            first = process.stdout.read(PART_BYTES)
            if not first:
                _refuse_ended(process)
            log.seek(0)
            coded = _described(log.read().decode("utf-8", "ignore").splitlines(), program)
            if not first:
                raise none_decoded()
            coded.parts = _parts(first, process, max_seconds * coded.rate * coded.channels, max_seconds)
            yield coded
        finally:
            process.kill()


def _described(log: list[str], program: str) -> Coded:
    heard = described.read(log)
    streams = [found for line in log if (found := re.search(r"Stream #.* Audio: (\w+).*?(\d+) Hz, ([^,]+),", line))]
    if not streams:
        raise InputError("no audio file that can be decoded")
    _, rate, layout = streams[-1].groups()  # of what is written
    length = _length(log)
    exact = any(re.match(rf"Input #0, (?:{'|'.join(EXACT)})\b", line) for line in log)
    return Coded(
        iter(()),
        int(rate),
        described.channels_of(layout),
        *heard,
        Origin(ffmpeg_version(program), streams[0][1]),
        length if exact else 0.0,
        length,
    )


def _length(log: list[str]) -> float:
    """Seconds that ffmpeg gives for its input, 0 if it does not know."""
    found = next(filter(None, (re.match(r"  Duration: (\d+):(\d+):(\d+\.\d+)", line) for line in log)), None)
    return 3600 * int(found[1]) + 60 * int(found[2]) + float(found[3]) if found else 0.0


def _refuse_hole(path: Path) -> None:
    """Raise InputError on a file with a hole in which the program would search for sound, as `Searched` does."""
    with path.open("rb") as file:
        number, at = file.fileno(), 0
        size = os.fstat(number).st_size
        while at < size and (hole := os.lseek(number, at, os.SEEK_HOLE)) < size:
            try:
                at = os.lseek(number, hole, os.SEEK_DATA)
            except OSError:  # nothing behind it
                at = size
            if at - hole > ZEROS:
                raise InputError(NOTHING)


def _limit(pid: int, size: int) -> None:
    """Bound what the program may take for a file of so many bytes."""
    seconds = SECONDS + size // PER_SECOND
    for kind, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_FSIZE, LOG)):
        with suppress(OSError, ValueError):  # ended already, or limited to less by whoever began this process
            resource.prlimit(pid, kind, (most, most))


def _refuse_ended(process: "subprocess.Popen[bytes]") -> None:
    """Raise InputError where a signal ended the program: what it gave is not all that it would have."""
    if process.wait() < 0:
        name = signal.Signals(-process.returncode).name
        raise InputError(f"the ffmpeg program crashed on it or took more than it may ({name}); refused")


def _parts(
    first: bytes, process: "subprocess.Popen[bytes]", limit: float, max_seconds: float
) -> Iterator[NDArray[np.int16]]:
    assert process.stdout is not None
    total, data = 0, first
    while data:
        total += len(data) // 2
        if total > limit:
            raise InputError(too_long(max_seconds))
        yield np.frombuffer(data, "<i2")
        data = process.stdout.read(PART_BYTES)
    _refuse_ended(process)
