"""Widths of .au files, as Python's own sunau counts them."""

import importlib.util
import io
import os
import struct

import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.audioread214.rawread import AU_MAGIC, AU_WIDTHS, read
from reprise_kit.port.audio.content import opened

NO_SUNAU = importlib.util.find_spec("sunau") is None


@pytest.mark.skipif(NO_SUNAU, reason="this Python has no sunau any more (3.13)")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_each_encoding_is_as_wide_as_sunau_finds_it() -> None:
    import sunau

    tried, widths = 0, {}
    for encoding in range(1, 30):
        header = struct.pack(">4s5L", AU_MAGIC, 24, 0, encoding, 8000, 1)
        try:
            file = sunau.open(io.BytesIO(header), "rb")
        except sunau.Error:
            continue
        tried, widths[encoding] = tried + 1, file._framesize if encoding != 1 else file.getsampwidth()
    assert tried > 3 and set(AU_WIDTHS) >= set(widths) - {1} and len(widths) == tried
    assert {encoding: AU_WIDTHS[encoding] for encoding in (2, 3, 4, 5)} == {e: widths[e] for e in (2, 3, 4, 5)}


@pytest.mark.parametrize("head", [b"RIFF\xff\xff\xff\xffWAVE", b"FORM\xff\xff\xff\xffAIFF"])
def test_a_hole_is_not_walked_through_as_chunks(head, tmp_path) -> None:
    path = tmp_path / "hole.wav"
    path.write_bytes(head)
    os.truncate(path, 1 << 40)
    with opened(path) as content, pytest.raises(InputError, match="more than 10,000 chunks"):
        read(content)
