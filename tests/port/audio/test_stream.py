"""Decoding in parts, also in a child process, gives what decoding at once gives: samples, rate, notes and refusals."""

from pathlib import Path
from typing import IO

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio import stream
from reprise_kit.port.audio.content import Pipe
from reprise_kit.port.audio.decode import decode
from reprise_kit.port.audio.stream import Fed, Incoming, incoming, incoming_from_child, overheard

CLIPS = sorted(p for p in (Path(__file__).parents[2] / "clips").iterdir() if p.suffix not in (".py", ".md", ".json"))
LIMIT = 600.0  # seconds


def read(clip: Incoming) -> np.ndarray:
    return np.concatenate(list(clip.parts))


@pytest.mark.parametrize("path", CLIPS, ids=lambda path: path.name)
def test_parts_add_up_to_the_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PART_BYTES", 6 * 1000)  # several parts of even the shortest raw file
    whole = decode(path)
    with incoming(path, LIMIT) as clip:
        np.testing.assert_array_equal(read(clip), whole.native)
        assert clip.rate == whole.rate
        assert sorted(clip.notes) == sorted(whole.notes)
        assert clip.expected == pytest.approx(len(whole.native) / whole.rate, rel=0.15)


def test_there_are_clips() -> None:
    assert len(CLIPS) >= 10


@pytest.mark.parametrize("name", ["drums_mono_vbr.mp3", "quad_4channels.wav"])
def test_the_child_gives_the_same(name: str) -> None:
    path = next(path for path in CLIPS if path.name == name)
    whole = decode(path)
    with incoming_from_child(path, LIMIT) as clip:
        np.testing.assert_array_equal(read(clip), whole.native)
        assert (clip.rate, sorted(clip.notes)) == (whole.rate, sorted(whole.notes))


@pytest.mark.parametrize("by_a_child", [False, True])
def test_what_arrives_is_expected_to_last_as_long_as_its_bytes(by_a_child: bool) -> None:
    path = next(path for path in CLIPS if path.name == "metal_mono_cbr.mp3")
    whole, size = decode(path), path.stat().st_size

    def feed(pipe: IO[bytes]) -> None:
        with pipe:
            pipe.write(path.read_bytes())

    fed = Fed(feed, size)
    with path.open("rb") as file:
        opened = incoming_from_child(fed, LIMIT) if by_a_child else overheard(Pipe(file), size, LIMIT)
        with opened as clip:
            assert clip.expected == pytest.approx(len(whole.native) / whole.rate, rel=0.15)
            np.testing.assert_array_equal(read(clip)[: len(whole.native)], whole.native)  # its end is not cut


def test_odd_parts_are_paired_across_their_ends() -> None:
    samples = np.arange(1000, dtype=np.int16)
    pieces = np.split(samples, [1, 8, 9, 500, 777])
    got = np.concatenate(list(stream._paired(iter(pieces), 2)))
    np.testing.assert_array_equal(got, (samples[0::2] + samples[1::2].astype(np.float32)) / 2 / 32768)
    with pytest.raises(InputError, match="odd number of samples"):
        list(stream._paired(iter([samples[:7]]), 2))


@pytest.mark.parametrize("opened", [incoming, incoming_from_child])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"no sound", "no audio file"),
        (CLIPS[0].read_bytes()[:3000], "no audio file"),
        (b"#EXTM3U", "playlist"),
    ],
)
def test_refusals_are_the_whole_decoders(tmp_path: Path, opened: object, content: bytes, words: str) -> None:
    path = tmp_path / "clip"
    path.write_bytes(content)
    messages = []
    for attempt in (lambda: decode(path), lambda: _all(opened, path)):
        try:
            attempt()
            messages.append("")
        except InputError as error:
            messages.append(str(error).removeprefix(f"{path}: "))
    assert messages[0] == messages[1] and words in messages[0]


def _all(opened: object, path: Path) -> None:
    with opened(path, LIMIT) as clip:  # type: ignore[operator]
        read(clip)


@pytest.mark.parametrize("name", ["drums_mono_vbr.mp3", "piano_22050.wav", "strings_96k.flac"])
def test_the_limit_of_duration_holds(name: str) -> None:
    path = next(path for path in CLIPS if path.name == name)
    with pytest.raises(InputError, match=r"longer than 0\.5 seconds"), incoming(path, 0.5) as clip:
        read(clip)
