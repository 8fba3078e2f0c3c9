"""The pipeline of an adopted system: an .npz of the model's inputs (in_0, ... of one sample) to its answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from reprise_kit.compare import npz
from reprise_kit.compare.contract import Array, Prediction, Traced
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.system import read as read_system
from reprise_kit.port.keras_legacy import verify
from reprise_kit.port.keras_legacy.pipeline import FrontEnd, LegacyKerasPipeline


@dataclass(frozen=True)
class Options:
    """An adopted system has none."""


class Pipeline(LegacyKerasPipeline):
    """A captured checkpoint, migrated; of any number of inputs, and its stages are those and the outputs."""

    def __init__(self, folder: Path, weights: Path, backend: str) -> None:
        """Read the architecture beside system.toml and the given weights; raises InputError as `migrate`."""
        about = msgspec.json.decode((folder / "about.json").read_bytes())
        ordering = about.get("image_ordering")
        super().__init__(
            read_system(folder, folder.name, ""),
            folder / "architecture.json",
            weights,
            backend,
            FrontEnd(self.decode),
            keras_version=about.get("keras"),
            dim_ordering=ordering if ordering in ("th", "tf") else None,
        )

    def _check(self) -> None:
        """Nothing: no stage is a layer's."""

    def predict(self, path: Path) -> Prediction:
        """Return the first output of a sample, (n_labels,), of several steps the mean; raises InputError."""
        answer = np.asarray(self.trace(path).arrays["out_0"], np.float32)
        steps = answer.reshape(-1, len(self.labels)).mean(axis=0)
        return Prediction(self.labels, None, 0.0, steps, 0.0)

    def trace(self, path: Path) -> Traced:
        """Return in_0, ... and out_0, ... of one sample, no batch axis."""
        inputs = self._inputs(path)
        return Traced({f"in_{i}": array for i, array in enumerate(inputs)} | self._answers(inputs))

    def decode(self, path: Path) -> Traced:
        """Return the inputs; where the model has several, its answers too, which no one array decides."""
        inputs = self._inputs(path)
        arrays = {f"in_{i}": array for i, array in enumerate(inputs)}
        return Traced(arrays | (self._answers(inputs) if len(inputs) > 1 else {}))

    def stage(self, name: str, source: Array, scalars: Mapping[str, float]) -> Array:
        """Compute an output from the model's one input."""
        return self._answers([source])[name]

    def _inputs(self, path: Path) -> list[Array]:
        arrays, model = npz.load(path), self.built.model
        wanted = [f"in_{i}" for i in range(len(model.inputs))]
        if set(arrays) != set(wanted):
            raise InputError(f"{path}: holds {', '.join(sorted(arrays)) or 'nothing'}; {', '.join(wanted)} are wanted")
        for name, tensor in zip(wanted, model.inputs, strict=True):
            shape = tuple(tensor.shape[1:])
            fits = len(shape) == arrays[name].ndim and all(
                a is None or a == b for a, b in zip(shape, arrays[name].shape, strict=True)
            )
            if not fits:
                raise InputError(f"{path}: {name} is {arrays[name].shape}; one sample of {shape} is wanted")
        return [arrays[name] for name in wanted]

    def _answers(self, inputs: Sequence[Array]) -> dict[str, Array]:
        outputs = verify.run(self.built.model, [np.asarray(array)[None] for array in inputs])
        return {f"out_{i}": array[0] for i, array in enumerate(outputs)}


def opener(module: str) -> Callable[[Path, str, Options | None], Pipeline]:
    """Return the `open_pipeline` of the system whose pipeline.py is `module`."""

    def open_pipeline(weights: Path, source_backend: str, options: Options | None = None) -> Pipeline:
        return Pipeline(Path(module).parent, weights, source_backend)

    return open_pipeline
