"""Migrate recorded graphs as a person would, and compare what the written file predicts with the old stack.

    python -m tests.port.keras_legacy.generator.migrating      a folder a line in, its outcome a line out

A question that the files leave open (which version, which ordering, a bug kept or fixed) is answered as the person
who made the network would; the answer is counted, not held against the migration.
"""

import contextlib
import gc
import json
import os
import re
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from ..outcome import TOLERANCE, golden_sets
from .drawing import Spec
from .vocabulary import orderings

ROUNDS = 5
# Twice what a change of the weights by 1e-6 moves an output; the recorder leaves out what that moves by 1e-4.
NOISE = 2.0
DECIDES = 1e-3  # an output that rounding alone may move by more, relative, says nothing about a rule
DEAD = 1e-6  # an output that is all rounding: Theano's relu leaves 3.5e-8 where TensorFlow's leaves 0


@dataclass(frozen=True)
class Outcome:
    """`kind`: right, wrong, undecided, refused or crashed; `error`: max |d| over max |original| of the worst output.

    Undecided is what differs by no more than rounding can move it, where that is more than DECIDES.
    """

    kind: str
    error: float = 0.0
    allowed: float = TOLERANCE
    message: str = ""
    asked: tuple[str, ...] = ()


def outcome(folder: Path) -> Outcome:
    """Migrate the recorded graph in `folder`, reload what was written, and compare.

    What is right has run: writing it again with the run that comes before "wrote" would say nothing more.
    """
    from reprise_kit.port.keras_legacy import write

    with mock.patch.object(write, "_run", return_value=[]):
        found = _outcome(folder)
    return found if found.kind == "right" else _outcome(folder)


def _outcome(folder: Path) -> Outcome:
    from reprise_kit.compare.errors import InputError

    spec = json.loads((folder / "spec.json").read_text())
    asked: list[str] = []
    try:
        with tempfile.TemporaryDirectory() as scratch:
            model = _migrated(folder, spec, Path(scratch) / "model.keras", asked)
            found = _compared(model, folder, spec)
            return replace(found, asked=tuple(asked))
    except InputError as error:
        return Outcome("refused", message=str(error), asked=tuple(asked))
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())[:400]
        return Outcome("crashed", message=text, asked=tuple(asked))


def _migrated(folder: Path, spec: Spec, out: Path, asked: list[str]) -> Any:
    """Return the reloaded file; questions are answered until there are none."""
    import keras

    from reprise_kit.compare.errors import InputError
    from reprise_kit.port.keras_legacy import layers  # noqa: F401  (registers what a model may need)
    from reprise_kit.port.keras_legacy.migrate import Options, migrate_files

    form = spec["form"] if spec["form"] in spec["made"]["forms"] else "json"
    architecture = None if form == "whole" else folder / f"model.{form}"
    weights = folder / ("whole.h5" if form == "whole" else "weights.h5")
    options = Options(source_backend=spec["made"]["backend"])
    for _ in range(ROUNDS):
        try:
            migrate_files(architecture, weights, out, options)
            return keras.saving.load_model(out)
        except InputError as error:
            answer = _answer(str(error), options, spec)
            if answer is None:
                raise
            asked += answer
            options = replace(options, **answer)
    raise AssertionError(f"{ROUNDS} rounds of questions: {asked}")


def _answer(question: str, options: Any, spec: Spec) -> dict[str, Any] | None:
    """Return the option that a question asks for, or None if it is no question or was answered."""
    silent, _ = orderings(spec["graph"])
    silent |= {"th"} if spec.get("data_format") == "channels_first" else set()
    if "--keras-version" in question and options.keras_version is None:
        return {"keras_version": spec["made"]["keras"]}
    if "--dim-ordering" in question and options.dim_ordering is None and len(silent) == 1:
        return {"dim_ordering": silent.pop()}
    if "--legacy-bugs" in question and options.legacy_bugs is None:
        return {"legacy_bugs": "keep"}
    first = re.search(r"--input-shape (.+)=28,28,1", question)
    if first and not options.input_shape and spec["graph"]["kind"] == "sequential":
        declared = spec["graph"]["inputs"][0]["declared"]
        return {"input_shape": (f"{first[1]}={','.join(str(size or '-') for size in declared)}",)}
    return None


def _compared(model: Any, folder: Path, spec: Spec) -> Outcome:
    """Compare every recorded set of inputs; each is a batch of one prediction, so that states run on as recorded.

    What differs is held against what rounding can do to it: the model runs again with its numbers moved by one.
    """
    sets = golden_sets(folder)
    inputs = [np.concatenate(parts) for parts in zip(*(given for given, _ in sets), strict=True)]
    found = _predicted(model, inputs, len(sets[0][0][0]))
    noise = [[NOISE * moved for moved in row] for row in spec["made"]["noise"]]
    worst = _worst(found, sets, noise)
    if worst.kind == "right" or worst.error == float("inf"):
        return worst
    floors = [_floors(model, given) for given, _ in sets]
    larger = [[max(pair) for pair in zip(*both, strict=True)] for both in zip(noise, floors, strict=True)]
    worst = _worst(found, sets, larger)
    return replace(worst, kind="undecided") if worst.kind == "right" and worst.allowed > DECIDES else worst


def _floors(model: Any, inputs: list[np.ndarray]) -> list[float]:
    """Return the largest difference that rounding explains, of each output."""
    from reprise_kit.port.keras_legacy.rounding import Graph

    floors = Graph(model, {str(i): tensor for i, tensor in enumerate(model.outputs)}, {}).floors(inputs, False)
    return [floors[str(i)] for i in range(len(model.outputs))]


def _predicted(model: Any, inputs: list[np.ndarray], size: int) -> list[np.ndarray]:
    found = model.predict(inputs if len(inputs) > 1 else inputs[0], batch_size=size, verbose=0)
    return [np.asarray(value) for value in (found if isinstance(found, list | tuple) else [found])]


def _worst(found: list[np.ndarray], sets: list[Any], floors: list[list[float]]) -> Outcome:
    worst = Outcome("right")
    for place, ((given, expected), row) in enumerate(zip(sets, floors, strict=True)):
        if len(found) != len(expected):
            return Outcome("wrong", float("inf"), message=f"{len(found)} outputs for {len(expected)}")
        size = len(given[0])
        for value, reference, floor in zip(found, expected, row, strict=True):
            one = _difference(value[place * size : (place + 1) * size], reference, floor)
            if (one.kind == "wrong", one.error) > (worst.kind == "wrong", worst.error):
                worst = one
    return worst


def _difference(found: np.ndarray, expected: np.ndarray, floor: float) -> Outcome:
    """Compare one output; `floor`: by how much rounding alone may move it."""
    if found.shape != expected.shape:
        return Outcome("wrong", float("inf"), message=f"shape {found.shape} for {expected.shape}")
    if not np.isfinite(found).all():
        return Outcome("wrong", float("inf"), message="not finite")
    scale = float(np.abs(expected).max())
    scale = scale if scale > DEAD else 1.0
    error = float(np.abs(found.astype("float64") - expected).max()) / scale
    allowed = max(TOLERANCE, floor / scale)
    return Outcome("right" if error <= allowed else "wrong", error, allowed)


def main() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})  # its time, not its results
    gc.freeze()  # clear_session collects garbage after every graph; not among the imports
    for line in sys.stdin:
        with contextlib.redirect_stdout(sys.stderr):
            found = outcome(Path(line.strip()))
        keras.backend.clear_session()
        answers.write(json.dumps(asdict(found)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
