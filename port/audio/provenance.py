"""Who decoded a clip and from which codec: what two traces must share before their samples can be bit-equal."""

import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from reprise_kit.port.audio.audioread214 import rawread
from reprise_kit.port.audio.content import opened


def decoded_by(path: Path, decoder: str) -> dict[str, str]:
    """Return {"decoder": program and version, "codec": FFmpeg's name of the codec} for a clip that decodes."""
    import av

    with av.open(str(path), metadata_errors="ignore") as container:
        codec = container.streams.audio[0].codec_context.name
    # FFmpeg calls a decoder "opus" or "mp3float"; what the file holds is the part before any such suffix.
    codec = codec.removesuffix("float").removeprefix("lib")
    with opened(path) as content:
        if rawread.read(content) is not None:
            return {"decoder": "python", "codec": codec}
    return {"decoder": ffmpeg_version() if decoder == "ffmpeg" else f"PyAV {av.__version__}", "codec": codec}


@lru_cache
def ffmpeg_version() -> str:
    """Return "ffmpeg VERSION" of the program on PATH, as `ffmpeg -version` says it."""
    program = shutil.which("ffmpeg")
    if program is None:
        return "ffmpeg (none)"
    first = subprocess.run([program, "-version"], capture_output=True, text=True, check=True).stdout.split("\n")[0]
    return "ffmpeg " + first.split()[2]
