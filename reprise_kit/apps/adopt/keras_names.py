"""Which Keras has the names that a program imports of it: original/eras/keras_names.txt, made from its releases."""

from collections.abc import Collection
from functools import cache

from reprise_kit.compare import facts
from reprise_kit.compare.system import ROOT

TABLE = ROOT / "original" / "eras" / "keras_names.txt"


@cache
def table() -> dict[str, list[tuple[tuple[int, ...], tuple[int, ...]]]]:
    """By dotted name, the first and the last release of each time that Keras had it.

    A name that is not here it had as long as the module that it is in, or never.
    """
    found = {}
    for line in TABLE.read_text("ascii").splitlines()[1:]:
        spans, _, names = line.partition(": ")
        ends = [_ends(*span.split("-")) for span in spans.split(",")]
        found.update(dict.fromkeys(names.split(), ends))
    return found


def _ends(first: str, last: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return facts.numbers(first), facts.numbers(last)


def lacking(version: str, names: Collection[str]) -> list[str]:
    """Return which of some dotted names a Keras has not, and another has; with a module goes what is in it."""
    return sorted(name for name in names if _lacks(version, name) or _lacks(version, name.rpartition(".")[0]))


def _lacks(version: str, name: str) -> bool:
    at = facts.numbers(version)
    return name in table() and not any(first <= at <= last for first, last in table()[name])


def nearest(version: str, names: Collection[str]) -> str:
    """Return the release that has most of the names: `version` itself, else the nearest before it, else after it."""
    known = [v for v, _ in facts.load().keras.releases if facts.numbers(v) >= facts.numbers(facts.load().keras.oldest)]
    order = sorted(known, key=lambda v: _distance(v, version))
    return min(order, key=lambda v: len(lacking(v, names)))


def better(version: str, names: Collection[str]) -> tuple[str, str] | None:
    """Return a release that has more of the names than this one, and one of those; None where there is none."""
    releases = [v for v, _ in facts.load().keras.releases]
    if version not in releases or facts.numbers(version) < facts.numbers(facts.load().keras.oldest):
        return None
    found = nearest(version, names)
    gone = sorted(set(lacking(version, names)) - set(lacking(found, names)))
    return (found, gone[0]) if gone else None


def _distance(other: str, version: str) -> tuple[bool, int]:
    releases = [v for v, _ in facts.load().keras.releases]
    step = releases.index(other) - releases.index(version)
    return step > 0, abs(step)
