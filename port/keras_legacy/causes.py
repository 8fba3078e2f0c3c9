"""Why a migrated model differs from its recording: other readings of the same files, tried one by one."""

import copy
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import build, verify
from reprise_kit.port.keras_legacy.read import OldModel
from reprise_kit.port.keras_legacy.recording import Recording

# Options of `build.migrate`. The versions: one of each way in which BatchNormalization's running_std was read.
OPTIONS = {"keras_version": ("1.0.6", "1.2.2", "1.0.7"), "dim_ordering": ("th", "tf")}
# What an architecture file may say wrongly: class of layer (None: any), key, values.
ENTRIES = (
    ("BatchNormalization", "epsilon", (1e-6, 1e-5, 1e-3)),
    (None, "inner_activation", ("sigmoid", "hard_sigmoid")),
)
WHY = {
    "source_backend": "the checkpoint was saved under the other backend",
    "keras_version": "that version read BatchNormalization's running_std in its own way",
    "dim_ordering": "the layers do not record theirs",
    "epsilon": "the default changed between versions of Keras",
    "inner_activation": "the architecture is not the one that was recorded",
}


@dataclasses.dataclass(frozen=True)
class Reading:
    """Options of `build.migrate`, an entry of the architecture (class, key, value), and the names that changed."""

    options: Mapping[str, str]
    changed: tuple[str, ...]
    entry: tuple[str | None, str, Any] | None = None

    def __str__(self) -> str:
        """What to write on the command line or into the architecture file."""
        if self.entry:
            return (
                f'"{self.entry[1]}": {self.entry[2]} in the {self.entry[0] or "recurrent"} layers of the architecture'
            )
        return " ".join(f"--{name.replace('_', '-')} {self.options[name]}" for name in self.changed)


def explain(
    model: OldModel, backend: str, settings: Mapping[str, Any], recording: Recording, verdict: verify.Verdict
) -> str:
    """Say which other reading of the files gives the recorded outputs, or that none does.

    backend, settings: the reading that did not (see build.migrate), and the verdict on it.
    """
    wrong = [d for d in verdict.outputs if not d.within(verdict.tolerance)]
    if not wrong:
        return _within(verdict)
    as_it_is = Reading({"source_backend": backend}, ())
    if _error(model, as_it_is, settings, recording, verdict.tolerance) is not None:
        return "the built model agrees: the fault is in the written file or in loading it"
    tried = list(_readings(backend))
    # The readings that change least come first.
    for reading in tried:
        error = _error(model, reading, settings, recording, verdict.tolerance)
        if error is not None:
            return (
                f"with {reading} it agrees to {error:.0e}: {'; '.join(WHY[n] for n in reading.changed)}. Use {reading}."
            )
    none = f"no known cause makes it vanish ({len(tried)} other readings of the files tried)"
    if not all(np.isfinite(d.max_abs) for d in wrong):
        return f"{wrong[0].name}: an infinite difference explains nothing; {none}"
    return f"{none}{_first_alone(verdict)}"


def _within(verdict: verify.Verdict) -> str:
    """Say where the fault lies when the outputs agree."""
    return f"the outputs agree, the fault is in a recorded layer or its name{_first_alone(verdict)}"


def _first_alone(verdict: verify.Verdict) -> str:
    """Name the first layer that is wrong although it starts from the recorded numbers."""
    first = next((d for d in verdict.alone if not d.within(verdict.tolerance)), None)
    return f"; the first layer that differs from its own recorded input is {first.name}" if first else ""


def _readings(backend: str) -> Iterator[Reading]:
    other = "theano" if backend == "tensorflow" else "tensorflow"
    yield Reading({"source_backend": other}, ("source_backend",))
    for chosen, changed in ((backend, ()), (other, ("source_backend",))):
        for name, values in OPTIONS.items():
            yield from (Reading({"source_backend": chosen, name: value}, (*changed, name)) for value in values)
    for kind, key, entries in ENTRIES:
        yield from (Reading({"source_backend": backend}, (key,), (kind, key, entry)) for entry in entries)


def _error(
    model: OldModel, reading: Reading, settings: Mapping[str, Any], recording: Recording, tolerance: float
) -> float | None:
    """Return the largest relative difference of the outputs if they agree under a reading; else None."""
    if reading.entry:
        config = copy.deepcopy(model.config)
        _write_entry(config, *reading.entry)
        model = dataclasses.replace(model, config=config)
    try:
        migrated = build.migrate(model, **{**settings, **reading.options})
        differences = verify.end_to_end(migrated, dataclasses.replace(recording, layers={}), tolerance)
    except (InputError, ValueError, TypeError):  # Keras itself may refuse a reading's shapes
        return None
    if not all(d.within(tolerance) for d in differences):
        return None
    return max(d.max_rel for d in differences)


def _write_entry(node: Any, kind: str | None, key: str, value: Any) -> None:
    """Set an entry of every layer of a class, or wherever the key is, in a Keras-1 architecture."""
    if isinstance(node, list):
        for child in node:
            _write_entry(child, kind, key, value)
    elif isinstance(node, dict):
        inner = node.get("config")
        if isinstance(inner, dict) and (key in inner if kind is None else node.get("class_name") == kind):
            inner[key] = value
        for child in node.values():
            _write_entry(child, kind, key, value)
