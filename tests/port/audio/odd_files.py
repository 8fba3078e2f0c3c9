"""Sound files that a stranger may drop in: every container and codec that the ffmpeg program writes, wrong headers,
tags, cuts, chains, joins, 4 to 192 kHz, 1 to 8 channels.

tests/original/deepsound_crnn/test_odd_files.py holds both decoders of the port to the live original on them.
"""

import re
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tests.port.audio import signals

SECONDS = 3  # 36 frames, 1.6 s, are needed for one answer, of a file that is cut too
# What is made whatever is wanted: others are made of it.
PARTS = ("link_", "part_", "whole.", "no_xing.", "tagged.", "bare.")
SHAPES = ((44_100, 2), (48_000, 2), (48_000, 1), (22_050, 1), (16_000, 1), (8_000, 1))  # what encoders are offered
# Devices, network, checksums, pieces in several files, pictures only: no sound file comes out of them.
NO_FILE = {
    "alsa",
    "oss",
    "pulse",
    "sdl,sdl2",
    "fbdev",
    "opengl",
    "xv",
    "caca",
    "rtp",
    "rtp_mpegts",
    "rtsp",
    "sap",
    "tee",
}
NO_FILE |= {"fifo", "fifo_test", "null", "md5", "hash", "crc", "framecrc", "framehash", "framemd5", "streamhash"}
NO_FILE |= {"hls", "dash", "segment", "stream_segment,ssegment", "smoothstreaming", "hds", "ffmetadata", "chromaprint"}
RATES = (4_000, 8_000, 11_025, 12_345, 16_000, 24_000, 32_000, 37_800, 88_200, 96_000, 176_400, 192_000)


def run(*words: str | Path) -> bool:
    """Run ffmpeg quietly; tell whether it succeeded."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, words)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def listed(what: str) -> str:
    """What ffmpeg says of itself."""
    return subprocess.run(["ffmpeg", "-hide_banner", *what.split()], capture_output=True, text=True, check=True).stdout


def sound(rate: int, channels: int, seconds: float = SECONDS) -> np.ndarray:
    """(n_samples, n_channels) float32: tones that swell and bursts of noise, every channel its own."""
    n = int(seconds * rate)
    beat = np.arange(n, dtype=np.float32) / rate * np.float32(1.7) % 1
    mono = signals.chord(n, rate) * beat + signals.scrambled(n) * np.float32(0.2) * (1 - beat) ** 8
    return np.stack([np.roll(mono, 997 * c) * np.float32(1 - 0.1 * c) for c in range(channels)], axis=1)


class Maker:
    """Makes files in one folder, all or those that are wanted; `made` holds what could be made."""

    def __init__(self, folder: Path, wanted: frozenset[str] = frozenset()) -> None:
        """Start with an empty folder; wanted: names, none for all."""
        self.folder, self.wanted, self.made = folder, wanted, list[Path]()

    def _keep(self, path: Path) -> Path:
        if not self.wanted or path.name in self.wanted:
            self.made.append(path)
        return path

    def source(self, rate: int, channels: int, seconds: float = SECONDS) -> Path:
        """A plain 16-bit wav to encode from."""
        path = self.folder / "sources" / f"{rate}_{channels}_{seconds}.wav"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(signals.wav(sound(rate, channels, seconds), rate))
        return path

    def encode(self, name: str, shape: tuple[int, int], *options: str) -> Path | None:
        """Encode the sound of a rate and channels; None where ffmpeg refuses."""
        path = self.folder / name
        if self.wanted and name not in self.wanted and not name.startswith(PARTS):
            return None
        if not run("-i", self.source(*shape), "-strict", "-2", *options, path) or not path.stat().st_size:
            path.unlink(missing_ok=True)
            return None
        return self._keep(path)

    def write(self, name: str, content: bytes) -> Path:
        """Write bytes of our own."""
        path = self.folder / name
        path.write_bytes(content)
        return self._keep(path)

    def first(self, name: str, *options: str) -> None:
        """Encode in the first shape that the encoder takes."""
        next(filter(None, (self.encode(name, shape, *options) for shape in SHAPES)), None)


def containers(make: Maker) -> None:
    """One file of every muxer that holds sound, in its own codec."""
    for name in re.findall(r"^  E (\S+)", listed("-muxers"), re.M):
        if name in NO_FILE:
            continue
        about = listed(f"-h muxer={name.split(',')[0]}")
        codec = re.search(r"Default audio codec: (\w+)", about)
        ending = re.search(r"Common extensions: (\w+)", about)
        if codec and codec[1] != "none":
            make.first(f"in_{name.split(',')[0]}.{ending[1] if ending else name}", "-f", name.split(",")[0])


def codecs(make: Maker) -> None:
    """One file of every encoder, in Matroska or, failing that, in NUT."""
    for name in re.findall(r"^ A\S* (\w+)", listed("-encoders"), re.M):
        before = len(make.made)
        for form in ("mka", "nut"):
            if len(make.made) == before:
                make.first(f"by_{name}.{form}", "-c:a", name)


def rates(make: Maker) -> None:
    """4 to 192 kHz, where the wav goes to Python's reader and the others to ffmpeg."""
    for rate in RATES:
        make.encode(f"{rate}.wav", (rate, 1))
        make.encode(f"{rate}.wv", (rate, 2))


def layouts(make: Maker) -> None:
    """1 to 8 channels, in plain and extensible headers and in lossy and lossless codecs."""
    for n in range(1, 9):
        make.write(f"plain_{n}.wav", signals.wav(sound(44_100, n), 44_100))
        for ending in ("wav", "flac", "m4a", "opus", "ogg", "ac3"):
            make.encode(f"channels_{n}.{ending}", (48_000, n))


def widths(make: Maker) -> None:
    """Bits a sample beside 16, integers and floats, in the three raw containers."""
    for ending, codecs_ in {
        "wav": "pcm_u8 pcm_s24le pcm_s32le pcm_f32le pcm_f64le pcm_alaw pcm_mulaw adpcm_ima_wav adpcm_ms",
        "aiff": "pcm_s8 pcm_s24be pcm_s32be pcm_f32be pcm_s16le",
        "au": "pcm_s8 pcm_s24be pcm_s32be pcm_f32be pcm_alaw pcm_mulaw",
        "caf": "pcm_s16be pcm_s24le pcm_f32be alac",
        "w64": "pcm_s16le pcm_s24le",
    }.items():
        for codec in codecs_.split():
            make.encode(f"{codec}.{ending}", (44_100, 2), "-c:a", codec)


def cuts(make: Maker) -> None:
    """Files that end in the middle."""
    for ending in (
        "mp3",
        "wav",
        "flac",
        "ogg",
        "opus",
        "m4a",
        "mka",
        "wma",
        "aac",
        "ac3",
        "aiff",
        "au",
        "wv",
        "mp2",
        "caf",
    ):
        whole = make.encode(f"whole.{ending}", (44_100, 2) if ending != "opus" else (48_000, 2))
        if whole:
            content = whole.read_bytes()
            for share in (0.6, 0.9):
                make.write(f"cut_{share}.{ending}", content[: int(len(content) * share) | 1])
    frames = make.encode("no_xing.mp3", (44_100, 2), "-write_xing", "0", "-id3v2_version", "0")
    if frames:
        make.write("cut_no_xing.mp3", frames.read_bytes()[:-100])


def headers(make: Maker) -> None:
    """Headers that lie."""
    wav = signals.wav(sound(44_100, 2), 44_100)
    n = len(wav) - 44
    for name, size in {
        "longer": n + 100_000,
        "shorter": n // 2,
        "odd": n - 1,
        "zero": 0,
        "minus_one": 0xFFFFFFFF,
    }.items():
        make.write(f"data_{name}.wav", wav[:40] + struct.pack("<L", size) + wav[44:])
    make.write("riff_short.wav", wav[:4] + struct.pack("<L", 36 + n // 2) + wav[8:])
    make.write("riff_zero.wav", wav[:4] + bytes(4) + wav[8:])
    make.write("rate_zero.wav", wav[:24] + bytes(4) + wav[28:])
    make.write("channels_zero.wav", wav[:22] + bytes(2) + wav[24:])
    make.write("channels_three.wav", wav[:22] + b"\3\0" + wav[24:])
    make.write("bits_12.wav", wav[:34] + b"\14\0" + wav[36:])
    make.write("junk_behind.wav", wav + b"LIST" + struct.pack("<L", 4) + b"junk")
    make.write("named.mp3", wav)
    make.write("header_only.wav", wav[:44])
    make.write("header_half.wav", wav[:20])
    au = (
        b".snd" + struct.pack(">5L", 24, 0xFFFFFFFF, 3, 44_100, 2) + np.frombuffer(wav[44:], "<i2").byteswap().tobytes()
    )
    make.write("unknown_size.au", au)
    make.write("far_start.au", au[:4] + struct.pack(">L", 128) + au[8:24] + bytes(104) + au[24:])


def tags(make: Maker) -> None:
    """Tags in front, behind, with pictures, and with words that ffmpeg's own log has."""
    mp3 = make.encode("tagged.mp3", (44_100, 2), "-metadata", "title=Ärger 🎵", "-id3v2_version", "4")
    plain = make.encode("bare.mp3", (44_100, 2), "-id3v2_version", "0")
    if mp3 and plain:
        content = plain.read_bytes()
        make.write("id3v1.mp3", content + b"TAG" + bytes(125))
        make.write("two_id3v2.mp3", b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + mp3.read_bytes())
        make.write("ape.mp3", content + b"APETAGEX" + struct.pack("<4L", 2000, 32, 0, 0) + bytes(8))
        make.write("junk_in_front.mp3", b"\0" * 3000 + content)
        make.write("junk_behind.mp3", content + b"x" * 3000)
    for ending in ("mp3", "ogg", "flac", "m4a", "wma"):
        for word in ("audio: 5 hz, 7 x,", "invalid data found", "duration: long"):
            name = f"says_{word.split(':')[0].split()[0]}.{ending}"
            make.encode(name, (44_100, 2), "-metadata", f"comment={word}")
    art = make.folder / "sources" / "art.png"
    run("-f", "lavfi", "-i", "color=red:s=32x32", "-frames:v", "1", art)
    for ending in ("mp3", "flac", "m4a"):
        video = ["-i", str(art), "-map", "0:a", "-map", "1:v", "-c:v", "copy", "-disposition:v:0", "attached_pic"]
        make.encode(f"art.{ending}", (44_100, 2), *video)


def chains(make: Maker) -> None:
    """Ogg links one after another, of the same and of another rate and channel count."""
    for ending, codec in (("ogg", "libvorbis"), ("opus", "libopus"), ("oga", "flac"), ("spx", "libspeex")):
        shapes = {"same": (48_000, 2), "mono": (48_000, 1), "rate": (24_000, 2), "both": (16_000, 1)}
        if codec == "libspeex":
            shapes = {"same": (16_000, 1), "rate": (8_000, 1), "stereo": (16_000, 2)}
        links = {name: make.encode(f"link_{name}.{ending}", shape, "-c:a", codec) for name, shape in shapes.items()}
        for name, link in links.items():
            if link and links["same"]:
                make.write(f"chain_{name}.{ending}", links["same"].read_bytes() + link.read_bytes())
                make.write(f"chain_{name}_first.{ending}", link.read_bytes() + links["same"].read_bytes())


def joins(make: Maker) -> None:
    """Files of other kinds one after another, as `cat` joins them."""
    for ending, options in {
        "mp3": (),
        "aac": (),
        "ac3": (),
        "flac": (),
        "mp2": (),
        "wv": (),
        "tta": (),
        "wav": (),
    }.items():
        shapes = {"same": (48_000, 2), "mono": (48_000, 1), "rate": (44_100, 2)}
        parts = {name: make.encode(f"part_{name}.{ending}", shape, *options) for name, shape in shapes.items()}
        for name, part in parts.items():
            if part and parts["same"]:
                make.write(f"joined_{name}.{ending}", parts["same"].read_bytes() + part.read_bytes())


def streams(make: Maker) -> None:
    """Several streams in one file: two of sound, a picture that moves, subtitles."""
    both = ("-map", "0:a", "-map", "1:a")
    make.encode("two_streams.mka", (44_100, 2), "-i", str(make.source(48_000, 1)), *both)
    make.encode("more_channels_second.mka", (48_000, 2), "-i", str(make.source(44_100, 6)), *both)
    picture = ("-f", "lavfi", "-i", f"testsrc=d={SECONDS}:s=64x48", "-map", "0:a", "-map", "1:v")
    make.encode("film.mp4", (44_100, 2), *picture)
    make.encode("film.webm", (48_000, 2), *picture)
    make.encode("late.mka", (44_100, 2), "-output_ts_offset", "5")


KINDS: dict[str, Callable[[Maker], None]] = {
    kind.__name__: kind
    for kind in (containers, codecs, rates, layouts, widths, cuts, headers, tags, chains, joins, streams)
}


# One or more of each kind, for the tests: what is left to the whole set is more of the same.
FORTY = {
    "rates": "4000.wav 12345.wav 37800.wv 192000.wav",
    "layouts": "plain_3.wav plain_6.wav channels_4.flac channels_6.m4a channels_8.opus channels_7.wav channels_3.ogg",
    "widths": "pcm_u8.wav pcm_s24le.wav pcm_f32le.wav adpcm_ima_wav.wav pcm_s24be.aiff pcm_mulaw.au alac.caf",
    "cuts": "whole.wma whole.ac3 cut_0.6.mp3 cut_0.9.flac cut_0.6.wv cut_0.9.m4a cut_0.6.ogg cut_0.6.wav "
    "cut_no_xing.mp3",
    "headers": "data_longer.wav data_odd.wav data_zero.wav riff_short.wav rate_zero.wav channels_three.wav named.mp3 "
    "header_half.wav unknown_size.au far_start.au",
    "tags": "art.mp3 junk_in_front.mp3 says_audio.flac says_invalid.mp3 ape.mp3",
    "chains": "chain_same.ogg chain_both.ogg chain_mono_first.opus chain_rate.oga",
    "joins": "joined_same.mp3 joined_mono.mp3 joined_rate.aac joined_mono.flac",
    "streams": "more_channels_second.mka film.mp4 late.mka",
}


def make(folder: Path, names: dict[str, str] | None = None) -> Iterator[tuple[str, Path]]:
    """Make files in a folder, of each kind those that are named (default: all); yields (kind, path)."""
    for kind in names or KINDS:
        place = folder / kind
        place.mkdir(parents=True, exist_ok=True)
        maker = Maker(place, frozenset((names or {}).get(kind, "").split()))
        KINDS[kind](maker)
        yield from ((kind, path) for path in maker.made)
