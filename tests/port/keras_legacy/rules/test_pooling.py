"""Pooling by counting windows, as each old backend placed and averaged them."""

from typing import Any

import keras
import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS2
from reprise_kit.port.keras_legacy.rules import pooling
from tests.port.keras_legacy.rules.parts import computed, context, node, numbers

KINDS = {"Max": np.nanmax, "Average": np.nanmean}


def pooled(x: np.ndarray, kind: str, k: int, stride: int, before: int, behind: int) -> np.ndarray:
    """Of (n, n_steps, d): windows of what is padded with nothing."""
    padded = np.pad(x, [(0, 0), (before, behind), (0, 0)], constant_values=np.nan)
    places = range(0, padded.shape[1] - k + 1, stride)
    return np.stack([KINDS[kind](padded[:, i : i + k], 1) for i in places], 1)


def padding(backend: str, mode: str, n: int, k: int, stride: int) -> tuple[int, int]:
    """Theano's pool_2d(padding=k - 2 or k - 1), cut to ceil(n / stride); TensorFlow's as its "same"."""
    if mode == "valid":
        return 0, 0
    if backend == "theano":
        before = k - 2 if k > 2 and k % 2 == 1 else k - 1
        return before, k - 1 - before
    needed = max((-(-n // stride) - 1) * stride + k - n, 0)
    return needed // 2, needed - needed // 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["valid", "same"])
@pytest.mark.parametrize("backend", ["theano", "tensorflow"])
@pytest.mark.parametrize(("k", "stride"), [(2, None), (3, 2), (1, 2), (4, 3), (3, 1)])
def test_over_steps(backend: str, mode: str, kind: str, k: int, stride: int | None) -> None:
    x, config = numbers(2, 7, 3), {} if stride is None else {"stride": stride}
    made = node(f"{kind}Pooling1D", pool_length=k, border_mode=mode, **config)
    wanted = pooled(x, kind, k, stride or k, *padding(backend, mode, 7, k, stride or k))
    np.testing.assert_allclose(computed(made, x, within=context(backend)), wanted, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ordering", ["th", "tf"])
@pytest.mark.parametrize(("backend", "strides"), [("theano", (2, 1)), ("theano", None), ("tensorflow", (2, 1))])
def test_over_images(backend: str, ordering: str, kind: str, strides: Any) -> None:
    """Each axis alone; a mean of means where no window is cut, so without padding."""
    size, x = (3, 2), numbers(1, 2, 7, 8)
    x = x if ordering == "th" else x.transpose(0, 2, 3, 1)
    made = node(f"{kind}Pooling2D", pool_size=size, strides=strides, border_mode="valid", dim_ordering=ordering)
    found = computed(made, x, within=context(backend))
    last = np.moveaxis(x, 1, -1) if ordering == "th" else x
    rows = pooled(last.reshape(1, 7, -1), kind, 3, (strides or size)[0], 0, 0).reshape(1, -1, 8, 2)
    columns = rows.swapaxes(1, 2).reshape(1, 8, -1)
    wanted = pooled(columns, kind, 2, (strides or size)[1], 0, 0).reshape(1, -1, rows.shape[1], 2).swapaxes(1, 2)
    np.testing.assert_allclose(np.moveaxis(found, 1, -1) if ordering == "th" else found, wanted, atol=1e-6)


@pytest.mark.parametrize(("version", "counts"), [((2, 0, 3), False), ((2, 0, 4), True), ((2, 1, 5), False)])
def test_means_over_padding_on_theano(version: Any, counts: bool) -> None:
    """Keras 2.0.4 to 2.1.4 counted their zeros."""
    x = np.ones((1, 5, 1), "float32")
    made = node("AveragePooling1D", pool_length=3, stride=1, border_mode="same")
    found = computed(made, x, within=context("theano", version=version, dialect=KERAS2)).ravel()
    np.testing.assert_allclose(found, [2 / 3, 1, 1, 1, 2 / 3] if counts else [1] * 5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [7, 8, 9, 10])
def test_volumes_of_old_tensorflow_begin_inside(kind: str, n: int) -> None:
    """Where windows of 1 are 4 apart, they began trunc(padding / 2) places in (0.12)."""
    x = numbers(1, n, 1, 1, 2)
    made = node(f"{kind}Pooling3D", pool_size=(1, 1, 1), strides=(4, 1, 1), border_mode="same", dim_ordering="tf")
    start = (n - (-(-n // 4) - 1) * 4 - 1) // 2 if n > (-(-n // 4) - 1) * 4 + 1 else 0
    np.testing.assert_allclose(computed(made, x), x[:, start::4], atol=1e-6)
    np.testing.assert_allclose(computed(made, x, within=context(legacy_bugs="fix")), x[:, ::4], atol=1e-6)


@pytest.mark.parametrize(("version", "rim"), [((2, 1, 5), 1), ((2, 1, 6), 0)])
def test_volumes_on_theano_kept_their_rim(version: Any, rim: int) -> None:
    made = node("MaxPooling3D", pool_size=(2, 2, 2), strides=(1, 1, 1), border_mode="same", dim_ordering="tf")
    found = computed(made, numbers(1, 3, 3, 3, 1), within=context("theano", version=version, dialect=KERAS2))
    assert found.shape == (1, *(3 + rim,) * 3, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_no_pooling_is_full(kind: str) -> None:
    with pytest.raises(InputError, match="border_mode 'full' is not one of Keras 1's for pooling"):
        computed(node(f"{kind}Pooling1D", pool_length=2, border_mode="full"), numbers(1, 3, 1))


@pytest.mark.parametrize(("n", "stock"), [(4, True), (3, False), (6, True)])
def test_a_mean_over_uneven_padding_is_built(n: int, stock: bool) -> None:
    """Of 2, 2 apart: Keras 3.15 on PyTorch counts padding that is not the same on both sides."""
    given = keras.Input((n, 1))
    made = node("AveragePooling1D", pool_length=2, border_mode="same")
    model = keras.Model(given, pooling.pooling1d(context(), made)(given))
    found = [layer.padding for layer in model.layers if isinstance(layer, keras.layers.AveragePooling1D)]
    assert ("same" in found) is stock


@pytest.mark.parametrize("keepdims", [None, True])
@pytest.mark.parametrize("ordering", [None, "th"])
@pytest.mark.parametrize("kind", KINDS)
def test_over_all_steps(kind: str, ordering: str | None, keepdims: bool | None) -> None:
    x, axis = numbers(2, 4, 3), 2 if ordering == "th" else 1
    made = node(f"Global{kind}Pooling1D", dim_ordering=ordering, keepdims=keepdims)
    wanted = KINDS[kind](x, axis)
    wanted = wanted if not keepdims else wanted[:, None]
    np.testing.assert_allclose(computed(made, x), wanted, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_over_whole_images(ordering: str, kind: str) -> None:
    x = numbers(2, 3, 4, 5)
    found = computed(node(f"Global{kind}Pooling2D", dim_ordering=ordering), x)
    np.testing.assert_allclose(found, KINDS[kind](x, (2, 3) if ordering == "th" else (1, 2)), atol=1e-6)
    with pytest.raises(InputError, match="with keepdims is not supported"):
        computed(node(f"Global{kind}Pooling2D", dim_ordering=ordering, keepdims=True), x)


def test_a_mean_leaves_masked_steps_out() -> None:
    found, x, mask = context(), keras.Input((3, 2)), keras.Input((3,), dtype="bool")
    found.set_mask(x, mask)
    y = pooling.global_pooling1d(found, node("GlobalAveragePooling1D"))(x)
    given, seen = numbers(1, 3, 2), np.array([[True, True, False]])
    np.testing.assert_allclose(keras.Model([x, mask], y)([given, seen]), given[:, :2].mean(1), atol=1e-6)
    with pytest.raises(InputError, match="a channels-first mean over masked steps"):
        pooling.global_pooling1d(found, node("GlobalAveragePooling1D", dim_ordering="th"))(x)
