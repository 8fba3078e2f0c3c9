"""Draw a graph: `spec(stack, number, seed, aim)` gives one network as plain JSON, the same for the same numbers.

It aims at one item of the universe (coverage.py): a layer that feeds another, or a setting's value; what is drawn
around it is free. A graph without an aim comes from another policy, wild.py.
"""

import random
from typing import Any

from . import combining, wild
from .coverage import Item
from .drawing import Drawing, Spec, Stack, Tensor
from .shapes import Shape, first
from .vocabulary import orderings

TRIES = 30


def spec(stack: Stack, number: int, seed: int, aim: Item | None) -> Spec:
    """Return the spec of graph `number`: stack, seed of its weights, whether it is compiled, and the graph.

    It covers `aim`, an item of the universe, where that can be drawn; without one it is drawn freely (wild.py).
    """
    for attempt in range(TRIES):
        rng = random.Random(f"{seed}/{stack}/{number}/{attempt}")
        graph = _graph(rng, stack, aim if attempt < TRIES - 10 else None) if aim else wild.graph(rng, stack)
        if graph is not None and not _undecidable(graph):
            return {
                "stack": str(stack),
                "number": number,
                "seed": rng.randrange(2**31),
                "trained": rng.random() < 0.2,
                "form": rng.choice(("json", "json", "yaml", "whole")),
                "graph": graph,
            }
    raise AssertionError(f"nothing could be drawn for {stack} {number}: {aim}")


def _undecidable(graph: Spec) -> bool:
    """Return whether layers that do not record their ordering stand in a network whose others have another.

    Keras 1 has one ordering for a person's networks; in a file of both nothing tells which a silent layer had.
    """
    silent, others = orderings(graph)
    return bool(silent) and len(silent | others) > 1


def _graph(rng: random.Random, stack: Stack, aim: Any) -> Spec | None:
    pair = ("th", "tf") if stack.version < (2,) else ("channels_first", "channels_last")
    forced = {aim[1]: {aim[2]: aim[3]}} if aim and aim[0] == "value" else {}
    stateful = "stateful" in (key for keys in forced.values() for key in keys)
    drawing = Drawing(rng, stack, stateful or rng.random() < 0.15, rng.choice(pair), forced)
    current = _aimed(drawing, aim) if aim else _new_input(drawing)
    if current is None:
        return None
    if rng.random() < 0.3 and _linear(drawing):
        return _sequential(drawing, current)
    return _functional(drawing, current)


def _aimed(drawing: Drawing, aim: Any) -> Tensor | None:
    """Build what the graph is to cover."""
    names = [aim[1]] if aim[0] == "value" else [name for name in aim[1:] if name != "InputLayer"]
    current = _input_for(drawing, names[0])
    if drawing.rng.random() < 0.25 and current is not None and aim[1] != "InputLayer" and current.dtype == "float32":
        current = combining.add(drawing, "Activation", current)
    for name in names:
        current = current and combining.add(drawing, name, current)
    return current


def _input_for(drawing: Drawing, name: str) -> Tensor | None:
    kind = drawing.stack.kinds().get(name)
    if kind is not None:
        rank = drawing.rng.choice(kind.takes)
        return _new_input(drawing, rank, kind.dtype, kind.open)
    wrapped = drawing.forced.get(name, {}).get("layer")
    if name == "TimeDistributed" and wrapped in drawing.stack.kinds():
        inner = drawing.stack.kinds()[wrapped]
        return _new_input(drawing, drawing.rng.choice([r for r in inner.takes if r < 4] or [3]) + 1, inner.dtype)
    return _new_input(drawing, {"TimeDistributed": drawing.rng.choice((2, 3, 4)), "Bidirectional": 2}.get(name))


def _new_input(drawing: Drawing, rank: int | None = None, dtype: str = "", may_open: bool = True) -> Tensor:
    rng = drawing.rng
    if rank is None:
        rank, dtype = rng.choice((*[(1, "float32")] * 4, *[(2, "float32")] * 7, *[(3, "float32")] * 5,
                                  *[(4, "float32")] * 2, *[(1, "int32")] * 3))  # fmt: skip
    is_open = may_open and rank < 4 and rng.random() < (0.2 if dtype == "int32" else 0.1)
    if rank == 1 and dtype != "int32":
        is_open = False
    return drawing.input(_sizes(drawing, rank, dtype or "float32"), dtype or "float32", is_open)


def _sizes(drawing: Drawing, rank: int, dtype: str) -> Shape:
    rng = drawing.rng
    if dtype == "int32":
        return [rng.choice((4, 5, 6, 7)) for _ in range(rank)]
    if rank == 1:
        return [rng.randint(1, 6)]
    if rank == 2:
        return [rng.randint(3, 9), rng.randint(1, 4)]
    sizes = [rng.randint(4, 9) for _ in range(2)] if rank == 3 else [rng.randint(3, 5) for _ in range(3)]
    channels = rng.randint(1, 3)
    return [channels, *sizes] if first(drawing.ordering) else [*sizes, channels]


def _linear(drawing: Drawing) -> bool:
    """Return whether what is drawn is a chain."""
    last = drawing.inputs[0]["name"]
    for step in drawing.steps:
        if step["from"] != [last] or len(step["to"]) != 1:
            return False
        last = step["to"][0]
    return len(drawing.inputs) == 1


def _grow(drawing: Drawing, tensor: Tensor, chain: bool) -> Tensor | None:
    """Put one more layer somewhere."""
    rng, roll = drawing.rng, drawing.rng.random()
    if tensor.dtype == "int32":
        return combining.add(drawing, "Embedding", tensor)
    names = combining.combined(drawing.stack)
    if not chain and roll < 0.2:
        merges = [name for name in names if name not in ("TimeDistributed", "Lambda", "Sequential", "Model",
                                                         "Bidirectional")]  # fmt: skip
        return combining.merge(drawing, tensor, rng.choice(merges))
    if not chain and roll < 0.28:
        return combining.reuse(drawing, tensor)
    if roll < 0.5:
        wrappers = [n for n in names if n in ("TimeDistributed", "Bidirectional", "Lambda", "Sequential", "Model")]
        return combining.add(drawing, rng.choice(wrappers), tensor)
    kinds = drawing.fitting(tensor)
    return drawing.add(rng.choice(kinds), tensor) if kinds else None


def _sequential(drawing: Drawing, current: Tensor) -> Spec | None:
    rng = drawing.rng
    for _ in range(rng.choice((0, 1, 2, 3, 4))):
        before = len(drawing.steps)
        new = _grow(drawing, current, chain=True)
        if new is not None and len(drawing.steps[-1]["to"]) > 1:  # a list of two: only a functional graph has it
            drawing.steps.pop()
            drawing.tensors = drawing.tensors[:-2]
            new = None
        current = new or current
        assert len(drawing.steps) - before <= 1
    if not drawing.steps:
        return None
    graph = drawing.graph("sequential", [current.name])
    kind = drawing.layers[drawing.steps[0]["layer"]]
    if "graph" not in kind and rng.random() < (0.15 if drawing.stack.version < (2, 2) else 0.02):
        # from 2.2 on the file forgets such an input's shape
        graph["input_layer"] = True
    elif drawing.stack.version < (2,) and rng.random() < 0.15 and not current.open and current.dtype == "float32":
        return _merge_first(drawing, graph, current)
    return graph


def _merge_first(drawing: Drawing, first: Spec, current: Tensor) -> Spec | None:
    """A Sequential whose first layer merges two others."""
    after = Drawing(drawing.rng, drawing.stack, drawing.batch, drawing.ordering, drawing.forced, names=drawing.names)
    pair = [Tensor(f"branch_{i}", current.shape, current.by, "float32", current.masked) for i in range(2)]
    built = combining.merged(after, pair, "Merge")
    if built is None or built[0]["args"].get("mode") == "cos":
        return None
    layer, shape, _, _ = built
    layer["as"] = "layer"
    after.tensors += pair
    tensor = after.put(layer, pair, [(shape, False, False)])[0]
    for _ in range(drawing.rng.choice((0, 1, 2))):
        tensor = _grow(after, tensor, chain=True) or tensor
    parts = combining.branches(drawing, first)
    graph = after.graph("sequential", [tensor.name], branches=parts)
    graph["inputs"] = [part["inputs"][0] for part in parts]
    return graph if all(len(step["to"]) == 1 for step in after.steps) else None


PASSING = ("Activation", "Dropout", "BatchNormalization", "TimeDistributed", "LeakyReLU", "Bidirectional", "LSTM")


def _masked(drawing: Drawing) -> None:
    """Add a part that lives by its masks: made, passed on, joined with others or none, and used at the end."""
    rng, shape = drawing.rng, _sizes(drawing, 2, "float32")
    current: Tensor | None = None
    for place in range(rng.choice((1, 2, 2))):
        branch: Tensor | None = drawing.input(shape)
        if place == 0 or rng.random() < 0.8:
            branch = combining.add(drawing, "Masking", branch) if branch else None
        for _ in range(rng.choice((0, 1, 2))):
            branch = (branch and combining.add(drawing, rng.choice(PASSING), branch)) or branch
        if current is None:
            current = branch
        elif branch is not None and branch.shape == current.shape:
            pair = [current, branch]
            rng.shuffle(pair)
            name = (
                "Merge" if drawing.stack.version < (2,) else rng.choice(("Add", "Multiply", "Average", "Concatenate"))
            )
            built = combining.merged(drawing, pair, name)
            if built is not None and built[3] == 2:
                current = drawing.put(built[0], pair, [(built[1], built[2], False)])[0]
    for name in (rng.choice(PASSING), rng.choice(drawing.stack.dialect.CELL_NAMES)):
        current = (current and combining.add(drawing, name, current)) or current


def _functional(drawing: Drawing, current: Tensor) -> Spec | None:
    rng = drawing.rng
    if rng.random() < 0.12 and len(drawing.inputs) == 1:
        _masked(drawing)
    for _ in range(rng.choice((0, 1, 2, 3, 4, 5, 6))):
        roll = rng.random()
        if roll < 0.12 and len(drawing.inputs) < 3:
            new: Tensor | None = _new_input(drawing)
        else:
            # mostly on from the last
            new = _grow(drawing, current if roll < 0.8 else rng.choice(drawing.tensors), chain=False)
        current = new or current
    used = {name for step in drawing.steps for name in step["from"]}
    for entry in list(drawing.inputs):
        if entry["name"] not in used:
            lonely = next(t for t in drawing.tensors if t.name == entry["name"])
            if _grow(drawing, lonely, chain=True) is None:
                return None
    used = {name for step in drawing.steps for name in step["from"]}
    made = [t.name for t in drawing.tensors if t.by != "InputLayer"]
    outputs = [name for name in made if name not in used]
    inner = [name for name in made if name in used]
    if inner and rng.random() < 0.15:
        outputs.append(rng.choice(inner))
    rng.shuffle(outputs)
    return drawing.graph("functional", outputs) if 0 < len(outputs) < 5 else None
