"""Eleven wrong rules, to prove that the generator bites: each is put in, and must be found.

python -m tests.port.keras_legacy.generator.faults OUT      how many of OUT's graphs it took to find each
"""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .coverage import covered
from .migrating import Outcome, outcome
from .rows import rows

Set = Callable[[Any, str, Any], None]


@dataclass(frozen=True)
class Fault:
    """A wrong rule: the classes it can show on, how it is put in (with a setattr that is undone later), and a class
    that has to be there too.
    """

    classes: frozenset[str]
    install: Callable[[Set], None]
    beside: str = ""


@dataclass(frozen=True)
class Found:
    """How many graphs were there up to the one that showed a fault, which it was, and what came out."""

    graphs: int
    folder: Path
    outcome: Outcome


def _rules(names: Iterable[str], change: Callable[[Any, Any], None]) -> Callable[[Set], None]:
    """Return what makes rules see a changed layer."""

    def install(set_: Set) -> None:
        from reprise_kit.port.keras_legacy import build  # noqa: F401  (all rules)
        from reprise_kit.port.keras_legacy.rules import context

        def wrapped(rule: Any) -> Any:
            def wrong(context: Any, node: Any) -> Any:
                change(context, node)
                return rule(context, node)

            return wrong

        set_(context, "RULES", {**context.RULES, **{name: wrapped(context.RULES[name]) for name in names}})

    return install


def _key(key: str, value: Any) -> Callable[[Any, Any], None]:
    def change(context: Any, node: Any) -> None:
        if key in node.config:
            node.config = {**node.config, key: value}

    return change


def _no_rate(context: Any, node: Any) -> None:
    rate = node.config.get("atrous_rate")
    _key("atrous_rate", [1] * len(rate) if isinstance(rate, list) else 1)(context, node)


def _one_alpha(context: Any, node: Any) -> None:
    alphas = node.weights["alphas"]
    node.weights["alphas"] = np.full_like(alphas, alphas.mean())


def _no_flip(set_: Set) -> None:
    from reprise_kit.port.keras_legacy import convert

    set_(convert, "flip", lambda kernel, backend, n_spatial: kernel)


def _gates(set_: Set) -> None:
    from reprise_kit.port.keras_legacy import convert

    right = convert.lstm_gates

    def wrong(arrays: Any, hard: bool) -> Any:
        gates = []
        for array in right(arrays, hard):
            i, f, c, o = np.split(array, 4, axis=-1)
            gates.append(np.concatenate([c, f, i, o], axis=-1))
        return gates

    set_(convert, "lstm_gates", wrong)


def _gain(set_: Set) -> None:
    from reprise_kit.port.keras_legacy import convert

    set_(convert, "HARD_SIGMOID_GAIN", np.float32(1))


def _mask_or(set_: Set) -> None:
    from keras import ops

    from reprise_kit.port.keras_legacy.rules import masks

    def either(given: list[Any]) -> Any:
        joined = given[0]
        for mask in given[1:]:
            joined = ops.logical_or(joined, mask)
        return joined

    set_(masks, "_all", either)


def _mask_lost(set_: Set) -> None:
    from reprise_kit.port.keras_legacy.rules import masks

    right = masks._passed

    def wrong(context: Any, node: Any, inputs: Any, given: Any) -> Any:
        return None if node.class_name == "TimeDistributed" else right(context, node, inputs, given)

    set_(masks, "_passed", wrong)


def _pool_as_tensorflow(set_: Set) -> None:
    from reprise_kit.port.keras_legacy.rules import pooling

    right = pooling._pool

    def wrong(context: Any, node: Any, *sizes: Any) -> Any:
        backend, context.backend = context.backend, "tensorflow"
        try:
            return right(context, node, *sizes)
        finally:
            context.backend = backend

    set_(pooling, "_pool", wrong)


CELLS = ("SimpleRNN", "GRU", "LSTM")
WRAPPERS = ("Bidirectional", "TimeDistributed")
MERGES = ("Merge", "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")
POOLS = tuple(f"{kind}Pooling{n}D" for kind in ("Max", "Average") for n in (1, 2, 3))
CONVOLUTIONS = (
    *("Convolution1D", "Convolution2D", "Convolution3D", "AtrousConvolution1D", "AtrousConvolution2D", "ConvLSTM2D"),
    *("Conv1D", "Conv2D", "Conv3D", "Deconvolution2D", "Conv2DTranspose", "Conv3DTranspose"),
)
ATROUS = ("AtrousConvolution1D", "AtrousConvolution2D")
FAULTS = {
    "kernels are not flipped": Fault(frozenset(CONVOLUTIONS), _no_flip),
    "gates i and c exchanged": Fault(frozenset({"LSTM"}), _gates),
    "hard_sigmoid of Keras 3": Fault(frozenset({"LSTM", "GRU"}), _gain),
    "epsilon is 1e-5 everywhere": Fault(
        frozenset({"BatchNormalization"}), _rules(["BatchNormalization"], _key("epsilon", 1e-5))
    ),
    "masks of a merge are ORed": Fault(frozenset(MERGES), _mask_or, "Masking"),
    "go_backwards is ignored": Fault(frozenset(CELLS), _rules(CELLS, _key("go_backwards", False))),
    "same pooling as TensorFlow's": Fault(frozenset(POOLS), _pool_as_tensorflow),
    "PReLU has one alpha": Fault(frozenset({"PReLU"}), _rules(["PReLU"], _one_alpha)),
    "concat along the last axis": Fault(
        frozenset({"Merge", "Concatenate"}), _rules(["Merge"], _key("concat_axis", -1))
    ),
    "TimeDistributed loses the mask": Fault(frozenset({"TimeDistributed"}), _mask_lost, "Masking"),
    "atrous_rate is ignored": Fault(frozenset(ATROUS), _rules(ATROUS, _no_rate)),
}


def classes(folder: Path) -> set[str]:
    """Return every class in a recorded graph, also those inside others."""
    graph = json.loads((folder / "spec.json").read_text())["graph"]
    items = list(covered(graph))
    held = {item[3] for item in items if item[0] == "value" and item[2] == "layer"}
    return held | {item[1] for item in items} | {item[2] for item in items if item[0] == "edge"}


def find(fault: Fault, folders: Iterable[Path], set_: Set) -> Found | None:
    """Return the first graph that does not come out right with a fault put in; graphs it cannot show on count too."""
    fault.install(set_)
    for place, folder in enumerate(folders, 1):
        kinds = classes(folder)
        if kinds & fault.classes and (not fault.beside or fault.beside in kinds):
            found = outcome(folder)
            if found.kind != "right":
                return Found(place, folder, found)
    return None


class Undo:
    """A setattr that can be undone."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def __call__(self, owner: Any, name: str, value: Any) -> None:
        self._before.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    def undo(self) -> None:
        """Put everything back."""
        for owner, name, value in reversed(self._before):
            setattr(owner, name, value)
        self._before.clear()


def right_folders(out: Path) -> list[Path]:
    """Return a run's graphs that migrate rightly, number by number over all stacks."""
    pairs = [
        (number, path.parent / str(number))
        for path in sorted(out.glob("*/outcomes.jsonl"))
        for number, row in rows(path).items()
        if row["kind"] == "right"
    ]
    return [folder for _, folder in sorted(pairs)]


def table(folders: list[Path]) -> Iterator[str]:
    """Yield one row a fault."""
    yield "| wrong rule | graphs it took | found on | came out as |"
    yield "|---|---|---|---|"
    for name, fault in FAULTS.items():
        set_ = Undo()
        try:
            found = find(fault, folders, set_)
        finally:
            set_.undo()
        if found is None:
            yield f"| {name} | NOT FOUND in {len(folders)} | | |"
        else:
            what = f"{found.outcome.kind} {found.outcome.error:.1g} {found.outcome.message[:60]}"
            yield f"| {name} | {found.graphs} | {found.folder.parent.name}/{found.folder.name} | {what} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    for line in table(right_folders(parser.parse_args().out)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
