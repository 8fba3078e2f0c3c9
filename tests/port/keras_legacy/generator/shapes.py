"""What shape each legacy layer gives: (settings, shape) -> shape without the samples' axis, or None if it cannot be.

Sizes are the real ones, also where the network declares an open size. `Shape` is a list of ints.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

Shape = list[int]
Args = Mapping[str, Any]
ShapeRule = Callable[[Args, Shape], Shape | None]


def window(size: int, kernel: int, border: str, stride: int, rate: int = 1) -> int | None:
    """Return how many places a window has along an axis of `size`, or None if there is none."""
    wide = (kernel - 1) * rate + 1
    places = {"same": size, "causal": size, "full": size + wide - 1, "valid": size - wide + 1}[border]
    return -(-places // stride) if places > 0 else None


def first(ordering: Any) -> bool:
    """Return whether an ordering, in either dialect, puts the channels first."""
    return ordering in ("th", "channels_first")


def split(shape: Shape, ordering: Any) -> tuple[Shape, int]:
    """Return (spatial sizes, channels)."""
    return (shape[1:], shape[0]) if first(ordering) else (shape[:-1], shape[-1])


def join(sizes: list[int | None], channels: int, ordering: Any) -> Shape | None:
    """Return the shape of spatial sizes and channels, or None where a size is none."""
    if any(size is None or size < 1 for size in sizes):
        return None
    known = [size for size in sizes if size is not None]
    return [channels, *known] if first(ordering) else [*known, channels]


def many(value: Any, count: int) -> list[int]:
    """Return a setting as one number an axis: 2 is (2, 2)."""
    return list(value) if isinstance(value, list) else [value] * count


def same(args: Args, shape: Shape) -> Shape | None:
    """Keep the shape."""
    return shape


def flat(args: Args, shape: Shape) -> Shape | None:
    """One axis of everything."""
    return [prod(shape)]


def last_axis(key: str) -> ShapeRule:
    """Replace the last axis by the setting `key`."""
    return lambda args, shape: [*shape[:-1], args[key]]


def windows(
    filters: str | None, kernel: tuple[str, ...], stride: str, border: str, order: str, rate: str = ""
) -> ShapeRule:
    """A convolution or a pooling: the names of the settings it is made of, in one dialect."""

    def rule(args: Args, shape: Shape) -> Shape | None:
        ordering = args.get(order) or "channels_last"
        sizes, channels = split(shape, ordering)
        count = len(sizes)
        kernels = [args[key] for key in kernel] if len(kernel) > 1 else many(args.get(kernel[0], 2), count)
        default = 1 if filters is not None else kernels
        strides = many(args.get(stride) or default, count)
        rates = many(args.get(rate) or 1, count)
        mode = args.get(border) or "valid"
        if filters == "":
            channels *= args.get("depth_multiplier", 1)
        elif filters:
            channels = args[filters]
        if any(s > 1 for s in strides) and any(r > 1 for r in rates):
            return None
        pairs = zip(sizes, kernels, strides, rates, strict=True)
        return join([window(n, k, mode, s, r) for n, k, s, r in pairs], channels, ordering)

    return rule


def global_pool(order: str) -> ShapeRule:
    """The channels."""
    return lambda args, shape: [split(shape, args.get(order) or "channels_last")[1]]


def padded(key: str, order: str, sign: int) -> ShapeRule:
    """Add (sign 1) or cut (sign -1) at both ends of every spatial axis."""

    def rule(args: Args, shape: Shape) -> Shape | None:
        ordering = args.get(order) or "channels_last"
        sizes, channels = split(shape, ordering)
        value = args.get(key, 1)
        ends = value if isinstance(value, list) else [value] * len(sizes)
        if len(sizes) == 1:
            ends = [ends[0]] if len(ends) == 1 else [[ends[0], ends[1]]]
        if len(sizes) == 2 and len(ends) == 4:  # Keras 1: top, bottom, left, right
            ends = [ends[:2], ends[2:]]
        totals = [sum(end) if isinstance(end, list) else 2 * end for end in ends]
        return join([n + sign * t for n, t in zip(sizes, totals, strict=True)], channels, ordering)

    return rule


def repeated(key: str, order: str) -> ShapeRule:
    """Repeat every spatial position."""

    def rule(args: Args, shape: Shape) -> Shape | None:
        ordering = args.get(order) or "channels_last"
        sizes, channels = split(shape, ordering)
        counts = many(args.get(key, 2), len(sizes))
        return join([n * c for n, c in zip(sizes, counts, strict=True)], channels, ordering)

    return rule


def recurrent(units: str) -> ShapeRule:
    """(steps, n_in) -> (steps, units) or (units)."""
    return lambda args, shape: [shape[0], args[units]] if args.get("return_sequences") else [args[units]]


def conv_lstm(rule: ShapeRule) -> ShapeRule:
    """(steps, image) -> (steps, image) or (image)."""

    def of(args: Args, shape: Shape) -> Shape | None:
        image = rule(args, shape[1:])
        return image and ([shape[0], *image] if args.get("return_sequences") else image)

    return of


def permuted(args: Args, shape: Shape) -> Shape | None:
    """Axes counted from 1."""
    return [shape[axis - 1] for axis in args["dims"]]


def reshaped(args: Args, shape: Shape) -> Shape | None:
    """The target, -1 filled in."""
    target = args["target_shape"]
    known = prod(size for size in target if size != -1)
    return [size if size != -1 else prod(shape) // known for size in target]
