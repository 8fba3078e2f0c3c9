"""What only sound needs: which files hold it, and codecs that two decoders round differently."""

from reprise_kit.compare.trace import Trace

SUFFIXES = frozenset(
    [
        ".aac",
        ".ac3",
        ".aif",
        ".aifc",
        ".aiff",
        ".au",
        ".flac",
        ".m4a",
        ".mka",
        ".mp2",
        ".mp3",
        ".mp4",
        ".oga",
        ".ogg",
        ".opus",
        ".snd",
        ".wav",
        ".webm",
        ".wma",
    ]
)

# Decoders of these codecs work in floating point and round to 16 bits in their own way: another version of FFmpeg
# differs by one 16-bit step on about 0.05 % of samples (measured: 5.1.9 against PyAV 18's). So does mp3's, whose
# samples were equal on every file tried.
REDECODED_CODECS = frozenset({"aac", "aac_latm", "ac3", "dts", "eac3", "opus", "vorbis", "wmav1", "wmav2"})


def decoded_differently(reference: Trace, candidate: Trace) -> bool:
    """Tell whether a lossy codec went through two different decoders."""
    codec = candidate.provenance.get("codec") or reference.provenance.get("codec")
    decoders = reference.provenance.get("decoder"), candidate.provenance.get("decoder")
    return codec in REDECODED_CODECS and decoders[0] != decoders[1]
