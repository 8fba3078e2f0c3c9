"""The bar that a person sees while something goes on: in a terminal only, gone when it is done."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    track,
)

from reprise_kit.compare.screen import console

Thing = TypeVar("Thing")


def tracked(things: Sequence[Thing], what: str) -> Iterable[Thing]:
    """Return things one by one beside a bar, `what`; of a single one there is none.

    Outside of a terminal rich ends a bar with an empty line, whenever its iterator is closed: an error is one line.
    """
    screen = console(stderr=True)
    return track(things, what, console=screen, transient=True, disable=len(things) == 1 or not screen.is_terminal)


def bar(what: str, total: int | None, *last: ProgressColumn) -> Progress:
    """Return a bar with its one task, `what`, of which `total` things are to be done; last: columns after the count."""
    screen = console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), *(last or [TimeRemainingColumn()]))
    shown = Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal)
    shown.add_task(what, total=total)
    return shown
