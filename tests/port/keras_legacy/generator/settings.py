"""Values that several classes share, and labels that become numbers once the shape is known."""

import random
from math import prod
from typing import Any

from .shapes import Shape, first

ACTIVATIONS = ["linear", "relu", "tanh", "sigmoid", "hard_sigmoid", "softplus", "softsign"]
NAMES = ["plain", "with space", "a+b", "+1", "_lead", "UPPER.dot-dash", "a/b"]
L2 = {"$": ["regularizers", "l2", [0.01]]}
L1 = {"$": ["regularizers", "l1", [0.01]]}


def constraint(name: str, *arguments: float) -> dict[str, Any]:
    """Return how a constraint is written in a graph."""
    return {"$": ["constraints", name, list(arguments)]}


def target_shape(args: dict[str, Any], shape: Shape, rng: random.Random) -> dict[str, Any] | None:
    """Reshape: flat, split the first axis, join the first two, the sizes turned round, or one size left open."""
    wish = args.pop("target_shape")
    halves = [n for n in (2, 3) if shape[0] % n == 0]
    if wish == "$flat":
        target = [prod(shape)]
    elif wish == "$split":
        if not halves or len(shape) > 3:
            return None
        part = rng.choice(halves)
        target = [part, shape[0] // part, *shape[1:]]
    elif wish == "$join":
        if len(shape) < 2:
            return None
        target = [shape[0] * shape[1], *shape[2:]]
    elif wish == "$open":
        target = [-1, shape[-1]] if len(shape) > 1 else [shape[0], -1]
    else:
        target = shape[::-1]
    return {**args, "target_shape": target}


def dims(args: dict[str, Any], shape: Shape, rng: random.Random) -> dict[str, Any] | None:
    """Permute: the axes turned round, rotated, or the last two exchanged."""
    wish, axes = args.pop("dims"), list(range(1, len(shape) + 1))
    turned = {"$turned": axes[::-1], "$rotated": axes[1:] + axes[:1], "$swapped": [*axes[:-2], axes[-1], axes[-2]]}
    return {**args, "dims": turned[wish]}


def shared_axes(args: dict[str, Any], shape: Shape, rng: random.Random) -> dict[str, Any] | None:
    """PReLU and its like: none, all but the last axis, or all but the first."""
    wish, rank = args.pop("shared_axes", None), len(shape)
    if wish in (None, "$none"):
        return args
    if rank < 2:
        return None
    return {**args, "shared_axes": list(range(1, rank)) if wish == "$first" else list(range(2, rank + 1))}


def axis(args: dict[str, Any], shape: Shape, rng: random.Random) -> dict[str, Any] | None:
    """BatchNormalization and Softmax: an axis that the tensor has."""
    return None if abs(args.get("axis", -1)) > len(shape) else args


def softmax(args: dict[str, Any], shape: Shape, rng: random.Random) -> dict[str, Any] | None:
    """Keras 1 takes a softmax of vectors and of sequences only."""
    return None if args.get("activation") == "softmax" and len(shape) > 2 else args


def unrolled(args: dict[str, Any], shape: Shape, rng: random.Random) -> dict[str, Any] | None:
    """A recurrent layer on one step cannot be unrolled in every version."""
    return None if args.get("unroll") and shape[0] < 2 else args


def output_shape(args: dict[str, Any], shape: Shape, rng: random.Random) -> dict[str, Any] | None:
    """Deconvolution2D: the shape that its stride and border give."""
    ordering = args.get("dim_ordering") or "tf"
    sizes = shape[1:] if first(ordering) else shape[:-1]
    strides = args.get("subsample") or [1, 1]
    kernel = [args["nb_row"], args["nb_col"]]
    if args.get("border_mode", "valid") == "valid":
        out = [(n - 1) * s + k for n, s, k in zip(sizes, strides, kernel, strict=True)]
    else:
        out = [n * s for n, s in zip(sizes, strides, strict=True)]
    n = args["nb_filter"]
    return {**args, "output_shape": [None, n, *out] if first(ordering) else [None, *out, n]}
