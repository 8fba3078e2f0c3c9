"""Shrink a failing graph to a minimal one: delta debugging on its spec, each try built in the real old Keras.

python -m tests.port.keras_legacy.generator.shrink OUT KERAS-BACKEND NUMBER --stacks FILE
"""

import argparse
import copy
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from . import combining
from .drawing import Spec, Stack
from .report import reason
from .runs import Migrator
from .stacks import Worker, environments

TRIES = 250
KEPT = ("output_shape", "target_shape", "dims", "dim_ordering", "data_format")  # without them it is another question


def smaller(graph: Spec) -> Iterator[Spec]:
    """Yield graphs that are one step simpler."""
    if graph["kind"] == "functional":
        yield from _fewer_outputs(graph)
    yield from _fewer_steps(graph)
    for branch in range(len(graph.get("branches", ()))):
        for less in smaller(graph["branches"][branch]):
            new = copy.deepcopy(graph)
            new["branches"][branch] = less
            yield new
    for name, spec in graph["layers"].items():
        for less in _simpler_layer(spec):
            new = copy.deepcopy(graph)
            new["layers"][name] = less
            yield new
    for place, entry in enumerate(graph["inputs"]):
        for change in ({"pad": None}, {"batch": False}, {"declared": entry["shape"]}):
            if any(entry[key] != value and (entry[key] or value) for key, value in change.items()):
                new = copy.deepcopy(graph)
                new["inputs"][place].update(change)
                yield new


def pruned(graph: Spec) -> Spec:
    """Leave out steps, layers and inputs that no output needs."""
    left = combining.pruned(graph)
    wanted = set(left["outputs"]).union(*(step["from"] for step in left["steps"]))
    return {**left, "inputs": [entry for entry in left["inputs"] if entry["name"] in wanted]}


def _fewer_outputs(graph: Spec) -> Iterator[Spec]:
    tensors = [name for step in graph["steps"] for name in step["to"]]
    for name in tensors:
        if graph["outputs"] != [name]:
            yield pruned({**copy.deepcopy(graph), "outputs": [name]})


def _fewer_steps(graph: Spec) -> Iterator[Spec]:
    for place, step in enumerate(graph["steps"]):
        for source in step["from"]:
            new = copy.deepcopy(graph)
            del new["steps"][place]
            for other in new["steps"]:
                other["from"] = [source if name in step["to"] else name for name in other["from"]]
            new["outputs"] = [source if name in step["to"] else name for name in new["outputs"]]
            if new["steps"] and not set(new["outputs"]) & {entry["name"] for entry in new["inputs"]}:
                yield pruned(new) if graph["kind"] == "functional" else new


def _simpler_layer(spec: Spec) -> Iterator[Spec]:
    for key in spec["args"]:
        if key not in KEPT:
            new = copy.deepcopy(spec)
            del new["args"][key]
            new["drawn"].pop(key, None)
            yield new
    for part, ways in (("inner", _simpler_layer), ("graph", smaller)):
        if part in spec:
            for less in ways(spec[part]):  # type: ignore[operator]
                yield {**copy.deepcopy(spec), part: less}


def shrink(spec: Spec, fails: Callable[[Spec], bool], tries: int = TRIES) -> Spec:
    """Return the simplest spec found that still fails; each success starts over from it."""
    again = True
    while again:
        again = False
        for graph in smaller(spec["graph"]):
            tries -= 1
            if tries < 0:
                return spec
            candidate = {**spec, "graph": graph}
            if fails(candidate):
                spec, again = candidate, True
                break
    return spec


def same_failure(worker: Worker, migrator: Migrator, scratch: Path, kind: str, why: str) -> Callable[[Spec], bool]:
    """Return a test: built by old Keras, and its migration ends as the first did."""

    def fails(spec: Spec) -> bool:
        folder = scratch / "candidate"
        shutil.rmtree(folder, ignore_errors=True)
        if "made" not in worker.record(spec, folder):
            return False
        found = migrator.outcome(folder)
        return found["kind"] == kind and (kind == "wrong" or reason(found["message"])[:60] == why[:60])

    return fails


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("stack")
    parser.add_argument("numbers", type=int, nargs="+")
    parser.add_argument("--stacks", type=Path, required=True)
    options = parser.parse_args()
    stack = Stack(*options.stack.split("-"))
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        worker = Worker(stack, environments(options.stacks)[str(stack)], scratch / "log")
        migrator = Migrator(scratch / "migrating.log")
        for number in options.numbers:
            folder = options.out / str(stack) / str(number)
            first = migrator.outcome(folder)
            spec = json.loads((folder / "spec.json").read_text())
            spec.pop("made")
            why = reason(first["message"])
            found = shrink(spec, same_failure(worker, migrator, scratch, first["kind"], why))
            print(f"{stack}/{number}: {first['kind']} {first['error']:.2g} {first['message']}")
            print(as_code(found["graph"]), flush=True)
        worker.close()
        migrator.close()


def as_code(graph: Spec, indent: str = "  ") -> str:
    """Return a graph as lines a person can read: tensor = Class(settings)(tensors)."""
    lines = [f"{e['name']} = Input({e['declared']}, {e['dtype']}, batch={e['batch']})" for e in graph["inputs"]]
    for branch in graph.get("branches", ()):
        lines.append("branch:\n" + as_code(branch, indent + "  "))
    for step in graph["steps"]:
        spec = graph["layers"][step["layer"]]
        lines.append(f"{', '.join(step['to'])} = {_call(spec)}({', '.join(step['from'])})  # {step['layer']}")
    lines.append(f"{graph['kind']} -> {graph['outputs']}")
    return "\n".join(indent + line.replace("\n", "\n" + indent) for line in lines)


def _call(spec: Spec) -> str:
    inner = [_call(spec["inner"])] if "inner" in spec else []
    if "graph" in spec:
        inner.append("\n" + as_code(spec["graph"], "    ") + "\n")
    if "function" in spec:
        inner.append(spec["function"])
    return f"{spec['class']}({', '.join([*inner, *(f'{k}={v!r}' for k, v in spec['args'].items())])})"


if __name__ == "__main__":
    main()
