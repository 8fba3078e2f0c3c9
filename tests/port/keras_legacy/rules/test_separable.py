"""Depthwise and separable convolutions by their definitions."""

from typing import Any

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS2
from tests.port.keras_legacy.rules.parts import computed, context, node, numbers


def depthwise(x: np.ndarray, kernel: np.ndarray, strides: tuple[int, int], rate: tuple[int, int]) -> np.ndarray:
    """(n, rows, cols, d) and (k1, k2, d, m) to (n, ..., d * m), each channel alone."""
    reach = [(k - 1) * r for k, r in zip(kernel.shape, rate, strict=False)]
    starts = [range(0, n - far, s) for n, far, s in zip(x.shape[1:3], reach, strides, strict=True)]
    found = np.zeros((len(x), len(starts[0]), len(starts[1]), *kernel.shape[2:]))
    for (k1, k2), weights in ((place, kernel[place]) for place in np.ndindex(kernel.shape[:2])):
        rows, cols = [i + k1 * rate[0] for i in starts[0]], [j + k2 * rate[1] for j in starts[1]]
        found += x[:, rows][:, :, cols][..., None] * weights
    return found.reshape(*found.shape[:3], -1)


@pytest.mark.parametrize("kind", ["SeparableConvolution2D", "DepthwiseConvolution2D"])
@pytest.mark.parametrize("config", [{}, {"subsample": (2, 2)}, {"atrous_rate": (2, 1)}, {"bias": False}])
def test_each_channel_alone(kind: str, config: dict[str, Any]) -> None:
    x, depth, point = numbers(2, 7, 6, 3), numbers(2, 3, 3, 2, seed=1), numbers(1, 1, 6, 4, seed=2)
    separable = kind == "SeparableConvolution2D"
    b = numbers(4 if separable else 6, seed=3)
    weights = {"depthwise_kernel": depth, "pointwise_kernel": point, "b": b}
    made = node(kind, weights, nb_row=2, nb_col=3, dim_ordering="tf", **config)
    wanted = depthwise(x, depth, config.get("subsample", (1, 1)), config.get("atrous_rate", (1, 1)))
    wanted = (wanted @ point[0, 0] if separable else wanted) + (b if config.get("bias", True) else 0)
    found = computed(made, x, within=context(dialect=KERAS2, version=(2, 2, 4)))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize(("channels", "first"), [(1, 1), (2, 0), (3, 0)])
def test_where_old_tensorflow_began_between_windows(channels: int, first: int) -> None:
    """Measured in TensorFlow 0.12.1: of one channel it is a common convolution, which leaves out half of the rest."""
    x, depth, point = numbers(2, 9, 7, channels), numbers(1, 4, channels, 1, seed=1), numbers(1, 1, channels, 2, seed=2)
    made = node("SeparableConvolution2D", {"depthwise_kernel": depth, "pointwise_kernel": point}, nb_row=1, nb_col=4,
                dim_ordering="tf", subsample=(3, 3), border_mode="same", bias=False)  # fmt: skip
    padded = np.pad(x, ((0, 0), (0, 0), (1, 2), (0, 0)))[:, first:]
    wanted = depthwise(padded, depth, (3, 3), (1, 1)) @ point[0, 0]
    np.testing.assert_allclose(computed(made, x, within=context("tensorflow")), wanted, atol=1e-5)


@pytest.mark.parametrize("config", [{}, {"subsample_length": 2}, {"atrous_rate": 2}])
def test_each_channel_alone_over_steps(config: dict[str, Any]) -> None:
    x, depth, point = numbers(2, 7, 3), numbers(3, 3, 2, seed=1), numbers(1, 6, 4, seed=2)
    made = node("SeparableConvolution1D", {"depthwise_kernel": depth, "pointwise_kernel": point, "b": numbers(4)},
                filter_length=3, **config)  # fmt: skip
    strides, rate = (config.get("subsample_length", 1), 1), (config.get("atrous_rate", 1), 1)
    wanted = depthwise(x[:, :, None], depth[:, None], strides, rate)[:, :, 0] @ point[0] + numbers(4)
    found = computed(made, x, within=context(dialect=KERAS2, version=(2, 2, 4)))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_keras_1_had_no_separable_convolution_on_theano() -> None:
    with pytest.raises(InputError, match="Keras 1 had no SeparableConvolution2D on Theano"):
        computed(node("SeparableConvolution2D", nb_row=1, nb_col=1, dim_ordering="tf"), numbers(1, 2, 2, 1),
                 within=context("theano"))  # fmt: skip
