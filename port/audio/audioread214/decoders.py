"""Compressed audio to 16-bit samples, twice: by PyAV, and by the `ffmpeg` program that the originals ran.

Both give what `ffmpeg -i FILE -f s16le -` writes, and what audioread 2.1.4 read off ffmpeg's description of the file.
What PyAV's newer FFmpeg would decode otherwise is handed to the program, or refused where there is none.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

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


@contextmanager
def open_coded(content: Content, decoder: str, max_seconds: float) -> Iterator[Coded]:
    """Decode an open compressed file part by part, within the block.

    Raises:
        InputError: it cannot be decoded; or PyAV would decode it otherwise and there is no program.
    """
    with ExitStack() as stack:
        lost = mp3.missing(content)  # before it is opened: the decoder reads on from where the file stands
        coded = _opened(stack, content, decoder, max_seconds)
        if lost:
            coded.notes.append(f"cut mp3, {lost}: heard as far as it goes, as in the original")
        coded.parts = _checked(coded, coded.parts)
        yield coded


def _opened(stack: ExitStack, content: Content, decoder: str, max_seconds: float) -> Coded:
    if decoder == "ffmpeg":
        return stack.enter_context(open_program(content.path, max_seconds))
    why = joined.several(content)
    if why is None:
        form = "mp3" if mp3.is_plain(content) else None  # FFmpeg's guess takes a tenth of the whole path
        try:
            return stack.enter_context(open_pyav(content, max_seconds, form))
        except DecodedOtherwiseError as error:
            why = str(error)
    if shutil.which("ffmpeg") is None:
        raise InputError(f"{why}; install ffmpeg, which decodes it as the original's did, or convert it")
    coded = stack.enter_context(open_program(content.path, max_seconds))
    coded.notes.append(f"{why}: decoded by the ffmpeg program, as in the original")
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
