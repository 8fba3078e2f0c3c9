"""A verdict: whether two sides agree on one stage, and by how much."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["match", "mismatch", "missing", "shape", "nonfinite"]


@dataclass(frozen=True)
class Verdict:
    """One stage compared in one mode; true only where the outcome is `match`.

    max_abs: largest |candidate - reference|, in the stage's unit. max_rel: that over the largest |reference|.
    needed_atol: the smallest atol that would have passed with the stage's rtol. worst_index: where max_abs is.
    equal: share of values that are bit-equal, beside the least share allowed.
    """

    stage: str
    mode: str
    outcome: Outcome
    max_abs: float | None = None
    max_rel: float | None = None
    worst_index: tuple[int, ...] | None = None
    needed_atol: float | None = None
    allowed_atol: float = 0.0
    allowed_rtol: float = 0.0
    equal: float | None = None
    allowed_equal: float = 0.0
    detail: str = ""

    def __bool__(self) -> bool:
        """Tell whether the stage agrees."""
        return self.outcome == "match"


def first_difference(verdicts: list[Verdict]) -> Verdict | None:
    """Return the first verdict that is no match, in data order; raises ValueError on an empty list."""
    if not verdicts:
        raise ValueError("no verdicts: an empty comparison is not an agreement")
    return next((verdict for verdict in verdicts if not verdict), None)
