"""What a set of graphs has covered: (class, setting, value) and (class, class it feeds), against all that can be."""

import random
from collections.abc import Iterator
from functools import cache
from typing import Any

from .combining import combined
from .drawing import Spec, Stack
from .vocabulary import Kind, label, settle

Item = tuple[Any, ...]
ANY = frozenset({1, 2, 3, 4})
SAMPLES = 40


def values(spec: Spec) -> Iterator[Item]:
    """Yield (class, setting, value) of a layer and of what it holds."""
    for key, value in spec["drawn"].items():
        yield spec["class"], key, label(value)
    if "inner" in spec:
        yield from values(spec["inner"])
    if "graph" in spec:
        yield from covered(spec["graph"])


def covered(graph: Spec) -> Iterator[Item]:
    """Yield every item that a graph covers: values as ("value", ...), feeding as ("edge", ...)."""
    by = {entry["name"]: "InputLayer" for entry in graph["inputs"]}
    for step in graph["steps"]:
        spec = graph["layers"][step["layer"]]
        for source in step["from"]:
            if source in by:
                yield "edge", by[source], spec["class"]
        by.update(dict.fromkeys(step["to"], spec["class"]))
        for item in values(spec):
            yield item if item[0] in ("edge", "value") else ("value", *item)
    for branch in graph.get("branches", ()):
        yield from covered(branch)


@cache
def universe(stack: Stack) -> list[Item]:
    """Return what one old Keras has: ("value", class, key, value as drawn) and ("edge", class, class), shuffled."""
    kinds, rng = stack.kinds(), random.Random(1)
    found: list[Item] = []
    for kind in kinds.values():
        for key, choices in kind.keys(stack.version, stack.backend).items():
            found += [("value", kind.name, key, value) for value in _unique(choices)]
    found += _combined_values(stack)
    gives = {kind.name: _gives(kind, rng) for kind in kinds.values()}
    names = combined(stack)
    takes = {kind.name: frozenset(kind.takes) for kind in kinds.values() if kind.dtype == "float32"}
    for name in names:
        gives[name], takes[name] = _ranks_of(name, stack)
    found += [("edge", "InputLayer", name) for name in [*takes, "Embedding"]]
    refusing = {kind.name for kind in kinds.values() if kind.masks == "refuse"}
    if stack.version < (2,):
        refusing.add("Lambda")
    for one, ranks in gives.items():
        for other, wanted in takes.items():
            if ranks & wanted and not (one == "Masking" and other in refusing):
                found.append(("edge", one, other))
    rng.shuffle(found)
    return found


def _combined_values(stack: Stack) -> list[Item]:
    dialect, kinds = stack.dialect, stack.kinds()
    found: list[Item] = [("value", "TimeDistributed", "layer", name) for name in kinds if _in_time(kinds[name])]
    found += [("value", "TimeDistributed", "layer", name) for name in ("Sequential", "Model", "TimeDistributed")]
    if stack.version >= (1, 1):
        found.append(("value", "TimeDistributed", "layer", "Bidirectional"))
        found += [("value", "Bidirectional", "layer", cell) for cell in dialect.CELL_NAMES]
        found += [("value", "Bidirectional", "merge_mode", mode) for mode in dialect.BIDIRECTIONAL["merge_mode"]]
    if stack.version < (2,):
        found += [("value", "Merge", key, value) for key, choices in dialect.MERGES.items() for value in choices]
    return found


def _in_time(kind: Kind) -> bool:
    return min(kind.takes) < 4 and kind.name not in ("Masking",)


def _ranks_of(name: str, stack: Stack) -> tuple[frozenset[int], frozenset[int]]:
    """Return the ranks that a combining layer gives and takes."""
    if name == "TimeDistributed":
        return frozenset({2, 3, 4}), frozenset({2, 3, 4})
    if name == "Bidirectional":
        return frozenset({1, 2}), frozenset({2})
    return (frozenset({1, 2, 3}), frozenset({1, 2})) if name == "Dot" else (ANY, ANY)


def _gives(kind: Kind, rng: random.Random) -> frozenset[int]:
    """Return the ranks of what a layer can give, by trying."""
    ranks = set()
    for rank in kind.takes:
        for _ in range(SAMPLES):
            drawn = {key: rng.choice(choices) for key, choices in {**kind.options}.items()}
            out = settle(kind, drawn, [6] * rank, rng)
            if out is not None:
                ranks.add(len(out[1]))
    return frozenset(ranks)


def _unique(choices: list[Any]) -> list[Any]:
    return list({label(choice): choice for choice in choices}.values())


def as_covered(item: Item) -> Item:
    """Return an item of the universe as `covered` writes it."""
    return (*item[:3], label(item[3])) if item[0] == "value" else item
