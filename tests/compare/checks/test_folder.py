"""What check-system says of a stage's description: each rule alone, at its edges."""

from typing import Any

import numpy as np
import pytest

from reprise_kit.compare.checks.folder import MAX_RTOL, _stage_problems
from reprise_kit.compare.stage import Stage, Tolerance

REASON = "measured on all clips"


def problems(
    axes: tuple[str, ...] = ("step",), dtype: str = "float32", unit: str = "probability", **tolerance: object
) -> list[str]:
    plain: dict[str, Any] = {"atol": 1e-5, "rtol": 0.0, "reason": REASON, "equal": 0.0}
    values = Tolerance(**plain | tolerance)
    return list(_stage_problems(Stage("probs", axes, dtype, unit, "clip", {"chained": values})))


@pytest.mark.parametrize("good", [{}, {"rtol": MAX_RTOL / 2}, {"equal": 1.0}, {"atol": 0.0}, {"reason": "exact"}])
def test_what_may_be(good: dict) -> None:
    assert problems(**good) == []


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"axes": ()}, "no axes or no unit"),
        ({"unit": " "}, "no axes or no unit"),
        ({"dtype": "float33"}, "none of NumPy's"),
        *[({"atol": value}, "atol finite") for value in (-1e-9, np.inf, np.nan)],
        *[({"rtol": value}, "rtol below") for value in (-1e-9, MAX_RTOL, np.nan)],
        *[({"equal": value}, "equal up to 1") for value in (-1e-9, 1.001, np.nan)],
        ({"reason": "TBD, later"}, "say what was measured"),
        ({"reason": " yes "}, "say what was measured"),
    ],
)
def test_each_alone_is_a_problem(bad: dict, words: str) -> None:
    (said,) = problems(**bad)
    assert words in said
