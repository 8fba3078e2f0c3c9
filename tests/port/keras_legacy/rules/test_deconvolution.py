"""Where a transposed convolution's output begins and ends: it is the gradient of the convolution it is named for."""

from typing import Any

import keras
import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS2
from reprise_kit.port.keras_legacy.rules import deconvolution
from tests.port.keras_legacy.rules.parts import computed, context, node, numbers


def gradient(y: np.ndarray, w: np.ndarray, stride: int, length: int, before: int) -> np.ndarray:
    """Of a convolution whose window i begins at i * stride - before, by what it reads of `length` numbers."""
    found = np.zeros(length)
    for i, one in enumerate(y):
        for k, weight in enumerate(w):
            if 0 <= i * stride - before + k < length:
                found[i * stride - before + k] += one * weight
    return found


def sizes(backend: str, mode: str, k: int, stride: int, wanted: int) -> tuple[int, int]:
    """How many places the convolution of `wanted` numbers has, and where its first window begins before them."""
    if (backend, mode) == ("tensorflow", "same"):
        places = -(-wanted // stride)
        return places, max((places - 1) * stride + k - wanted, 0) // 2
    before = {"valid": 0, "full": k - 1, "same": k // 2}[mode]
    return (wanted + 2 * before - k) // stride + 1, before


@pytest.mark.parametrize(("k", "stride"), [(1, 1), (3, 1), (3, 2), (2, 2), (4, 3), (5, 2)])
@pytest.mark.parametrize(("backend", "mode"), [("theano", "valid"), ("theano", "full"), ("theano", "same"),
                                               ("tensorflow", "valid"), ("tensorflow", "same")])  # fmt: skip
def test_a_part_of_the_whole_transposed_convolution(backend: str, mode: str, k: int, stride: int) -> None:
    """Windows are padded by k - 1 in front (full), k // 2 (Theano's same), or as TensorFlow does."""
    made, found, checked = node("Deconvolution2D", border_mode=mode), context(backend), 0
    for wanted in range(k, 16):
        size, before = sizes(backend, mode, k, stride, wanted)
        if (backend, mode) == ("theano", "same") and k % 2 == 0 and wanted != -(-size // stride):
            continue  # refused: see below
        checked += 1
        crop, extra = deconvolution._part(found, made, size, k, stride, wanted)
        y, w = numbers(size), numbers(k, seed=1)
        whole = gradient(y, w, stride, (size - 1) * stride + k + extra, 0)
        part = whole[crop[0] : len(whole) - crop[1]]
        np.testing.assert_allclose(part, gradient(y, w, stride, wanted, before), atol=1e-6)
        if backend == "theano" and stride == 1:
            continue  # no size was looked at: see below
        with pytest.raises(InputError, match="does not belong to an input of"):
            deconvolution._part(found, made, size + 1, k, stride, wanted)
    assert checked >= 10 or ((backend, mode) == ("theano", "same") and k % 2 == 0)


@pytest.mark.parametrize(
    ("mode", "k", "gives"), [("same", 3, 7), ("same", 2, 6), ("same", 4, 6), ("valid", 2, 8), ("full", 3, 5)]
)
@pytest.mark.parametrize("asked", [5, 6, 7, 8, 9])
def test_theano_0_8_looked_at_no_size_without_strides(mode: str, k: int, gives: int, asked: int) -> None:
    """What it gave is what the real one gave: (9, 6) to (8, 5) with a kernel of (2, 4) and "same"."""
    made, found = node("Deconvolution2D", border_mode=mode), context("theano", version=(1, 1, 0))
    crop, extra = deconvolution._part(found, made, 7, k, 1, asked)
    assert (7 - 1 + k - sum(crop), extra) == (gives, 0)
    assert found.misjudged == (set() if asked == gives else {made.name})
    said = f"layer {made.name}: {gives} long along an axis, as Theano made it, not {asked} as asked"
    assert found.notes == ([] if asked == gives else [said])
    if asked != gives:
        with pytest.raises(InputError, match=r"does not belong to an input of 7|cut an even 'same'"):
            deconvolution._part(context("theano", version=(1, 2, 2)), made, 7, k, 1, asked)


@pytest.mark.parametrize("size", [2, 3, 7])
def test_an_even_same_deconvolution_on_theano_was_cut_short(size: int) -> None:
    made = node("Deconvolution2D", border_mode="same")
    with pytest.raises(InputError, match="cut an even 'same' deconvolution short"):
        deconvolution._part(context("theano"), made, size, 2, 2, 2 * size)


@pytest.mark.parametrize(
    ("backend", "mode", "part", "words"),
    [
        ("tensorflow", "same", (3, 1, 3, 9), "put such windows elsewhere"),
        ("tensorflow", "full", (3, 3, 1, 1), "'full' on Theano only"),
        ("theano", "same", (None, 3, 1, 3), "an input of unknown size"),
    ],
)
def test_parts_that_are_refused(backend: str, mode: str, part: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        deconvolution._part(context(backend), node("Deconvolution2D", border_mode=mode), *part)
    assert deconvolution._part(context(), node("Deconvolution2D", border_mode="same"), 3, 1, 3, 8) == ((0, 0), 1)


@pytest.mark.parametrize(
    ("config", "version", "ordering", "strides", "sizes"),
    [
        ({"output_shape": [None, 3, 8, 9]}, (), "th", (1, 1), (8, 9)),
        ({"output_shape": [None, 8, 9, 3]}, (), "tf", (1, 1), (8, 9)),
        ({"output_shape": [None, 3, 8, 9], "border_mode": "same"}, (1, 1, 2), "th", (2, 2), (8, 9)),
        ({"output_shape": [None, 3, 8, 9], "border_mode": "same"}, (), "th", (1, 1), (8, 9)),
        ({"output_shape": [None, 3, 8, 9], "border_mode": "valid"}, (), "th", (2, 2), (8, 9)),
    ],
)
def test_sizes_that_are_recorded(config: Any, version: Any, ordering: str, strides: Any, sizes: Any) -> None:
    made = node("Deconvolution2D", **config)
    assert deconvolution._recorded_sizes(context(version=version), made, ordering, strides) == sizes
    said = context(output_shapes={made.name: (1, 2)})
    assert deconvolution._recorded_sizes(said, made, ordering, strides) == (1, 2)


@pytest.mark.parametrize(
    ("config", "version", "words"),
    [
        ({}, (1, 2), "output_shape is None; four sizes"),
        ({"output_shape": [8, 9]}, (1, 2), "four sizes"),
        ({"output_shape": [None, 3, 8, 9], "border_mode": "same"}, (1, 1, 1), "this version saved an output_shape"),
        ({"output_shape": [None, 3, 8, 9], "border_mode": "same"}, (), "depends on the Keras version"),
    ],
)
def test_sizes_that_are_not_those_that_were_used(config: Any, version: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        deconvolution._recorded_sizes(context(version=version), node("Deconvolution2D", **config), "th", (2, 1))


def test_sizes_are_not_computed_of_an_open_one() -> None:
    with pytest.raises(InputError, match="an input of unknown size"):
        deconvolution._computed_sizes(node("Deconvolution2D"), (None, 3), (3, 3), (2, 2))


@pytest.mark.parametrize(
    ("backend", "extra", "alike"), [("tensorflow", None, True), ("tensorflow", 1, False), ("theano", None, False)]
)
def test_the_stock_layer_alone_is_as_keras_2_on_tensorflow(backend: str, extra: int | None, alike: bool) -> None:
    assert deconvolution._as_keras_3(context(backend), node("Deconvolution2D", output_padding=extra)) is alike


def transposed(y: np.ndarray, w: np.ndarray, strides: tuple[int, ...], sizes: tuple[int, ...], before: Any) -> Any:
    """Of (n, sizes..., n_in) by kernels (k..., n_out, n_in), along every axis as `gradient` does along one."""
    found = np.zeros((len(y), *sizes, w.shape[-2]))
    for place in np.ndindex(y.shape[1:-1]):
        for k in np.ndindex(w.shape[:-2]):
            to = tuple(i * s - b + j for i, s, b, j in zip(place, strides, before, k, strict=True))
            if all(0 <= i < size for i, size in zip(to, sizes, strict=True)):
                found[(slice(None), *to)] += y[(slice(None), *place)] @ w[k].T
    return found


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("ordering", ["th", "tf"])
@pytest.mark.parametrize(("sizes", "kernel", "strides", "mode"), [
    ((3, 4), (3, 2), (2, 1), "valid"), ((3, 4), (3, 3), (2, 2), "same"), ((2, 3, 2), (2, 3, 4), (1, 2, 1), "valid"),
    ((2, 2, 3), (3, 1, 2), (2, 2, 1), "same")])  # fmt: skip
def test_keras_2s_by_their_definition(
    sizes: Any, kernel: Any, strides: Any, mode: str, ordering: str, bias: bool
) -> None:
    """On TensorFlow, kernels (k..., n_out, n_in); an output of size * stride (same), and max(k - stride, 0) more."""
    w, b, y = numbers(*kernel, 5, 2), numbers(5, seed=1), numbers(2, *sizes, 2, seed=2)
    names = ("nb_row", "nb_col") if len(kernel) == 2 else ("kernel_dim1", "kernel_dim2", "kernel_dim3")
    config = {"subsample": strides, "border_mode": mode, "dim_ordering": ordering, "bias": bias}
    made = node(f"Deconvolution{len(kernel)}D", {"W": w, "b": b}, **dict(zip(names, kernel, strict=True)), **config)
    each = list(zip(sizes, kernel, strides, strict=True))
    wanted = tuple(n * s + (max(k - s, 0) if mode == "valid" else 0) for n, k, s in each)
    before = [0 if mode == "valid" else max(k - s, 0) // 2 for _, k, s in each]
    right = transposed(y, w, strides, wanted, before) + (b if bias else 0)
    x = np.moveaxis(y, -1, 1) if ordering == "th" else y
    found = computed(made, x, within=context(dialect=KERAS2, version=(2, 2, 4)))
    np.testing.assert_allclose(np.moveaxis(found, 1, -1) if ordering == "th" else found, right, atol=1e-5)


@pytest.mark.parametrize(("backend", "extra", "words"), [
    ("tensorflow", None, None), ("theano", None, "an input of unknown size"),
    ("tensorflow", 1, "an input of unknown size"),
])  # fmt: skip
def test_open_sizes_where_the_stock_layer_is_alike(backend: str, extra: int | None, words: str | None) -> None:
    weights = {"W": numbers(3, 3, 5, 2), "b": numbers(5)}
    made = node(
        "Deconvolution2D", weights, nb_row=3, nb_col=3, subsample=(2, 2), dim_ordering="tf", output_padding=extra
    )
    apply = deconvolution.deconvolution(context(backend, dialect=KERAS2, version=(2, 2, 4)), made)
    if words:
        with pytest.raises(InputError, match=words):
            apply(keras.Input((None, 4, 2)))
    else:
        y = keras.Input((None, 4, 2))
        assert apply(y).shape == (None, None, 9, 5)
