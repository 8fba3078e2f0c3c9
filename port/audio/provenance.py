"""Who decoded a clip and from which codec: what two traces must share before their samples can be bit-equal."""

from dataclasses import dataclass
from functools import lru_cache

from reprise_kit.compare.programs import run_program


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
    done = run_program([program, "-version"])
    done.check_returncode()
    first = done.stdout.split("\n")[0]
    return "ffmpeg " + first.split()[2]
