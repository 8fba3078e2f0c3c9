"""Files that are several, told by their pages and marks alone, wherever a window of the search ends."""

from typing import Any

import pytest

from reprise_kit.port.audio import joined

CONTINUED, BEGINS, ENDS = 1, 2, 4  # flags of an Ogg page
FLAC = b"fLaC\0\0\0\x22" + bytes(34)


def page(flags: int, n: int = 60) -> bytes:
    return b"OggS\0" + bytes([flags]) + bytes(20) + b"x" * n


def stream(*, tracks: int = 1, pages: int = 5) -> bytes:
    """One piece: its tracks all begin before anything else comes."""
    return page(BEGINS) * tracks + page(0) + page(CONTINUED) * pages + page(CONTINUED | ENDS)


@pytest.fixture(params=[1 << 20, 1, 7, 64])
def window(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joined, "WINDOW", request.param)


@pytest.mark.parametrize("tag", [b"", b"ID3\4\0\0\0\0\0\5hello"])
@pytest.mark.usefixtures("window")
def test_pieces_are_counted(tag: bytes) -> None:
    def said(content: Any) -> str | None:
        return joined.several(tag + content)

    assert said(stream()) is said(stream(tracks=3)) is said(page(BEGINS)) is None
    assert said(stream() + stream()) == "chained Ogg, 2 pieces"
    assert said(stream(tracks=2) + stream(pages=0) + stream()) == "chained Ogg, 3 pieces"
    assert said(FLAC) is said(FLAC + b"fLaC in words" * 9) is None
    assert said(FLAC * 2) == "2 FLAC files, one after another"
    last = FLAC.replace(b"fLaC\0", b"fLaC\x80")  # it has this block only
    assert said(last + b"sound" + FLAC + last) == "3 FLAC files, one after another"
    assert said(b"RIFF" + stream() * 2) is said(b"RIFF" + FLAC * 2) is said(b"") is None
