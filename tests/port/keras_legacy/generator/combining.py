"""Layers that hold or join others: wrappers, merges, nested models, functions, shared layers."""

import copy
from typing import Any

from .drawing import Drawing, Spec, Tensor
from .shapes import Shape

KEEPING = ("Activation", "Dropout", "BatchNormalization", "LeakyReLU", "GaussianNoise", "ELU", "Masking", "PReLU")
SAME = ("scale", "center", "square", "abs", "negative", "clip", "normalize")
REDUCING = ("mean", "sum", "max", "last")
K1_ELEMENTWISE = ("sum", "mul", "ave", "max")
K2_ELEMENTWISE = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")


def combined(stack: Any) -> list[str]:
    """Return the names of what is drawn here, as far as a version has it."""
    names = ["TimeDistributed", "Lambda", "Sequential", "Model"]
    if stack.version >= (1, 1):
        names.append("Bidirectional")
    return [*names, *(["Merge"] if stack.version < (2,) else stack.dialect.MERGES)]


def add(drawing: Drawing, name: str, tensor: Tensor) -> Tensor | None:
    """Put the class `name` on a tensor; None if it does not fit."""
    if name in drawing.stack.kinds():
        return drawing.add(drawing.stack.kinds()[name], tensor)
    if name in ("TimeDistributed", "Bidirectional"):
        found = (time_distributed if name == "TimeDistributed" else bidirectional)(drawing, tensor)
        if found is None:
            return None
        spec, outs = found
        made = drawing.put(spec, [tensor], outs)
        return made[drawing.rng.randrange(len(made))]
    if name in ("Sequential", "Model"):
        return nested(drawing, tensor, name)
    if name == "Lambda":
        return function(drawing, tensor)
    return merge(drawing, tensor, name)


def time_distributed(drawing: Drawing, tensor: Tensor, depth: int = 0) -> tuple[Spec, list[Any]] | None:
    """(steps, ...) -> (steps, ...)."""
    if len(tensor.shape) < 2 or (tensor.open and len(tensor.shape) > 2):
        return None
    step = Tensor("step", tensor.shape[1:], tensor.by, tensor.dtype)
    wish = drawing.forced.get("TimeDistributed", {}).get("layer") if not depth else None
    roll = drawing.rng.random()
    inner: tuple[Spec, Any] | None
    if wish in ("TimeDistributed", None) and len(step.shape) > 1 and depth < 1 and (wish or roll < 0.1):
        found = time_distributed(drawing, step, depth + 1)
        inner = None if found is None else (found[0], found[1][0][0])
    elif wish == "Bidirectional" or (wish is None and 0.1 < roll < 0.2):
        found = bidirectional(drawing, step, inside=True)
        inner = None if found is None else (found[0], found[1][0][0])
    elif wish in ("Sequential", "Model") or (wish is None and 0.2 < roll < 0.35):
        inner = _inner_model(drawing, step, wish or drawing.rng.choice(("Sequential", "Model")))
    else:
        kinds = [k for k in drawing.fitting(step, wrapped=True) if wish in (None, k.name)]
        inner = drawing.spec(drawing.rng.choice(kinds), step, wrapped=True) if kinds else None
    if inner is None or len(inner[1]) > 3:
        return None
    spec, shape = inner
    name = spec["class"]
    outer = {"class": "TimeDistributed", "args": {}, "drawn": {"layer": name}, "inner": spec}
    return outer, [([tensor.shape[0], *shape], tensor.masked, tensor.open)]


def bidirectional(drawing: Drawing, tensor: Tensor, inside: bool = False) -> tuple[Spec, list[Any]] | None:
    """A recurrent layer both ways."""
    if len(tensor.shape) != 2 or drawing.stack.version < (1, 1) or tensor.dtype != "float32":
        return None
    forced = drawing.forced.get("Bidirectional", {})
    cell = forced.get("layer") or drawing.rng.choice(drawing.stack.dialect.CELL_NAMES)
    inner = drawing.spec(drawing.stack.kinds()[cell], tensor, wrapped=True)
    if inner is None:
        return None
    spec, shape = inner
    modes = drawing.stack.dialect.BIDIRECTIONAL["merge_mode"]
    mode = forced["merge_mode"] if "merge_mode" in forced else drawing.rng.choice(modes[:4] if inside else modes)
    shape = [*shape[:-1], shape[-1] * 2] if mode == "concat" else shape
    masked = tensor.masked and bool(spec["args"].get("return_sequences"))
    outer = {
        "class": "Bidirectional",
        "args": {"merge_mode": mode},
        "drawn": {"merge_mode": mode, "layer": cell},
        "inner": spec,
    }
    return outer, [(shape, masked, tensor.open and len(shape) > 1)] * (2 if mode is None else 1)


def _inner_model(drawing: Drawing, like: Tensor, name: str) -> tuple[Spec, Shape] | None:
    found = _model(drawing, like, name)
    return None if found is None else (found[0], list(found[1].shape))


def _model(drawing: Drawing, like: Tensor, name: str) -> tuple[Spec, Tensor] | None:
    if drawing.depth > 1:
        return None
    inside = drawing.fork()
    current = inside.input(list(like.shape), like.dtype, like.open, like.masked)
    for _ in range(drawing.rng.choice((1, 2, 2, 3))):
        kinds = inside.fitting(current)
        new = inside.add(drawing.rng.choice(kinds), current) if kinds else None
        if new is not None and name == "Model" and drawing.rng.random() < 0.25:
            new = merge(inside, new, drawing.rng.choice(_merge_names(drawing))) or new
        current = new or current
    if not inside.steps:
        return None
    graph = inside.graph("sequential" if name == "Sequential" else "functional", [current.name])
    if name == "Sequential" and any(len(step["from"]) > 1 for step in inside.steps):
        return None
    return {"class": name, "args": {}, "drawn": {}, "graph": pruned(graph)}, current


def pruned(graph: Spec) -> Spec:
    """Leave out the steps of a functional graph that no output needs."""
    wanted, kept = set(graph["outputs"]), []
    for step in reversed(graph["steps"]):
        if wanted & set(step["to"]):
            kept.append(step)
            wanted |= set(step["from"])
    layers = {step["layer"] for step in kept}
    return {
        **graph,
        "steps": kept[::-1],
        "layers": {name: spec for name, spec in graph["layers"].items() if name in layers},
    }


def _merge_names(drawing: Drawing) -> list[str]:
    return ["Merge"] if drawing.stack.version < (2,) else list(drawing.stack.dialect.MERGES)


def nested(drawing: Drawing, tensor: Tensor, name: str) -> Tensor | None:
    """A model used as a layer."""
    if tensor.masked and drawing.stack.version < (2,) and drawing.rng.random() < 0.95:
        return None  # Keras 1's InputLayer takes no mask
    found = _model(drawing, tensor, name)
    if found is None:
        return None
    spec, out = found
    return drawing.put(spec, [tensor], [(list(out.shape), out.masked, out.open)])[0]


def function(drawing: Drawing, tensor: Tensor) -> Tensor | None:
    """A Lambda."""
    if tensor.masked and drawing.stack.version < (2,) and drawing.rng.random() < 0.95:
        return None
    if tensor.dtype != "float32":
        return None
    wish = drawing.forced.get("Lambda", {}).get("function")
    rank = len(tensor.shape)
    name = wish or drawing.rng.choice(SAME + ((*REDUCING, "skip") if rank > 1 and not tensor.open else ()))
    shape = list(tensor.shape)
    if name in REDUCING and rank > 1:
        shape = shape[1:]
    elif name == "skip" and rank > 1 and shape[0] > 1:
        shape = [shape[0] - 1, *shape[1:]]
    elif name not in SAME:
        return None
    args = {} if name in SAME else {"output_shape": shape}
    spec = {"class": "Lambda", "args": args, "drawn": {"function": name}, "function": name}
    return drawing.put(spec, [tensor], [(shape, False, tensor.open and len(shape) > 1)])[0]


def partner(drawing: Drawing, tensor: Tensor) -> Tensor | None:
    """Return another tensor of the same shape: one that is there, or this one after a layer that keeps it."""
    there = [t for t in drawing.tensors if t.shape == tensor.shape and t.dtype == tensor.dtype and t != tensor]
    there = [t for t in there if t.open == tensor.open]
    if there and drawing.rng.random() < 0.5:
        return drawing.rng.choice(there)
    kinds = {k.name: k for k in drawing.fitting(tensor) if k.name in KEEPING}
    return drawing.add(kinds[drawing.rng.choice(sorted(kinds))], tensor) if kinds else None


def shorter(drawing: Drawing, tensor: Tensor) -> Tensor | None:
    """Return a tensor without the first axis of this one: Keras 2's elementwise merges stretch it."""
    if len(tensor.shape) < 2 or tensor.open:
        return None
    name, shape = drawing.rng.choice(REDUCING), list(tensor.shape[1:])
    spec = {"class": "Lambda", "args": {"output_shape": shape}, "drawn": {"function": name}, "function": name}
    return drawing.put(spec, [tensor], [(shape, False, False)])[0]


def merge(drawing: Drawing, tensor: Tensor, name: str) -> Tensor | None:
    """Join a tensor with others."""
    if tensor.dtype != "float32":
        return None
    if name in K2_ELEMENTWISE and drawing.rng.random() < 0.2:
        other = shorter(drawing, tensor)
        if other is not None:
            return _stretched(drawing, tensor, other, name)
    others = [partner(drawing, tensor) for _ in range(drawing.rng.choice((1, 1, 1, 2)))]
    tensors = [tensor, *(t for t in others if t is not None and t.shape == tensor.shape)]
    if len(tensors) < 2:
        return None
    if drawing.rng.random() < 0.5:
        tensors.reverse()
    built = merged(drawing, tensors, name)
    if built is None:
        return None
    spec, shape, masked, count = built
    return drawing.put(spec, tensors[:count], [(shape, masked, tensor.open and len(shape) > 1)])[0]


def _stretched(drawing: Drawing, tensor: Tensor, other: Tensor, name: str) -> Tensor:
    """Join a tensor with one of fewer axes, in either order."""
    pair = drawing.rng.choice([[tensor, other], [other, tensor]])
    spec = {"class": name, "args": {}, "drawn": {}}
    return drawing.put(spec, pair, [(list(tensor.shape), tensor.masked, False)])[0]


def merged(drawing: Drawing, tensors: list[Tensor], name: str) -> tuple[Spec, Shape, bool, int] | None:
    """Return (layer, shape, masked, how many tensors it takes) of a merge of tensors of one shape."""
    rng, shape, rank = drawing.rng, list(tensors[0].shape), len(tensors[0].shape)
    masked = any(t.masked for t in tensors)
    forced = drawing.forced.get(name, {})
    mode = forced.get("mode") or (rng.choice(drawing.stack.dialect.MERGES["mode"]) if name == "Merge" else name)
    spec: Spec = {"class": name, "args": {}, "drawn": {}}
    if name == "Merge":
        how = forced.get("as") or rng.choice(("function", "layer"))
        spec = {"class": name, "args": {"mode": mode}, "drawn": {"mode": mode, "as": how}, "as": how}
        if masked and mode == "max":
            return None
    if mode in K1_ELEMENTWISE or mode in K2_ELEMENTWISE:
        count = 2 if mode == "Subtract" else len(tensors)
        return spec, shape, any(t.masked for t in tensors[:count]), count
    if mode in ("concat", "Concatenate"):
        return _concatenated(drawing, spec, tensors, masked)
    if mode == "$function":
        return _joined(drawing, spec, shape, masked)
    if rank > 2 or tensors[0].open:
        return None
    return _product(drawing, spec, shape)


def _concatenated(
    drawing: Drawing, spec: Spec, tensors: list[Tensor], masked: bool
) -> tuple[Spec, Shape, bool, int] | None:
    shape, rank = list(tensors[0].shape), len(tensors[0].shape)
    axis = drawing.rng.choice([-1, *([] if tensors[0].open else range(1, rank + 1))])
    key = "concat_axis" if spec["class"] == "Merge" else "axis"
    spec["args"][key] = spec["drawn"][key] = axis
    at = axis if axis < 0 else axis - 1
    shape[at] *= len(tensors)
    return spec, shape, masked, len(tensors)


def _joined(drawing: Drawing, spec: Spec, shape: Shape, masked: bool) -> tuple[Spec, Shape, bool, int]:
    spec["function"] = drawing.rng.choice(("difference", "distance", "product"))
    spec["args"] = {"output_shape": shape}
    if masked and drawing.rng.random() < 0.3:
        spec["output_mask"] = "none"
    return spec, shape, False, 2


def _product(drawing: Drawing, spec: Spec, shape: Shape) -> tuple[Spec, Shape, bool, int]:
    rank = len(shape)
    pairs = [(a, b) for a in range(1, rank + 1) for b in range(1, rank + 1) if shape[a - 1] == shape[b - 1]]
    first, second = drawing.rng.choice(pairs)
    axes: Any = [first, second]
    if first == second and drawing.rng.random() < 0.4:
        axes = -1 if first == rank and drawing.rng.random() < 0.5 else first
    key = "dot_axes" if spec["class"] == "Merge" else "axes"
    spec["args"][key] = spec["drawn"][key] = axes
    if spec["class"] == "Dot" and drawing.rng.random() < 0.3:
        spec["args"]["normalize"] = spec["drawn"]["normalize"] = True
    rest = [n for i, n in enumerate(shape, 1) if i != first] + [n for i, n in enumerate(shape, 1) if i != second]
    if spec["args"].get("mode") == "cos":
        rest = [1, *rest] if rest else [1, 1]  # Keras 1 gives (n, 1, 1); its own shape rule says (n, 1)
    return spec, rest or [1], False, 2


def reuse(drawing: Drawing, tensor: Tensor) -> Tensor | None:
    """Call a layer that is there once more, on another tensor of the same shape."""
    by_name = {t.name: t for t in drawing.tensors}
    found = []
    for step in drawing.steps:
        spec, sources = drawing.layers[step["layer"]], [by_name[name] for name in step["from"]]
        like = sources[0]
        alike = (like.shape, like.dtype, like.open) == (tensor.shape, tensor.dtype, tensor.open)
        plain = len(sources) == 1 and len(step["to"]) == 1 and not spec["args"].get("stateful")
        plain = plain and (drawing.stack.version >= (2,) or not _normalises(spec))
        if alike and plain and (like.masked or not tensor.masked):
            found.append((step, by_name[step["to"][0]]))
    if not found:
        return None
    step, out = drawing.rng.choice(found)
    again = drawing.call(step["layer"], [tensor], [(list(out.shape), out.masked and tensor.masked, out.open)])
    return again[0]


def _normalises(spec: Spec) -> bool:
    """Return whether a layer is or holds a BatchNormalization, which Keras 1 does not share."""
    held = [spec["inner"]] if "inner" in spec else spec["graph"]["layers"].values() if "graph" in spec else ()
    return spec["class"] == "BatchNormalization" or any(map(_normalises, held))


def branches(drawing: Drawing, first: Spec) -> list[Spec]:
    """Return two Sequentials that end in one shape: `first`, and a copy of it with an input of its own."""
    second = copy.deepcopy(first)
    second["inputs"][0]["name"] = "in_1"
    for spec in second["layers"].values():
        spec["args"].pop("name", None)
    return [first, second]
