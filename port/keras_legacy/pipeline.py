"""The pipeline of a system that is one old Keras network behind a front end: its table says which layer a stage leaves.

A [[stage]] with `layer = "..."` is what leaves that layer of the network, built by build.py from the architecture and
the checkpoint; every other stage is the front end's (or comes after the network) and has a function. Sources of layered
stages are layered stages themselves, or the one array that enters the network.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np

from reprise_kit.compare import provenance
from reprise_kit.compare.contract import Array, Prediction, Traced, one_by_one
from reprise_kit.compare.digest import sha256
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.stage import StageRow
from reprise_kit.compare.system import System
from reprise_kit.port.keras_legacy import build, read

PACKAGES = ("keras", "numpy", "tensorflow")
Function = Callable[[Array, Mapping[str, float]], Array]


@dataclass(frozen=True)
class FrontEnd:
    """What a file goes through outside of the network.

    take_in: from a file to the stages that start from the input, arrays without a batch axis; raises InputError.
    functions: by stage name, from the source stage's array and the scalars, for each other stage that no layer leaves.
    """

    take_in: Callable[[Path], Traced]
    functions: Mapping[str, Function] = field(default_factory=dict)


class LegacyKerasPipeline:
    """An old Keras network with one checkpoint loaded, behind a front end; see compare/contract.py's Pipeline."""

    def __init__(
        self,
        system: System,
        architecture: Path | None,
        weights: Path,
        source_backend: str,
        front_end: FrontEnd,
        **settings: Any,
    ) -> None:
        """Build the network; raises InputError where its files or the stages of `system` do not fit.

        architecture: model.json or model.yaml, None where `weights` is a whole model. settings: of build.migrate, such
        as dim_ordering="th", where the files leave something open.
        """
        self.labels, self.weights, self.source_backend = system.labels, weights, source_backend
        self.rows: tuple[StageRow, ...] = system.file.stage
        self.front_end = front_end
        self.built = build.migrate(read.read(architecture, weights), source_backend, **settings)
        self._check()

    def _check(self) -> None:
        if len(self.built.model.inputs) != 1:
            raise InputError(f"the network has {len(self.built.model.inputs)} inputs; one is wanted here")
        known = self.built.outputs
        for row in self.rows:
            if row.layer and row.layer not in known:
                raise InputError(f"stage {row.name}: no layer {row.layer!r} in the network; there are: {_few(known)}")
            if not isinstance(row.source, str):
                raise InputError(f"stage {row.name}: {len(row.source)} source stages; of a Keras network each has one")
            if not row.layer and row.source != "clip" and row.name not in self.front_end.functions:
                raise InputError(f"stage {row.name}: neither a layer nor a function of the front end is named for it")
        if len(self._entering) != 1:
            raise InputError(f"one stage enters the network, not {len(self._entering)}: {_few(self._entering)}")

    @property
    def _layered(self) -> dict[str, StageRow]:
        return {row.name: row for row in self.rows if row.layer}

    @cached_property
    def _entering(self) -> list[str]:
        """The stages that layered ones start from without being layered themselves."""
        return sorted({str(row.source) for row in self._layered.values()} - self._layered.keys())

    def predict(self, path: Path) -> Prediction:
        """Return what leaves the last stage, (n_labels,), or (n_steps, n_labels) and their mean; raises InputError."""
        last = self.trace(path).arrays[self.rows[-1].name].astype(np.float32)
        steps = last if last.ndim == 2 else None
        return Prediction(self.labels, steps, 0.0, last if steps is None else last.mean(axis=0), 0.0)

    def predict_many(self, paths: Sequence[Path]) -> list[Prediction | InputError]:
        """Return the answer on each input, or why it cannot be taken."""
        return one_by_one(self.predict, paths)

    def decode(self, path: Path) -> Traced:
        """Return the stages that start from the input."""
        return self.front_end.take_in(path)

    def trace(self, path: Path) -> Traced:
        """Return every stage of an input, end to end."""
        taken = self.decode(path)
        arrays = dict(taken.arrays)
        for row in self.rows:
            if row.name not in arrays and row.layer:
                arrays |= self._run_network(path, arrays[self._entering[0]])
            elif row.name not in arrays and row.source in arrays:
                arrays[row.name] = self.stage(row.name, arrays[str(row.source)], taken.scalars)
        return Traced(arrays, taken.scalars, taken.provenance)

    def stage(self, name: str, source: Array, scalars: Mapping[str, float]) -> Array:
        """Compute one stage from its source stage's array; raises KeyError on an unknown stage."""
        if name not in self._layered:
            return self.front_end.functions[name](source, scalars)
        array: Array = np.asarray(self._part(name)(self._batch(source), training=False))[0]
        return array

    def provenance(self) -> dict[str, Any]:
        """Return what decided the numbers."""
        more = {"source_backend": self.source_backend, "floatx": keras.config.floatx()}
        return provenance.of_port(sha256(self.weights), PACKAGES, **more)

    def _run_network(self, path: Path, entering: Array) -> dict[str, Array]:
        try:
            outputs = self._tapped(self._batch(entering), training=False)
        except (ValueError, TypeError) as error:
            wanted, words = self.built.model.inputs[0].shape[1:], " ".join(str(error).split())[:160]
            raise InputError(f"{path}: {entering.shape} enters, the network takes {wanted} ({words})") from None
        return {name: np.asarray(output)[0] for name, output in zip(self._layered, outputs, strict=True)}

    def _batch(self, array: Array) -> Array:
        return np.asarray(array, self.built.model.inputs[0].dtype)[None]

    @cached_property
    def _tapped(self) -> keras.Model:
        return keras.Model(self.built.model.inputs[0], [self.built.outputs[r.layer] for r in self._layered.values()])

    def _part(self, name: str) -> keras.Model:
        row = self._layered[name]
        try:
            return part(self.built, self._layered[row.source].layer if row.source in self._layered else None, row.layer)
        except ValueError:
            raise InputError(f"stage {name}: layer {row.layer} needs more than its source, {row.source}") from None


def part(built: build.Migrated, enters: str | None, leaves: str) -> keras.Model:
    """What lies between two layers of a network, None: its input. Raises ValueError where more enters than the one."""
    return keras.Model(built.outputs[enters] if enters else built.model.inputs[0], built.outputs[leaves])


def _few(names: Any) -> str:
    return ", ".join(list(names)[:20]) or "none"
