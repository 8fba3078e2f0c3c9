"""The rules alone, against Keras 1's formulas written out in NumPy."""

import keras
import numpy as np
import pytest

from reprise_kit.port.keras_legacy import convert
from reprise_kit.port.keras_legacy.layers import hard_sigmoid_k1
from tests.port.keras_legacy.models import normal

RANDOM = np.random.RandomState(0)


def hard(x: np.ndarray) -> np.ndarray:
    return np.clip(0.2 * x + 0.5, 0, 1)


def gates(letters: str, n_in: int, n: int) -> dict[str, np.ndarray]:
    shapes = {"W": (n_in, n), "U": (n, n), "b": (n,)}
    return {f"{part}_{g}": 2 * normal(RANDOM, *shapes[part]) for g in letters for part in "WUb"}


def test_hard_sigmoid_is_the_old_one() -> None:
    x = np.linspace(-4, 4, 81, dtype=np.float32)
    assert np.allclose(hard_sigmoid_k1(x), hard(x), atol=1e-7)
    assert np.abs(keras.activations.hard_sigmoid(x) - hard(x)).max() > 0.08
    assert np.allclose(keras.activations.hard_sigmoid(convert.HARD_SIGMOID_GAIN * x), hard(x), atol=1e-6)


@pytest.mark.parametrize("packed", [False, True])
def test_lstm(packed: bool) -> None:
    a = gates("icfo", 3, 4)
    x, h, c = normal(RANDOM, 2, 6, 3), np.zeros((2, 4)), np.zeros((2, 4))
    for t in range(6):
        i, f, o = (hard(x[:, t] @ a[f"W_{g}"] + h @ a[f"U_{g}"] + a[f"b_{g}"]) for g in "ifo")
        c = f * c + i * np.tanh(x[:, t] @ a["W_c"] + h @ a["U_c"] + a["b_c"])
        h = o * np.tanh(c)
    given = {p: np.concatenate([a[f"{p}_{g}"] for g in "ifco"], -1) for p in "WUb"} if packed else a
    layer = keras.layers.LSTM(4, recurrent_activation="hard_sigmoid")
    layer.build((None, 6, 3))
    layer.set_weights(convert.lstm_gates(given, hard=True))
    assert np.abs(np.asarray(layer(x)) - h).max() < 2e-6


def test_gru() -> None:
    a = gates("zrh", 3, 4)
    x, h = normal(RANDOM, 2, 6, 3), np.zeros((2, 4))
    for t in range(6):
        z, r = (hard(x[:, t] @ a[f"W_{g}"] + h @ a[f"U_{g}"] + a[f"b_{g}"]) for g in "zr")
        new = np.tanh(x[:, t] @ a["W_h"] + (r * h) @ a["U_h"] + a["b_h"])
        h = z * h + (1 - z) * new
    layer = keras.layers.GRU(4, recurrent_activation="hard_sigmoid", reset_after=False)
    layer.build((None, 6, 3))
    layer.set_weights(convert.gru_gates(a, hard=True))
    assert np.abs(np.asarray(layer(x)) - h).max() < 2e-6


def test_conv1d_in_both_layouts() -> None:
    new = normal(RANDOM, 5, 1, 3, 7)
    old = np.transpose(new, (3, 2, 0, 1))
    plain = convert.conv1d_kernel(new, "tensorflow", 5, 7)
    assert np.array_equal(plain, new[:, 0])
    assert np.array_equal(convert.conv1d_kernel(old, "tensorflow", 5, 7), plain)
    assert np.array_equal(convert.conv1d_kernel(new, "theano", 5, 7), plain[::-1])
    with pytest.raises(ValueError, match="layouts"):
        convert.conv1d_kernel(normal(RANDOM, 4, 1, 3, 7), "theano", 5, 7)


def test_only_spatial_axes_turn() -> None:
    th = normal(RANDOM, 4, 3, 2, 5)
    tf = convert.conv2d_kernel(th, "tensorflow", "th")
    assert tf.shape == (2, 5, 3, 4)
    assert tf[1, 4, 2, 3] == th[3, 2, 1, 4]
    assert np.array_equal(convert.conv2d_kernel(th, "theano", "th"), tf[::-1, ::-1])
    assert np.array_equal(convert.conv2d_kernel(tf, "theano", "tf"), tf[::-1, ::-1])
    volume = normal(RANDOM, 4, 3, 2, 5, 6)
    assert convert.conv3d_kernel(volume, "theano", "th")[0, 0, 0, 2, 3] == volume[3, 2, 1, 4, 5]
    assert convert.deconv2d_kernel(th, "tensorflow", "th").shape == (2, 5, 4, 3)


@pytest.mark.parametrize(
    ("reading", "scale"),
    [
        ("variance", lambda s, e: np.sqrt(s + e)),
        ("std", lambda s, e: s + e),
        ("sqrt", lambda s, e: np.sqrt(s) + e),
    ],
)
def test_readings_of_running_std(reading: str, scale) -> None:
    std = np.array([1e-3, 0.5, 2.0, 40.0], np.float32)
    variance, epsilon = convert.moving_variance(std, reading, 1e-3)
    assert np.allclose(np.sqrt(variance + epsilon), scale(std.astype(np.float64), 1e-3), rtol=1e-6)


def test_maxout() -> None:
    w, b, x = normal(RANDOM, 3, 4, 5), normal(RANDOM, 3, 5), normal(RANDOM, 2, 4)
    kernel, bias = convert.maxout_dense(w, b)
    found = (x @ kernel + bias).reshape(2, 3, 5).max(1)
    assert np.allclose(found, (np.einsum("ni,kio->nko", x, w) + b).max(1), atol=1e-6)
