"""What rounding does to variances and long sums: measured against float64 on numbers where float32 loses most."""

import keras
import numpy as np
import pytest
from keras import ops

from reprise_kit.port.keras_legacy.layers import ParametricSoftplus
from reprise_kit.port.keras_legacy.rounding import Graph


def _floor(make: object, x: np.ndarray) -> float:
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, make(inputs))  # type: ignore[operator]
    return Graph(model, {"y": model.outputs[0]}, {}).floors([x], False)["y"]


@pytest.mark.parametrize("spread", [1e-2, 1e-3])
def test_a_variance_is_left_with_the_rounding_of_its_squares(spread: float) -> None:
    """TensorFlow 0.12: mean(x^2) - mean(x)^2 in float32."""
    x = (1 + spread * np.random.RandomState(0).normal(size=(4, 8))).astype("float32")
    old = (x * x).mean(-1, dtype="float32") - np.square(x.mean(-1, dtype="float32"))
    error = float(np.abs(old - x.astype("float64").var(-1)).max())
    assert error > 1e-8
    assert error <= _floor(lambda t: ops.var(t, axis=-1), x) < 100 * error


def test_a_variance_of_many_is_left_with_the_rounding_of_long_sums() -> None:
    """Of 1,000 numbers near 1 TensorFlow 0.12.1's variance is off by 8 eps in the mean square, by 24 at worst."""
    x = (1 + 1e-3 * np.random.RandomState(0).uniform(size=(8, 1000))).astype("float32")
    floor = _floor(lambda t: ops.var(t, axis=-1), x) / float(np.finfo("float32").eps)
    assert 8 <= floor < 200


def test_a_long_sum_is_left_with_the_rounding_of_its_parts() -> None:
    """One number after the other, as TensorFlow adds along all but the last axis."""
    x = np.random.RandomState(0).uniform(0.5, 1.0, (2, 20_000, 1)).astype("float32")
    naive = np.cumsum(x, axis=1, dtype="float32")[:, -1] / np.float32(20_000)
    error = float(np.abs(naive - x.astype("float64").mean(1)).max())
    assert error > 3 * float(np.finfo("float32").eps) * x.mean()
    assert error <= _floor(keras.layers.GlobalAveragePooling1D(), x)


def test_a_short_sum_is_not_excused() -> None:
    x = np.random.RandomState(0).uniform(0.5, 1.0, (2, 4, 3)).astype("float32")
    assert _floor(keras.layers.GlobalAveragePooling1D(), x) < 5e-6


def _parametric(t: object) -> object:
    layer = ParametricSoftplus((1,))
    layer.build(t.shape)  # type: ignore[attr-defined]
    layer.alphas.assign([1.0])
    layer.betas.assign([1.0])
    return layer(t)


SOFTPLUS = [ops.softplus, keras.layers.Activation("softplus"), _parametric]


@pytest.mark.parametrize("make", SOFTPLUS, ids=["operation", "activation", "parametric"])
@pytest.mark.parametrize("z", [-12.0, -6.0])
def test_a_softplus_is_left_with_the_rounding_of_1(make: object, z: float) -> None:
    """TensorFlow 0.12: log(1 + exp(z)) in float32."""
    x = np.full((64, 1), z, "float32") + np.random.RandomState(0).uniform(0, 1, (64, 1)).astype("float32")
    old = np.log(np.float32(1) + np.exp(x))
    error = float(np.abs(old - np.log1p(np.exp(x.astype("float64")))).max())
    assert error > 100 * float(np.finfo("float32").eps) * np.exp(z)
    assert error <= _floor(make, x) < 20 * error


@pytest.mark.parametrize("make", SOFTPLUS, ids=["operation", "activation", "parametric"])
def test_a_softplus_that_is_an_exponential_is_not_excused(make: object) -> None:
    """Below -13.94 TensorFlow 0.12 took exp(z) itself."""
    x = np.full((8, 1), -15.0, "float32")
    assert _floor(make, x) < 1e-4 * np.exp(-15.0)


ELU = {
    "layer": (keras.layers.ELU(), 1.0),
    "operation": (ops.elu, 1.0),
    "activation": (keras.layers.Activation("elu"), 1.0),
    "alpha": (keras.layers.ELU(0.3), 0.3),
    "selu": (keras.layers.Activation("selu"), 1.7581),
    "operation selu": (ops.selu, 1.7581),
}


@pytest.mark.parametrize("make", list(ELU))
def test_an_elu_is_left_with_the_rounding_of_1(make: str) -> None:
    """TensorFlow 0.12 and Theano 0.9: exp(z) - 1 in float32."""
    layer, factor = ELU[make]
    x = -np.random.RandomState(0).uniform(1e-4, 1e-3, (64, 1)).astype("float32")
    error = float(np.abs((np.exp(x) - np.float32(1)) - np.expm1(x.astype("float64"))).max())
    assert error > 50 * float(np.finfo("float32").eps) * np.abs(x).max() / 2
    assert factor * error <= _floor(layer, x) < 30 * factor * error
    assert _floor(layer, -x) < 1e-1 * error  # above 0 that is not excused, only the rounding of z


def test_a_model_on_every_step_is_left_with_the_rounding_of_its_layers() -> None:
    step = keras.Input((1,))
    inner = keras.Model(step, keras.layers.Activation("elu")(step))
    x = np.full((2, 3, 1), -1e-4, "float32")
    wanted = _floor(keras.layers.ELU(), x)
    assert wanted / 2 <= _floor(keras.layers.TimeDistributed(inner), x) <= 2 * wanted


def _lstm(t: object) -> object:
    """Give 250 sigmoid(z) sigmoid(0): one step of an LSTM whose input gate gets z."""
    layer = keras.layers.LSTM(1, activation="linear", recurrent_activation="sigmoid")
    y = layer(keras.layers.Reshape((1, 1))(t))
    layer.set_weights([np.array([[1, 0, 0, 0]], "float32"), np.zeros((1, 4)), np.array([0, 0, 250, 0])])
    return y


SIGMOID = {
    "operation": (ops.sigmoid, 1.0),
    "activation": (keras.layers.Activation("sigmoid"), 1.0),
    "gate": (_lstm, 125.0),
}


@pytest.mark.parametrize("make", list(SIGMOID))
@pytest.mark.parametrize(("z", "old"), [(-12.0, 6.0498714e-06), (-15.0, 3.5762787e-07), (-17.0, 2.9802322e-08)])
def test_a_sigmoid_is_left_with_the_rounding_of_1(make: str, z: float, old: float) -> None:
    """`old`: what TensorFlow 1.15.5 answered."""
    layer, factor = SIGMOID[make]
    right = 1 / (1 + np.exp(-z))
    assert abs(old - right) > 100 * float(np.finfo("float32").eps) * right
    assert factor * abs(old - right) <= _floor(layer, np.full((64, 1), z, "float32")) < factor * 1e-6


def test_a_gate_is_itself_again_after_the_floor_is_measured() -> None:
    layer = keras.layers.LSTM(1, recurrent_activation="sigmoid")
    _floor(layer, np.zeros((2, 3, 1), "float32"))
    assert layer.cell.recurrent_activation is keras.activations.sigmoid
