"""A file's bytes by slices are those of the file, and a disk that fails is one line."""

import io
import os
from contextlib import nullcontext

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.content import ZEROS, Content, opened

BYTES = np.random.default_rng(1).bytes(5000)


@pytest.mark.parametrize(
    "part",
    [slice(0, 4), slice(10, 10), slice(4990, 6000), slice(6000, 7000), slice(None), slice(-5, None), slice(9, 3)],
)
def test_slices_are_those_of_bytes(part):
    content = Content(io.BytesIO(BYTES), 0, len(BYTES))
    assert len(content) == len(BYTES)
    assert content[part] == BYTES[part]
    inner, within = content.within(100, 300), BYTES[100:300]
    assert len(inner) == 200 and inner[part] == within[part] and inner.within(50)[part] == within[50:][part]


def test_a_disk_that_fails_is_one_line(tmp_path):
    class Failing(io.RawIOBase):
        def readable(self):
            return True

        seekable = readable

        def seek(self, *where):
            return 0

        def readinto(self, buffer):
            raise OSError(5, "Input/output error")

    with pytest.raises(InputError, match=r"^cannot be read \(Input/output error\)$"):
        Content(io.BufferedReader(Failing()), 0, 10)[:4]
    with pytest.raises(InputError, match=r"^cannot be read \(Input/output error\)$"):
        Content(io.BufferedReader(Failing()), 0, 10).sha256()
    with pytest.raises(InputError, match="no such file"), opened(tmp_path / "absent"):
        pass


def test_a_pipe_is_called_so_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.wav")
    with pytest.raises(InputError, match="a pipe or a device"), opened(tmp_path / "x.wav"):
        pass


@pytest.mark.parametrize(("at", "refused"), [(None, True), (ZEROS - 1, False), (0, False)])
def test_a_file_that_was_never_written_is_refused_before_it_is_searched(at, refused, tmp_path):
    path = tmp_path / "x.mp3"
    path.touch()
    os.truncate(path, 1 << 40)
    if at is not None:
        with path.open("r+b") as file:
            file.seek(at)
            file.write(b"x")
    with pytest.raises(InputError, match="zeros") if refused else nullcontext(), opened(path) as content:
        assert len(content) == 1 << 40
