"""A system folder of an adopted model, which the registry loads: `reprise compare --system OUT/system` and `predict`.

Its inputs are .npz files of the model's own inputs (in_0, ...), for what a repository does before its model is not
known; its recordings are what the old Keras answered on them.
"""

import json
import shutil
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from reprise_kit.apps.adopt.adopted import WHOSE, Adopted
from reprise_kit.apps.adopt.captured import OWN, STAND_IN
from reprise_kit.compare.atomic import atomic_folder
from reprise_kit.compare.digest import sha256
from reprise_kit.compare.trace import Trace
from reprise_kit.port.keras_legacy import recording

SKELETONS = Path(__file__).parents[2] / "skeletons"
MODULES = {
    "pipeline.py": '''"""The port: the captured checkpoint, migrated when it is opened."""

from reprise_kit.apps.adopt.pipeline import Options, opener

open_pipeline = opener(__file__)
__all__ = ["Options", "open_pipeline"]
''',
}
HEAD = Template("""title = $title
licence = "as in the adopted repository: see its own files"
labels = $labels
input = "file"
suffixes = [".npz"]
parity = $parity

[weights]
path = "weights.h5"
backend = $backend

[environments.$name]
requirements = "environment.lock"
image = "original"
backend = $backend
python = $python
""")
STAGE = Template("""
[[stage]]
name = $name
axes = $axes
dtype = $dtype
unit = $unit
source = $source
isolated = { atol = $atol, rtol = 1e-05, reason = $reason }
chained = { atol = $atol, rtol = 1e-05, reason = $reason }
""")
TAKEN = "the input is taken in as it is"
COMPUTED = "float32 sums in another order: 1e-5 of the largest recorded number"
SAMPLES = 8  # inputs that are kept, a file each


def write(adopted: Adopted, recorded: Path, out: Path, source: str, lock: Path, python: str) -> Path:
    """Write the folder `out` for a model whose recordings are in `recorded`; return it.

    lock, python: its environment's lock and version of Python, in which the original answers live.
    """
    name = OWN if adopted.captured.own else STAND_IN
    arrays = recording.load(recorded / name)
    with atomic_folder(out, "adopt") as folder:
        for file in ("architecture.json", "weights.h5", "about.json"):
            shutil.copyfile(recorded / file, folder / file)
        shutil.copyfile(lock, folder / "environment.lock")
        (folder / "system.toml").write_text(_table(adopted, arrays, source, WHOSE[name], python), "utf-8")
        for file, text in MODULES.items():
            (folder / file).write_text(text, "utf-8")
        for path in (SKELETONS / "adapter.py", SKELETONS / "adopted" / "trace.py"):
            shutil.copyfile(path, folder / path.name)
        _write_recordings(adopted, arrays, folder, out.name)
    return out


def _table(adopted: Adopted, arrays: recording.Recording, source: str, whose: str, python: str) -> str:
    answer = arrays.outputs[0]
    n_labels = answer.shape[-1] if answer.ndim > 1 else 1
    outputs = [row for v in adopted.verifications for row in v.rows if row.is_output]
    parity = f"{outputs[0].name} {outputs[0].whole[1]:.1e} of the largest number" if outputs else "not measured"
    text = HEAD.substitute(
        title=_said(f"Adopted from {source}"),
        labels=_said([f"output {i}" for i in range(n_labels)]),
        parity=_said(f"{parity}, on {whose}"),
        backend=_said(adopted.captured.backend),
        name=adopted.captured.backend,
        python=_said(python),
    )
    first = "in_0" if len(arrays.inputs) == 1 else "clip"
    for i, array in enumerate(arrays.inputs):
        text += _stage(f"in_{i}", array, "as the model was given it", "clip", TAKEN, 0.0)
    for i, array in enumerate(arrays.outputs):
        largest = float(np.abs(array).max(initial=0))
        unit = "probability" if _are_probabilities(array) else "as the model answers"
        text += _stage(f"out_{i}", array, unit, first, COMPUTED, 1e-5 * largest)
    return text


def _are_probabilities(answers: np.ndarray) -> bool:
    """Whether every sample's answer is one distribution over labels; the demo plays systems that have such a stage."""
    several = answers.ndim == 2 and answers.shape[1] > 1
    return several and bool((answers >= 0).all() and np.allclose(answers.sum(axis=1), 1, atol=1e-4))


def _stage(name: str, array: np.ndarray, unit: str, source: str, reason: str, atol: float) -> str:
    axes = [f"{name}_axis_{i}" for i in range(1, array.ndim)] or ["n_values"]
    words: dict[str, Any] = {"name": name, "axes": axes, "unit": unit, "source": source, "reason": reason}
    dtype = str(array.dtype) if name.startswith("in") else "float32"
    return STAGE.substitute({key: _said(value) for key, value in words.items()}, dtype=_said(dtype), atol=repr(atol))


def _said(value: object) -> str:
    """TOML's strings and lists of them are written as JSON's."""
    return json.dumps(value)


def _write_recordings(adopted: Adopted, arrays: recording.Recording, folder: Path, system: str) -> None:
    said = {
        "weights_sha256": sha256(folder / "weights.h5"),
        "keras": adopted.captured.keras,
        "side": "the captured original",
    }
    (folder / "inputs").mkdir()
    for i in range(min(SAMPLES, len(arrays.inputs[0]))):
        taken = {f"in_{k}": array[i] for k, array in enumerate(arrays.inputs)}
        path = folder / "inputs" / f"input_{i}.npz"
        np.savez(path, **taken)
        answered = {f"out_{k}": array[i].astype(np.float32) for k, array in enumerate(arrays.outputs)}
        trace = Trace(system, path.name, sha256(path), taken | answered, {}, said)
        trace.save(folder / "recorded" / adopted.captured.backend / path.stem)
