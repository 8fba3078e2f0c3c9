"""What today's loaders make of the recorded Keras-1 models: refused, silently wrong or right, as a Markdown table.

    python -m tests.port.keras_legacy.loaders [--every N] [--keras2 "PYTHON3.7 WITH KERAS 2"] [--each] [FOLDER ...]

FOLDER: one with a folder per model, as family/py37/spy_2.py writes them beside Keras's own tests and family/run.py
makes them; left out, the recorded models of the repository. --keras2 also asks that Keras (family/py37/load_2.py) on
TensorFlow. --each lists every model that one of the loaders does not get right.

Each loader gets every form that a user would try: the whole-model file, and the JSON with its weights. A model
counts by the best it got, so a loader is never marked down for a form it does not have.
"""

import argparse
import contextlib
import io
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.port.keras_legacy import recorded
from tests.port.keras_legacy.outcome import Outcome, answers, outcome, port_loader

RANK = ("right", "wrong", "refused")


def library_loader(library: Any, whole: bool) -> Callable[[Path], Any]:
    """Return a loader by the library's own load_model, or model_from_json and load_weights."""

    def load(folder: Path) -> Any:
        if whole:
            model = library.models.load_model(str(folder / "whole.h5"), compile=False)
        else:
            model = library.models.model_from_json((folder / "model.json").read_text())
            model.load_weights(str(folder / "weights.h5"))
        return lambda inputs: model(inputs if len(inputs) > 1 else inputs[0], training=False)

    return load


def best(folder: Path, loads: list[Callable[[Path], Any]]) -> Outcome:
    """Return the best outcome of a few ways to load; an exception of any kind counts as refused."""
    found = []
    for load in loads:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            one = outcome(folder, load)
        kind = "refused" if one.kind == "crashed" else one.kind
        found.append(Outcome(kind, one.error, one.message))
    return min(found, key=lambda one: RANK.index(one.kind))


def measure(folders: list[Path]) -> dict[str, list[Outcome]]:
    """Return each loader's outcomes, one a folder."""
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "0")
    import keras
    import tf_keras

    ways = {
        f"Keras {keras.__version__}": [library_loader(keras, True), library_loader(keras, False)],
        f"tf-keras {tf_keras.__version__}": [library_loader(tf_keras, True), library_loader(tf_keras, False)],
        "reprise migrate": [port_loader("model.json")],
    }
    outcomes: dict[str, list[Outcome]] = {name: [] for name in ways}
    for folder in folders:
        for name, loads in ways.items():
            outcomes[name].append(best(folder, loads))
        keras.backend.clear_session()
        tf_keras.backend.clear_session()
    return outcomes


def each(folders: list[Path], outcomes: dict[str, list[Outcome]]) -> Iterator[str]:
    """Yield a line for each model that one of the loaders does not get right."""
    for i, folder in enumerate(folders):
        found = {name: all_of[i] for name, all_of in outcomes.items() if all_of[i].kind != "right"}
        for name, one in found.items():
            yield f"{folder.parent.name}/{folder.name}: {name}: {one.kind} {one.error:.2g} {one.message[:160]!r}"


def measure_old(python: str, folders: list[Path]) -> Counter[str]:
    """Return the counts of a real Keras 2 in a process of its own."""
    script = Path(__file__).parent / "family" / "py37" / "load_2.py"
    # TensorFlow 2 leaves TF2_BEHAVIOR behind, which would change the old one.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TF")}
    environment |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [*shlex.split(python), str(script), *map(str, folders)]
    ran = subprocess.run(command, env=environment, check=True, text=True, stdout=subprocess.PIPE)
    kinds = [json.loads(line)["kind"] for line in ran.stdout.splitlines() if line.startswith("{")]
    assert len(kinds) == len(folders), f"{len(kinds)} answers for {len(folders)} models"
    return Counter(kinds)


def table(counts: dict[str, Counter[str]]) -> str:
    rows = ["| loader | right | silently wrong | refused |", "|---|---|---|---|"]
    rows += [f"| {name} | {c['right']} | {c['wrong']} | {c['refused']} |" for name, c in counts.items()]
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="take only every N-th model")
    parser.add_argument("--keras2")
    parser.add_argument("--each", action="store_true")
    parser.add_argument("folders", nargs="*", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = [
            path.parent
            for root in options.folders
            for path in sorted(root.glob("*/golden.npz"))
            if answers(path.parent)
        ]
        folders = found or [recorded.folder(name, Path(scratch)) for name in recorded.names()]
        folders = folders[:: options.every]
        outcomes = measure(folders)
        counts = {name: Counter(one.kind for one in found) for name, found in outcomes.items()}
        if options.keras2:
            counts["Keras 2"] = measure_old(options.keras2, folders)
        print(f"{len(folders)} models of real Keras\n\n" + table(counts))
        print("\n".join(each(folders, outcomes) if options.each else ()))


if __name__ == "__main__":
    sys.exit(main())
