"""Why a migrated model differs from its recording: other readings of the same files, tried one by one."""

import copy
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import build, verify
from reprise_kit.port.keras_legacy.read import Keras1Model

DROP = 100  # by which a reading must lower the difference where it does not bring it within the tolerance
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
    model: Keras1Model, backend: str, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray], tolerance: float
) -> str:
    """Say which other reading of the files gives the recorded outputs, or that none does.

    backend, settings: the reading that did not (see build.migrate). arrays: the recording. tolerance: relative.
    """
    before = _error(model, Reading({"source_backend": backend}, ()), settings, arrays)
    if before <= tolerance:
        return "the built model's outputs agree: the fault is in a recorded layer or in writing the file"
    errors = [(_error(model, reading, settings, arrays), reading) for reading in _readings(backend)]
    # The first of equals: the readings that change least come first.
    error, best = min(errors, key=lambda pair: max(pair[0], tolerance))
    if error > tolerance and not (np.isfinite(error) and error * DROP <= before):
        return f"no known cause makes it vanish ({len(errors)} other readings of the files tried)"
    return f"with {best} it agrees to {error:.0e}: {'; '.join(WHY[name] for name in best.changed)}. Use {best}."


def _readings(backend: str) -> Iterator[Reading]:
    other = "theano" if backend == "tensorflow" else "tensorflow"
    yield Reading({"source_backend": other}, ("source_backend",))
    for chosen, changed in ((backend, ()), (other, ("source_backend",))):
        for name, values in OPTIONS.items():
            yield from (Reading({"source_backend": chosen, name: value}, (*changed, name)) for value in values)
    for kind, key, entries in ENTRIES:
        yield from (Reading({"source_backend": backend}, (key,), (kind, key, entry)) for entry in entries)


def _error(
    model: Keras1Model, reading: Reading, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> float:
    """Return the largest relative difference of the outputs; infinity where the files cannot be read so."""
    if reading.entry:
        config = copy.deepcopy(model.config)
        _write_entry(config, *reading.entry)
        model = dataclasses.replace(model, config=config)
    try:
        migrated = build.migrate(model, **{**settings, **reading.options})
        return max(difference.max_rel for difference in verify.outputs(migrated.model, arrays))
    except (InputError, ValueError, TypeError):  # Keras itself may refuse a reading's shapes
        return float("inf")


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
