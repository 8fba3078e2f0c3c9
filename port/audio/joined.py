"""Whether a file is several, one after another: versions of FFmpeg join such files in their own ways."""

from collections.abc import Iterator

from reprise_kit.port.audio import mp3
from reprise_kit.port.audio.content import ZEROS, Content

WINDOW = 1 << 20  # bytes searched at once
OGG_PAGE, OGG_FLAGS = b"OggS\0", 5  # what a page begins with, and where its flags are
BEGINS = 2  # flag of a page that begins a stream
FLAC, FLAC_HEAD = b"fLaC", (b"fLaC\0\0\0\x22", b"fLaC\x80\0\0\x22")  # the block that every FLAC file begins with


def several(content: Content) -> str | None:
    """Say what a file holds more than one of, or return None."""
    start = mp3.after_tags(content)
    kind = content[start : start + len(OGG_PAGE)]
    if kind == OGG_PAGE:
        links = _ogg_links(content)
        return f"chained Ogg, {links} pieces" if links > 1 else None
    if kind[: len(FLAC)] == FLAC:
        files = sum(content[at : at + 8] in FLAC_HEAD for at in _places(content, FLAC))
        return f"{files} FLAC files, one after another" if files > 1 else None
    return None


def _ogg_links(content: Content) -> int:
    """Pieces of an Ogg file: pages that begin streams, after a page that did not."""
    links, before = 0, False
    for at in _places(content, OGG_PAGE):
        begins = int.from_bytes(content[at + OGG_FLAGS : at + OGG_FLAGS + 1]) & BEGINS > 0
        links += begins and not before
        before = begins
    return links


def _places(content: Content, mark: bytes) -> Iterator[int]:
    """Where `mark` stands, from the start on."""
    zeros = 0
    for base in range(0, len(content), WINDOW):
        window = content[base : base + WINDOW + len(mark) - 1]
        zeros = 0 if window.strip(b"\0") else zeros + WINDOW
        if zeros > ZEROS:  # a hole: the decoder will not get through it either
            return
        at = window.find(mark)
        while at >= 0:
            yield base + at
            at = window.find(mark, at + 1)
