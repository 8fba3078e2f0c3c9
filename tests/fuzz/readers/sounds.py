"""Sound: the containers that our own code reads field by field, and whole short clips through the decoder."""

import struct
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.system import CLIPS
from reprise_kit.port.audio import joined, mp3
from reprise_kit.port.audio.audioread214 import rawread
from reprise_kit.port.audio.content import opened
from reprise_kit.port.audio.decode import decode
from tests.fuzz import formats
from tests.fuzz.readers.reader import Reader, Seeds
from tests.fuzz.trees import changed, changed_bytes

HEAD = 40_000  # bytes of a clip that is decoded


def _text(text: str) -> list[Any]:
    return ["text", text]


def _wav() -> list[Any]:
    form = [["<H", n] if i in (0, 1, 4, 5) else ["<I", n] for i, n in enumerate((1, 2, 8000, 32000, 4, 16))]
    return [
        _text("RIFF"),
        ["<I", 2036],
        _text("WAVEfmt "),
        ["<I", 16],
        *form,
        _text("data"),
        ["<I", 2000],
        ["zeros", 2000],
    ]


def _aiff() -> list[Any]:
    common = [["H" if i in (0, 2) else "I", n] for i, n in enumerate((1, 1000, 16))]
    rate = ["hex", "400bfa00000000000000"]
    fields = [[f">{form}", n] for form, n in common]
    sound = [_text("SSND"), [">I", 2008], [">I", 0], [">I", 0], ["zeros", 2000]]
    return [_text("FORM"), [">I", 2054], _text("AIFFCOMM"), [">I", 18], *fields, rate, *sound]


def _au() -> list[Any]:
    return [_text(".snd"), *([">I", n] for n in (28, 2000, 3, 8000, 1)), ["zeros", 2004]]


def _mp3() -> list[Any]:
    frame = [[">I", 0xFFFB9064], ["zeros", 413]]
    tag = [_text("ID3"), *([">B", n] for n in (3, 0, 0, 0, 0, 0, 20)), ["zeros", 20]]
    xing = [[">I", 0xFFFB9064], ["zeros", 32], _text("Xing"), [">I", 3], [">I", 40], [">I", 16720], ["zeros", 365]]
    return [*tag, *xing, *frame * 12, _text("TAG"), ["zeros", 125]]


def _ogg() -> list[Any]:
    page = [
        _text("OggS"),
        [">B", 0],
        [">B", 2],
        ["<Q", 0],
        ["<I", 1],
        ["<I", 0],
        ["<I", 0],
        [">B", 1],
        [">B", 30],
        ["zeros", 30],
    ]
    return [*page, *page[:2], [">B", 0], *page[3:], *page]


def _flac() -> list[Any]:
    head = [_text("fLaC"), [">I", 0x80000022], ["zeros", 34]]
    return [*head, ["zeros", 300], *head]


def _containers(_: Path) -> list[Any]:
    return [_wav(), _aiff(), _au(), _mp3(), _ogg(), _flac()]


def _put_container(seeds: Seeds, random: Random, folder: Path) -> Path:
    path = folder / "clip"
    path.write_bytes(formats.packed(changed(random.choice(seeds), [random.choice(seeds)], random)) or b"?")
    return path


def _ask_container(path: Path) -> None:
    """What our own code makes of a file before a decoder sees it."""
    with opened(path) as content:
        mp3.missing(content), mp3.is_plain(content), joined.several(content)
        raw = rawread.read(content)
        if raw is None:
            raise InputError("none of Python's own formats")
        raw.notes(), raw.samples(raw.data[: 1 << 16])


def _clips(_: Path) -> list[bytes]:
    """Heads of the kit's clips in every codec."""
    found = [path.read_bytes()[:HEAD] for path in sorted(CLIPS.iterdir()) if path.suffix != ".py" and path.is_file()]
    assert len(found) > 10
    return found


def _put_clip(seeds: Seeds, random: Random, folder: Path) -> Path:
    path, data = folder / "clip", random.choice(seeds)
    cut = random.choice((200, 200, 2000, HEAD))  # most of what a container says is at its head
    path.write_bytes(changed_bytes(data[:cut], [random.choice(seeds)], random) + data[cut:] or b"?")
    return path


def _ask_clip(path: Path) -> None:
    decoded = decode(path, max_seconds=60)
    if not np.isfinite(decoded.native).all():
        raise struct.error("not finite")


READERS = [
    Reader("sound, our readers", 100, _containers, _put_container, _ask_container),
    Reader("sound, decoded", 12, _clips, _put_clip, _ask_clip, allowed=("ffmpeg",)),
]
