"""The bar that a person sees while something goes on: in a terminal only, gone when it is done."""

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

from reprise_kit.compare.screen import console


def bar(what: str, total: int | None, *last: ProgressColumn) -> Progress:
    """Return a bar with its one task, `what`, of which `total` things are to be done; last: columns after the count."""
    screen = console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), *(last or [TimeRemainingColumn()]))
    shown = Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal)
    shown.add_task(what, total=total)
    return shown
