"""Functions of Keras 1's and 2's backend, with their own argument names and arithmetic, on current `keras.ops`.

Each takes an `Operations` first, which is `keras.ops` and what the old backend did otherwise; no import is needed here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any


@dataclass(frozen=True)
class Operations:
    """`keras.ops`, for functions of a network that ran on `backend` ("theano", "tensorflow") in a Keras `version`."""

    backend: str = "tensorflow"
    version: tuple[int, ...] = ()

    def __getattr__(self, name: str) -> Any:
        """Return a function of `keras.ops`."""
        from keras import ops

        return getattr(ops, name)

    @property
    def least_square_sum(self) -> float:
        """The smallest sum of squares that l2_normalize divides by: K.l2_normalize on Theano, tf.nn's elsewhere."""
        if self.backend != "theano":
            return 1e-12
        return 1e-7 if self.version >= (2,) else 0.0


def _compared(name: str, ops: Any, x: Any, y: Any) -> Any:
    return getattr(ops, name)(x, y)


# Every backend function that is known, with Keras 1's own argument names and arithmetic.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": lambda ops, x: ops.absolute(x),
    "square": lambda ops, x: ops.square(x),
    "sqrt": lambda ops, x: ops.sqrt(ops.maximum(x, 0.0)),  # Keras 1 clips below
    "exp": lambda ops, x: ops.exp(x),
    "log": lambda ops, x: ops.log(x),
    "sign": lambda ops, x: ops.sign(x),
    "pow": lambda ops, x, a: ops.power(x, a),
    "clip": lambda ops, x, min_value, max_value: ops.clip(x, min_value, max_value),
    "maximum": lambda ops, x, y: ops.maximum(x, y),
    "minimum": lambda ops, x, y: ops.minimum(x, y),
    "sin": lambda ops, x: ops.sin(x),
    "cos": lambda ops, x: ops.cos(x),
    "relu": lambda ops, x, alpha=0.0, max_value=None: _relu(ops, x, alpha, max_value),
    "tanh": lambda ops, x: ops.tanh(x),
    "sigmoid": lambda ops, x: ops.sigmoid(x),
    "hard_sigmoid": lambda ops, x: ops.clip(0.2 * x + 0.5, 0.0, 1.0),
    "softmax": lambda ops, x, axis=-1: ops.softmax(x, axis=axis),
    "elu": lambda ops, x, alpha=1.0: ops.elu(x, alpha),
    "softplus": lambda ops, x: ops.softplus(x),
    "softsign": lambda ops, x: ops.softsign(x),
    "sum": lambda ops, x, axis=None, keepdims=False: ops.sum(x, axis=axis, keepdims=keepdims),
    "mean": lambda ops, x, axis=None, keepdims=False: ops.mean(x, axis=axis, keepdims=keepdims),
    "max": lambda ops, x, axis=None, keepdims=False: ops.max(x, axis=axis, keepdims=keepdims),
    "min": lambda ops, x, axis=None, keepdims=False: ops.min(x, axis=axis, keepdims=keepdims),
    "prod": lambda ops, x, axis=None, keepdims=False: ops.prod(x, axis=axis, keepdims=keepdims),
    "std": lambda ops, x, axis=None, keepdims=False: ops.std(x, axis=axis, keepdims=keepdims),
    "var": lambda ops, x, axis=None, keepdims=False: ops.var(x, axis=axis, keepdims=keepdims),
    "expand_dims": lambda ops, x, dim=-1: ops.expand_dims(x, dim),
    "squeeze": lambda ops, x, axis: ops.squeeze(x, axis),
    "l2_normalize": lambda ops, x, axis: l2_normalize(ops, x, axis),
    "batch_flatten": lambda ops, x: _flatten(ops, x),
    "flatten": lambda ops, x: _refuse_flatten(),
    "permute_dimensions": lambda ops, x, pattern: ops.transpose(x, pattern),
    "epsilon": lambda ops: 1e-7,
    "concatenate": lambda ops, tensors, axis=-1: ops.concatenate(tensors, axis=axis),
    "reverse": lambda ops, x, axes: ops.flip(x, axes),
    "stack": lambda ops, x, axis=0: ops.stack(x, axis=axis),
    "reshape": lambda ops, x, shape: ops.reshape(x, shape),
    "repeat_elements": lambda ops, x, rep, axis: ops.repeat(x, rep, axis=axis),
    "repeat": lambda ops, x, n: ops.repeat(ops.expand_dims(x, 1), n, axis=1),
    "tile": lambda ops, x, n: ops.tile(x, n),
    "temporal_padding": lambda ops, x, padding=1: _padded(ops, x, padding),
    "cumsum": lambda ops, x, axis=0: ops.cumsum(x, axis=axis),
    "cast": lambda ops, x, dtype: ops.cast(x, dtype),
    "one_hot": lambda ops, indices, nb_classes: ops.one_hot(indices, nb_classes),
    "argmax": lambda ops, x, axis=-1: ops.argmax(x, axis=axis),
    "argmin": lambda ops, x, axis=-1: ops.argmin(x, axis=axis),
    "ones_like": lambda ops, x: ops.ones_like(x),
    "zeros_like": lambda ops, x: ops.zeros_like(x),
    **{name: partial(_compared, name) for name in ("equal", "not_equal", "greater", "greater_equal")},
    **{name: partial(_compared, name) for name in ("less", "less_equal")},
}


def added(ops: Any, x: Any, y: Any) -> Any:
    """Return x + y, each stretched to the other's shape.

    keras.ops.add of 3.15 on TensorFlow takes a y with one axis longer than 1, whichever that is, for a bias along the
    last axis of x or along axis 1; its subtract does not, and x - (-y) is x + y bit by bit.
    """
    shapes = [tuple(getattr(z, "shape", ())) for z in (x, y)]
    return ops.add(x, y) if () in shapes or shapes[0] == shapes[1] else ops.subtract(x, ops.negative(y))


def _padded(ops: Any, x: Any, padding: Any) -> Any:
    """Return x (n, n_steps, n_in) with zeros before and after: as many of each in Keras 1, two numbers in Keras 2."""
    around = (padding, padding) if isinstance(padding, int) else tuple(padding)
    return ops.pad(x, ((0, 0), around, (0, 0)))


def _relu(ops: Any, x: Any, alpha: float, max_value: float | None) -> Any:
    """max(x, 0) up to max_value, and alpha * x below zero."""
    above = ops.relu(x)
    if max_value is not None:
        above = ops.minimum(above, max_value)
    return above if alpha == 0 else above - alpha * ops.relu(ops.negative(x))


def l2_normalize(ops: Operations, x: Any, axis: Any) -> Any:
    """Return x divided by its length along an axis, or by the smallest length that the old backend divides by."""
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return ops.divide(x, ops.sqrt(ops.maximum(squares, ops.least_square_sum)))


def _flatten(ops: Any, x: Any) -> Any:
    size = 1
    for part in x.shape[1:]:
        size *= part
    return ops.reshape(x, (-1, size))


def _refuse_flatten() -> Any:
    raise TypeError("K.flatten runs over the batch")
