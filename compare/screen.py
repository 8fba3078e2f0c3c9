"""The console on which tables and lines are shown: it obeys nothing that is in their text, and cuts no word."""

from typing import Any

from rich.console import Console
from rich.text import Text

from reprise_kit.compare.shown import shown, wrapped


class _Plain(Console):
    """Takes a string, a table's cells among them, as it is; style is given beside it or in a Text."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Make text of a string."""
        return super().render_str(shown(text), **(options | {"markup": False, "emoji": False}))

    def print(self, *objects: Any, soft_wrap: bool | None = None, **options: Any) -> None:
        """Print; a soft-wrapped line stays whole in a file and is cut between its words on a terminal."""
        if soft_wrap and self.is_terminal:
            objects = tuple(self._wrapped(one) for one in objects)
        super().print(*objects, soft_wrap=soft_wrap, **options)

    def _wrapped(self, line: str | Text) -> Text:
        text = line if isinstance(line, Text) else Text(shown(line))
        lines, starts, end = wrapped(text.plain, self.width), [], 0
        for words in lines:
            starts.append(text.plain.index(words.strip(), end))
            end = starts[-1] + len(words.strip())
        parts = text.divide(starts[1:])
        for part, words in zip(parts, lines, strict=True):
            part.rstrip()
            part.pad_left(len(words) - len(part))
        return Text("\n").join(parts)

    def on_broken_pipe(self) -> None:
        """Leave it to the command line, which knows that nothing was wrong."""
        raise BrokenPipeError


def console(stderr: bool = False) -> Console:
    """Return a console on which text from elsewhere is shown."""
    return _Plain(stderr=stderr, markup=False, emoji=False, highlight=False)
