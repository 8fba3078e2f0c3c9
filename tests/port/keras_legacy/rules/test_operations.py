"""Every TensorFlow operation that is read, against NumPy; what else a file may say is refused by name."""

from typing import Any

import numpy as np
import pytest
from scipy import special

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import TF_KERAS
from reprise_kit.port.keras_legacy.rules import operations
from tests.port.keras_legacy.rules.parts import computed, context, node, numbers

X, Y = np.abs(numbers(2, 3, 4)) + 0.5, np.abs(numbers(2, 3, 4, seed=1)) + 0.5
SIGNED = numbers(2, 3, 4) * 4
FIRST = {"tensor": 0}
TWO = [("__operators__.add", np.add), ("math.add", np.add), ("math.subtract", np.subtract), ("math.pow", np.power),
       ("math.multiply", np.multiply), ("math.truediv", np.divide), ("math.divide", np.divide),
       ("math.maximum", np.maximum), ("math.minimum", np.minimum)]  # fmt: skip
ONE = [*[(f"math.{name}", getattr(np, name)) for name in ("square", "sqrt", "exp", "log", "tanh", "sin", "cos", "abs")],
       ("math.rsqrt", lambda x: x**-0.5), ("math.negative", np.negative), ("math.sigmoid", special.expit)]  # fmt: skip
SELU, ALPHA = 1.0507009873554805, 1.6732632423543772
ACTIVATIONS = {
    "nn.relu": (lambda x: np.maximum(x, 0)),
    "nn.relu6": (lambda x: np.clip(x, 0, 6)),
    "nn.elu": (lambda x: np.where(x > 0, x, np.expm1(x))),
    "nn.selu": (lambda x: SELU * np.where(x > 0, x, ALPHA * np.expm1(x))),
    "nn.softplus": (lambda x: np.logaddexp(x, 0)),
    "math.softplus": (lambda x: np.logaddexp(x, 0)),
    "nn.leaky_relu": (lambda x: np.where(x > 0, x, 0.2 * x)),
}
SHAPED: list[tuple[str, dict[str, Any], Any]] = [
    *[
        (f"math.reduce_{name}", {"axis": 1}, lambda x, n=name: getattr(x, n)(1))
        for name in ("mean", "sum", "max", "min")
    ],
    ("math.reduce_sum", {"axis": [1, 2], "keepdims": True}, lambda x: x.sum((1, 2), keepdims=True)),
    ("nn.leaky_relu", {"alpha": 0.4}, lambda x: np.where(x > 0, x, np.float32(0.4) * x)),
    ("nn.softmax", {}, lambda x: special.softmax(x, -1)),
    ("nn.softmax", {"axis": 1}, lambda x: special.softmax(x, 1)),
    ("clip_by_value", {"clip_value_min": -1, "clip_value_max": 0.5}, lambda x: x.clip(-1, 0.5)),
    ("expand_dims", {"axis": 1}, lambda x: x[:, None]),
    ("squeeze", {"axis": [1]}, lambda x: x[:, 0]),
    ("compat.v1.squeeze", {"axis": 1}, lambda x: x[:, 0]),
    ("reshape", {"shape": [-1, 12]}, lambda x: x.reshape(-1, 12)),
    ("transpose", {"perm": [0, 2, 1]}, lambda x: x.transpose(0, 2, 1)),
    ("compat.v1.transpose", {"perm": [0, 2, 1], "conjugate": False}, lambda x: x.transpose(0, 2, 1)),
]


def called(function: str, *x: np.ndarray, first: Any = FIRST, **arguments: Any) -> np.ndarray:
    made = node("TFOpLambda", function=function, first=first, arguments={"name": "said", **arguments})
    found = context(dialect=TF_KERAS)
    answer: np.ndarray = computed(made, *x, within=found)
    assert found.notes == [f"layer tfoplambda: TensorFlow's tf.{function}, as keras.ops"]
    return answer


@pytest.mark.parametrize(("function", "wanted"), TWO)
def test_of_two(function: str, wanted: Any) -> None:
    np.testing.assert_allclose(called(function, X, Y, y={"tensor": 1}), wanted(X, Y), rtol=1e-5)
    np.testing.assert_allclose(called(function, X, Y, first={"tensor": 1}, y=FIRST), wanted(Y, X), rtol=1e-5)
    np.testing.assert_allclose(called(function, X, y=2.0), wanted(X, np.float32(2)), rtol=1e-5)


@pytest.mark.parametrize(("function", "wanted"), [*ONE, *ACTIVATIONS.items()])
def test_of_one(function: str, wanted: Any) -> None:
    x = X if function.startswith("math.") else SIGNED
    np.testing.assert_allclose(called(function, x), wanted(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("function", "arguments", "wanted"), SHAPED)
def test_with_arguments(function: str, arguments: dict[str, Any], wanted: Any) -> None:
    x = SIGNED[:, :1] if "squeeze" in function else SIGNED
    np.testing.assert_allclose(called(function, x, **arguments), wanted(x), rtol=1e-5, atol=1e-6)


def test_of_lists() -> None:
    both = [FIRST, {"tensor": 1}]
    np.testing.assert_array_equal(called("concat", X, Y, first=both, axis=-1), np.concatenate([X, Y], -1))
    np.testing.assert_array_equal(called("stack", X, Y, first=both, axis=1), np.stack([X, Y], 1))
    np.testing.assert_array_equal(called("stack", X, Y, first=both), np.stack([X, Y]))  # along axis 0


@pytest.mark.parametrize(("a", "b"), [(False, True), (True, False), (False, False), (True, True)])
def test_products(a: bool, b: bool) -> None:
    x, y = X.swapaxes(1, 2) if a else X, Y if b else Y.swapaxes(1, 2)
    found = called("linalg.matmul", x, y, b={"tensor": 1}, transpose_a=a, transpose_b=b)
    np.testing.assert_allclose(found, X @ Y.swapaxes(1, 2), rtol=1e-5)


def test_every_operation_that_is_read_is_here() -> None:
    tested = {name for name, *_ in (*TWO, *ONE, *SHAPED)} | set(ACTIVATIONS) | {"concat", "stack", "linalg.matmul"}
    assert tested == set(operations.OPERATIONS)
    with pytest.raises(InputError, match=r"the TensorFlow operation tf\.math\.sinh is not one that is read here"):
        called("math.sinh", X)


def part(start: Any, stop: Any, step: Any = None) -> dict[str, Any]:
    return {"start": start, "stop": stop, "step": step}


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [([part(None, None), 1], np.s_[:, 1]), ([part(None, None), part(1, None), part(0, 4, 2)], np.s_[:, 1:, 0:4:2]),
     ([part(None, None), None, -1], np.s_[:, None, -1])],
)  # fmt: skip
def test_slices(parts: list[Any], wanted: Any) -> None:
    made = node("SlicingOpLambda", function="__operators__.getitem", arguments={"slice_spec": parts})
    np.testing.assert_array_equal(computed(made, X), X[wanted])


@pytest.mark.parametrize(
    ("function", "parts", "words"),
    [
        ("__operators__.setitem", [1], r"the operation tf\.__operators__\.setitem is not one that is read"),
        ("__operators__.getitem", "1", "is not one that is read"),
        ("__operators__.getitem", [True], "a slice by 'True'"),
        ("__operators__.getitem", ["1"], "a slice by '1'"),
        ("__operators__.getitem", [{"start": 1}], "a slice by"),
    ],
)
def test_slices_that_are_refused(function: str, parts: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        computed(node("SlicingOpLambda", function=function, arguments={"slice_spec": parts}), X)
