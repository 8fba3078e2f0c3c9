"""The console on which tables and lines are shown: it obeys nothing that is in their text."""

from typing import Any

from rich.console import Console
from rich.text import Text

from reprise_kit.compare.shown import shown


class _Plain(Console):
    """Takes a string, a table's cells among them, as it is; style is given beside it or in a Text."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Make text of a string."""
        return super().render_str(shown(text), **(options | {"markup": False, "emoji": False}))

    def on_broken_pipe(self) -> None:
        """Leave it to the command line, which knows that nothing was wrong."""
        raise BrokenPipeError


def console(stderr: bool = False) -> Console:
    """Return a console on which text from elsewhere is shown."""
    return _Plain(stderr=stderr, markup=False, emoji=False, highlight=False)
