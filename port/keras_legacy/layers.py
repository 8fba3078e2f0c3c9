"""What Keras 1 computes and no stock layer of Keras 3 does; a model that needs one says so in its file.

A saved model refers to these as `reprise>NAME`: import this module before `keras.saving.load_model`.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops, tree

_registered = keras.saving.register_keras_serializable(package="reprise")


@_registered  # type: ignore[untyped-decorator]
def hard_sigmoid_k1(x: keras.KerasTensor) -> keras.KerasTensor:
    """Keras 1's hard_sigmoid, clip(0.2 x + 0.5, 0, 1); Keras 3's own is clip(x / 6 + 0.5, 0, 1)."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


@_registered
class ParametricSoftplus(keras.layers.Layer):  # type: ignore[misc]
    """alphas * log(1 + exp(betas * x)); alphas and betas have `weight_shape`, 1 along shared axes."""

    def __init__(self, weight_shape: tuple[int, ...], **kwargs: Any) -> None:
        """Take the shape of the weights, without the samples' axis."""
        super().__init__(**kwargs)
        self.weight_shape = tuple(weight_shape)
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make alphas and betas."""
        self.alphas, self.betas = (self.add_weight(shape=self.weight_shape, name=name) for name in ("alphas", "betas"))

    def call(self, x: Any) -> Any:
        """Keep the shape (n, ...)."""
        return self.alphas * ops.softplus(self.betas * x)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of __init__."""
        return {**super().get_config(), "weight_shape": self.weight_shape}


@_registered
class SReLU(keras.layers.Layer):  # type: ignore[misc]
    """Keras 1's S-shaped ReLU: slope a_left below t_left, 1 between, a_right above t_left + |t_right|.

    `clip_left` also bounds the left part from above, as Theano did and TensorFlow did not; it matters
    where a_left is negative.
    """

    def __init__(self, weight_shape: tuple[int, ...], clip_left: bool = False, **kwargs: Any) -> None:
        """Take the shape of the weights, without the samples' axis."""
        super().__init__(**kwargs)
        self.weight_shape, self.clip_left = tuple(weight_shape), clip_left
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make t_left, a_left, t_right, a_right, in Keras 1's order."""
        self.t_left, self.a_left, self.t_right, self.a_right = (
            self.add_weight(shape=self.weight_shape, name=name) for name in ("t_left", "a_left", "t_right", "a_right")
        )

    def call(self, x: Any) -> Any:
        """Keep the shape (n, ...)."""
        width = ops.abs(self.t_right)
        low = self.a_left * ops.minimum(x - self.t_left, 0.0)
        middle = ops.relu(x - self.t_left)
        inner = ops.minimum(middle + low, width) if self.clip_left else ops.minimum(middle, width) + low
        return self.t_left + inner + ops.relu(x - (self.t_left + width)) * self.a_right

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of __init__."""
        return {**super().get_config(), "weight_shape": self.weight_shape, "clip_left": self.clip_left}


def same_padding(n: int | None, k: int, stride: int) -> tuple[int, int] | None:
    """Return what "same" pads before and behind an axis of n places, or None where that hangs on an open size."""
    if k == 1 or stride == 1:
        return (k - 1) // 2, k // 2
    if n is None:
        return None
    needed = max((-(-n // stride) - 1) * stride + k - n, 0)
    return needed // 2, needed - needed // 2


@_registered
class SameMean(keras.layers.Layer):  # type: ignore[misc]
    """A channels-last AveragePooling(padding="same") over axes of open sizes, with the same numbers on every backend.

    Keras 3.15's average_pool counts what it pads on PyTorch where that is uneven, which hangs on the sizes.
    """

    def __init__(self, pool_size: tuple[int, ...], strides: tuple[int, ...], **kwargs: Any) -> None:
        """Take the window and its steps, a number an axis."""
        super().__init__(**kwargs)
        self.pool_size, self.strides = tuple(pool_size), tuple(strides)

    def call(self, x: Any) -> Any:
        """(n, sizes..., d) -> (n, ceil(size / stride)..., d)."""
        if keras.backend.backend() != "torch":
            return ops.average_pool(x, self.pool_size, self.strides, "same", "channels_last")
        axes = zip(x.shape[1:-1], self.pool_size, self.strides, strict=True)
        pads = [(0, 0), *(same_padding(*axis) for axis in axes), (0, 0)]
        whole, share = (
            ops.average_pool(ops.pad(y, pads), self.pool_size, self.strides, "valid", "channels_last")
            for y in (x, ops.ones_like(x))
        )
        return whole / share

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of __init__."""
        return {**super().get_config(), "pool_size": self.pool_size, "strides": self.strides}


@_registered
class InTraining(keras.layers.Layer):  # type: ignore[misc]
    """A dropout or a noise that samples in predictions too, as `layer(x, training=True)` did.

    Keras 3 hands the model's own `training` to every layer of a functional model and forgets the call's.
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        """Take the layer, or its serialized form."""
        super().__init__(**kwargs)
        self.layer = keras.layers.deserialize(layer) if isinstance(layer, dict) else layer
        self.supports_masking = True

    def call(self, x: Any) -> Any:
        """Keep the shape (n, ...)."""
        return self.layer(x, training=True)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of what is given."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of __init__."""
        return {**super().get_config(), "layer": keras.layers.serialize(self.layer)}


@_registered
class WithConstants(keras.layers.Layer):  # type: ignore[misc]
    """A cell of keras.layers.RNN, or a stack of such, that is handed constants, as an RNN of Keras 2 did.

    Keras 3's RNN knows none: they come behind each step's input, and are taken off it again.
    """

    def __init__(self, cell: Any, sizes: Sequence[int], **kwargs: Any) -> None:
        """Take the cell, or its serialized form, and the sizes of a step's own input and of each constant."""
        super().__init__(**kwargs)
        self.cell = keras.layers.deserialize(cell) if isinstance(cell, dict) else cell
        self.sizes = tuple(sizes)
        self.state_size, self.output_size = self.cell.state_size, _output_size(self.cell)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Build each cell on a list of shapes, its input's and the constants', as Keras 2 did."""
        shapes = [(input_shape[0], size) for size in self.sizes]
        for cell in getattr(self.cell, "cells", [self.cell]):
            cell.build(list(shapes))
            cell.built = True
            shapes[0] = (input_shape[0], _output_size(cell))
        self.cell.built = True

    def get_initial_state(self, batch_size: Any = None) -> Any:
        """Return the cell's own first states, or zeros (batch_size, n) for each of its sizes."""
        own = getattr(self.cell, "get_initial_state", None)
        if own:
            return own(batch_size=batch_size)
        return [ops.zeros((batch_size, size), self.compute_dtype) for size in tree.flatten(self.state_size)]

    def call(self, inputs: Any, states: Any) -> Any:
        """(n, n_in + all constants), the states -> (n, units), the new states."""
        ends = [sum(self.sizes[: i + 1]) for i in range(len(self.sizes) - 1)]
        x, *constants = ops.split(inputs, ends, axis=-1)
        return self.cell(x, states, constants=constants)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of __init__."""
        return {**super().get_config(), "cell": _unbuilt(keras.layers.serialize(self.cell)), "sizes": self.sizes}


def _output_size(cell: Any) -> int:
    """Return how long a cell's output is: what it says, or its first state's size."""
    size: int = getattr(cell, "output_size", None) or tree.flatten(cell.state_size)[0]
    return size


def _unbuilt(document: Any) -> Any:
    """Return a serialized layer without the shapes it was built on: what holds it builds it."""
    if isinstance(document, dict):
        return {key: _unbuilt(value) for key, value in document.items() if key != "build_config"}
    return [_unbuilt(value) for value in document] if isinstance(document, list) else document
