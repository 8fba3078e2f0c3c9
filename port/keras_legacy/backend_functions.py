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
    tf_keras: bool = False

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
    "logsumexp": lambda ops, x, axis=None, keepdims=False: ops.logsumexp(x, axis=axis, keepdims=keepdims),
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
    "expand_dims": lambda ops, x, axis=-1, dim=None: ops.expand_dims(x, axis if dim is None else dim),
    "squeeze": lambda ops, x, axis: ops.squeeze(x, axis),
    "l2_normalize": lambda ops, x, axis=None: l2_normalize(ops, x, axis),
    "ctc_batch_cost": lambda ops, y_true, y_pred, input_length, label_length: ctc_batch_cost(
        ops, y_true, y_pred, input_length, label_length
    ),
    "batch_dot": lambda ops, x, y, axes=None: batch_dot(ops, x, y, axes),
    "batch_flatten": lambda ops, x: _flatten(ops, x),
    "flatten": lambda ops, x: _refuse_flatten(),
    "permute_dimensions": lambda ops, x, pattern: ops.transpose(x, pattern),
    "epsilon": lambda ops: 1e-7,
    "concatenate": lambda ops, tensors, axis=-1: ops.concatenate(tensors, axis=axis),
    "reverse": lambda ops, x, axes: ops.flip(x, axes),
    "stack": lambda ops, x, axis=0: ops.stack(x, axis=axis),
    "reshape": lambda ops, x, shape: ops.reshape(x, open_once(shape)),
    **dict.fromkeys(("shape", "int_shape"), lambda ops, x: tuple(x.shape)),
    "ndim": lambda ops, x: len(x.shape),
    "floatx": lambda ops: "float32",
    "identity": lambda ops, x: x,
    "stop_gradient": lambda ops, x: ops.stop_gradient(x),
    "round": lambda ops, x: ops.round(x),
    "repeat_elements": lambda ops, x, rep, axis: ops.repeat(x, rep, axis=axis),
    "repeat": lambda ops, x, n: ops.repeat(ops.expand_dims(x, 1), n, axis=1),
    "tile": lambda ops, x, n: ops.tile(x, n),
    "temporal_padding": lambda ops, x, padding=1: _padded(ops, x, padding),
    "cumsum": lambda ops, x, axis=0: ops.cumsum(x, axis=axis),
    "cast": lambda ops, x, dtype: ops.cast(x, dtype),
    "one_hot": lambda ops, indices, num_classes=None, nb_classes=None: ops.one_hot(
        ops.cast(indices, "int32"), num_classes or nb_classes
    ),
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


def open_once(shape: Any) -> tuple[Any, ...]:
    """Return a shape to reshape to, whose one unknown size (K.shape(x)[0]) is what is left over."""
    return tuple(-1 if size is None else size for size in shape)


def batch_dot(ops: Operations, x: Any, y: Any, axes: Any = None) -> Any:
    """Return K.batch_dot: products summed over one axis of each, sample by sample; (n,) becomes (n, 1).

    Raises TypeError where the old backend, or one version of it, took other axes than it was told.
    """
    ranks = len(x.shape), len(y.shape)
    old = ops.backend == "tensorflow" and ops.version < (2, 3)
    if old and ranks == (2, 2) and ops.version < (1, 2):
        raise TypeError("the product of two vectors on TensorFlow was another before Keras 1.2; say --keras-version")
    if axes is None:
        axes = (-1, -1 if ranks[1] == 2 and not old and ops.backend == "tensorflow" else -2)
        axes = tuple(axis % rank for axis, rank in zip(axes, ranks, strict=True))
    first, second = (axes, axes) if isinstance(axes, int) else axes
    if old and ops.tf_keras and (max(ranks) > 3 or min(first, second) < 0):
        raise TypeError("such a product was another in TensorFlow 1, and tf.keras 2.2.4 is of both")
    if old and ranks[0] == ranks[1] > 2:  # a product of matrices; an axis that is not the last is the last but one
        turned = (_swapped(ops, x, first != ranks[0] - 1), _swapped(ops, y, second == ranks[1] - 1))
        return ops.matmul(*turned)
    if min(first, second) < 0 and (ops.backend == "theano" or (old and ranks != (2, 2))):
        raise TypeError("a product over negative axes")
    first, second = first % ranks[0], second % ranks[1]
    if 0 in (first, second) or (old and max(ranks) > 3):
        raise TypeError(f"a product over the axes {first} and {second} of tensors with {ranks} axes")
    return summed(ops, x, y, (first, second))


def ctc_batch_cost(ops: Operations, y_true: Any, y_pred: Any, input_length: Any, label_length: Any) -> Any:
    """Return K.ctc_batch_cost on TensorFlow, (n, 1), the loss that networks for text end in while they learn.

    y_true (n, n_labels) and y_pred (n, n_steps, n_classes), of which (n, 1) lengths count; the last class is the blank.
    """
    if ops.backend == "theano":
        raise TypeError("Keras on Theano smoothed what it took the loss of; the layer before it gives the predictions")
    lengths = (ops.reshape(ops.cast(length, "int32"), (-1,)) for length in (label_length, input_length))
    logits = ops.log(y_pred + (1e-7 if ops.version >= (2, 1) else 1e-8))
    losses = ops.ctc_loss(ops.cast(y_true, "int32"), logits, *lengths, mask_index=y_pred.shape[-1] - 1)
    return ops.expand_dims(losses, 1)


def _swapped(ops: Any, x: Any, swap: bool) -> Any:
    return ops.swapaxes(x, -1, -2) if swap else x


def summed(ops: Any, x: Any, y: Any, axes: tuple[int, int]) -> Any:
    """Sum products over one axis of each, sample by sample; (n,) becomes (n, 1)."""
    ranks = len(x.shape), len(y.shape)
    left, right = ["n", *"abcdef"[: ranks[0] - 1]], ["n", *"uvwxyz"[: ranks[1] - 1]]
    right[axes[1]] = left[axes[0]]
    gone = left[axes[0]]
    kept = [i for i in left if i != gone] + [i for i in right[1:] if i != gone]
    result = ops.einsum(f"{''.join(left)},{''.join(right)}->{''.join(kept)}", x, y)
    return ops.expand_dims(result, 1) if len(kept) == 1 else result


def _flatten(ops: Any, x: Any) -> Any:
    size = 1
    for part in x.shape[1:]:
        size *= part
    return ops.reshape(x, (-1, size))


def _refuse_flatten() -> Any:
    raise TypeError("K.flatten runs over the batch")
