"""Decoding against the real librosa 0.4.1 and audioread 2.1.4: recorded (record.py), and live where it is at hand.

The live tests need the ffmpeg program and a Python 2.7, in which the era's environment is built once.
"""

import io
import shutil
import struct
import subprocess
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from reprise_kit.compare import python27
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.system import ROOT
from reprise_kit.port.audio import mp3
from reprise_kit.port.audio.audioread214 import coded, described, program, pyav, rawread
from reprise_kit.port.audio.content import Content, opened
from reprise_kit.port.audio.decode import USUAL_RATE, decode, first_channel, seconds_at
from reprise_kit.port.audio.parts import mixed
from reprise_kit.port.audio.provenance import ffmpeg_version
from tests.fuzz.watch import unboxed
from tests.port.audio import RECORDED, signals
from tests.require import require

RAW = np.load(RECORDED / "raw.npz")
FILES = signals.files()
STEP = 1 / 32768  # of a 16-bit sample
LOSSY_SHARE = 0.999  # of samples that two versions of FFmpeg decode alike: vorbis, opus, aac
NOTES = {
    "8mono.wav": "8-bit wav: the original reads unsigned samples as signed",
    "8stereo.wav": "8-bit wav: the original reads unsigned samples as signed",
    "16four.wav": "4 channels: the original averages neighbouring samples, 2 times as long",
    "8.au": "8-bit au: the original swaps the wrong bytes",
    "32.au": "32-bit au: the original swaps the wrong bytes",
    "ulaw.au": "ulaw au: the original takes its bytes in the wrong order",
    "alaw.au": "alaw au: the original takes its bytes in the wrong order",
    "8.aiff": "8-bit aiff: the original swaps the wrong bytes",
    "32.aiff": "32-bit aiff: the original swaps the wrong bytes",
    "quad.wav": "4 channels: the original takes them for one, 4 times as long",
    "4.0.wav": "4 channels: the original takes them for one, 4 times as long",
    "5.1.wav": "6 channels: the original takes them for one, 6 times as long",
}
FAILS = ("16three.wav", "24mono.wav")  # the original ends in an exception


@pytest.fixture(params=["pyav", "ffmpeg"])
def decoder(request):
    if request.param == "ffmpeg":
        _need_ffmpeg()
    return request.param


def _need_ffmpeg() -> None:
    if not shutil.which("ffmpeg"):
        require("ffmpeg", "no ffmpeg program on PATH")


def _write(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes(FILES[name])
    return path


def encode(path: Path, codec: str, rate: int, channels: int, options: dict[str, str] | None = None) -> Path:
    """Two seconds of chord, encoded by PyAV; the container follows the name, `options` go to it."""
    mono = signals.chord(2 * rate, rate) + signals.scrambled(2 * rate) * np.float32(0.01)
    samples = np.stack([mono * np.float32(1 - 0.3 * c) for c in range(channels)])
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate, layout=("mono", "stereo")[channels - 1])
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples), format="fltp", layout=("mono", "stereo")[channels - 1]
        )
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path


def test_recording_is_complete():
    names = {key.split(":")[0] for key in RAW.files}
    assert names == set(FILES)
    assert {key.split(":")[0] for key in RAW.files if key.endswith(":error")} == set(FAILS)


@pytest.mark.parametrize("name", sorted(set(FILES) - set(FAILS)))
def test_tiny_files_are_bit_equal(name, tmp_path, decoder):
    clip = decode(_write(tmp_path, name), decoder)
    assert clip.native.dtype == np.float32
    assert clip.rate == RAW[f"{name}:rate"] == signals.RATE
    np.testing.assert_array_equal(clip.native, RAW[name])
    if name in NOTES:
        assert len(clip.notes) == 1
        assert clip.notes[0].startswith(NOTES[name])
    else:
        assert clip.notes == ()


@pytest.mark.parametrize("name", FAILS)
def test_what_the_original_fails_on_is_refused_by_name(name, tmp_path):
    with pytest.raises(InputError, match="the original fails"):
        decode(_write(tmp_path, name))


@pytest.mark.parametrize("name", sorted(set(NOTES) | set(FAILS)))
def test_fixed_quirks(name, tmp_path, decoder):
    path = _write(tmp_path, name)
    clip = decode(path, decoder, fix_quirks=True)
    assert clip.notes == ()
    with av.open(str(path)) as container:
        channels = container.streams.audio[0].codec_context.channels
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    wide = np.concatenate([frame.reshape(-1, channels) for frame in frames])
    scale, offset = {"u1": (128, 128), "i2": (32768, 0), "i4": (2**31, 0)}[wide.dtype.str[1:]]
    meant = ((wide.astype(np.float64) - offset) / scale).mean(axis=1)
    assert clip.native.shape == meant.shape
    np.testing.assert_allclose(clip.native, meant, rtol=0, atol=STEP)
    if name not in FAILS:
        assert clip.native.shape != RAW[name].shape or np.abs(clip.native - RAW[name]).max() > 0.1


def test_channels_counted_as_ffmpeg_counts_them_are_caught(monkeypatch, tmp_path):
    monkeypatch.setattr(described, "counted_channels", described.channels_of)
    with unboxed():
        assert decode(_write(tmp_path, "4.0.wav")).native.shape != RAW["4.0.wav"].shape


def test_8_bits_read_right_are_caught(monkeypatch, tmp_path):
    monkeypatch.setattr(rawread, "read", lambda content: None)
    with unboxed():
        heard = decode(_write(tmp_path, "8mono.wav")).native
    assert np.abs(heard - RAW["8mono.wav"]).min() == 1.0


@pytest.mark.parametrize(
    ("layout", "channels"),
    [("mono", 1), ("stereo", 2), ("2 channels", 2), ("3 channels", 3), ("2.1", 1), ("4.0", 1), ("5.1(side)", 1)],
)
def test_layouts_as_audioread_counts_them(layout, channels):
    assert described.counted_channels(layout) == channels


def test_bad_input_is_one_line(tmp_path, decoder):
    (tmp_path / "empty.mp3").write_bytes(b"")
    (tmp_path / "text.mp3").write_text("these are words, not music\n" * 50)
    (tmp_path / "list.mp3").write_text("#EXTM3U\nother.mp3\n")
    (tmp_path / "cut.wav").write_bytes(FILES["16stereo.wav"][:-9])
    (tmp_path / "header.wav").write_bytes(FILES["16stereo.wav"][:44])
    with av.open(str(tmp_path / "film.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        container.mux([*stream.encode(av.VideoFrame(32, 32, "yuv420p")), *stream.encode(None)])
    expected = {
        "absent.mp3": "no such file",
        "empty.mp3": "empty",
        ".": "folder",
        "text.mp3": "no audio file",
        "list.mp3": "playlist",
        "cut.wav": "ends inside a sample, on which the original fails",
        "header.wav": "no samples in it",
        "film.mp4": "no audio",
    }
    for name, words in expected.items():
        with pytest.raises(InputError, match=words) as caught:
            decode(tmp_path / name, decoder)
        assert "\n" not in str(caught.value)
        assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("xing", ["1", "0"])
def test_a_cut_mp3_is_heard_as_far_as_it_goes_and_refused_when_strict(tmp_path, decoder, xing):
    whole = encode(tmp_path / "whole.mp3", "libmp3lame", 44_100, 2, {"write_xing": xing})
    content = whole.read_bytes()
    clean = decode(whole, decoder, strict=True)
    assert clean.native.size >= 88_200 and clean.notes == ()
    cut = tmp_path / "cut.mp3"
    for share in (0.3, 0.6, 0.9):
        cut.write_bytes(content[: int(share * len(content)) + 5])
        heard = decode(cut, decoder)
        assert 0.8 * share < heard.native.size / clean.native.size < share + 0.1
        assert heard.notes[0].startswith("cut mp3, ")
        with pytest.raises(InputError, match="refused by --strict: cut mp3"):
            decode(cut, decoder, strict=True)


def test_a_cut_flac_or_wav_is_heard_as_far_as_it_goes(tmp_path, decoder):
    cuts = {tmp_path / "cut.flac": encode(tmp_path / "whole.flac", "flac", 44_100, 1).read_bytes()}
    cuts[tmp_path / "cut.wav"] = FILES["16stereo.wav"]
    for cut, whole in cuts.items():
        cut.write_bytes(whole[: len(whole) // 8 * 4])
        assert decode(cut, decoder).native.size > 0
        assert any(note.startswith("cut ") for note in decode(cut, decoder).notes)
        with pytest.raises(InputError, match="refused by --strict"):
            decode(cut, decoder, strict=True)


def test_a_change_of_form_midway_ends_no_process(tmp_path, decoder):
    """PyAV's fifo of stereo frames crashes on a mono one: they are kept apart."""
    parts = [encode(tmp_path / f"{k}.mp3", "libmp3lame", 44_100, k).read_bytes() for k in (2, 1)]
    (tmp_path / "both.mp3").write_bytes(b"".join(parts))
    heard = decode(tmp_path / "both.mp3", decoder)
    assert heard.native.size > 2 * 88_200 and heard.rate == 44_100
    if decoder == "pyav":
        assert pyav.CHANGES in heard.notes
    _need_ffmpeg()
    np.testing.assert_array_equal(heard.native, decode(tmp_path / "both.mp3", "ffmpeg").native)


def test_what_pyav_would_hear_otherwise_goes_to_the_program(tmp_path, monkeypatch):
    _need_ffmpeg()
    link = encode(tmp_path / "link.ogg", "libopus", 48_000, 2).read_bytes()
    (tmp_path / "chain.ogg").write_bytes(link + link)
    heard = decode(tmp_path / "chain.ogg")
    assert heard.notes == ("chained Ogg, 2 pieces: decoded by the ffmpeg program, as in the original",)
    assert heard.origin.decoder == ffmpeg_version(shutil.which("ffmpeg")) and heard.native.size > 3.9 * 48_000
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="chained Ogg, 2 pieces; install ffmpeg"):
        decode(tmp_path / "chain.ogg")


def test_a_tag_that_speaks_like_ffmpeg_misleads_as_it_misled_the_original(tmp_path):
    _need_ffmpeg()
    for words, refusal in {
        "invalid data found": "the original believes",
        "audio: loud": "the original takes for",
    }.items():
        path = _encode_with_ffmpeg(tmp_path, "said.mp3", 44_100, 1, ["-metadata", f"comment={words}"])
        with pytest.raises(InputError, match=refusal):
            decode(path)


def test_tags_at_either_end_do_not_make_an_mp3_truncated(tmp_path):
    whole = encode(tmp_path / "whole.mp3", "libmp3lame", 44_100, 1, {"write_xing": "0"}).read_bytes()
    assert mp3.missing(b"TAG" + bytes(125) + whole + b"TAG" + b"x" * 125) is None


def test_only_an_mp3_through_and_through_is_opened_as_one(tmp_path):
    whole = encode(tmp_path / "whole.mp3", "libmp3lame", 44_100, 2).read_bytes()
    tag = b"ID3\x03\x00\x00\x00\x00\x00\x05hello"
    old_tag = b"TAG" + bytes(125)
    assert all(map(mp3.is_plain, [whole, tag + whole, tag + old_tag + whole, whole + old_tag]))
    others = [whole[:-1], b"x" + whole, whole + b"x", whole[:300], tag, b"RIFF" + whole, b""]
    assert not any(map(mp3.is_plain, others))
    (tmp_path / "tagged.mp3").write_bytes(tag + whole)
    with opened(tmp_path / "tagged.mp3") as content, pyav.open_pyav(content, 60) as guessed:
        np.testing.assert_array_equal(decode(tmp_path / "tagged.mp3").native, mixed(coded.samples(guessed), 2))


def test_corrupt_files_end_in_samples_or_one_line(tmp_path, decoder):
    random = np.random.RandomState(7)
    for codec, name in (("libmp3lame", "a.mp3"), ("flac", "a.flac"), ("aac", "a.m4a"), ("libopus", "a.ogg")):
        whole = np.frombuffer(encode(tmp_path / name, codec, 48_000, 2).read_bytes(), np.uint8)
        for n_bytes in (1, 20, 200):
            broken = whole.copy()
            broken[random.randint(0, broken.size, n_bytes)] = random.randint(0, 256, n_bytes)
            path = tmp_path / f"broken{n_bytes}{name}"
            path.write_bytes(broken.tobytes())
            try:
                assert np.isfinite(decode(path, decoder).native).all()
            except InputError as error:
                assert "\n" not in str(error)


def test_limits(tmp_path, decoder):
    path = encode(tmp_path / "two_seconds.mp3", "libmp3lame", 44_100, 2)
    with pytest.raises(InputError, match="longer than 1 seconds"):
        decode(path, decoder, max_seconds=1)
    with pytest.raises(InputError, match="longer than"):
        decode(_write(tmp_path, "16mono.wav"), decoder, max_seconds=0.01)


def test_an_unknown_decoder_is_refused(tmp_path):
    with pytest.raises(InputError, match="pyav, ffmpeg"):
        decode(tmp_path, "sox")


LIVE = [  # file name ending, rates, options of the ffmpeg program
    ("cbr.mp3", (8_000, 11_025, 22_050, 32_000, 44_100, 48_000), "-b:a 64k"),
    ("vbr.mp3", (22_050, 44_100), "-q:a 4"),
    ("no_header.mp3", (44_100,), "-q:a 4 -write_xing 0 -id3v2_version 0"),
    (".flac", (22_050, 44_100, 96_000), ""),
    (".ogg", (22_050, 44_100), ""),
    (".opus", (48_000,), ""),
    (".m4a", (22_050, 44_100, 48_000), ""),
    ("quad.flac", (44_100,), "-af aformat=channel_layouts=quad"),
]


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """Each file of LIVE, mono and stereo, as the real librosa loads it: path -> samples, rate."""
    _need_ffmpeg()
    interpreter = python27.find_interpreter()
    if interpreter is None:
        require("python27", "no Python 2.7 found (REPRISE_PYTHON27, PATH, pyenv)")
    python = python27.environment(interpreter, ROOT / "original/eras/requirements-theano.lock")
    folder = tmp_path_factory.mktemp("live")
    paths = [
        _encode_with_ffmpeg(folder, ending, rate, channels, options.split())
        for ending, rates, options in LIVE
        for rate in rates
        for channels in (1, 2)
    ]
    script = Path(__file__).with_name("record.py")
    environment = {**python27.private_settings(folder, "theano")}
    subprocess.run([python, script, "load", folder / "live.npz", *paths], check=True, env=environment, timeout=300)
    answers = np.load(folder / "live.npz")
    return {path: (answers[path.name], int(answers[path.name + ":rate"])) for path in paths}


def _encode_with_ffmpeg(folder: Path, ending: str, rate: int, channels: int, options: list[str]) -> Path:
    source = folder / "source.wav"
    left = signals.chord(2 * rate, rate) + signals.scrambled(2 * rate) / 64
    source.write_bytes(signals.wav(np.stack([left, left[::-1] / 2], axis=1)[:, :channels], rate))
    path = folder / f"{rate}_{channels}_{ending}"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", source, *options, path], check=True, timeout=60)
    return path


def test_live_bit_equal_with_the_same_ffmpeg(live):
    assert len(live) == 2 * sum(len(rates) for _, rates, _ in LIVE)
    for path, (samples, rate) in live.items():
        clip = decode(path, "ffmpeg")
        assert clip.rate == rate, path.name
        np.testing.assert_array_equal(clip.native, samples, err_msg=path.name)


def test_live_within_half_a_step_with_pyav(live):
    assert len(live) == 2 * sum(len(rates) for _, rates, _ in LIVE)
    for path, (samples, rate) in live.items():
        clip = decode(path, "pyav")
        assert clip.rate == rate, path.name
        assert clip.native.shape == samples.shape, path.name
        share = np.mean(clip.native == samples)
        assert share > LOSSY_SHARE, path.name
        assert np.abs(clip.native - samples).max() <= STEP, path.name
        if path.suffix in (".mp3", ".flac"):
            assert share == 1, path.name


def test_a_clip_is_bounded_by_its_samples(tmp_path: Path) -> None:
    """Ten minutes of silence at 192 kHz are a small file and a great deal of memory."""
    path = tmp_path / "high.wav"
    rate, seconds = 192_000, 2
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(bytes(2 * rate * seconds))
    assert decode(path, max_seconds=seconds * rate / USUAL_RATE + 0.1).native.size == rate * seconds
    with pytest.raises(InputError, match="longer"):
        decode(path, max_seconds=seconds * rate / USUAL_RATE - 0.1)
    assert seconds_at(44_100, 60) == 60 and seconds_at(96_000, 60) == 30


@pytest.mark.parametrize("at", [0, 30_000])
def test_a_disk_that_fails_under_the_decoder_is_one_line(tmp_path, at):
    class Failing(io.BytesIO):
        def read(self, n=-1):
            if self.tell() >= at:
                raise OSError(5, "Input/output error")
            return super().read(n)

    whole = encode(tmp_path / "whole.flac", "flac", 44_100, 2).read_bytes()
    assert len(whole) > 100_000
    content = Content(Failing(whole), 0, len(whole))
    with pytest.raises(InputError, match="Input/output error"), pyav.open_pyav(content, 60) as failing:
        coded.samples(failing)


@pytest.mark.parametrize("size", [1, 7, 128, 1 << 14, (1 << 21) + 129])
def test_a_tag_s_size_is_seven_bits_a_byte(tmp_path, size):
    whole = encode(tmp_path / "whole.mp3", "libmp3lame", 44_100, 1).read_bytes()
    said = bytes(size >> shift & 127 for shift in (21, 14, 7, 0))
    tagged = b"ID3\x03\x00\x00" + said + bytes(size) + whole
    assert mp3.is_plain(tagged) and mp3.missing(tagged) is None
    assert not mp3.is_plain(b"ID3\x03\x00\x00" + said + bytes(size - 1) + whole)


@pytest.mark.parametrize("n_bytes", [1, 2, 3, 10])
def test_chunks_of_odd_length_are_padded_as_python_s_own_reader_has_it(tmp_path, n_bytes):
    whole = _write(tmp_path, "16stereo.wav").read_bytes()
    at = whole.index(b"data")
    extra = b"LIST" + n_bytes.to_bytes(4, "little") + bytes(n_bytes + n_bytes % 2)
    body = whole[8:at] + extra + whole[at:]
    path = tmp_path / "padded.wav"
    path.write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    with wave.open(str(path)) as theirs:
        frames = np.frombuffer(theirs.readframes(theirs.getnframes()), "<i2")
    with opened(path) as content:
        raw = rawread.read(content)
        assert raw is not None
        np.testing.assert_array_equal(raw.samples(raw.data[:]), frames)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_raw_file_s_codec_is_ffmpeg_s_name_of_it(tmp_path, name):
    path = _write(tmp_path, name)
    with opened(path) as content:
        raw = rawread.read(content)
    if raw is not None:
        with av.open(str(path)) as container:
            assert raw.codec == container.streams.audio[0].codec_context.name


def test_the_first_channel_alone_is_heard_as_it_is_meant(tmp_path, decoder):
    left, right = signals.scrambled(4000), np.full(4000, 0.5, np.float32)
    frames = (np.stack([left, right], axis=1) * 20_000).astype("<i2")
    for name, kept in (("both", frames), ("one", frames[:, :1])):
        with wave.open(str(tmp_path / f"{name}.wav"), "wb") as file:
            file.setparams((kept.shape[1], 2, 44_100, 0, "NONE", ""))
            file.writeframes(kept.tobytes())
        heard = first_channel(tmp_path / f"{name}.wav", decoder)
        np.testing.assert_array_equal(heard.native, frames[:, 0] / np.float32(32768))
        assert heard.rate == 44_100
        assert heard.notes == (("only the first of 2 channels is heard",) if name == "both" else ())


def test_a_guessed_layout_has_as_many_channels_as_were_guessed():
    assert described.GUESSED.keys() == set(range(1, 9))
    for n in range(1, 9):
        assert av.AudioLayout(described.guessed(f"{n} channels")).nb_channels == n
    assert described.guessed("9 channels") == "9 channels" and described.guessed("5.1") == "5.1"


@pytest.mark.parametrize(("encoding", "width"), [(2, 1), (3, 2), (4, 3), (5, 4)])
def test_au_samples_are_as_wide_as_their_encoding_says(encoding, width, tmp_path):
    """Python 2.7's `sunau`: 2 to 5 are linear, of 8 to 32 bits."""
    head = struct.pack(">4s5L", b".snd", 24, 12 * width, encoding, 44_100, 1)
    (tmp_path / "a.au").write_bytes(head + bytes(12 * width))
    with opened(tmp_path / "a.au") as content:
        raw = rawread.read(content)
    assert (raw.kind, raw.rate, raw.channels, raw.width, len(raw.data)) == ("au", 44_100, 1, width, 12 * width)


@pytest.mark.parametrize(
    ("does", "words"),
    [
        ("kill -SEGV $$", "SIGSEGV"),
        ("while :; do :; done", "SIGXCPU|SIGKILL"),
        ("while :; do echo 'x' >&2; done", "SIGXFSZ"),
        ("printf 'ab'; kill -SEGV $$", "SIGSEGV"),
    ],
)
def test_however_the_program_ends_it_is_one_line(does, words, tmp_path, monkeypatch):
    about = "  Duration: 00:00:01.00, bitrate: 9 kb/s\\n  Stream #0:0: Audio: mp3, 22050 Hz, mono, s16, 9 kb/s\\n"
    version = "[ $1 = -version ] && echo ffmpeg version 1 && exit"
    (tmp_path / "ffmpeg").write_text(f"#!/bin/bash\n{version}\nprintf '{about}' >&2\n{does}\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for name, most in (("SECONDS", 1), ("LOG", 1 << 16)):
        monkeypatch.setattr(program, name, most)
    path = encode(tmp_path / "clip.mp3", "libmp3lame", 44_100, 2)
    with pytest.raises(InputError, match=words) as caught:
        decode(path, "ffmpeg")
    assert "\n" not in str(caught.value)
