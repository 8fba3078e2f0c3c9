"""Padding, cropping and repeating, in every way that a file writes their sizes."""

from typing import Any

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS2, TF_KERAS
from tests.port.keras_legacy.rules.parts import computed, context, node, numbers


@pytest.mark.parametrize(
    ("config", "pads"),
    [
        ({}, (1, 1)),
        ({"padding": 2}, (2, 2)),
        ({"padding": [1, 3]}, (1, 3)),
        ({"padding": {"left_pad": 2, "right_pad": 1}}, (2, 1)),
        ({"padding": {"right_pad": 2}}, (0, 2)),
    ],
)
def test_steps_of_zeros(config: dict[str, Any], pads: tuple[int, int]) -> None:
    x = numbers(2, 4, 3)
    np.testing.assert_array_equal(computed(node("ZeroPadding1D", **config), x), np.pad(x, [(0, 0), pads, (0, 0)]))


@pytest.mark.parametrize("ordering", ["th", "tf"])
@pytest.mark.parametrize(
    ("config", "version", "pads"),
    [
        ({}, (), [(1, 1), (1, 1)]),
        ({"padding": [1, 2]}, (), [(1, 1), (2, 2)]),
        ({"padding": [1, 2, 3, 4]}, (1, 1, 1), [(1, 2), (3, 4)]),
        ({"padding": [1, 2, 3, 4]}, (1, 1, 0), [(1, 1), (2, 2)]),
        ({"padding": [[1, 2], [0, 3]]}, (), [(1, 2), (0, 3)]),
        ({"padding": {"top_pad": 1, "right_pad": 2}}, (), [(1, 0), (0, 2)]),
        ({"padding": {"bottom_pad": 1, "left_pad": 2}}, (), [(0, 1), (2, 0)]),
    ],
)
def test_rows_and_columns_of_zeros(config: dict[str, Any], version: Any, pads: Any, ordering: str) -> None:
    x = numbers(2, 4, 5, 3)
    around = [(0, 0), (0, 0), *pads] if ordering == "th" else [(0, 0), *pads, (0, 0)]
    found = computed(node("ZeroPadding2D", dim_ordering=ordering, **config), x, within=context(version=version))
    np.testing.assert_array_equal(found, np.pad(x, around))


@pytest.mark.parametrize(
    ("padding", "words"),
    [([1, 2, 3], "two or four sizes"), ([1, 2, 3, 4], "four padding sizes depends on the Keras version"),
     ({"up": 1}, "allowed: top_pad")],
)  # fmt: skip
def test_paddings_that_are_refused(padding: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        computed(node("ZeroPadding2D", dim_ordering="tf", padding=padding), numbers(1, 4, 5, 3))


@pytest.mark.parametrize("padding", [[1, 2, 3], [[1, 1], [2, 2], [3, 3]]])
def test_volumes_of_zeros(padding: Any) -> None:
    x = numbers(1, 2, 3, 2, 1)
    found = computed(node("ZeroPadding3D", dim_ordering="tf", padding=padding), x)
    np.testing.assert_array_equal(found, np.pad(x, [(0, 0), (1, 1), (2, 2), (3, 3), (0, 0)]))


@pytest.mark.parametrize("pair", [(1, 2), (0, 3), (2, 0), (3, 2), (4, 4), (0, 5)])
def test_a_crop_is_a_slice(pair: tuple[int, int]) -> None:
    """Also one that leaves nothing, which Keras 3's layer refuses."""
    x = numbers(2, 5, 3)
    found = computed(node("Cropping1D", cropping=list(pair)), x)
    np.testing.assert_array_equal(found, x[:, pair[0] : 5 - pair[1]])
    image = numbers(2, 5, 6, 3)
    found = computed(node("Cropping2D", dim_ordering="tf", cropping=[list(pair), [1, 0]]), image)
    np.testing.assert_array_equal(found, image[:, pair[0] : 5 - pair[1], 1:])


@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_repeated_rows_and_columns(ordering: str) -> None:
    x, first = numbers(2, 3, 4, 2), 2 if ordering == "th" else 1
    found = computed(node("UpSampling2D", dim_ordering=ordering, size=[2, 3]), x)
    np.testing.assert_array_equal(found, x.repeat(2, first).repeat(3, first + 1))
    steps = numbers(2, 3, 4)
    np.testing.assert_array_equal(computed(node("UpSampling1D", length=3), steps), steps.repeat(3, 1))


def from_corner(row: np.ndarray, factor: int) -> np.ndarray:
    """resize_bilinear without align_corners: place i reads i / factor, the last number beyond the end."""
    places = np.minimum(np.arange(len(row) * factor) / factor, len(row) - 1)
    return np.interp(places, np.arange(len(row)), row)


@pytest.mark.parametrize("ordering", ["th", "tf"])
@pytest.mark.parametrize("size", [(2, 3), (4, 1), (1, 2)])
def test_bilinear_of_keras_2_begins_at_a_corner(size: tuple[int, int], ordering: str) -> None:
    x = numbers(2, 3, 4, 3)
    first = 2 if ordering == "th" else 1
    wanted = np.apply_along_axis(from_corner, first, x, size[0])
    wanted = np.apply_along_axis(from_corner, first + 1, wanted, size[1])
    made = node("UpSampling2D", dim_ordering=ordering, size=list(size), interpolation="bilinear")
    np.testing.assert_allclose(computed(made, x, within=context(dialect=KERAS2)), wanted, atol=1e-5)


@pytest.mark.parametrize(("settings", "interpolation", "words"), [
    ({"dialect": TF_KERAS, "version": (2, 2, 4)}, "bilinear", "half a pixel off from 1.15 on"),
    ({"dialect": KERAS2}, "bicubic", "up-sampling by 'bicubic'"),
    ({}, "bilinear", "up-sampling by 'bilinear'"),
])  # fmt: skip
def test_up_sampling_that_is_refused(settings: dict[str, Any], interpolation: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        computed(node("UpSampling2D", dim_ordering="tf", size=[2, 2], interpolation=interpolation),
                 numbers(1, 2, 2, 1), within=context(**settings))  # fmt: skip


@pytest.mark.parametrize(
    ("config", "notes"), [({}, 1), ({"interpolation": "nearest"}, 0), ({"interpolation": "bilinear"}, 0)]
)
def test_up_sampling_of_tf_keras(config: dict[str, Any], notes: int) -> None:
    """Half a pixel off, in 2.3 and later; TensorFlow 1.13 saved no interpolation, which is said."""
    found, x = context(dialect=TF_KERAS, version=(2, 3)), np.array([0.0, 1.0], "float32").reshape(1, 2, 1, 1)
    y = computed(node("UpSampling2D", dim_ordering="tf", size=[2, 1], **config), x, within=found)
    wanted = [0, 0.25, 0.75, 1] if config.get("interpolation") == "bilinear" else [0, 0, 1, 1]
    np.testing.assert_allclose(y.ravel(), wanted, atol=1e-6)
    assert len(found.notes) == notes
