"""What an mp3's headers say: lengths of frames as FFmpeg's own parser finds them, and what Xing and VBRI promise."""

import io
import itertools
import struct

import av
import pytest

from reprise_kit.port.audio import mp3

MPEG_1, MPEG_2, MPEG_2_5 = 3, 2, 0


def header(version: int, kilobits: int, rate: int, padded: int = 0, layer: int = 1) -> bytes:
    """A frame's first four bytes, mono and without a checksum."""
    bits = 0x7FF << 21 | version << 19 | layer << 17 | 1 << 16 | kilobits << 12 | rate << 10 | padded << 9 | 3 << 6
    return bits.to_bytes(4)


def frames(n: int, head: bytes | None = None, inside: bytes = b"") -> bytes:
    """Silent frames, MPEG 1 at 128 kbit/s and 44.1 kHz unless said otherwise, with something after each header."""
    head = head or header(MPEG_1, 9, 0)
    size = mp3.frame_size(head, 0)
    assert size is not None
    return (head + inside).ljust(size, b"\0") * n


@pytest.mark.parametrize("version", [MPEG_1, MPEG_2, MPEG_2_5])
def test_frames_are_as_long_as_ffmpeg_finds_them(version: int) -> None:
    for kilobits, rate, padded in itertools.product(range(1, 15), range(3), (0, 1)):
        head = header(version, kilobits, rate, padded)
        size = mp3.frame_size(head, 0)
        with av.open(io.BytesIO(frames(6, head)), format="mp3") as container:
            found = [packet.size for packet in container.demux(audio=0) if packet.size]
        assert found == [size] * 6, (kilobits, rate, padded)


@pytest.mark.parametrize(
    "head",
    [
        header(1, 9, 0),  # a version that there is not
        header(MPEG_1, 9, 3),
        header(MPEG_1, 0, 0),  # of free format
        header(MPEG_1, 15, 0),
        header(MPEG_1, 9, 0, layer=2),
        header(MPEG_1, 9, 0)[:3],
        b"\xff\xdb\x90\xc0",  # one bit of the eleven in front is missing
    ],
)
def test_no_frame_begins_there(head: bytes) -> None:
    assert mp3.frame_size(head, 0) is None


@pytest.mark.parametrize(("name", "at"), [(b"Xing", 0), (b"Info", 32), (b"Xing", 17)])
@pytest.mark.parametrize("with_frames", [True, False])
def test_what_a_xing_header_promises_is_missed(name: bytes, at: int, with_frames: bool) -> None:
    n = 417 * 4
    fields = struct.pack(">L", 3) + struct.pack(">2L", 4, n) if with_frames else struct.pack(">2L", 2, n)
    whole = frames(1, inside=bytes(at) + name + fields) + frames(3)
    assert len(whole) == n and mp3.missing(whole) is None
    assert mp3.missing(whole[:-417]) == f"its header promises {n} bytes of audio, {n - 417} are there"
    assert mp3.missing(b"\0" * 50 + whole[:-1]) == f"its header promises {n} bytes of audio, {n - 1} are there"
    unsaid = frames(1, inside=bytes(at) + name + struct.pack(">2L", 1, n)) + frames(2)
    assert mp3.missing(unsaid) is None


def test_what_a_vbri_header_promises_is_missed() -> None:
    n = 417 * 4
    whole = frames(1, inside=bytes(32) + b"VBRI" + bytes(6) + struct.pack(">L", n)) + frames(3)
    assert mp3.missing(whole) is None
    assert mp3.missing(whole[:-417]) == f"its header promises {n} bytes of audio, {n - 417} are there"


def test_a_frame_that_is_cut_is_missed() -> None:
    assert mp3.missing(frames(5)) is None
    assert mp3.missing(frames(5)[:-7]) == "it ends inside a frame, 7 bytes short"
    assert mp3.missing(b"x" * 70 + b"\xff" + frames(5)[:-7]) == "it ends inside a frame, 7 bytes short"
    assert mp3.missing(b"words, no music" * 40) is None
    assert mp3.missing(frames(1)) is None  # one frame may be chance


def test_many_frames_are_followed_over_each_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mp3, "WINDOW", 1000)
    assert mp3.missing(frames(50)[:-7]) == "it ends inside a frame, 7 bytes short"


def test_frames_from_end_to_end_leave_no_doubt() -> None:
    tag = b"TAG" + bytes(125)
    id3 = b"ID3\4\0\0" + bytes([0, 0, 1, 2]) + b"x" * (128 + 2)
    long_id3 = b"ID3\4\0\0" + bytes([0, 1, 0, 0]) + b"x" * (1 << 14)
    for front, end in itertools.product((b"", id3, tag, id3 + long_id3), (b"", tag)):
        assert mp3.after_tags(front + frames(1)) == len(front)
        assert mp3.is_plain(front + frames(30) + end)
        assert not mp3.is_plain(front + frames(10) + end)  # too few
        assert not mp3.is_plain(front + frames(30) + end + b"x")
        assert not mp3.is_plain(front + b"x" + frames(30) + end)
    assert mp3.after_tags(b"ID3\4\0\0" + bytes([1, 0, 0, 0])) == (1 << 21) + 10


@pytest.mark.parametrize("flags", [0, 1, 4])
def test_a_xing_header_that_tells_no_bytes_promises_none(flags: int) -> None:
    fields = struct.pack(">4L", flags, 10**6, 10**6, 10**6)
    assert mp3.missing(frames(1, inside=b"Xing" + fields) + frames(2)) is None
