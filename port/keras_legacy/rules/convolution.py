"""Convolutions. Under Theano border_mode "same" pads k // 2 before and k - 1 - k // 2 after, then strides."""

from typing import Any

import keras
import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import convert
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, arrays_of, integer, integers, loaded, once, rule
from reprise_kit.port.keras_legacy.rules.core import activation_name, bias, with_activation
from reprise_kit.port.keras_legacy.rules.recurrent import cell_activation
from reprise_kit.port.keras_legacy.tree import Node

layers = keras.layers


def border_mode(node: Node) -> str:
    """Return "valid", "same" or, for a convolution under Theano, "full"; anything else is refused."""
    mode = node.config.get("border_mode") or "valid"
    if mode not in ("valid", "same", "full"):
        raise InputError(f"layer {node.name}: border_mode {mode!r} is not one of Keras 1's")
    return str(mode)


def same_padding(
    context: Context,
    node: Node,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
) -> tuple[str, Apply | None]:
    """Return Keras 3's padding and, where Theano's "same" is not TensorFlow's, a layer that pads."""
    if border_mode(node) == "full" and context.backend == "tensorflow":
        raise InputError(f"layer {node.name}: Keras 1 had border_mode 'full' on Theano only")
    if node.config.get("left_padded"):
        return "valid", _padding_layer(context, node, [(kernel[0] - 1, 0)])
    if border_mode(node) == "valid" or context.backend == "tensorflow":
        return border_mode(node), None
    if border_mode(node) == "full":
        return "valid", _padding_layer(context, node, [(k - 1, k - 1) for k in kernel])
    if all(k % 2 for k in kernel) and all(s == 1 for s in strides):
        return "same", None
    starts = tuple(k // 2 for k in kernel)
    if len(kernel) == 3 and not all(k % 2 for k in kernel) and context.known_version(f"layer {node.name}: 3-D padding of even kernels") < (1, 2):
        # Before Theano 0.9 a 3-D convolution was built from 2-D ones, padded one less in front.
        starts = tuple((k - 1) // 2 for k in kernel)
    pads = [(start, k - 1 - start) for start, k in zip(starts, kernel, strict=True)]
    return "valid", _padding_layer(context, node, pads)


def _padding_layer(context: Context, node: Node, pads: list[tuple[int, int]]) -> Apply:
    name = context.name(f"{node.name}_pad")
    if len(pads) == 1:
        return layers.ZeroPadding1D(pads[0], name=name)
    padding = layers.ZeroPadding2D if len(pads) == 2 else layers.ZeroPadding3D
    return padding(pads, name=name)


def after(first: Apply | None, second: Apply) -> Apply:
    """Return second after first."""
    return second if first is None else lambda x: second(first(x))


def kernel_2d(node: Node) -> tuple[int, int]:
    """Return (rows, columns) of a 2-D kernel."""
    return integer(node.config["nb_row"], node, "nb_row"), integer(node.config["nb_col"], node, "nb_col")


def kernel_of(context: Context, w: np.ndarray, ordering: str, n_spatial: int) -> np.ndarray:
    """Return a kernel as (k..., n_in, n_out), as correlation uses it; Keras 2 keeps it so whatever the ordering."""
    if context.dialect.kernels_last:
        return convert.flip(w, context.backend, n_spatial)
    return {2: convert.conv2d_kernel, 3: convert.conv3d_kernel}[n_spatial](w, context.backend, ordering)


def _dilation(context: Context, node: Node, rate: tuple[int, ...]) -> tuple[int, ...]:
    """Return the dilation that ran: before Theano 0.9 (Keras 1.2) it was taken and ignored."""
    if set(rate) == {1} or context.backend == "tensorflow":
        return rate
    version = context.known_version(f"layer {node.name}: whether Theano used atrous_rate")
    if version < (1, 2) and context.bug(node, "Theano before 0.9 ignored atrous_rate"):
        return (1,) * len(rate)
    return rate


@rule("Convolution1D", "AtrousConvolution1D")
def convolution1d(context: Context, node: Node) -> Apply:
    """(n, n_steps, n_in) -> (n, n_new_steps, nb_filter)."""
    length = integer(node.config["filter_length"], node, "filter_length")
    filters = integer(node.config["nb_filter"], node, "nb_filter")
    stride = integer(node.config.get("subsample_length") or 1, node, "subsample_length")
    (rate,) = _dilation(context, node, (integer(node.config.get("atrous_rate") or 1, node, "atrous_rate"),))
    ordering = node.config.get("dim_ordering") or "tf"
    w, *b = arrays_of(node, "W", *bias(node))
    padding, pad = same_padding(context, node, ((length - 1) * rate + 1,), (stride,))

    def make(**kwargs: Any) -> Any:
        return layers.Conv1D(
            filters, length, stride, padding, dilation_rate=rate, groups=_groups(node), use_bias=bool(b), **kwargs
        )

    last = context.dialect.kernels_last
    kernel = kernel_of(context, w, ordering, 1) if last else convert.conv1d_kernel(w, context.backend, length, filters)
    layer = after(pad, with_activation(context, node, make, [kernel, *b]))
    return lambda x: context.spatial(node, x, ordering, layer)


@rule("Convolution2D", "AtrousConvolution2D")
def convolution2d(context: Context, node: Node) -> Apply:
    """th (n, n_in, rows, cols) or tf (n, rows, cols, n_in), the same with nb_filter channels out."""
    kernel, ordering = kernel_2d(node), context.ordering(node)
    strides = integers(node.config.get("subsample") or (1, 1), node, "subsample")
    rate = _dilation(context, node, integers(node.config.get("atrous_rate") or (1, 1), node, "atrous_rate"))
    w, *b = arrays_of(node, "W", *bias(node))
    padding, pad = same_padding(context, node, _wide(kernel, rate), strides)
    converted = kernel_of(context, w, ordering, 2)

    def make(**kwargs: Any) -> Any:
        settings = {"dilation_rate": rate, "groups": _groups(node), "use_bias": bool(b)}
        return layers.Conv2D(converted.shape[3], kernel, strides, padding, **settings, **kwargs)

    layer = after(pad, with_activation(context, node, make, [converted, *b]))
    return lambda x: context.spatial(node, x, ordering, layer)


@rule("Convolution3D")
def convolution3d(context: Context, node: Node) -> Apply:
    """th (n, n_in, d1, d2, d3) or tf (n, d1, d2, d3, n_in), the same with nb_filter channels out."""
    kernel = integers([node.config[f"kernel_dim{i}"] for i in (1, 2, 3)], node, "kernel_dim")
    strides = integers(node.config.get("subsample") or (1, 1, 1), node, "subsample")
    ordering = context.ordering(node)
    rate = integers(node.config.get("atrous_rate") or (1, 1, 1), node, "atrous_rate")
    w, *b = arrays_of(node, "W", *bias(node))
    padding, pad = same_padding(context, node, _wide(kernel, rate), strides)
    converted = kernel_of(context, w, ordering, 3)

    def make(**kwargs: Any) -> Any:
        settings = {"dilation_rate": rate, "groups": _groups(node), "use_bias": bool(b)}
        return layers.Conv3D(converted.shape[4], kernel, strides, padding, **settings, **kwargs)

    layer = after(pad, with_activation(context, node, make, [converted, *b]))
    return lambda x: context.spatial(node, x, ordering, layer)


def _wide(kernel: tuple[int, ...], rate: tuple[int, ...]) -> tuple[int, ...]:
    """Return how far a dilated kernel reaches."""
    return tuple((k - 1) * r + 1 for k, r in zip(kernel, rate, strict=True))


def _groups(node: Node) -> int:
    return integer(node.config.get("groups") or 1, node, "groups")


@rule("SeparableConvolution1D")
def separable_convolution1d(context: Context, node: Node) -> Apply:
    """As Convolution1D, depthwise then pointwise."""
    kernel = (integer(node.config["filter_length"], node, "filter_length"),)
    strides = (integer(node.config.get("subsample_length") or 1, node, "subsample_length"),)
    rate = (integer(node.config.get("atrous_rate") or 1, node, "atrous_rate"),)
    return _separable(context, node, layers.SeparableConv1D, (kernel, strides, rate))


@rule("SeparableConvolution2D", "DepthwiseConvolution2D")
def separable_convolution2d(context: Context, node: Node) -> Apply:
    """As Convolution2D, depthwise then (Separable) pointwise; Keras 1 had it on TensorFlow only."""
    if context.backend == "theano" and not context.dialect.kernels_last:
        raise InputError(f"layer {node.name}: Keras 1 had no SeparableConvolution2D on Theano; is it tensorflow?")
    strides, rate = (
        integers(node.config.get(key) or (1, 1), node, key) for key in ("subsample", "atrous_rate")
    )
    kind = layers.SeparableConv2D if node.class_name == "SeparableConvolution2D" else layers.DepthwiseConv2D
    return _separable(context, node, kind, (kernel_2d(node), strides, rate))


def _separable(context: Context, node: Node, kind: Any, sizes: tuple[tuple[int, ...], ...]) -> Apply:
    """Return a layer of (kernel, strides, dilation). On Theano Keras 2 turned these kernels round itself."""
    kernel, strides, rate = sizes
    ordering = context.ordering(node) if len(kernel) == 2 else node.config.get("dim_ordering") or "tf"
    parts = ["depthwise_kernel", "pointwise_kernel"][: 1 if kind is layers.DepthwiseConv2D else 2]
    kernels, b = arrays_of(node, *parts), arrays_of(node, *bias(node))
    if not context.dialect.kernels_last:
        kernels = [convert.conv2d_kernel(w, context.backend, ordering) for w in kernels]
    padding, pad = same_padding(context, node, _wide(kernel, rate), strides)
    filters = [kernels[1].shape[-1]] if len(kernels) == 2 else []

    def make(**kwargs: Any) -> Any:
        settings = {"depth_multiplier": kernels[0].shape[-1], "dilation_rate": rate, "use_bias": bool(b)}
        return kind(*filters, kernel, strides, padding, **settings, **kwargs)

    layer = after(pad, with_activation(context, node, make, [*kernels, *b]))
    return lambda x: context.spatial(node, x, ordering, layer)


@rule("LocallyConnected1D")
def locally_connected1d(context: Context, node: Node) -> Apply:
    """(n, n_steps, n_in) -> (n, n_new_steps, nb_filter): patches, then one dense layer per step."""
    length = integer(node.config["filter_length"], node, "filter_length")
    stride = integer(node.config.get("subsample_length") or 1, node, "subsample_length")
    w, *b = arrays_of(node, "W", *bias(node))
    steps, features, filters = w.shape
    n_in = features // length
    as_image = layers.Reshape((-1, 1, n_in), name=context.name(f"{node.name}_image"))
    as_steps = layers.Reshape((steps, features), name=context.name(f"{node.name}_patches"))
    dense = _per_place(context, node, w, [bias_.reshape(steps, filters) for bias_ in b])

    def apply(x: Any) -> Any:
        patches = keras.ops.image.extract_patches(as_image(x), (length, 1), (stride, 1), padding="valid")
        return dense(as_steps(patches))

    return apply


@rule("LocallyConnected2D")
def locally_connected2d(context: Context, node: Node) -> Apply:
    """As Convolution2D, with kernels of its own at every place: patches, then one dense layer per place."""
    kernel, ordering = kernel_2d(node), context.ordering(node)
    strides = integers(node.config.get("subsample") or (1, 1), node, "subsample")
    w, *b = arrays_of(node, "W", *bias(node))

    def make(x: Any) -> Apply:
        rows, cols = ((x.shape[i + 1] - kernel[i]) // strides[i] + 1 for i in (0, 1))
        if rows * cols != w.shape[0]:
            raise InputError(f"layer {node.name}: kernels for {w.shape[0]} places, {rows} x {cols} are there")
        places, filters = w.shape[0], w.shape[2]
        kernels, biases = w, [bias_.reshape(places, filters) for bias_ in b]
        if ordering == "th":
            # Keras 1 flattens a th patch channel by channel, and reads its bias array as (filters, rows, cols).
            split = w.reshape(places, -1, *kernel, filters)
            kernels = np.transpose(split, (0, 2, 3, 1, 4)).reshape(w.shape)
            biases = [bias_.reshape(filters, places).T for bias_ in b]
        flat = layers.Reshape((places, w.shape[1]), name=context.name(f"{node.name}_patches"))
        dense = _per_place(context, node, kernels, biases)
        grid = layers.Reshape((rows, cols, filters), name=context.name(f"{node.name}_grid"))
        return lambda y: grid(dense(flat(keras.ops.image.extract_patches(y, kernel, strides, padding="valid"))))

    layer = once(make)
    return lambda x: context.spatial(node, x, ordering, layer)


def _per_place(context: Context, node: Node, w: np.ndarray, b: list[np.ndarray]) -> Apply:
    """Return (n, places, features) -> (n, places, filters), a dense layer per place, and the activation."""

    def make(**kwargs: Any) -> Any:
        bias_axes = {"bias_axes": "pf"} if b else {}
        shape = (w.shape[0], w.shape[2])
        return layers.EinsumDense("npk,pkf->npf", output_shape=shape, **bias_axes, **kwargs)

    return with_activation(context, node, make, [w, *b])


@rule("ConvLSTM2D")
def conv_lstm2d(context: Context, node: Node) -> Apply:
    """th (n, n_steps, n_in, rows, cols) or tf (n, n_steps, rows, cols, n_in); state convolutions are same."""
    kernel, ordering = kernel_2d(node), context.ordering(node)
    strides = integers(node.config.get("subsample") or (1, 1), node, "subsample")
    if context.backend == "theano" and border_mode(node) == "same" and set(strides) != {1}:
        raise InputError(f"layer {node.name}: a same ConvLSTM2D on Theano with strides is not supported")
    if node.config.get("return_state"):
        raise InputError(f"layer {node.name}: a ConvLSTM2D with return_state is not supported")
    if "subsample" not in node.config:
        context.notes.append(f"layer {node.name}: Keras 1 does not save a ConvLSTM2D's subsample; taken as (1, 1)")
    hard = activation_name(node, "inner_activation") == "hard_sigmoid"
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
    layer = loaded(
        layers.ConvLSTM2D(
            recurrent.shape[2],
            kernel,
            strides,
            border_mode(node),
            activation=cell_activation(context, node),
            recurrent_activation=activation_name(node, "inner_activation"),
            return_sequences=bool(node.config.get("return_sequences")),
            go_backwards=bool(node.config.get("go_backwards")),
            stateful=bool(node.config.get("stateful")),
            dilation_rate=integers(node.config.get("atrous_rate") or (1, 1), node, "atrous_rate"),
            use_bias=bool(b),
            name=context.name(node.name),
        ),
        [kernel_w, recurrent, *b],
        node,
    )
    layer = after(grown, layer)
    if ordering == "tf":
        return layer
    to_last = layers.Permute((1, 3, 4, 2), name=context.name(f"{node.name}_to_last"))
    back = (1, 4, 2, 3) if node.config.get("return_sequences") else (3, 1, 2)
    to_th = layers.Permute(back, name=context.name(f"{node.name}_to_th"))
    return lambda x: to_th(layer(to_last(x)))
