"""What the old stack computed: a GOLDEN.npz of original/record, read with suspicion.

It holds in_0, in_1, ... and out_0, out_1, ... in the model's own order, each (n_samples, ...), and may hold
layer_NAME and `provenance`, a JSON text. Inputs may come alone: two readings can be compared on them.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from reprise_kit.compare import npz
from reprise_kit.compare.errors import InputError

MOST = 256 << 20  # bytes of layers compared at once: to see what rounding does to them takes ten times as much


@dataclass(frozen=True)
class Recording:
    """Inputs and outputs in the model's order, the layers' outputs by Keras-1 name, and what the file says of itself.

    `provenance` holds what the recorder wrote: keras, backend, backend_version, numpy, python; {} if nothing.
    """

    inputs: list[np.ndarray]
    outputs: list[np.ndarray]
    layers: dict[str, np.ndarray]
    provenance: dict[str, str]

    def only(self, samples: np.ndarray) -> "Recording":
        """Return a recording of some samples, by number."""
        layers = {name: array[samples] for name, array in self.layers.items()}
        return replace(
            self, inputs=[x[samples] for x in self.inputs], outputs=[x[samples] for x in self.outputs], layers=layers
        )


def few(recording: Recording) -> np.ndarray | None:
    """Return the numbers of some samples, at least two, spread over a recording whose layers are beyond MOST bytes."""
    n, arrays = len(recording.inputs[0]), [*recording.inputs, *recording.outputs, *recording.layers.values()]
    size = sum(array.nbytes for array in recording.layers.values())
    if size <= MOST or any(array.ndim == 0 or len(array) != n for array in arrays):
        return None
    samples = max(2, n * MOST // size)
    return np.linspace(0, n - 1, samples).round().astype(int) if samples < n else None


def load(path: Path) -> Recording:
    """Return a recording; never unpickles, and reads no array that is larger than the file says. InputError."""
    return of(npz.load(path, "recording, a whole .npz without pickles"), str(path))


def of(named: dict[str, np.ndarray], source: str = "the recording") -> Recording:
    """Return the recording that named arrays make; raises InputError if an input is missing, or a number is none."""
    numbers = {key: array for key, array in named.items() if key != "provenance"}
    for key, array in numbers.items():
        if array.dtype.kind not in "fiub":
            raise InputError(f"{source}: {key} holds {array.dtype}, numbers are needed; make it with original/record")
    layers = {key.removeprefix("layer_"): array for key, array in numbers.items() if key.startswith("layer_")}
    inputs = _numbered(numbers, "in", source)
    outputs = _numbered(numbers, "out", source) if any(key.startswith("out_") for key in numbers) else []
    return Recording(inputs, outputs, layers, _provenance(named.get("provenance")))


def nothing_proven(recording: Recording) -> str | None:
    """Return why no comparison with this recording proves anything, as a sentence, or None."""
    kinds = [(f"in_{i}", a) for i, a in enumerate(recording.inputs)]
    kinds += [(f"out_{i}", a) for i, a in enumerate(recording.outputs)]
    if empty := [name for name, array in kinds if not array.size]:
        return f"the recording is empty ({empty[0]} holds no numbers): it proves nothing"
    if wild := [name for name, array in kinds if not np.isfinite(array).all()]:
        return f"the recording's {wild[0]} holds NaN or infinity: it proves nothing"
    if recording.outputs and any(map(varies, recording.inputs)) and not any(map(varies, recording.outputs)):
        return (
            "the recorded outputs are the same for every sample: the recording proves nothing; record again with "
            "inputs of the scale that the model was trained on (images: often 0 to 255)"
        )
    return None


def no_numbers(model: Any) -> str | None:
    """Return which weights of a Keras model hold NaN or infinity, as a sentence, or None.

    What comes of them hangs on the library: TensorFlow 0.12's tanh makes -1 of NaN.
    """
    wild = [w.path for w, array in zip(model.weights, model.get_weights(), strict=True) if not np.isfinite(array).all()]
    if not wild:
        return None
    names = ", ".join(wild)[:200]
    return f"{names}: NaN or infinity among these weights, as in the file: no answer of this model means anything"


def varies(array: np.ndarray, by: float = 4 * float(np.finfo(np.float32).eps)) -> bool:
    """Return whether the samples (n_samples, ...) differ by more than `by` of the largest number: not rounding."""
    if array.ndim == 0 or len(array) < 2:
        return False
    wide = array.astype(np.float64)
    return bool(np.ptp(wide, axis=0).max(initial=0.0) > by * np.abs(wide).max(initial=0.0))


def _numbered(named: dict[str, np.ndarray], kind: str, source: str) -> list[np.ndarray]:
    count = sum(key.startswith(f"{kind}_") and key[len(kind) + 1 :].isdigit() for key in named)
    keys = [f"{kind}_{i}" for i in range(count)]
    if not keys or any(key not in named for key in keys):
        raise InputError(f"{source} holds no {kind}_0, {kind}_1, ...; make it with original/record")
    if single := [key for key in keys if named[key].ndim == 0]:
        raise InputError(f"{source}: {single[0]} is a single number, samples of it are needed; use original/record")
    return [named[key] for key in keys]


def _provenance(array: np.ndarray | None) -> dict[str, str]:
    """Return what the recorder wrote as JSON into a text or bytes array; {} for anything else."""
    if array is None or array.size != 1 or array.dtype.kind not in "SU":
        return {}
    text: Any = array.reshape(-1)[0]
    try:
        found = json.loads(text.decode("utf-8") if isinstance(text, bytes) else str(text))
    except (ValueError, RecursionError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
