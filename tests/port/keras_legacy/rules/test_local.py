"""Locally connected, depthwise and separable layers by their definitions; weights that do not fit are refused."""

from typing import Any

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS2
from tests.port.keras_legacy.rules.parts import computed, context, node, numbers


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("stride", [None, 2])
def test_steps_of_kernels_of_their_own(stride: int | None, bias: bool) -> None:
    x, starts = numbers(2, 7, 3), range(0, 5, stride or 1)
    w, b = numbers(len(starts), 9, 4), numbers(len(starts), 4, seed=1)
    made = node("LocallyConnected1D", {"W": w, "b": b}, filter_length=3, subsample_length=stride, bias=bias)
    wanted = [x[:, i : i + 3].reshape(2, -1) @ w[place] + (b[place] if bias else 0) for place, i in enumerate(starts)]
    np.testing.assert_allclose(computed(made, x), np.stack(wanted, 1), atol=1e-5)


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


@pytest.mark.parametrize("backend", ["tensorflow", "theano"])
def test_kernels_of_keras_1_lie_as_the_images(backend: str) -> None:
    """th: (n_out, n_in, k1, k2), turned round on Theano; Keras 2's lie channels last, whatever the images."""
    x, w, b = numbers(1, 3, 5, 5), numbers(2, 3, 3, 3), numbers(2)
    made = node("Convolution2D", {"W": w, "b": b}, nb_filter=2, nb_row=3, nb_col=3, dim_ordering="th")
    turned = w[:, :, ::-1, ::-1] if backend == "theano" else w
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))
    wanted = np.einsum("ncijkl,ockl->noij", windows, turned) + b[:, None, None]
    np.testing.assert_allclose(computed(made, x, within=context(backend)), wanted, atol=1e-5)
    made.weights["W"] = w.transpose(2, 3, 1, 0)
    found = computed(made, x, within=context(backend, dialect=KERAS2, version=(2, 2, 4)))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize(("shape", "words"), [((4, 4), "do not fit"), ((3,), "its config asks for weights of")])
def test_arrays_that_do_not_fit(shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        computed(node("Dense", {"W": numbers(*shape), "b": numbers(4)}, output_dim=4), numbers(2, 3))
    with pytest.raises(InputError, match="the file holds no W, b"):
        computed(node("Dense", {}, output_dim=4), numbers(2, 3))


def test_no_room_is_made_for_more_than_the_file_holds() -> None:
    made = node("Dense", {"W": numbers(3, 4), "b": numbers(4)}, output_dim=10**9)
    with pytest.raises(InputError, match="its config asks for weights of"):
        computed(made, numbers(2, 3))
    made.config["output_dim"] = 4
    assert computed(made, numbers(2, 3)).shape == (2, 4)
