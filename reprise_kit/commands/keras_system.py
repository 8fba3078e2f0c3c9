"""A new system's folder from an old Keras model: every layer through which all passes is a stage."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reprise_kit.commands.new_system import copy
from reprise_kit.compare.digest import sha256
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.stage import StageRow
from reprise_kit.compare.trace import Trace
from reprise_kit.port.keras_legacy import read, saved_under
from reprise_kit.port.keras_legacy.recording import Recording, load

OPEN = 16  # length of an axis that the network leaves open, in the input that is made up
SAMPLES = 3  # of a recording that become inputs
UNMEASURED = "not measured yet: float32 sums in another order come to about 1e-6 of the values; write what you measure"
TOLERANCE = f'{{ atol = 1e-5, rtol = 1e-5, reason = "{UNMEASURED}" }}'
PROBABILITIES = {"softmax", "sigmoid"}


@dataclass(frozen=True)
class Files:
    """An old model's files. architecture: None where weights is a whole model. golden: of original/record."""

    architecture: Path | None
    weights: Path
    golden: Path | None = None
    source_backend: str = "auto"


def filled(files: Files) -> Callable[[Path], None]:
    """Return what fills a new folder; raises InputError where the model cannot be migrated or is no chain of one."""
    from reprise_kit.port.keras_legacy import build

    old = read.read(files.architecture, files.weights)
    recording = load(files.golden) if files.golden else None
    backend = str(saved_under.decide(old, files.source_backend, recording).backend)
    built = build.migrate(old, backend)
    if len(built.model.inputs) != 1 or len(built.model.outputs) != 1:
        raise InputError(f"{files.weights}: a system of one input and one output is wanted; write the others by hand")
    stages = list(_stages(built))

    def fill(folder: Path) -> None:
        copy("keras", folder)
        shutil.copy(files.weights, folder / "weights.h5")
        if files.architecture is not None:
            shutil.copy(files.architecture, folder / f"model{files.architecture.suffix}")
        (folder / "system.toml").write_text(_toml(files.weights.name, backend, stages, built), "utf-8")
        layers = [[row.name, row.layer] for row, _ in stages[1:]]
        (folder / "layers.json").write_text(json.dumps(layers, indent=1) + "\n", "utf-8")
        (folder / "inputs").mkdir()
        _inputs(folder, built, [row for row, _ in stages], backend, recording)

    return fill


def _stages(built: Any) -> Iterator[tuple[StageRow, tuple[int | None, ...]]]:
    """What enters, then each layer that all passes through, with the shapes of what leaves them."""
    entering, last = built.model.inputs[0], built.model.outputs[0]
    yield StageRow("entering", _axes("entering", entering.shape[1:]), entering.dtype, "as it enters", "clip"), ()
    source, layer_before = "entering", None
    for layer, tensor in built.outputs.items():
        if tensor is entering or not _all_passes(built, layer_before, layer, _name_of(built, last)):
            continue
        name = "".join(c if c.isalnum() else "_" for c in layer)
        unit = "probability" if tensor is last and _activation(built) in PROBABILITIES else "activation"
        yield StageRow(name, _axes(name, tensor.shape[1:]), tensor.dtype, unit, source, layer=layer), tensor.shape[1:]
        source, layer_before = name, layer
        if tensor is last:
            return


def _all_passes(built: Any, before: str | None, layer: str, last: str) -> bool:
    """Whether a layer comes from the one before it alone (None: the input), and the answer from it alone."""
    from reprise_kit.port.keras_legacy.pipeline import part

    try:
        part(built, before, layer)
        return layer == last or bool(part(built, layer, last))
    except ValueError:
        return False


def _name_of(built: Any, tensor: Any) -> str:
    made: str = next(name for name, one in built.outputs.items() if one is tensor)
    return made


def _activation(built: Any) -> str:
    layer = built.model.layers[-1]
    return getattr(getattr(layer, "activation", None), "__name__", "")


def _axes(name: str, shape: tuple[int | None, ...]) -> tuple[str, ...]:
    return tuple(f"n_{name}_{i}" for i in range(1, len(shape) + 1))


def _toml(weights: str, backend: str, stages: list[tuple[StageRow, Any]], built: Any) -> str:
    n_labels = built.model.outputs[0].shape[-1]
    labels = ", ".join(f'"label_{i}"' for i in range(n_labels))
    head = f"""\
# A system: what it is, the stages on which both sides must agree, and how closely. Every key: docs/own-system.md.
title = "{json.dumps(weights)[1:-1]} of an old Keras"
licence = "say whose it is"
labels = [{labels}]  # the names of the answer's last axis
input = "file"
suffixes = [".npy"]

[weights]
path = "weights.h5"
backend = "{backend}"  # under which the checkpoint was saved
"""
    return head + "".join(_stage_toml(row) for row, _ in stages)


def _stage_toml(row: StageRow) -> str:
    layer = f"layer = {json.dumps(row.layer)}\n" if row.layer else ""
    isolated = f"isolated = {TOLERANCE}\n" if row.layer else ""
    chained = TOLERANCE if row.layer else '{ atol = 0.0, rtol = 0.0, reason = "both sides read the same file" }'
    return f"""
[[stage]]
name = "{row.name}"
axes = {json.dumps(row.axes)}
dtype = "{row.dtype}"
unit = "{row.unit}"
source = "{row.source}"
{layer}{isolated}chained = {chained}
"""


def _inputs(folder: Path, built: Any, rows: list[StageRow], backend: str, recording: Recording | None) -> None:
    """Write inputs: the recording's first samples, with what the old Keras computed on them, else one made up."""
    if recording is None:
        shape = [size or OPEN for size in built.model.inputs[0].shape[1:]]
        made = np.random.default_rng(0).uniform(size=shape).astype(built.model.inputs[0].dtype)
        np.save(folder / "inputs" / "made_up.npy", made)
        return
    for k, sample in enumerate(recording.inputs[0][:SAMPLES]):
        path = folder / "inputs" / f"sample_{k}.npy"
        np.save(path, sample)
        _recorded(folder, path, k, rows, backend, recording)


def _recorded(folder: Path, path: Path, k: int, rows: list[StageRow], backend: str, recording: Recording) -> None:
    arrays = {row.name: recording.layers[row.layer][k] for row in rows if row.layer in recording.layers}
    arrays |= {rows[0].name: recording.inputs[0][k], rows[-1].name: recording.outputs[0][k]}
    about = {"side": "original", **recording.provenance, "weights_sha256": sha256(folder / "weights.h5")}
    trace = Trace(folder.name, path.name, sha256(path), arrays, {}, about)
    trace.save(folder / "recorded" / backend / path.name)
