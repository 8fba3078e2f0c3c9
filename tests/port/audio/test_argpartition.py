"""A selection: what it must hold whatever its order, and the order itself, which is NumPy 1.10's."""

import json
from pathlib import Path

import numpy as np
import pytest

from reprise_kit.port.audio.numpy110.argpartition import argpartition, largest


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 17, 64])
def test_the_kth_is_in_its_place(n: int) -> None:
    random = np.random.default_rng(n)
    for values in (random.normal(size=n), random.integers(0, 3, n).astype(float), np.arange(n)[::-1].astype(float)):
        for kth in range(n):
            order = argpartition(values, kth)
            assert sorted(order) == list(range(n))
            chosen = values[order]
            assert chosen[kth] == np.sort(values)[kth]
            assert (chosen[:kth] <= chosen[kth]).all() and (chosen[kth:] >= chosen[kth]).all()


def test_the_order_is_numpys() -> None:
    """The rows are [values, kth, np.argpartition(values, kth)] of NumPy 1.10.1 on Python 2.7."""
    rows = json.loads((Path(__file__).parent / "recorded" / "argpartition_numpy_1.10.1.json").read_text())
    assert len(rows) == 38
    for values, kth, order in rows:
        assert argpartition(np.array(values, float), kth) == order, (values, kth)


def test_the_largest_of_each_column() -> None:
    values = np.random.default_rng(0).normal(size=(20, 3))
    found = largest(values, 5)
    assert found.shape == (5, 3)
    for column, rows in zip(values.T, found.T, strict=True):
        assert set(column[rows]) == set(np.sort(column)[-5:])
