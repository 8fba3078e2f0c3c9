"""What a trace says of the program that decoded."""

from pathlib import Path

import av

from reprise_kit.port.audio.provenance import ffmpeg_version, pyav_version


def test_the_version_is_the_programs_own_word(tmp_path: Path) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho ffmpeg version 4.2.7-0ubuntu Copyright\necho configuration: none\n")
    program.chmod(0o755)
    assert ffmpeg_version(str(program)) == "ffmpeg 4.2.7-0ubuntu"


def test_pyavs_version_is_its_own() -> None:
    assert pyav_version() == f"PyAV {av.__version__}"
