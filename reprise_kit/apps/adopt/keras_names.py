"""Which Keras has the names that a program uses of it: original/eras/keras_names.txt, made from its releases."""

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


def better(version: str, names: Collection[str]) -> tuple[str, str] | None:
    """Return the release that has most of the names, where that is more than this one has, and one of those more.

    Of several the nearest before it, else after it. None where there is none, and for a Keras that nothing reads.
    """
    oldest = facts.numbers(facts.load().keras.oldest)
    known = [release for release, _ in facts.load().keras.releases if facts.numbers(release) >= oldest]
    if version not in known:
        return None
    at = known.index(version)
    order = sorted(range(len(known)), key=lambda k: (k > at, abs(k - at)))
    found = min((known[k] for k in order), key=lambda release: len(lacking(release, names)))
    gone = sorted(set(lacking(version, names)) - set(lacking(found, names)))
    return (found, gone[0]) if gone else None
