"""Compressed audio to 16-bit samples, twice: by PyAV, and by the `ffmpeg` program that the originals ran.

Both give what `ffmpeg -i FILE -f s16le -` writes, and what audioread 2.1.4 read off ffmpeg's description of the file.
What PyAV's newer FFmpeg would decode otherwise is the program's, or refused where there is none.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio import joined, mp3
from reprise_kit.port.audio.audioread214.coded import Coded
from reprise_kit.port.audio.audioread214.program import open_program
from reprise_kit.port.audio.audioread214.pyav import DecodedOtherwiseError, open_pyav
from reprise_kit.port.audio.content import Content

DECODERS = ("pyav", "ffmpeg")
ROUNDING = 0.25  # seconds by which a header's promise may be off in a whole file


class ByProgramError(Exception):
    """A file that the ffmpeg program is to decode. why: what of it PyAV would give otherwise, if it is that."""

    def __init__(self, why: str, notes: list[str]) -> None:
        """Keep what is known of the file."""
        super().__init__(why)
        self.why, self.notes = why, notes


@contextmanager
def open_coded(content: Content, decoder: str, max_seconds: float) -> Iterator[Coded]:
    """Decode an open compressed file part by part, within the block.

    Raises:
        InputError: it cannot be decoded.
        ByProgramError: `open_by_program` is to decode it.
    """
    lost = mp3.missing(content)  # before it is opened: the decoder reads on from where the file stands
    notes = [f"cut mp3, {lost}: heard as far as it goes, as in the original"] if lost else []
    why = "" if decoder == "ffmpeg" else joined.several(content)
    if why is not None:
        raise ByProgramError(why, notes)
    form = "mp3" if mp3.is_plain(content) else None  # FFmpeg's guess takes a tenth of the whole path
    try:
        with open_pyav(content, max_seconds, form) as coded:
            yield _whole(coded, notes)
    except DecodedOtherwiseError as error:
        raise ByProgramError(str(error), notes) from None


@contextmanager
def open_by_program(path: Path, max_seconds: float, why: str, notes: list[str]) -> Iterator[Coded]:
    """Decode a file by the program; why, notes: as ByProgramError has them. Raises InputError, also where it is not."""
    if why and shutil.which("ffmpeg") is None:
        raise InputError(f"{why}; install ffmpeg, which decodes it as the original's did, or convert it")
    by_program = [f"{why}: decoded by the ffmpeg program, as in the original"] if why else []
    with open_program(path, max_seconds) as coded:
        yield _whole(coded, by_program + notes)


def _whole(coded: Coded, notes: list[str]) -> Coded:
    """Add what is known of a file; its parts end in a note where there are fewer than promised."""
    coded.notes += notes
    coded.parts = _checked(coded, coded.parts)
    return coded


def _checked(coded: Coded, parts: Iterator[NDArray[np.int16]]) -> Iterator[NDArray[np.int16]]:
    """The parts as they are; where the header promised more, the notes say so at the end."""
    total = 0
    for part in parts:
        total += part.size
        yield part
    seconds = total / coded.channels / coded.rate
    if seconds < coded.promised - ROUNDING:
        why = f"{coded.promised:.2f} s promised, {seconds:.2f} s decoded"
        coded.notes.append(f"cut or damaged, {why}: heard as far as it goes, as in the original")
