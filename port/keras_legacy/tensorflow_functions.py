"""TensorFlow's own functions, by their public names and with their argument names, on current `keras.ops`.

A file of tf.keras names them (rules/operations.py), and the bytecode of a Lambda calls them. Each takes `ops` first, as
those of backend_functions.py do.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from reprise_kit.port.keras_legacy.backend_functions import Operations, added, l2_normalize, open_once


def _reduced(name: str, ops: Any, input_tensor: Any, axis: Any = None, keepdims: Any = None, **old: Any) -> Any:
    """Reduce; TensorFlow 1 said keep_dims and reduction_indices, too."""
    axis, keep = old.pop("reduction_indices", axis), old.pop("keep_dims", keepdims)
    if old:
        raise TypeError(f"no argument {next(iter(old))!r}")
    return getattr(ops, name)(input_tensor, axis=axis, keepdims=bool(keep))


def _matmul(ops: Any, a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    def turned(x: Any, turn: bool) -> Any:
        return ops.swapaxes(x, -1, -2) if turn else x

    return ops.matmul(turned(a, transpose_a), turned(b, transpose_b))


def _transpose(ops: Any, a: Any, perm: Any = None, conjugate: bool = False) -> Any:
    return ops.transpose(a, perm)  # of real numbers, whose conjugates they are


def _squeeze(ops: Any, input: Any, axis: Any = None) -> Any:
    return ops.squeeze(input, axis=tuple(axis) if isinstance(axis, list) else axis)


def _concat(ops: Any, values: Any, axis: Any) -> Any:
    """Concatenate; TensorFlow before 1.0 took the axis first."""
    values, axis = (axis, values) if isinstance(values, int) else (values, axis)
    return ops.concatenate(list(values), axis=axis)


def _split(ops: Any, value: Any, num_or_size_splits: Any, axis: int = 0) -> Any:
    """Take apart into so many equal parts, or parts of these sizes."""
    if not hasattr(value, "shape"):
        raise TypeError("tf.split takes its tensor first since TensorFlow 1.0 only")
    sizes = num_or_size_splits
    if not isinstance(sizes, int):
        sizes = [sum(sizes[: place + 1]) for place in range(len(sizes) - 1)]
    return ops.split(value, sizes, axis=axis)


def _blocks(to_depth: bool, ops: Any, input: Any, block_size: int) -> Any:
    """Move blocks of pixels (n, rows, columns, channels) into the channels, or back."""
    _, rows, columns, depth = input.shape
    size = block_size
    if None in (rows, columns, depth):
        raise TypeError("blocks of pixels of an image of unknown size")
    if to_depth:
        cut = ops.reshape(input, (-1, rows // size, size, columns // size, size, depth))
        return ops.reshape(ops.transpose(cut, (0, 1, 3, 2, 4, 5)), (-1, rows // size, columns // size, depth * size**2))
    cut = ops.reshape(input, (-1, rows, columns, size, size, depth // size**2))
    return ops.reshape(ops.transpose(cut, (0, 1, 3, 2, 4, 5)), (-1, rows * size, columns * size, depth // size**2))


def _resized(ops: Operations, images: Any, size: Any, method: int = 0, align_corners: bool = False) -> Any:
    """Resize (n, rows, columns, channels) as TensorFlow 1 did, from a corner: 0 is bilinear, 1 the nearest pixel."""
    if ops.tf_keras:
        raise TypeError("tf.image.resize began at a corner in TensorFlow 1 and half a pixel off in 2")
    if method not in (0, 1) or None in images.shape[1:3]:
        raise TypeError("resizing but bilinearly or to the nearest pixel, or from an unknown size")
    for axis, (old, new) in enumerate(zip(images.shape[1:3], size, strict=True), 1):
        if old != new:
            images = _resized_axis(ops, images, axis, new, method == 1, align_corners)
    return images


def _resized_axis(ops: Any, x: Any, axis: int, new: int, nearest: bool, align_corners: bool) -> Any:
    import numpy as np

    old = x.shape[axis]
    step = np.float32((old - 1) / (new - 1) if align_corners and new > 1 else old / new)
    places = np.arange(new, dtype="float32") * step
    if nearest:
        taken = np.floor(places + (0.5 if align_corners else 0.0)).astype("int32")
        return ops.take(x, np.minimum(taken, old - 1), axis=axis)
    low = np.minimum(np.floor(places).astype("int32"), old - 1)
    share = (places - low).reshape([-1 if place == axis else 1 for place in range(len(x.shape))])
    first, second = ops.take(x, low, axis=axis), ops.take(x, np.minimum(low + 1, old - 1), axis=axis)
    return ops.add(first, ops.multiply(ops.subtract(second, first), share))


def _resized_by(method: int, ops: Operations, images: Any, size: Any, align_corners: bool = False) -> Any:
    return _resized(ops, images, size, method, align_corners)


def _of_x(name: str, ops: Operations, x: Any) -> Any:
    return getattr(ops, name)(x)


OPERATIONS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("__operators__.add", "math.add"), lambda ops, x, y: added(ops, x, y)),
    "math.subtract": lambda ops, x, y: ops.subtract(x, y),
    "math.multiply": lambda ops, x, y: ops.multiply(x, y),
    **dict.fromkeys(("math.truediv", "math.divide"), lambda ops, x, y: ops.divide(x, y)),
    "math.pow": lambda ops, x, y: ops.power(x, y),
    "math.maximum": lambda ops, x, y: ops.maximum(x, y),
    "math.minimum": lambda ops, x, y: ops.minimum(x, y),
    **{
        f"math.{name}": partial(_of_x, name)
        for name in ("square", "sqrt", "rsqrt", "exp", "log", "tanh", "sin", "cos", "negative", "sigmoid")
    },
    "math.abs": lambda ops, x: ops.absolute(x),
    "clip_by_value": lambda ops, t, clip_value_min, clip_value_max: ops.clip(t, clip_value_min, clip_value_max),
    **{f"math.reduce_{name}": partial(_reduced, name) for name in ("mean", "sum", "max", "min")},
    "nn.relu": lambda ops, features: ops.relu(features),
    "nn.relu6": lambda ops, features: ops.relu6(features),
    "nn.elu": lambda ops, features: ops.elu(features),
    "nn.selu": lambda ops, features: ops.selu(features),
    **dict.fromkeys(("nn.softplus", "math.softplus"), lambda ops, features: ops.softplus(features)),
    "nn.leaky_relu": lambda ops, features, alpha=0.2: ops.leaky_relu(features, negative_slope=alpha),
    "nn.softmax": lambda ops, logits, axis=-1: ops.softmax(logits, axis=axis),
    "concat": _concat,
    "stack": lambda ops, values, axis=0: ops.stack(list(values), axis=axis),
    "expand_dims": lambda ops, input, axis: ops.expand_dims(input, axis),
    **dict.fromkeys(("squeeze", "compat.v1.squeeze"), _squeeze),
    "reshape": lambda ops, tensor, shape: ops.reshape(tensor, open_once(shape)),
    **dict.fromkeys(("transpose", "compat.v1.transpose"), _transpose),
    "linalg.matmul": _matmul,
}
BEFORE_1 = {"mul": "multiply", "sub": "subtract", "neg": "negative", "pack": "stack"}  # in TensorFlow
# What is known in the bytecode of a Lambda only: no file of tf.keras was seen that names it.
_UNARY = {"atan": "arctan", "asin": "arcsin", "acos": "arccos"} | {
    name: name for name in ("tan", "sinh", "cosh", "floor", "ceil", "sign", "log1p", "expm1", "erf", "reciprocal")
}
CALLED: dict[str, Callable[..., Any]] = {
    **OPERATIONS,
    **{f"math.{old}": partial(_of_x, new) for old, new in _UNARY.items()},
    "matmul": _matmul,
    "split": _split,
    "tile": lambda ops, input, multiples: ops.tile(input, multiples),
    "cast": lambda ops, x, dtype: ops.cast(x, dtype),
    "shape": lambda ops, input: tuple(input.shape),
    "reverse": lambda ops, tensor, axis: ops.flip(tensor, axis),
    "identity": lambda ops, input: input,
    "stop_gradient": lambda ops, input: ops.stop_gradient(input),
    **{name: partial(lambda name, ops, input: getattr(ops, name)(input), name) for name in ("zeros_like", "ones_like")},
    **dict.fromkeys(
        ("nn.l2_normalize", "math.l2_normalize"), lambda ops, x, axis=None, dim=None: _normalized(ops, x, axis, dim)
    ),
    **{f"nn.{name}": partial(_of_x, name) for name in ("tanh", "sigmoid")},
    **dict.fromkeys(("space_to_depth", "nn.space_to_depth"), partial(_blocks, True)),
    **dict.fromkeys(("depth_to_space", "nn.depth_to_space"), partial(_blocks, False)),
    **dict.fromkeys(("image.resize_images", "image.resize"), _resized),
    "image.resize_bilinear": partial(_resized_by, 0),
    "image.resize_nearest_neighbor": partial(_resized_by, 1),
}


def _normalized(ops: Operations, x: Any, axis: Any, dim: Any) -> Any:
    return l2_normalize(ops, x, axis if dim is None else dim)


def called(name: str) -> str | None:
    """Return the name in CALLED of a function that code calls as tf.`name` (tf.exp is tf.math.exp), or None."""
    name = BEFORE_1.get(name, name)
    return next((known for known in (name, f"math.{name}") if known in CALLED), None)
