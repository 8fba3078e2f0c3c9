"""A compressed file that is being decoded to 16 bits: what both decoders give."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.provenance import Origin

EXACT = ("flac", "mov", "wav", "aiff", "au", "caf", "wv")  # containers whose header gives the exact length


@dataclass
class Coded:
    """Interleaved int16 samples part by part, as `ffmpeg -i FILE -f s16le -` writes them, and how they were described.

    Decoding may correct rates: they hold once the first part is read. `notes` are complete when all parts are.
    """

    parts: Iterator[NDArray[np.int16]]  # to be read once; raises InputError on none at all and past the time limit
    rate: int  # Hz, of these samples
    channels: int  # in these samples
    described_rate: int  # Hz, as audioread read it
    counted_channels: int  # as audioread counted them
    origin: Origin
    promised: float = 0.0  # seconds that the container's header promises exactly, 0 if it does not
    expected: float = 0.0  # seconds, the container's own estimate, 0 if it has none
    bit_rate: int = 0  # bits a second, 0 if it is not known
    notes: list[str] = field(default_factory=list)


def samples(coded: Coded) -> NDArray[np.int16]:
    """Read all parts: (n_samples * n_channels,) int16, interleaved."""
    return np.concatenate(list(coded.parts))


def too_long(max_seconds: float) -> str:
    """The message for a clip over the limit."""
    return f"longer than {max_seconds:g} seconds, the limit; cut it"


def none_decoded() -> InputError:
    """The refusal of a file without a sample."""
    return InputError("not one sample could be decoded: damaged, or a codec that is not known here; convert it")
