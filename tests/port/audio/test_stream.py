"""Decoding in parts, in a box, gives what decoding at once gives: samples, rate, notes, refusals; only the box ends."""

import os
import select
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from reprise_kit.compare import box, box_pool
from reprise_kit.compare.errors import InputError, UnforeseenError
from reprise_kit.port.audio import parts, stream
from reprise_kit.port.audio.content import Pipe
from reprise_kit.port.audio.decode import decode, first_channel
from reprise_kit.port.audio.decode import whole as gathered
from reprise_kit.port.audio.parts import Incoming
from reprise_kit.port.audio.provenance import Origin
from reprise_kit.port.audio.stream import Fed, incoming, overheard
from tests.fuzz.watch import unboxed
from tests.port.audio import hostile_decoders
from tests.require import require

CLIPS = sorted(p for p in (Path(__file__).parents[2] / "clips").iterdir() if p.suffix not in (".py", ".md", ".json"))
LIMIT = 600.0  # seconds


def read(clip: Incoming) -> np.ndarray:
    return np.concatenate(list(clip.parts))


@pytest.mark.parametrize("path", CLIPS, ids=lambda path: path.name)
def test_parts_add_up_to_the_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 6 * 1000)  # several parts of even the shortest raw file
    whole = decode(path)
    with unboxed(), incoming(path, LIMIT) as clip:
        np.testing.assert_array_equal(read(clip), whole.native)
        assert clip.rate == whole.rate
        assert sorted(clip.notes) == sorted(whole.notes)
        assert clip.expected == pytest.approx(len(whole.native) / whole.rate, rel=0.15)


def test_there_are_clips() -> None:
    assert len(CLIPS) >= 10


@pytest.mark.parametrize("name", ["drums_mono_vbr.mp3", "quad_4channels.wav", "bells.ogg"])
def test_the_box_gives_what_this_process_would(name: str) -> None:
    path = next(path for path in CLIPS if path.name == name)
    for heard in (decode, lambda path: decode(path, fix_quirks=True), first_channel):
        boxed = heard(path)
        with unboxed():
            here = heard(path)
        np.testing.assert_array_equal(boxed.native, here.native)
        assert replace(boxed, native=None) == replace(here, native=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("in_a_box", [False, True])
def test_what_arrives_is_expected_to_last_as_long_as_its_bytes(in_a_box: bool) -> None:
    path = next(path for path in CLIPS if path.name == "metal_mono_cbr.mp3")
    whole, size = decode(path), path.stat().st_size

    def feed(pipe: IO[bytes]) -> None:
        with pipe:
            pipe.write(path.read_bytes())

    fed = Fed(feed, size)
    with path.open("rb") as file:
        opened = overheard(fed, LIMIT) if in_a_box else parts.overheard(Pipe(file), size, LIMIT)
        with opened as clip:
            assert clip.expected == pytest.approx(len(whole.native) / whole.rate, rel=0.15)
            np.testing.assert_array_equal(read(clip)[: len(whole.native)], whole.native)  # its end is not cut


def test_odd_parts_are_paired_across_their_ends() -> None:
    samples = np.arange(1000, dtype=np.int16)
    pieces = np.split(samples, [1, 8, 9, 500, 777])
    got = np.concatenate(list(parts._paired(iter(pieces), 2)))
    np.testing.assert_array_equal(got, (samples[0::2] + samples[1::2].astype(np.float32)) / 2 / 32768)
    with pytest.raises(InputError, match="odd number of samples"):
        list(parts._paired(iter([samples[:7]]), 2))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"no sound", "no audio file"),
        (CLIPS[0].read_bytes()[:3000], "no audio file"),
        (b"#EXTM3U", "playlist"),
    ],
)
def test_refusals_are_the_whole_decoders(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "clip"
    path.write_bytes(content)
    messages = []
    for attempt in (lambda: decode(path), lambda: _all(path)):
        try:
            attempt()
            messages.append("")
        except InputError as error:
            messages.append(str(error).removeprefix(f"{path}: "))
    assert messages[0] == messages[1] and words in messages[0]


def _all(path: Path, decoder: str = "pyav") -> None:
    with incoming(path, LIMIT, decoder) as clip:
        read(clip)


@pytest.mark.parametrize("name", ["drums_mono_vbr.mp3", "piano_22050.wav", "strings_96k.flac"])
def test_the_limit_of_duration_holds(name: str) -> None:
    path = next(path for path in CLIPS if path.name == name)
    with pytest.raises(InputError, match=r"longer than 0\.5 seconds"), incoming(path, 0.5) as clip:
        read(clip)


@pytest.fixture
def taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that does what a file says, under limits that are soon reached."""
    monkeypatch.setattr(parts, "heard", hostile_decoders.heard)
    monkeypatch.setattr(stream, "LIMITS", replace(stream.LIMITS, seconds=1))


@pytest.mark.usefixtures("taken_over")
@pytest.mark.parametrize("deed", hostile_decoders.DEEDS)
def test_whatever_a_decoder_does_is_one_line(deed: str, tmp_path: Path) -> None:
    if missing := {"landlock", "seccomp"} - set(box.confinements()):
        require("box", f"this kernel lacks {', '.join(sorted(missing))}; what it keeps out is not tried")
    clip = tmp_path / "clip.mp3"
    clip.write_text(f"{deed} and more")
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(InputError) as caught:
        decode(clip)
    said = str(caught.value)
    assert hostile_decoders.ENDS.get(deed, f"could not: {deed} (") in said
    assert said.count(str(clip)) == 1 and "\n" not in said and not isinstance(caught.value, UnforeseenError)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp3", "secret"]


def test_a_crash_midway_ends_the_parts_and_leaves_the_next_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "heard", hostile_decoders.midway)
    with incoming(CLIPS[0], LIMIT) as clip, pytest.raises(InputError, match=r"SIGABRT"):
        read(clip)
    monkeypatch.undo()
    with incoming(CLIPS[0], LIMIT) as clip:
        assert read(clip).size


def test_what_was_taken_of_a_box_is_out_of_its_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box_pool, "most", box_pool.MORE)
    monkeypatch.setattr(parts, "heard", hostile_decoders.counts)
    box_pool._IDLE.clear()
    taken, boxes = [], set()
    for _ in range(3):  # each puts its arrays where the last one's were
        with incoming(CLIPS[0], LIMIT) as clip:
            taken += list(clip.parts)
            boxes.add(clip.origin.codec)
    assert len(boxes) == 1
    for number, part in enumerate(taken):
        np.testing.assert_array_equal(part, np.full(1 << 16, number))


def test_a_box_has_the_memory_of_its_longest_clip_however_many_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box_pool, "most", box_pool.MORE)
    monkeypatch.setattr(parts, "heard", hostile_decoders.counts)
    box_pool._IDLE.clear()
    used = set()
    for _ in range(4):
        decode(CLIPS[0])
        used.add(os.fstat(box_pool._IDLE[-1].answer.shared.descriptor).st_blocks * 512)
    assert used == {2 << 18}


def test_what_the_first_clip_loads_is_there_before_the_box() -> None:
    program = (
        "import sys; from tests.fuzz.watch import unboxed; from reprise_kit.port.audio import decode, parts;"
        "parts.before_the_box(); known = set(sys.modules)\n"
        "with unboxed(): decode.decode(sys.argv[1])\n"
        "print(sorted(set(sys.modules) - known))"
    )
    clip = next(path for path in CLIPS if path.suffix == ".mp3")
    done = subprocess.run([sys.executable, "-c", program, clip], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("expected", [0.0, 0.01, 10.0, 10.001, 1e9])
def test_a_clip_is_as_long_as_it_is_whatever_was_expected(expected: float) -> None:
    pieces = [np.full(n, k, np.float32) for k, n in enumerate((300_000, 1, 0, 500_000, 7))]
    whole = gathered(Incoming(1000, expected, iter(pieces), Origin("x", "y")))
    np.testing.assert_array_equal(whole.native, np.concatenate(pieces))


def test_a_box_reads_on_but_where_files_are_of_several_people(monkeypatch: pytest.MonkeyPatch) -> None:
    def boxes() -> set[str]:
        origins = [decode(CLIPS[0]).origin for _ in range(3)]
        return {origin.codec for origin in origins if origin}

    monkeypatch.setattr(parts, "heard", hostile_decoders.tells_its_process)
    monkeypatch.setattr(box_pool, "most", box_pool.MORE)
    box_pool._IDLE.clear()
    assert len(boxes()) == 1
    monkeypatch.setattr(box_pool, "most", 1)
    assert len(boxes()) == 3


def test_a_box_reads_so_many_files_and_one_that_ended_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def box_of_a_clip() -> int:
        return int(decode(CLIPS[0]).provenance["codec"])

    monkeypatch.setattr(box_pool, "most", 3)
    monkeypatch.setattr(parts, "heard", hostile_decoders.tells_its_process)
    box_pool._IDLE.clear()
    boxes = [box_of_a_clip() for _ in range(7)]
    assert boxes == sorted(boxes, key=boxes.index) and [boxes.count(box) for box in dict.fromkeys(boxes)] == [3, 3, 1]
    os.kill(boxes[-1], signal.SIGKILL)
    assert select.select([box_pool._IDLE[-1].answer.line], [], [], 30)[0]  # it was told of its end
    assert box_of_a_clip() not in boxes


@pytest.mark.parametrize("of_another", ["owner", "reader", "limits"])
def test_a_box_of_another_is_left(of_another: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of another process, which a fork brought along; of another reader; under other limits."""
    monkeypatch.setattr(box_pool, "most", box_pool.MORE)
    monkeypatch.setattr(parts, "heard", hostile_decoders.tells_its_process)
    box_pool._IDLE.clear()  # one that is left may have read almost all that it reads
    before = decode(CLIPS[0]).provenance
    assert decode(CLIPS[0]).provenance == before
    setattr(box_pool._IDLE[-1], of_another, None)
    assert decode(CLIPS[0]).provenance != before


GOOD = '{"rate": 22050, "expected": 1.0, "channels": 1, "origin": {"decoder": "x", "codec": "y"}}'


@pytest.mark.parametrize(
    "lines",
    [
        *(
            "[]",
            "{}",
            "null",
            "5",
            '["why"]',
            '["why", 5]',
            GOOD.replace("22050", '"x"'),
            GOOD.replace("22050", "0"),
            GOOD.replace("1.0", "null"),
        ),
        *(GOOD.replace("1.0", lie) for lie in ("NaN", "Infinity", "-1", "-Infinity")),
        *(GOOD.replace("22050", "Infinity"), GOOD.replace('{"decoder": "x", "codec": "y"}', "[]")),
        *(f'{GOOD}\narray ["f8", [5]]', f'{GOOD}\narray ["f4", [5, 2]]', f"{GOOD}\n5", f'{GOOD}\n{{"a": 1}}'),
    ],
)
def test_a_decoder_that_lies_is_refused(lines: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "heard", hostile_decoders.lies)
    path = tmp_path / "clip.mp3"
    path.write_text(lines)
    with pytest.raises(InputError, match="answered what it may not") as caught:
        decode(path)
    assert not isinstance(caught.value, UnforeseenError)
    path.write_text(f'{GOOD}\narray ["f4", [5]]\n[3]')
    assert decode(path).native.shape == (5,) and decode(path).notes == ("3",)


@pytest.mark.parametrize("decoder", ["pyav", "ffmpeg"])
@pytest.mark.parametrize("name", ["drums_mono_vbr.mp3", "bells.ogg", "strings_96k.flac"])
def test_a_hole_behind_good_sound_is_not_searched_for_ever(name: str, decoder: str, tmp_path: Path) -> None:
    if decoder == "ffmpeg" and not shutil.which("ffmpeg"):
        require("ffmpeg", "no ffmpeg program on PATH")
    whole = next(path for path in CLIPS if path.name == name).read_bytes()
    path = tmp_path / name
    path.write_bytes(whole[: len(whole) // 2])
    os.truncate(path, 1 << 40)
    with pytest.raises(InputError, match=r"MB of zeros|no audio file that can be decoded"):
        _all(path, decoder)
