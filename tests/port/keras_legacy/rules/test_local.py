"""Locally connected layers by their definitions."""

from typing import Any

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from tests.port.keras_legacy.rules.parts import computed, node, numbers


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("stride", [None, 2])
def test_steps_of_kernels_of_their_own(stride: int | None, bias: bool) -> None:
    x, starts = numbers(2, 7, 3), range(0, 5, stride or 1)
    w, b = numbers(len(starts), 9, 4), numbers(len(starts), 4, seed=1)
    made = node("LocallyConnected1D", {"W": w, "b": b}, filter_length=3, subsample_length=stride, bias=bias)
    wanted = [x[:, i : i + 3].reshape(2, -1) @ w[place] + (b[place] if bias else 0) for place, i in enumerate(starts)]
    np.testing.assert_allclose(computed(made, x), np.stack(wanted, 1), atol=1e-5)


def test_steps_beyond_the_kernels_are_not_looked_at() -> None:
    """Keras ran over its kernels, as many as it believed that there were steps."""
    x, w = numbers(2, 9, 3), numbers(2, 9, 4)
    made = node("LocallyConnected1D", {"W": w}, filter_length=3, subsample_length=2, bias=False)
    wanted = [x[:, i : i + 3].reshape(2, -1) @ w[place] for place, i in enumerate((0, 2))]
    np.testing.assert_allclose(computed(made, x), np.stack(wanted, 1), atol=1e-5)
    with pytest.raises(ValueError, match="size"):
        computed(made, x[:, :4])


@pytest.mark.parametrize("ordering", ["th", "tf"])
@pytest.mark.parametrize("strides", [None, (2, 1), (1, 2)])
def test_places_of_kernels_of_their_own(strides: Any, ordering: str) -> None:
    """Keras 1 flattened a th patch channel by channel, and kept its bias as (filters, rows, cols)."""
    s = strides or (1, 1)
    image = numbers(2, 5, 6, 3)  # channels last
    places = [(i, j) for i in range(0, 4, s[0]) for j in range(0, 4, s[1])]
    w = numbers(len(places), 2 * 3 * 3, 4)
    grid = (len(range(0, 4, s[0])), len(range(0, 4, s[1])))
    b = numbers(*((4, *grid) if ordering == "th" else (*grid, 4)), seed=1)
    made = node("LocallyConnected2D", {"W": w, "b": b}, nb_row=2, nb_col=3, subsample=strides, dim_ordering=ordering)
    found = computed(made, np.moveaxis(image, -1, 1) if ordering == "th" else image)
    patches = [image[:, i : i + 2, j : j + 3] for i, j in places]
    rows = [(np.moveaxis(p, -1, 1) if ordering == "th" else p).reshape(2, -1) for p in patches]
    wanted = np.stack([row @ kernel for row, kernel in zip(rows, w, strict=True)], 1).reshape(2, *grid, 4)
    wanted = np.moveaxis(wanted, -1, 1) + b if ordering == "th" else wanted + b
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    made.config["subsample"] = (3, 3)
    with pytest.raises(InputError, match=f"kernels for {len(places)} places, 2 x 2 are there"):
        computed(made, np.moveaxis(image, -1, 1) if ordering == "th" else image)
