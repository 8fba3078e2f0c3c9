"""Products of an old Keras's backend and functions of TensorFlow, against NumPy; the real ones are in test_family*."""

import math
from typing import Any

import numpy as np
import pytest

from reprise_kit.port.keras_legacy.backend_functions import FUNCTIONS, Operations
from reprise_kit.port.keras_legacy.tensorflow_functions import BEFORE_1, CALLED, OPERATIONS, called

X = np.random.default_rng(0).normal(size=(2, 4, 6, 8)).astype("float32")
TENSORFLOW = [(1, 0, 6), (1, 2, 2), (2, 2, 4), (2, 3, 1)]


def product(backend: str, version: tuple[int, ...], *given: Any, tf_keras: bool = False, **keywords: Any) -> Any:
    return np.asarray(FUNCTIONS["batch_dot"](Operations(backend, version, tf_keras), *given, **keywords))


def parts(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).normal(size=(3, *shape)).astype("float32")


@pytest.mark.parametrize("version", TENSORFLOW)
@pytest.mark.parametrize("backend", ["theano", "tensorflow"])
def test_products_of_sequences(backend: str, version: tuple[int, ...]) -> None:
    x, y = parts(5, 4), parts(6, 4)
    for axes, other, formula in [
        ((2, 2), y, "nab,ncb->nac"),
        ((1, 1), parts(5, 4) + 1, "nab,nac->nbc"),
        ((2, 1), y.swapaxes(1, 2), "nab,nbc->nac"),
        (None, parts(4, 2), "nab,nbc->nac"),
    ]:
        found = product(backend, version, x, other, axes=axes)
        np.testing.assert_allclose(found, np.einsum(formula, x, other), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("backend", "version"), [("theano", (1, 0, 6)), ("tensorflow", (1, 2)), ("tensorflow", (2, 3))]
)
def test_products_of_vectors(backend: str, version: tuple[int, ...]) -> None:
    x, y = parts(4), parts(4) + 1
    np.testing.assert_allclose(product(backend, version, x, y, axes=1), (x * y).sum(1, keepdims=True), rtol=1e-5)


def test_an_axis_from_the_end_was_the_last_but_one_on_tensorflow() -> None:
    x, y = parts(4, 4), parts(4, 4) + 1
    old = product("tensorflow", (2, 2, 4), x, y, axes=-1)
    np.testing.assert_allclose(old, np.einsum("nab,nac->nbc", x, y), rtol=1e-4, atol=1e-5)
    new = product("tensorflow", (2, 3, 1), x, y, axes=-1)
    np.testing.assert_allclose(new, np.einsum("nab,ncb->nac", x, y), rtol=1e-4, atol=1e-5)


def test_products_of_many_axes_went_pair_by_pair_on_tensorflow() -> None:
    x, y = parts(2, 5, 4), parts(2, 6, 4)
    old = product("tensorflow", (2, 2, 4), x, y, axes=[3, 3])
    np.testing.assert_allclose(old, np.einsum("nhab,nhcb->nhac", x, y), rtol=1e-4, atol=1e-5)
    assert product("theano", (2, 2, 4), x, y, axes=[3, 3]).shape == (3, 2, 5, 2, 6)


@pytest.mark.parametrize(
    ("backend", "version", "tf_keras", "x", "y", "axes"),
    [
        ("tensorflow", (1, 1), False, parts(4), parts(4), 1),  # every sample's with every other's
        ("tensorflow", (), False, parts(4), parts(4), 1),
        ("tensorflow", (2, 2, 4), True, parts(4, 4), parts(4, 4), -1),  # of TensorFlow 1.13 or 2.1
        ("tensorflow", (2, 2, 4), True, parts(2, 4, 4), parts(2, 4, 4), (3, 3)),
        ("tensorflow", (2, 2, 4), False, parts(2, 5, 4), parts(5, 4), (3, 2)),
        ("theano", (2, 2, 4), False, parts(4, 4), parts(4, 4), -1),
        ("theano", (2, 2, 4), False, parts(4, 4), parts(4), None),  # the samples' axis
    ],
)
def test_products_that_are_refused(
    backend: str, version: tuple[int, ...], tf_keras: bool, x: Any, y: Any, axes: Any
) -> None:
    with pytest.raises(TypeError, match="product"):
        product(backend, version, x, y, axes=axes, tf_keras=tf_keras)


def test_the_loss_of_text_is_that_of_tensorflow_only() -> None:
    with pytest.raises(TypeError, match="Theano smoothed"):
        FUNCTIONS["ctc_batch_cost"](Operations("theano"), X, X, X, X)


def _blocks(x: np.ndarray) -> np.ndarray:
    """Blocks of 2 x 2 pixels, row by row, behind each other."""
    return np.concatenate([x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)], -1)


def _enlarged(x: np.ndarray) -> np.ndarray:
    """Rows 4 to 8 from a corner, bilinear."""
    after = np.concatenate([x[:, 1:], x[:, -1:]], 1)
    return np.stack([x, (x + after) / 2], 2).reshape(2, 8, 6, 8)


CALLS: dict[str, tuple[tuple[Any, ...], Any]] = {
    "matmul": ((X, X.swapaxes(2, 3)), X @ X.swapaxes(2, 3)),
    "split": ((X, [1, 3], 1), [X[:, :1], X[:, 1:]]),
    "tile": ((X, [1, 2, 1, 1]), np.tile(X, [1, 2, 1, 1])),
    "cast": ((X, "int32"), X.astype("int32")),
    "shape": ((X,), X.shape),
    "reverse": ((X, [2]), X[:, :, ::-1]),
    "identity": ((X,), X),
    "stop_gradient": ((X,), X),
    "zeros_like": ((X,), X * 0),
    "ones_like": ((X,), X * 0 + 1),
    **dict.fromkeys(("nn.l2_normalize", "math.l2_normalize"), ((X, 1), X / np.sqrt((X**2).sum(1, keepdims=True)))),
    "nn.tanh": ((X,), np.tanh(X)),
    "nn.sigmoid": ((X,), 1 / (1 + np.exp(-X))),
    **dict.fromkeys(("space_to_depth", "nn.space_to_depth"), ((X, 2), _blocks(X))),
    **dict.fromkeys(("depth_to_space", "nn.depth_to_space"), ((_blocks(X), 2), X)),
    **dict.fromkeys(("image.resize_images", "image.resize", "image.resize_bilinear"), ((X, (8, 6)), _enlarged(X))),
    "image.resize_nearest_neighbor": ((X, (8, 3)), np.repeat(X, 2, 1)[:, :, ::2]),
    **{
        f"math.{name}": ((np.tanh(X),), formula(np.tanh(X).astype("float64")))
        for name, formula in {
            **{"atan": np.arctan, "asin": np.arcsin, "acos": np.arccos, "tan": np.tan, "sinh": np.sinh},
            **{"cosh": np.cosh, "floor": np.floor, "ceil": np.ceil, "sign": np.sign, "log1p": np.log1p},
            **{"expm1": np.expm1, "erf": np.vectorize(math.erf), "reciprocal": np.reciprocal},
        }.items()
    },
}


@pytest.mark.parametrize("name", CALLS)
def test_functions_that_lambdas_call(name: str) -> None:
    given, wanted = CALLS[name]
    found = CALLED[name](Operations(), *given)
    if name in ("split", "shape"):
        assert len(found) == len(wanted) and all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))
    else:
        np.testing.assert_allclose(np.asarray(found), wanted, rtol=1e-5, atol=1e-6)


def test_every_function_that_lambdas_call_is_here() -> None:
    assert set(CALLS) == set(CALLED) - set(OPERATIONS)  # the others: rules/test_operations.py
    assert {called(old) for old in BEFORE_1} == {"math.multiply", "math.subtract", "math.negative", "stack"}
    assert called("exp") == "math.exp" and called("random_normal") is None


def test_arguments_of_before_tensorflow_1() -> None:
    ops = Operations()
    np.testing.assert_array_equal(np.asarray(CALLED["concat"](ops, 1, [X, X])), np.concatenate([X, X], 1))
    found = CALLED["math.reduce_sum"](ops, X, reduction_indices=1, keep_dims=True)
    np.testing.assert_allclose(np.asarray(found), X.sum(1, keepdims=True), rtol=1e-4, atol=1e-5)
    with pytest.raises(TypeError, match="takes its tensor first"):
        CALLED["split"](ops, 1, 2, X)
    with pytest.raises(TypeError, match="began at a corner in TensorFlow 1"):
        CALLED["image.resize"](Operations(tf_keras=True), X, (8, 6))
    with pytest.raises(TypeError, match="no argument 'out'"):
        CALLED["math.reduce_sum"](ops, X, out=1)
