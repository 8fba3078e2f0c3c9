"""What a layer on every step sees of the batch and of masks, and which axes Theano lost."""

from typing import Any

import keras
import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS2
from reprise_kit.port.keras_legacy.rules import time_distributed as on_steps
from tests.port.keras_legacy.rules.parts import computed, context, node, numbers


@pytest.mark.parametrize(
    ("made", "writes"),
    [
        (node("Merge", mode="dot"), True),
        (node("Merge", mode="cos"), True),
        (node("Merge", mode="sum"), False),
        (node("RepeatVector", n=1), True),
        (node("RepeatVector", n=2), False),
        (node("Reshape", target_shape=[2, 1]), True),
        (node("Reshape", target_shape=[2, 2]), False),
        (node("LocallyConnected1D"), True),
        (node("TimeDistributedDense", output_dim=1), True),
        (node("Dense", output_dim=1), False),
    ],
)
def test_what_writes_an_axis_of_length_1(made: Any, writes: bool) -> None:
    assert on_steps._writes_a_one(made) is writes
    wrapper = node("TimeDistributed", {}, node("Sequential", {}, node("Dense"), made))
    if writes:
        with pytest.raises(InputError, match=f"a TimeDistributed {made.class_name} to an axis of length 1"):
            on_steps._check_squeezed(wrapper, wrapper.children[0])
    else:
        on_steps._check_squeezed(wrapper, wrapper.children[0])


@pytest.mark.parametrize(
    ("backend", "batch", "n", "refused"),
    [("theano", 2, 1, True), ("theano", None, 1, False), ("tensorflow", 2, 1, False), ("theano", 2, 3, False)],
)
def test_theano_squeezed_what_a_counted_batch_left(backend: str, batch: int | None, n: int, refused: bool) -> None:
    apply = on_steps.time_distributed(context(backend), node("TimeDistributed", {}, node("RepeatVector", n=n)))
    x = keras.Input(batch_shape=(batch, 4, 3))
    if refused:
        with pytest.raises(InputError, match="lost that axis"):
            apply(x)
    else:
        assert apply(x).shape == (batch, 4, n, 3)


@pytest.mark.parametrize(("mode", "hangs"), [(0, False), (1, False), (2, True), ("2", True)])
def test_a_step_normalised_over_its_batch_sees_all_steps(mode: Any, hangs: bool) -> None:
    """Keras 1 reshaped (n, n_steps, ...) to (n * n_steps, ...) where the batch is open (wrappers.py)."""
    made = node("BatchNormalization", epsilon=0.1, mode=mode)
    assert on_steps._uses_the_batch(made) is hangs
    assert not on_steps._uses_the_batch(node("Dense", mode=mode))
    if hangs:
        made.weights = {
            "gamma": np.ones(3),
            "beta": np.zeros(3),
            "running_mean": np.zeros(3),
            "running_std": np.ones(3),
        }
        x = numbers(2, 4, 3)
        wanted = (x - x.mean((0, 1))) / np.sqrt(x.var((0, 1)) + 0.1)
        found = computed(node("TimeDistributed", {}, made), x, within=context(version=(1, 2)))
        np.testing.assert_allclose(found, wanted, atol=1e-5)
        apply = on_steps.time_distributed(context(), node("TimeDistributed", {}, made))
        with pytest.raises(InputError, match="of mode 2 over an open size"):
            apply(keras.Input((None, 3)))


@pytest.mark.parametrize("kind", ["Activation", "Flatten"])
def test_an_inner_layer_on_every_step(kind: str) -> None:
    x = numbers(2, 3, 2, 2)
    found = computed(node("TimeDistributed", {}, node(kind, activation="relu")), x)
    np.testing.assert_array_equal(found, np.maximum(x, 0) if kind == "Activation" else x.reshape(2, 3, 4))


@pytest.mark.parametrize(("version", "inner", "axes", "refused"), [
    ((2, 2, 4), "GlobalAveragePooling1D", 3, True), ((2, 1, 6), "GlobalAveragePooling1D", 3, False),
    ((2, 2, 4), "GlobalAveragePooling1D", 2, False), ((2, 2, 4), "Flatten", 3, False),
])  # fmt: skip
def test_a_mask_that_is_handed_to_every_step(version: Any, inner: str, axes: int, refused: bool) -> None:
    """Keras 2.2 hands a mask (n, n_steps, m) of steps of steps in: an inner layer that goes by it is refused."""
    found, x = context(dialect=KERAS2, version=version, masked=True), keras.Input((3, 4, 2))
    found.set_mask(x, keras.Input((3, 4)[: axes - 1], dtype="bool"))
    apply = on_steps.time_distributed(found, node("TimeDistributed", None, node(inner)))
    if refused:
        with pytest.raises(InputError, match=f"a mask with 3 axes, .* handed each step's to .*{inner}"):
            apply(x)
    else:
        assert apply(x).shape[:2] == (None, 3)


@pytest.mark.parametrize(
    ("mode", "batch", "step", "refused"),
    [("cos", None, (3, 2), True), ("cos", 2, (3, 2), False), ("cos", None, (3,), False), ("dot", None, (3, 2), False)],
)
def test_a_cosine_on_every_step_of_an_open_batch_lost_an_axis(
    mode: str, batch: int | None, step: tuple[int, ...], refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = keras.Input(step)
    same = keras.Model(given, keras.layers.Identity()(given))
    monkeypatch.setattr(on_steps, "_per_step", lambda *_: same)
    inner = node("Sequential", {}, node("Merge", mode=mode))
    apply, x = on_steps.time_distributed(context(), node("TimeDistributed", {}, inner)), keras.Input((4, *step), batch)
    if refused:
        with pytest.raises(InputError, match="Merge by cosine"):
            apply(x)
    else:
        assert apply(x).shape == (batch, 4, *step)
