"""Systems of one's own: held to the contract."""

from collections.abc import Sequence
from pathlib import Path

from reprise_kit.compare import registry
from reprise_kit.compare.checks import check as checks
from reprise_kit.compare.checks.subject import Subject
from reprise_kit.compare.input import Input, find
from reprise_kit.compare.shown import say
from reprise_kit.compare.weights import needed

SHOWN = 3  # of the places where one thing is wrong


def check(
    folder: Path, inputs: tuple[Path, ...], weights: Path | None, source_backend: str | None, upstream: Path | None
) -> int:
    """Print a line for each check of a system; return 0 where all hold, else 1. Raises InputError on a bad
    system.toml, and where what is given is not there.
    """
    system = registry.load(folder)
    for path in find(inputs, system).files if inputs else ():  # what a person names wrongly is no fault of the system's
        Input.open(path)
    given = needed(system, weights, source_backend, upstream) if weights or source_backend or upstream else None
    failed = 0
    for found in checks(Subject(system, inputs, given)):
        failed += not found
        say(f"ok    {found.what}" if found else f"FAIL  {found.what}: {_once(found.problems)}")
    say(f"{system.name} {'does NOT keep' if failed else 'keeps'} the contract")
    return 1 if failed else 0


def _once(problems: Sequence[str]) -> str:
    """Join problems, WHERE: WHAT; what is wrong alike in several places is said once, after the first of them."""
    places: dict[str, list[str]] = {}
    for problem in problems:
        where, colon, what = problem.partition(": ")
        places.setdefault(what if colon else problem, []).append(where if colon else "")
    return "; ".join(f"{_listed(where)}{what}" for what, where in places.items())


def _listed(places: list[str]) -> str:
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    return f"{', '.join(places[:SHOWN])}{more}: " if any(places) else ""
