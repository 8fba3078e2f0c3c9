"""A person's own function, layer or class in place of a layer."""

from typing import Any

import keras
import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.rules.replaced import _takes_mask, replaced
from tests.port.keras_legacy.rules.parts import computed, context, node, numbers


class Scaled(keras.layers.Layer):
    """x * factor * w."""

    def __init__(self, factor: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, shape: Any) -> None:
        self.w = self.add_weight(shape=(shape[-1],), name="w")

    def call(self, x: Any) -> Any:
        return x * self.factor * self.w


class Doubling:
    def __call__(self, x: Any) -> Any:
        return x * 2


W = {"w": np.array([1, 2, 3], "float32")}
NAMED = {"name": "own", "trainable": True, "unknown": 5}


# Each is made in its test, for a layer begins TensorFlow's threads, which a fork of the collected tests would lack.
@pytest.mark.parametrize(
    ("given", "weights", "factor", "said"),
    [
        (lambda: lambda x: x * 2, {}, 2, False),
        (lambda: Doubling, {}, 2, False),
        (Doubling, {}, 2, False),
        (lambda: Scaled, W, 4 * W["w"], True),
        (lambda: Scaled(factor=3.0), W, 3 * W["w"], False),
    ],
)
def test_what_stands_in(given: Any, weights: Any, factor: Any, said: bool) -> None:
    """A class of Keras gets the config's keys that it takes, and is named as needed when the file is loaded."""
    made, found, x = node("Own", dict(weights), factor=4.0, **NAMED), context(), numbers(2, 3)
    np.testing.assert_allclose(computed(made, x, within=found, apply=replaced(given())(found, made)), x * factor)
    assert [note.endswith("Scaled when it is loaded") for note in found.notes] == [True] * said


def test_a_function_takes_no_weights() -> None:
    with pytest.raises(InputError, match=r"it has the weights \['w'\], which a function cannot take"):
        replaced(lambda x: x)(context(), node("Own", W))


def with_mask(x: Any, mask: Any = None) -> Any:
    return mask if mask is not None else x


@pytest.mark.parametrize(("given", "takes"), [
    (lambda: with_mask, True), (lambda: lambda x: x, False), (Scaled, False), (lambda: print, False),
    (lambda: keras.layers.GRU(2), True), (lambda: getattr, False)])  # fmt: skip
def test_what_takes_a_mask(given: Any, takes: bool) -> None:
    assert _takes_mask(given()) is takes


@pytest.mark.parametrize("several", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_masks_are_given_to_what_takes_them_and_else_it_is_said(masked: bool, several: bool) -> None:
    found, x, mask = context(), keras.Input((3, 2)), keras.Input((3,), dtype="bool")
    if masked:
        found.set_mask(x, mask)
    y = replaced(with_mask)(found, node("Own"))([x, x] if several else x)
    one = mask if masked else (None if several else x)
    assert y == [one, one] if several else y is one
    replaced(lambda given: given)(found, node("Own"))(x)
    assert len(found.notes) == masked and (not masked or "its replacement takes no `mask`" in found.notes[0])
