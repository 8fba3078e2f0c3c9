"""What is tried where the first evidence of a repository showed no model: another entry point, or a later Keras."""

from dataclasses import replace
from typing import TYPE_CHECKING

from reprise_kit.apps.adopt import evidence
from reprise_kit.apps.adopt.evidence import Evidence
from reprise_kit.compare import facts
from reprise_kit.compare.errors import InputError

if TYPE_CHECKING:
    from reprise_kit.apps.adopt.steps import Request


def second(found: Evidence, asked: "Request") -> tuple[Evidence, str] | None:
    """Return other evidence and why it is taken; None where there is none that has not been tried."""
    return _elsewhere(found, asked) or _later(found, asked)


def _gather(found: Evidence, asked: "Request", entry: str | None, keras: str | None) -> Evidence | None:
    """Return other evidence, None of what cannot be gone on with."""
    try:
        other = evidence.gather(asked.source, asked.commit or found.earlier, entry, keras, asked.stand_in)
    except InputError:
        return None
    return None if other.refused else other


def _elsewhere(found: Evidence, asked: "Request") -> tuple[Evidence, str] | None:
    """Return the evidence of an entry point that wants other packages: of one that is given there is no more."""
    entry = next(iter(found.elsewhere), "")
    other = _gather(found, asked, entry, asked.keras) if entry else None
    return (other, f"{entry} imports what that environment lacks: it gets one of its own") if other else None


def _later(found: Evidence, asked: "Request") -> tuple[Evidence, str] | None:
    """Return that with the newest commit's Keras, once: code may be younger than the weights that tell the day."""
    day = found.newest_day or ""
    newest = facts.keras_of(day)
    if found.keras_version or newest is None or facts.numbers(newest) <= facts.numbers(found.newest_keras):
        return None
    is_alone = not (found.alternatives or found.builders)  # as one is that was taken for want of another
    entry = asked.entry or (found.entry_points[0] if is_alone and found.entry_points else None)
    if (other := _gather(found, asked, entry, newest)) is None:
        return None
    why = {**other.why, "keras_version": [f"the newest on {day}, when its code was last changed"]}
    because = f"its newest commit is of {day}: Keras {newest}, that day's, is tried"
    return replace(other, why=why, elsewhere=[]), because
