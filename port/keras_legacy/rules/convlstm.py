"""ConvLSTM2D."""

from typing import Any

import keras
import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import convert
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS1
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, Tensor, integers, rule
from reprise_kit.port.keras_legacy.rules.convolution import after, border_mode, kernel_2d, one_place, wide, windows
from reprise_kit.port.keras_legacy.rules.core import activation_name
from reprise_kit.port.keras_legacy.rules.recurrent import cell_activation
from reprise_kit.port.keras_legacy.rules.weights import loaded
from reprise_kit.port.keras_legacy.tree import Node

layers = keras.layers


@rule("ConvLSTM2D")
def conv_lstm2d(context: Context, node: Node) -> Apply:
    """th (n, n_steps, n_in, rows, cols) or tf (n, n_steps, rows, cols, n_in); state convolutions are same."""
    kernel, ordering = kernel_2d(node), context.ordering(node)
    _check(context, node)
    hard = activation_name(context, node, "inner_activation") == "hard_sigmoid"
    kernel_ordering = "tf" if context.dialect.kernels_last else ordering
    kernel_w, recurrent, *b = convert.convlstm_gates(node.weights, context.backend, kernel_ordering, hard)
    grown: Apply | None = None
    if context.backend == "theano" and not all(k % 2 for k in kernel):
        # One more in front than TensorFlow pads: the same kernel with a row and column of zeros behind it.
        grow = [(0, 1 - k % 2) for k in kernel]
        kernel_w, recurrent = (np.pad(w, [*grow, (0, 0), (0, 0)]) for w in (kernel_w, recurrent))
        kernel = (kernel_w.shape[0], kernel_w.shape[1])
        if border_mode(node) == "valid":  # and the same rows and columns behind the input, for those zeros to meet
            grown = layers.ZeroPadding3D([(0, 0), *grow], name=context.name(f"{node.name}_pad"))
    stock = _stock(context, node, recurrent.shape[2], kernel, use_bias=bool(b))
    layer = after(grown, _strided(node, stock, loaded(stock, [kernel_w, recurrent, *b], node)))
    return _ordered(context, node, layer) if ordering == "th" else lambda x: _listed(layer(_alone(node, x)))


def _strided(node: Node, stock: Any, layer: Apply) -> Apply:
    """Return an apply that gives images of one channel no stride along axes with one place: see convolution.strided."""
    kernel, strides, padding = wide(stock.cell.kernel_size, stock.cell.dilation_rate), stock.strides, stock.padding
    found: list[list[int]] = []

    def apply(x: Tensor) -> Any:
        sizes = x.shape[2:-1]
        one = [] if x.shape[-1] != 1 or None in sizes else one_place(sizes, kernel, strides, padding)
        found.append(one)
        if one != found[0]:
            raise InputError(
                f"layer {node.name}: it is shared by images of which one has a single place for its kernel"
            )
        if one:
            x = windows(x, kernel, strides, padding, one)
            stock.cell.strides = tuple(1 if axis in one else stride for axis, stride in enumerate(strides))
            stock.cell.padding = "valid"
        return layer(x)

    return apply


def _check(context: Context, node: Node) -> None:
    """Refuse what Theano does otherwise, and note what Keras 1 does not save."""
    if context.backend == "theano" and border_mode(node) == "same" and set(_strides(node)) != {1}:
        raise InputError(f"layer {node.name}: a same ConvLSTM2D on Theano with strides is not supported")
    far = any(stride >= k + 2 for k, stride in zip(kernel_2d(node), _strides(node), strict=True))
    if context.backend == "tensorflow" and border_mode(node) == "same" and far and context.dialect is KERAS1:
        raise InputError(f"layer {node.name}: a same ConvLSTM2D on TensorFlow with such strides is not supported")
    if context.backend == "theano" and set(_rate(node)) != {1} and not all(k % 2 for k in kernel_2d(node)):
        raise InputError(f"layer {node.name}: a dilated ConvLSTM2D on Theano with an even kernel is not supported")
    if "subsample" not in node.config:
        context.notes.append(f"layer {node.name}: Keras 1 does not save a ConvLSTM2D's subsample; taken as (1, 1)")


def _strides(node: Node) -> tuple[int, ...]:
    return integers(node.config.get("subsample") or (1, 1), node, "subsample")


def _rate(node: Node) -> tuple[int, ...]:
    return integers(node.config.get("atrous_rate") or (1, 1), node, "atrous_rate")


def _stock(context: Context, node: Node, filters: int, kernel: tuple[int, ...], use_bias: bool) -> Any:
    flags = ("return_sequences", "return_state", "go_backwards", "stateful")
    return layers.ConvLSTM2D(
        filters,
        kernel,
        _strides(node),
        border_mode(node),
        activation=cell_activation(context, node),
        recurrent_activation=activation_name(context, node, "inner_activation"),
        dilation_rate=_rate(node),
        use_bias=use_bias,
        name=context.name(node.name),
        **{flag: bool(node.config.get(flag)) for flag in flags},
    )


def _ordered(context: Context, node: Node, layer: Apply) -> Apply:
    """Return an apply on th tensors, outputs and states too."""
    to_last = layers.Permute((1, 3, 4, 2), name=context.name(f"{node.name}_to_last"))
    back = (1, 4, 2, 3) if node.config.get("return_sequences") else (3, 1, 2)
    to_th = layers.Permute(back, name=context.name(f"{node.name}_to_th"))
    state = layers.Permute((3, 1, 2), name=context.name(f"{node.name}_states_to_th"))

    def apply(x: Tensor) -> Any:
        y = layer(to_last(_alone(node, x)))
        return [to_th(y[0]), *map(state, y[1:])] if isinstance(y, (list, tuple)) else to_th(y)

    return apply


def _alone(node: Node, x: Any) -> Tensor:
    if isinstance(x, list):
        raise InputError(f"layer {node.name}: a ConvLSTM2D with initial states is not supported")
    return x


def _listed(y: Any) -> Any:
    return list(y) if isinstance(y, tuple) else y
