"""The other drawing policy: long chains of any classes, settings far out, models within models within wrappers.

It shares the vocabulary with draw.py, not the habits: sizes of 1 and of 20, kernels wider than strides are used to,
encoders of several inputs and outputs called more than once (on masked inputs too), Merges of Merges in Sequentials.
"""

import copy
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import combining
from .drawing import Drawing, Spec, Stack, Tensor
from .shapes import Shape, first
from .vocabulary import Kind

# A setting's values that nobody draws who draws what is usual; a list is a value an axis.
_FAR: dict[str, list[Any]] = {
    "output_dim units nb_filter filters": [7, 17],
    "filter_length nb_row nb_col kernel_dim1 kernel_size": [1, 5, 6, 7],
    "subsample_length subsample strides stride": [5, 6, 7],
    "pool_length pool_size length size": [1, 5, 6],
    "atrous_rate dilation_rate": [4, 5],
    "alpha theta": [-1.0, 7.5, 1e-4],
    "p rate": [0.9],
    "sigma stddev": [20.0],
    "epsilon": [1e-4, 1.0],
    "momentum": [0.0, 0.5],
    "mask_value": [1e-3, -7.5, 100.0],
    "n": [1, 9],
    "axis": [-2, -3],
    "padding": [4, 0],
    "transform_bias": [-7, 3],
    "depth_multiplier": [3],
    "nb_feature": [7],
    "max_value": [6.0, 0.1],
    "threshold": [-1.0, 2.0],
}
FAR = {key: values for keys, values in _FAR.items() for key in keys.split()}


@dataclass
class Wild(Drawing):
    """A drawing whose settings are far out one time in three."""

    def settings(self, kind: Kind, wrapped: bool = False) -> dict[str, Any]:
        """Draw settings, then move some."""
        drawn = super().settings(kind, wrapped)
        for key, value in drawn.items():
            if key in FAR and isinstance(value, int | float | list) and self.rng.random() < 0.35:
                drawn[key] = _far(value, self.rng.choice(FAR[key]), self.rng)
        return drawn

    def fork(self) -> "Wild":
        """Return an empty drawing of a graph inside this one."""
        return Wild(self.rng, self.stack, self.batch, self.ordering, {}, self.depth + 1, names=self.names)


def _far(value: Any, new: Any, rng: random.Random) -> Any:
    """Return a value far out, in the form that it had: one for all axes, or one axis of them."""
    if not isinstance(value, list):
        return new
    if not all(isinstance(one, int) for one in value):
        return value
    place = rng.randrange(len(value))
    return [new if i == place or rng.random() < 0.5 else one for i, one in enumerate(value)]


def graph(rng: random.Random, stack: Stack) -> Spec | None:
    """Return a graph, or None if what was begun came to nothing."""
    pair = ("th", "tf") if stack.version < (2,) else ("channels_first", "channels_last")
    drawing = Wild(rng, stack, rng.random() < 0.25, rng.choice(pair))
    kinds = [(5, _chain), (3, _encoders), (2, _towers), (3 if stack.version < (2,) else 0, _merges)]
    draw = rng.choices([kind for _, kind in kinds], [weight for weight, _ in kinds])[0]
    return draw(drawing)


def _input(drawing: Drawing, rank: int | None = None, depth: int = 0) -> Tensor:
    """Add an input of 1 to 20 steps, or pixels of 1 to 12."""
    rng = drawing.rng
    rank = rank or rng.choice((1, 2, 2, 2, 3, 3, 4))
    sizes = [rng.choice((1, 2, 3, 5, 8, 12, 20)) for _ in range(rank - 1)]
    if rank == 4:
        sizes = [min(size, 6) for size in sizes]
    channels = rng.choice((1, 2, 3, 5))
    shape = [channels, *sizes] if rank > 2 and first(drawing.ordering) else [*sizes, channels]
    return drawing.input(shape)


def _any(drawing: Drawing, tensor: Tensor, alone: bool = False) -> Tensor | None:
    """Put any class on a tensor, all equally likely; `alone`: no merge, no second output."""
    names = [kind.name for kind in drawing.fitting(tensor)]
    wrapping = [name for name in combining.combined(drawing.stack) if name in _WRAPPING]
    merging = [] if alone else [name for name in combining.combined(drawing.stack) if name not in _WRAPPING]
    name = drawing.rng.choice([*names, *wrapping * 2, *merging])
    before = len(drawing.steps), len(drawing.tensors)
    out = combining.add(drawing, name, tensor)
    if out is not None and alone and len(drawing.steps[-1]["to"]) > 1:
        del drawing.steps[before[0] :], drawing.tensors[before[1] :]
        return None
    return out


_WRAPPING = ("TimeDistributed", "Bidirectional", "Lambda", "Sequential", "Model")


def _walk(drawing: Drawing, current: Tensor, length: int, alone: bool = False) -> Tensor:
    for _ in range(length):
        current = _any(drawing, current, alone) or current
    return current


def _chain(drawing: Drawing) -> Spec | None:
    """Three to ten layers one after the other, Sequential or not; masked or made of tokens at times."""
    rng, sequential = drawing.rng, drawing.rng.random() < 0.5
    current: Tensor | None
    if rng.random() < 0.2:
        current = drawing.input([rng.choice((1, 4, 12))], "int32")
        current = combining.add(drawing, "Embedding", current)
    else:
        current = _input(drawing)
        if len(current.shape) == 2 and rng.random() < 0.3:
            current = combining.add(drawing, "Masking", current)
    if current is None:
        return None
    current = _walk(drawing, current, rng.randint(3, 10), alone=sequential)
    if not drawing.steps:
        return None
    if sequential:
        return drawing.graph("sequential", [current.name])
    return drawing.graph("functional", _ends(drawing))


def _ends(drawing: Drawing) -> list[str]:
    used = {name for step in drawing.steps for name in step["from"]}
    ends = [t.name for t in drawing.tensors if t.by != "InputLayer" and t.name not in used]
    drawing.rng.shuffle(ends)
    return ends[:5]


def _encoders(drawing: Drawing) -> Spec | None:
    """A model of one or two inputs and outputs, called on two or three sets of them; what comes out is joined."""
    rng, stack = drawing.rng, drawing.stack
    n_inputs, n_calls = rng.choice((1, 1, 2)), rng.choice((2, 2, 3))
    like = _input(drawing, rng.choice((1, 2, 2, 3)))
    masked = stack.version >= (2,) and len(like.shape) == 2 and rng.random() < 0.5
    inside = drawing.fork()
    parts = [inside.input(list(like.shape), masked=masked) for _ in range(n_inputs)]
    ends = [_walk(inside, part, rng.randint(1, 4), alone=True) for part in parts]
    if any(end in parts for end in ends):
        return None
    joins = _merging(stack)
    if n_inputs == 2 and ends[0].shape == ends[1].shape and rng.random() < 0.6:
        built = combining.merged(inside, ends, rng.choice(joins))
        if built is not None and built[3] == 2:
            ends = [inside.put(built[0], ends, [(built[1], built[2], False)])[0]]
    made = {"class": "Model", "args": {}, "drawn": {}, "graph": inside.graph("functional", [t.name for t in ends])}
    outs = [(list(end.shape), end.masked, False) for end in ends]
    rows = [[like if i + k == 0 else drawing.input(list(like.shape)) for k in range(n_inputs)] for i in range(n_calls)]
    for row in rows:
        for tensor, entry in zip(row, inside.inputs, strict=True):
            _padded(drawing, tensor, entry["pad"])
    if masked:
        rows = [[combining.add(drawing, "Masking", t) or t for t in row] for row in rows]
    results = drawing.put(made, rows[0], outs)
    name = drawing.steps[-1]["layer"]
    for row in rows[1:]:
        results += drawing.call(name, row, outs)
    pair = [results[0], results[-1]]
    if rng.random() < 0.8 and pair[0].shape == pair[1].shape:
        built = combining.merged(drawing, pair, rng.choice(joins))
        if built is not None and built[3] == 2:
            _walk(drawing, drawing.put(built[0], pair, [(built[1], built[2], False)])[0], rng.randint(0, 2))
    return drawing.graph("functional", _ends(drawing))


def _padded(drawing: Drawing, tensor: Tensor, value: float | None) -> None:
    """Let an input have steps of the value that a model called on it masks."""
    for entry in drawing.inputs:
        if entry["name"] == tensor.name and entry["pad"] is None:
            entry["pad"] = value


def _merging(stack: Stack) -> list[str]:
    return ["Merge"] if stack.version < (2,) else list(stack.dialect.MERGES)


def _towers(drawing: Drawing) -> Spec | None:
    """Wrappers and models in each other, three deep: TimeDistributed(Model(Sequential(...)))."""
    rng = drawing.rng
    current = _input(drawing, rng.choice((2, 3, 3, 4)))
    if rng.random() < 0.3 and len(current.shape) == 3 and drawing.stack.version >= (1, 2):
        current = combining.add(drawing, "Masking", current) or current
    for _ in range(rng.choice((1, 1, 2))):
        found = _tower(drawing, current, rng.choice((2, 3)))
        if found is not None:
            current = drawing.put(found[0], [current], [(found[1], current.masked, False)])[0]
    current = _walk(drawing, current, rng.randint(0, 2), alone=True)
    return drawing.graph("functional", _ends(drawing)) if drawing.steps else None


def _tower(drawing: Drawing, tensor: Tensor, levels: int) -> tuple[Spec, Shape] | None:
    rng = drawing.rng
    if levels == 0:
        kinds = drawing.fitting(tensor, wrapped=True)
        return drawing.spec(rng.choice(kinds), tensor, wrapped=True) if kinds else None
    step = Tensor("step", tensor.shape[1:], tensor.by, tensor.dtype)
    if len(tensor.shape) > 1 and rng.random() < 0.5:
        inner = _tower(drawing, step, levels - 1)
        if inner is None or len(inner[1]) > 3:
            return None
        return _held("TimeDistributed", inner[0]), [tensor.shape[0], *inner[1]]
    inside = drawing.fork()
    current = inside.input(list(tensor.shape))
    for _ in range(rng.choice((1, 2))):
        found = _tower(inside, current, levels - 1)
        if found is not None:
            current = inside.put(found[0], [current], [(found[1], False, False)])[0]
    if not inside.steps:
        return None
    name = rng.choice(("Sequential", "Model"))
    kind = "sequential" if name == "Sequential" else "functional"
    spec = {"class": name, "args": {}, "drawn": {}, "graph": inside.graph(kind, [current.name])}
    return spec, list(current.shape)


def _held(kind: str, inner: Spec) -> Spec:
    return {"class": kind, "args": {}, "drawn": {"layer": inner["class"]}, "inner": inner}


def _merges(drawing: Drawing, depth: int = 0) -> Spec | None:
    """Keras 1: a Sequential whose first layer merges Sequentials, one of which may begin so itself."""
    rng = drawing.rng
    tensor = _input(drawing, rng.choice((1, 2, 2, 3)))
    if len(tensor.shape) == 2 and rng.random() < 0.3:
        tensor = combining.add(drawing, "Masking", tensor) or tensor
    tensor = _walk(drawing, tensor, rng.randint(1, 3), alone=True)
    if not drawing.steps or tensor.dtype != "float32":
        return None
    branch = drawing.graph("sequential", [tensor.name])
    for level in range(rng.choice((1, 1, 2))):
        found = _joined(drawing, branch, tensor, level)
        if found is None:
            return None
        branch, tensor = found
    return branch


def _joined(drawing: Drawing, branch: Spec, tensor: Tensor, level: int) -> tuple[Spec, Tensor] | None:
    """Return a Sequential that merges a branch and a copy of it, and the tensor it gives."""
    after = Wild(drawing.rng, drawing.stack, drawing.batch, drawing.ordering, names=drawing.names)
    pair = [Tensor(f"branch_{i}", tensor.shape, tensor.by, "float32", tensor.masked) for i in range(2)]
    built = combining.merged(after, pair, "Merge")
    if built is None or built[0]["args"].get("mode") == "cos":
        return None
    built[0]["as"] = "layer"
    after.tensors += pair
    out = after.put(built[0], pair, [(built[1], False, False)])[0]
    out = _walk(after, out, drawing.rng.randint(0, 2), alone=True)
    parts = [branch, _renamed(branch, level)]
    joined = after.graph("sequential", [out.name], branches=parts)
    joined["inputs"] = [entry for part in parts for entry in part["inputs"]]
    return joined, out


def _renamed(branch: Spec, level: int) -> Spec:
    """Return a copy of a branch with inputs of its own and no names of layers."""
    new = copy.deepcopy(branch)
    for place, entry in enumerate(new["inputs"]):
        entry["name"] = f"in_{2**level + place}"
    _unnamed(new)
    return new


def _unnamed(part: Mapping[str, Any]) -> None:
    for spec in part["layers"].values():
        while spec is not None:
            spec["args"].pop("name", None)
            if "graph" in spec:
                _unnamed(spec["graph"])
            spec = spec.get("inner")
    for branch in part.get("branches", ()):
        _unnamed(branch)
