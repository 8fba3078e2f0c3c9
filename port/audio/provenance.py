"""Who decoded a clip and from which codec: what two traces must share before their samples can be bit-equal."""

import subprocess
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Origin:
    """decoder: program and version, "python" for Python 2.7's own readers. codec: FFmpeg's name of it."""

    decoder: str
    codec: str


def pyav_version() -> str:
    """Return "PyAV VERSION"."""
    import av

    return f"PyAV {av.__version__}"


@lru_cache
def ffmpeg_version(program: str) -> str:
    """Return "ffmpeg VERSION" of a program, as `ffmpeg -version` says it."""
    first = subprocess.run(
        [program, "-version"], capture_output=True, text=True, errors="backslashreplace", check=True
    ).stdout.split("\n")[0]
    return "ffmpeg " + first.split()[2]
