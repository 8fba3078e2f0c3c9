"""The page, and the clips that it offers."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reprise_kit.compare.profiles.audio import SUFFIXES
from reprise_kit.compare.system import CLIPS

SONGS = {"night_drive.mp3": "Night drive", "blue_room.flac": "Blue room", "iron_morning.mp3": "Iron morning"}
HERE = Path(__file__).parent
STATIC = HERE / "static"
_templates = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined)


def page(**shown: Any) -> str:
    """Return the page's HTML."""
    there = shipped()
    songs = [(name, title) for name, title in SONGS.items() if name in there]
    clips = sorted(set(there) - set(SONGS))
    return _templates.get_template("index.html").render(shown, clips=clips, songs=songs)


def shipped() -> dict[str, Path]:
    """Return the kit's own clips by name."""
    return {path.name: path for path in CLIPS.glob("*") if path.suffix in SUFFIXES}
