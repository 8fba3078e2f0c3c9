"""Convolutions. Under Theano border_mode "same" pads k // 2 before and k - 1 - k // 2 after, then strides."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import convert
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS1
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, Tensor, by_sizes, integer, integers, rule
from reprise_kit.port.keras_legacy.rules.core import bias, with_activation
from reprise_kit.port.keras_legacy.rules.weights import arrays_of
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
    from_edge: bool = False,
) -> tuple[str, Apply | None]:
    """Return Keras 3's padding and, where Theano's "same" is not TensorFlow's, a layer that pads.

    `from_edge`: the windows began at the edge in every TensorFlow.
    """
    if border_mode(node) == "full" and context.backend == "tensorflow":
        raise InputError(f"layer {node.name}: Keras 1 had border_mode 'full' on Theano only")
    if node.config.get("left_padded"):
        return "valid", _padding_layer(context, node, [(kernel[0] - 1, 0)])
    if border_mode(node) == "valid":
        return "valid", None
    if context.backend == "tensorflow":
        return ("same", None) if from_edge else old_tensorflow_same(context, node, kernel, strides)
    if border_mode(node) == "full":
        return "valid", _padding_layer(context, node, [(k - 1, k - 1) for k in kernel])
    if all(k % 2 for k in kernel) and all(s == 1 for s in strides):
        return "same", None
    starts = tuple(k // 2 for k in kernel)
    even = not all(k % 2 for k in kernel)
    what = f"layer {node.name}: 3-D padding of even kernels"
    if len(kernel) == 3 and even and context.known_version(what) < (1, 2):
        # Before Theano 0.9 a 3-D convolution was built from 2-D ones, padded one less in front.
        starts = tuple((k - 1) // 2 for k in kernel)
    uncut = node.class_name.startswith("Separable")  # here Keras 2 forgot to cut an even kernel's last place off
    pads = [(start, start if uncut else k - 1 - start) for start, k in zip(starts, kernel, strict=True)]
    return "valid", _padding_layer(context, node, pads)


def old_tensorflow_same(
    context: Context, node: Node, kernel: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[str, Apply | None]:
    """Return the padding of TensorFlow 0.12 and 1.0: where the windows leave 2 or more places out, and so the
    padding that they need is negative, they began trunc(padding / 2) places inside; later versions begin at the edge.

    So did conv2d, conv3d, depthwise_conv2d of one channel, max_pool3d and avg_pool3d, but not depthwise_conv2d of
    more, max_pool and avg_pool (0.12.1).
    """
    if not placed_inside(context, node, kernel, strides):
        return "same", None

    def make(x: Any) -> Apply:
        pads, starts = old_tensorflow_windows(node, x.shape[1:-1], kernel, strides)
        pad = _padding_layer(context, node, pads)
        return lambda y: pad(y)[(slice(None), *starts)]

    return "valid", by_sizes(make)


def placed_inside(context: Context, node: Node, kernel: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Return whether "same" windows began inside the input, as old TensorFlow put them; notes it where they did."""
    near = all(stride < k + 2 for k, stride in zip(kernel, strides, strict=True))
    if near or context.dialect is not KERAS1 or context.legacy_bugs == "fix":
        return False
    context.notes.append(
        f"layer {node.name}: 'same' with strides of {strides} over kernels of {kernel} as TensorFlow 0.12 and 1.0 "
        "placed them; for a newer one say --legacy-bugs fix"
    )
    return True


def old_tensorflow_windows(
    node: Node, sizes: Sequence[int | None], kernel: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[list[tuple[int, int]], list[slice]]:
    """Return the padding of each axis and where the windows begin on it."""
    if None in sizes:
        raise InputError(f"layer {node.name}: where TensorFlow 0.12 put its windows depends on the input's size")
    needed = [(-(-int(n or 0) // s) - 1) * s + k - int(n or 0) for n, k, s in zip(sizes, kernel, strides, strict=True)]
    pads = [(p // 2, p - p // 2) if p > 0 else (0, 0) for p in needed]
    return pads, [slice(max(-p, 0) // 2, None) for p in needed]


def _padding_layer(context: Context, node: Node, pads: list[tuple[int, int]]) -> Apply:
    name = context.name(f"{node.name}_pad")
    if len(pads) == 1:
        one: Apply = layers.ZeroPadding1D(pads[0], name=name)
        return one
    padding = layers.ZeroPadding2D if len(pads) == 2 else layers.ZeroPadding3D
    several: Apply = padding(pads, name=name)
    return several


def after(first: Apply | None, second: Apply) -> Apply:
    """Return second after first."""
    return second if first is None else lambda x: second(first(x))


def kernel_2d(node: Node) -> tuple[int, int]:
    """Return (rows, columns) of a 2-D kernel."""
    return integer(node.config["nb_row"], node, "nb_row"), integer(node.config["nb_col"], node, "nb_col")


def kernel_3d(node: Node) -> tuple[int, ...]:
    """Return the three sizes of a 3-D kernel."""
    return integers([node.config[f"kernel_dim{i}"] for i in (1, 2, 3)], node, "kernel_dim")


def kernel_of(context: Context, w: np.ndarray, ordering: str, n_spatial: int) -> np.ndarray:
    """Return a kernel as (k..., n_in, n_out), as correlation uses it; Keras 2 keeps it so whatever the ordering."""
    if context.dialect.kernels_last:
        return convert.flip(w, context.backend, n_spatial)
    return {2: convert.conv2d_kernel, 3: convert.conv3d_kernel}[n_spatial](w, context.backend, ordering)


def _dilation(context: Context, node: Node, rate: tuple[int, ...]) -> tuple[int, ...]:
    """Return the dilation that ran: before Theano 0.9, which Keras 1.2 asks for, it was taken and ignored."""
    if set(rate) == {1} or context.backend == "tensorflow":
        return rate
    version = context.known_version(f"layer {node.name}: whether Theano used atrous_rate")
    what = "Theano before 0.9 ignored atrous_rate and newer ones use it, and no file says which one ran"
    if version < (1, 2) and context.bug(node, what):
        if border_mode(node) != "same":
            context.misjudged.add(node.name)
        return (1,) * len(rate)
    if context.dialect is KERAS1:
        context.notes.append(f"layer {node.name}: atrous_rate {rate} as Theano 0.9 and newer ones used it")
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
    rate = _dilation(context, node, integers(node.config.get("atrous_rate") or (1, 1), node, "atrous_rate"))
    return _convolution(context, node, layers.Conv2D, kernel_2d(node), rate)


@rule("Convolution3D")
def convolution3d(context: Context, node: Node) -> Apply:
    """th (n, n_in, d1, d2, d3) or tf (n, d1, d2, d3, n_in), the same with nb_filter channels out."""
    rate = integers(node.config.get("atrous_rate") or (1, 1, 1), node, "atrous_rate")
    return _convolution(context, node, layers.Conv3D, kernel_3d(node), rate)


def _convolution(
    context: Context, node: Node, kind: Callable[..., Any], kernel: tuple[int, ...], rate: tuple[int, ...]
) -> Apply:
    """A convolution of Keras 3's `kind` over as many axes as `kernel` has."""
    ordering = context.ordering(node)
    strides = integers(node.config.get("subsample") or (1,) * len(kernel), node, "subsample")
    w, *b = arrays_of(node, "W", *bias(node))
    padding, pad = same_padding(context, node, wide(kernel, rate), strides)
    converted = kernel_of(context, w, ordering, len(kernel))

    def made(strides: tuple[int, ...], padding: str) -> Apply:
        settings = {"dilation_rate": rate, "groups": _groups(node), "use_bias": bool(b)}
        make = partial(kind, converted.shape[-1], kernel, strides, padding, **settings)
        return with_activation(context, node, make, [converted, *b])

    layer = after(pad, strided(node, wide(kernel, rate), strides, padding, made))
    return lambda x: context.spatial(node, x, ordering, layer)


def strided(
    node: Node,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    padding: str,
    made: Callable[[tuple[int, ...], str], Apply],
) -> Apply:
    """Return a convolution that takes no stride along axes on which the kernel has one place only.

    TensorFlow 2.20's conv2d and conv3d of one channel read beyond the input there (oneDNN, last axis): 88 of 2,816
    shapes came out wrong, by as much as the values. So the kernel is given just the window that it sees.
    """
    if all(stride == 1 for stride in strides):
        return made(strides, padding)
    found: dict[tuple[int, ...], Apply] = {}

    def apply(x: Tensor) -> Tensor:
        sizes = x.shape[1:-1]
        one = [] if x.shape[-1] != 1 or None in sizes else one_place(sizes, kernel, strides, padding)
        taken = tuple(1 if axis in one else stride for axis, stride in enumerate(strides))
        if one:
            x = windows(x, kernel, strides, padding, one)
        if taken not in found and found:
            raise InputError(
                f"layer {node.name}: it is shared by images of which one has a single place for its kernel"
            )
        if not found:
            found[taken] = made(taken, "valid" if one else padding)
        return found[taken](x)

    return apply


def one_place(sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int], padding: str) -> list[int]:
    """Return the axes with a stride along which the kernel has one place."""
    lengths = [n if padding == "same" else n - k + 1 for n, k in zip(sizes, kernel, strict=True)]
    return [axis for axis, (n, s) in enumerate(zip(lengths, strides, strict=True)) if s > 1 and n <= s]


def windows(x: Tensor, kernel: Sequence[int], strides: Sequence[int], padding: str, one: list[int]) -> Tensor:
    """Return x (..., sizes, n_in) padded as "same" does, and no longer than the kernel along the axes `one`."""
    before = len(x.shape) - len(kernel) - 1
    if padding == "same":
        sizes = x.shape[before:-1]
        needed = [(-(-n // s) - 1) * s + k - n for n, k, s in zip(sizes, kernel, strides, strict=True)]
        pads = [(max(total, 0) // 2, max(total, 0) - max(total, 0) // 2) for total in needed]
        x = keras.ops.pad(x, [(0, 0)] * before + [*pads, (0, 0)])
    cut = (slice(k if axis in one else None) for axis, k in enumerate(kernel))
    return x[(*[slice(None)] * before, *cut)]


def wide(kernel: tuple[int, ...], rate: tuple[int, ...]) -> tuple[int, ...]:
    """Return how far a dilated kernel reaches."""
    return tuple((k - 1) * r + 1 for k, r in zip(kernel, rate, strict=True))


def _groups(node: Node) -> int:
    return integer(node.config.get("groups") or 1, node, "groups")
