"""Arrays of a file into layers of Keras 3: each set once, checked, and no room made for more than the file holds."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import trained
from reprise_kit.port.keras_legacy.tree import Node

Apply = Callable[..., Any]


def loaded(layer: Any, arrays: Sequence[np.ndarray], node: Node) -> Apply:
    """Return an apply that sets the layer's weights after its first call; wrong shapes raise InputError.

    What the node carries for training (trained.py) is set here, before that call makes the weights.
    """
    done = False
    trained.carry(layer, node)

    def apply(x: Any, **kwargs: Any) -> Any:
        nonlocal done
        if done:
            return layer(x, **kwargs)
        with _no_larger_than(arrays, node):
            y = layer(x, **kwargs)
        set_weights(layer, arrays, node)
        done = True
        return y

    return apply


@contextmanager
def _no_larger_than(arrays: Sequence[np.ndarray], node: Node) -> Iterator[None]:
    """Refuse weights that hold more numbers than the file's, before room is made for them: a config is a few bytes."""
    most, wanted = sum(array.size for array in arrays), 0
    make = keras.layers.Layer.add_weight

    def checked(self: Any, shape: Any = None, *args: Any, **kwargs: Any) -> Any:
        nonlocal wanted
        if None in (shape or ()):
            raise InputError(
                f"layer {node.name} ({node.class_name}): it has weights along an axis whose size is open (a product of "
                "every sample with every other's, or an open length before it); that has no place in Keras 3"
            )
        wanted += math.prod(shape or ())
        if wanted > most:
            raise InputError(
                f"layer {node.name} ({node.class_name}): its config asks for weights of {shape}, the file holds "
                f"{[array.shape for array in arrays]}; are the architecture and the weights of the same model?"
            )
        return make(self, shape, *args, **kwargs)

    keras.layers.Layer.add_weight = checked
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = make


def set_weights(layer: Any, arrays: Sequence[np.ndarray], node: Node) -> None:
    """Set all weights of a built layer; one too few, too many or of another shape raises InputError."""
    wanted = [tuple(weight.shape) for weight in layer.weights]
    given = [array.shape for array in arrays]
    if wanted != given:
        raise InputError(
            f"layer {node.name} ({node.class_name}): weights of shape {given} do not fit, {wanted} does; "
            "are the architecture and the weights of the same model?"
        )
    layer.set_weights(list(arrays))


def arrays_of(node: Node, *roles: str) -> list[np.ndarray]:
    """Return a leaf's arrays by role; a role that the file did not fill raises InputError."""
    missing = [role for role in roles if role not in node.weights]
    if missing:
        raise InputError(f"layer {node.name} ({node.class_name}): the file holds no {', '.join(missing)}")
    return [node.weights[role] for role in roles]


def of_rank(arrays: list[np.ndarray], x: Any) -> list[np.ndarray]:
    """Return arrays with as many axes as a sample of x (n, ...) has, where those in front of theirs have length 1.

    Keras 1 made them by the shape that it believed x to have: that of a Merge by cosine is one axis short.
    """
    front = tuple(x.shape[1 : x.ndim - arrays[0].ndim])
    return [array.reshape(front + array.shape) for array in arrays] if set(front) == {1} else arrays
