"""Dense layers and their kin by their definitions, and what is refused by name."""

from typing import Any

import keras
import numpy as np
import pytest
from scipy import special

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS1, KERAS2, TF_KERAS
from reprise_kit.port.keras_legacy.rules import core
from tests.port.keras_legacy.rules.parts import computed, context, node, numbers

X = numbers(2, 3, seed=9)
HARD = {"activation": "hard_sigmoid"}


def old_sigmoid(x: np.ndarray) -> np.ndarray:
    return np.clip(0.2 * x + 0.5, 0, 1)


@pytest.mark.parametrize(
    ("activation", "wanted"), [(None, lambda x: x), ("tanh", np.tanh), ("hard_sigmoid", old_sigmoid)]
)
@pytest.mark.parametrize("bias", [None, True, False])
def test_a_dense_layer(bias: bool | None, activation: str | None, wanted: Any) -> None:
    """Files of old versions leave `bias` out and have one."""
    w, b = numbers(3, 4), numbers(4, seed=1)
    config = {} if bias is None else {"bias": bias}
    made = node("Dense", {"W": w, "b": b}, output_dim=4, activation=activation, **config)
    np.testing.assert_allclose(computed(made, X), wanted(X @ w + (0 if bias is False else b)), atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 4, 3), (2, 4, 5, 3), (2, 4, 5, 6, 3)])
@pytest.mark.parametrize(("activation", "wanted"), [("linear", lambda x: x), ("hard_sigmoid", old_sigmoid)])
def test_a_bias_along_axis_1(shape: tuple[int, ...], activation: str, wanted: Any) -> None:
    """Keras 2 before 2.2.1 with keras.json's channels_first: K.bias_add along axis 1."""
    w, b, x = numbers(3, 4), numbers(4, seed=1), numbers(*shape, seed=2)
    found = context(dialect=KERAS2, version=(2, 0, 9), dim_ordering="th")
    y = computed(node("Dense", {"W": w, "b": b}, output_dim=4, activation=activation), x, within=found)
    np.testing.assert_allclose(y, wanted(x @ w + b.reshape(4, *[1] * (x.ndim - 2))), atol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
def test_the_largest_of_several_dense_layers(bias: bool) -> None:
    w, b = numbers(5, 3, 4), numbers(5, 4, seed=1)
    made = node("MaxoutDense", {"W": w, "b": b}, bias=bias)
    wanted = np.max([X @ one + (offset if bias else 0) for one, offset in zip(w, b, strict=True)], 0)
    np.testing.assert_allclose(computed(made, X), wanted, atol=1e-5)


@pytest.mark.parametrize("activation", ["linear", "tanh", "hard_sigmoid"])
@pytest.mark.parametrize("bias", [True, False])
def test_a_highway(bias: bool, activation: str) -> None:
    arrays = {role: numbers(*shape, seed=i) for i, (role, shape) in enumerate(
        {"W": (3, 3), "W_carry": (3, 3), "b": (3,), "b_carry": (3,)}.items())}  # fmt: skip
    linear, carried = (X @ arrays[w] + (arrays[b] if bias else 0) for w, b in (("W", "b"), ("W_carry", "b_carry")))
    gate = special.expit(carried)
    act = {"linear": lambda x: x, "tanh": np.tanh, "hard_sigmoid": old_sigmoid}[activation]
    made = node("Highway", arrays, activation=activation, bias=bias)
    np.testing.assert_allclose(computed(made, X), gate * act(linear) + (1 - gate) * X, atol=1e-5)


@pytest.mark.parametrize(
    ("dialect", "name", "known"),
    [(KERAS1, "elu", True), (KERAS1, "selu", False), (KERAS2, "selu", True), (KERAS2, "swish", False),
     (TF_KERAS, "swish", True), (TF_KERAS, "ghost", False), (KERAS1, "hard_sigmoid", True)],
)  # fmt: skip
def test_activations_that_each_keras_had(dialect: Any, name: str, known: bool) -> None:
    if known:
        assert core.activation_name(context(dialect=dialect), node("Dense", activation=name)) == name
    else:
        with pytest.raises(InputError, match=f"the activation '{name}' is not one of {dialect.name}'s"):
            core.activation_name(context(dialect=dialect), node("Dense", activation=name))
    with pytest.raises(InputError, match="the activation "):
        core.activation_name(context(dialect=dialect), node("Dense", activation={"name": name}))


@pytest.mark.parametrize("kind", ["Dense", "Activation"])
def test_an_activation_of_ones_own(kind: str) -> None:
    weights = {"W": np.eye(3, dtype="float32"), "b": np.zeros(3, "float32")} if kind == "Dense" else {}
    made = node(kind, weights, output_dim=3, activation="ghost")
    found = context(replace={"ghost": lambda x: x * 2, "relu": lambda x: x * 3})
    np.testing.assert_allclose(computed(made, X, within=found), X * 2)
    made.config["activation"] = "relu"  # a known one is never replaced
    np.testing.assert_allclose(computed(made, X, within=found), np.maximum(X, 0))


@pytest.mark.parametrize("ordering", [None, "th", "tf"])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3)])
def test_a_flatten_of_keras_2_moves_channels_last(shape: tuple[int, ...], ordering: str | None) -> None:
    x = numbers(*shape)
    wanted = np.moveaxis(x, 1, -1) if ordering == "th" and x.ndim > 2 else x
    np.testing.assert_array_equal(computed(node("Flatten", dim_ordering=ordering), x), wanted.reshape(2, -1))


@pytest.mark.parametrize(
    ("batch", "target", "settings", "words"),
    [
        (2, (-1, 3), {"version": (1, 1, 0), "legacy_bugs": "keep"}, "which cannot be kept; say --legacy-bugs fix"),
        (2, (-1, 3), {"version": (1, 1, 0)}, "one axis more where the batch is counted; say --legacy-bugs"),
        (2, (-1, 3), {}, "an open size in a counted batch depends on the Keras version"),
        (2, (-1, 3), {"version": (1, 1, 0), "legacy_bugs": "fix"}, None),
        (2, (-1, 3), {"version": (1, 2, 0)}, None),
        (2, (-1, 3), {"dialect": KERAS2}, None),
        (2, (2, 3), {}, None),
        (None, (-1, 3), {}, None),
    ],
)
def test_an_open_size_in_a_counted_batch(batch: int | None, target: Any, settings: Any, words: str | None) -> None:
    apply, x = (
        core.reshape(context(**settings), node("Reshape", target_shape=target)),
        keras.Input(batch_shape=(batch, 6)),
    )
    if words:
        with pytest.raises(InputError, match=words):
            apply(x)
    else:
        assert apply(x).shape == (batch, 2, 3)


def test_axes_and_repeats() -> None:
    x = numbers(2, 3, 4)
    np.testing.assert_array_equal(computed(node("Permute", dims=[2, 1]), x), x.transpose(0, 2, 1))
    np.testing.assert_array_equal(computed(node("RepeatVector", n=3), X), X[:, None].repeat(3, 1))
    w, places = numbers(5, 3), np.array([[0, 4], [2, 2]], "int32")
    np.testing.assert_array_equal(computed(node("Embedding", {"W": w}), places), w[places])
    np.testing.assert_array_equal(computed(node("ActivityRegularization"), x), x)


@pytest.mark.parametrize("config", [{}, {"mask_value": 2.0}])
def test_masked_steps_become_0(config: dict[str, float]) -> None:
    x = np.array([[[0, 0], [2, 2], [0, 2]]], "float32")
    wanted = x * (np.any(x != config.get("mask_value", 0.0), axis=-1, keepdims=True))
    np.testing.assert_array_equal(computed(node("Masking", **config), x), wanted)


@pytest.mark.parametrize("kind", ["Dropout", "GaussianNoise"])
@pytest.mark.parametrize("samples", [True, False])
def test_what_was_called_in_training_samples_in_predictions(kind: str, samples: bool) -> None:
    found, x = context(), np.ones((2, 200), "float32")
    y = computed(node(kind, p=0.5, sigma=0.5, in_training=samples), x, within=found)
    assert np.array_equal(x, y) is not samples and bool(found.needs) is samples is (len(found.notes) == 1)


@pytest.mark.parametrize("kind", ["Activation", "Dense"])
@pytest.mark.parametrize("size", [1, 2])
def test_a_softmax_over_one_value_is_noted(kind: str, size: int) -> None:
    """A function of the network's own code that is called softmax (over time, say) is saved as that name, too."""
    found, x = context(), numbers(2, 3, size)
    made = node(kind, {"W": numbers(size, size), "b": numbers(size)}, activation="softmax", output_dim=size)
    y = computed(made, x, within=found)
    assert np.array_equal(y, np.ones_like(x)) is (size == 1) is any("over one value" in note for note in found.notes)


def test_the_activation_of_keras_2_own_mobilenet() -> None:
    x = numbers(2, 5) * 9
    found = computed(node("Activation", activation="relu6"), x, within=context(dialect=KERAS2))
    np.testing.assert_array_equal(found, x.clip(0, 6))
    with pytest.raises(InputError, match="the activation 'relu6' is not one of Keras 1's"):
        computed(node("Activation", activation="relu6"), x)
