"""Strangers' files with real Keras 1's answers: odd keys, orders, layouts and classes, where ../shared is there."""

from pathlib import Path

import keras
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.build import build
from reprise_kit.port.keras_legacy.read import read
from tests.port.keras_legacy.outcome import TOLERANCE, golden, relative_error
from tests.shared import SHARED, needs_shared

CASES = SHARED / "cases" / "migrate"
pytestmark = needs_shared


@pytest.mark.parametrize(
    ("case", "words"), [("unknown_key_causal", "causal = True"), ("unknown_key_dense", "scale = 2.0")]
)
def test_unknown_keys(case: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        build(read(None, CASES / case / "whole.h5"), "tensorflow")


@pytest.mark.parametrize(("case", "backend"), [("order_swapped", "tensorflow"), ("legacy_vgg_weights", "theano")])
def test_as_keras_1_read_them(case: str, backend: str) -> None:
    right(CASES / case, build(read(CASES / case / "m.json", CASES / case / "w.h5"), backend))


class Attention(keras.layers.Layer):
    def build(self, shape: tuple) -> None:
        self.w = self.add_weight(shape=(shape[-1],), name="w")

    def call(self, x: object) -> object:
        e = keras.ops.exp(keras.ops.tanh(keras.ops.sum(x * self.w, axis=-1, keepdims=True)))
        return keras.ops.sum(x * e / keras.ops.sum(e, axis=1, keepdims=True), axis=1)


def test_somebodys_own_layer() -> None:
    model = read(None, CASES / "custom_attention" / "whole.h5")
    with pytest.raises(InputError, match="the class AttentionLayer"):
        build(model, "tensorflow")
    right(CASES / "custom_attention", build(model, "tensorflow", replace={"AttentionLayer": Attention}))


def test_somebodys_own_loss() -> None:
    right(CASES / "custom_loss_opt", build(read(None, CASES / "custom_loss_opt" / "whole.h5"), "tensorflow"))


def right(folder: Path, model: keras.Model) -> None:
    inputs, expected = golden(folder)
    found = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
    assert relative_error(found, expected) <= TOLERANCE
