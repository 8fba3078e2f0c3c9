"""What audioread 2.1.4 read off ffmpeg's description of a file, its slips included."""

import re
from typing import NamedTuple

from reprise_kit.compare.errors import InputError

GUESSED = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
# Words of ffmpeg's own log: where a tag of the file holds one of them, audioread takes the tag for the log.
FAILURES = ("no such file", "invalid data found")
MISLEADING = (*FAILURES, "duration:", "audio:")


class Described(NamedTuple):
    """The sound as audioread understood it."""

    rate: int  # Hz
    channels: int


def read(log: list[str]) -> Described:
    """Read the lines of ffmpeg's log as audioread does; raises InputError where it fails on them."""
    said = []
    for line in (line.strip().lower() for line in log):
        if any(words in line for words in FAILURES):
            raise InputError("no audio file that can be decoded, or its tags say so and the original believes them")
        if "duration:" in line or "audio:" in line:
            said.append(line)
        if "audio:" in line and "duration:" not in line:
            return _parsed("".join(said))
    raise InputError("no audio file that can be decoded")


def _parsed(said: str) -> Described:
    rate, layout = re.search(r"(\d+) hz", said), re.search(r"hz, ([^,]+),", said)
    if not rate or not int(rate[1]) or not layout:
        raise InputError('its tags hold "audio:", which the original takes for the sound\'s description: it fails')
    return Described(int(rate[1]), counted_channels(layout[1]))


def is_misleading(tags: str) -> bool:
    """Whether tags hold words that audioread would take for ffmpeg's own."""
    return any(words in tags.lower() for words in MISLEADING)


def counted_channels(layout: str) -> int:
    """audioread's reading of a layout's name: "stereo" 2, "N channels" N, all else ("4.0", "5.1") 1."""
    if layout == "stereo":
        return 2
    match = re.match(r"(\d+) ", layout)
    return int(match.group(1)) if match else 1


def guessed(layout: str) -> str:
    """Return the layout that the ffmpeg program guesses where the file names none ("4 channels")."""
    match = re.fullmatch(r"(\d+) channels", layout)
    return GUESSED.get(int(match.group(1)), layout) if match else layout


def channels_of(layout: str) -> int:
    """Channels of a layout as ffmpeg means them."""
    import av

    match = re.match(r"(\d+) ", layout)
    try:
        return int(match.group(1)) if match else int(av.AudioLayout(layout).nb_channels)
    except ValueError:
        raise InputError(f"channel layout {layout!r} is not known here") from None
