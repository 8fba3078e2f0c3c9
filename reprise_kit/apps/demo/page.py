"""The page, and the clips that it offers."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reprise_kit.compare.profiles.audio import SUFFIXES
from reprise_kit.compare.system import CLIPS

HERE = Path(__file__).parent
STATIC = HERE / "static"
_templates = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined)


def page(**shown: Any) -> str:
    """Return the page's HTML."""
    return _templates.get_template("index.html").render(shown, clips=sorted(shipped()))


def shipped() -> dict[str, Path]:
    """Return the kit's own clips by name."""
    return {path.name: path for path in CLIPS.glob("*") if path.suffix in SUFFIXES}
