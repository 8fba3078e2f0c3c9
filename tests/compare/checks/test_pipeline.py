"""What is wrong with a stage's array, said in one line."""

import numpy as np
import pytest

from reprise_kit.compare.checks.pipeline import _array_problem
from reprise_kit.compare.stage import Stage

STAGE = Stage("mel", ("n_frames", "n_bands"), "float32", "dB", "samples", {})
GOOD = np.zeros((3, 2), "float32")


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        (GOOD, None),
        (None, "missing"),
        (GOOD[0], "shape (2,), declared (n_frames, n_bands)"),
        (GOOD[:0], "shape (0, 2), declared (n_frames, n_bands)"),
        (GOOD.astype("float64"), "float64, declared float32"),
        (np.array([[np.nan, 1], [np.inf, 2]], "float32"), "2 values are not finite"),
    ],
)
def test_each_problem_has_its_words(array, problem):
    assert _array_problem(STAGE, array) == problem
