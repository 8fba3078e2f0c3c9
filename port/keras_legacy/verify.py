"""Compare a migrated model with what the old stack computed (a GOLDEN.npz of original/record.py).

A recording holds in_0, in_1, ... and out_0, out_1, ... in the model's own order, and may hold layer_NAME.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reprise_kit.compare.errors import InputError

# Relative to the largest number of an array; a deep recurrent net needs 1e-4.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Difference:
    """One compared array: its name, max |d|, and max |d| over the recording's largest |number|."""

    name: str
    max_abs: float
    max_rel: float


def load(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a recording; never unpickles. Raises InputError."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in arrays.files}
    except (OSError, ValueError, EOFError, AttributeError, KeyError) as error:
        text = " ".join(str(error).split())[:200]
        raise InputError(f"{path} is not a recording (.npz without pickles): {text}") from error


def recorded(arrays: Mapping[str, np.ndarray], kind: str) -> list[np.ndarray]:
    """Return in_0, in_1, ... or out_0, out_1, ...; raises InputError if there is none or one is missing."""
    count = sum(key.startswith(f"{kind}_") and key[len(kind) + 1 :].isdigit() for key in arrays)
    keys = [f"{kind}_{i}" for i in range(count)]
    if not keys or any(key not in arrays for key in keys):
        raise InputError(f"the recording holds no {kind}_0, {kind}_1, ...; make it with original/record.py")
    return [arrays[key] for key in keys]


def run(model: Any, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Run a Keras model on one whole batch and return its outputs in order."""
    if len(inputs) != len(model.inputs):
        raise InputError(f"the recording has {len(inputs)} inputs, the model {len(model.inputs)}")
    try:
        found = model(inputs[0] if len(inputs) == 1 else inputs, training=False)
    except (ValueError, TypeError) as error:
        text = " ".join(str(error).split())[:200]
        raise InputError(f"the model does not take the recorded inputs: {text}") from error
    return [np.asarray(value) for value in (found if isinstance(found, list | tuple) else [found])]


def difference(name: str, found: np.ndarray, expected: np.ndarray) -> Difference:
    """Compare two arrays; another shape or a number that is not finite is an infinite difference."""
    if found.shape != expected.shape or not np.isfinite(found).all():
        return Difference(f"{name} {found.shape} for {expected.shape}", float("inf"), float("inf"))
    largest = float(np.abs(expected).max(initial=0.0))
    worst = float(np.abs(found.astype(np.float64) - expected).max(initial=0.0))
    return Difference(name, worst, worst / max(largest, 1e-30))


def relative(found: list[np.ndarray], expected: list[np.ndarray]) -> float:
    """Return the largest relative difference of two lists of arrays; infinity for another count."""
    if len(found) != len(expected):
        return float("inf")
    return max(difference("", f, e).max_rel for f, e in zip(found, expected, strict=True))


def outputs(model: Any, arrays: Mapping[str, np.ndarray]) -> list[Difference]:
    """Compare a model's outputs with the recorded ones; raises InputError if nothing can be compared."""
    found, expected = run(model, recorded(arrays, "in")), recorded(arrays, "out")
    if len(found) != len(expected):
        raise InputError(f"the recording has {len(expected)} outputs, the model {len(found)}")
    return [difference(f"out_{i}", f, e) for i, (f, e) in enumerate(zip(found, expected, strict=True))]


def layers(migrated: Any, arrays: Mapping[str, np.ndarray]) -> list[Difference]:
    """Compare every recorded layer that the built model has too, in the model's order."""
    import keras

    tensors = {
        name: tensor
        for name, tensor in migrated.outputs.items()
        if f"layer_{name}" in arrays and not isinstance(tensor, list)
    }
    if not tensors:
        return []
    probe = keras.Model(migrated.model.input, list(tensors.values()))
    found = run(probe, recorded(arrays, "in"))
    return [difference(name, value, arrays[f"layer_{name}"]) for name, value in zip(tensors, found, strict=True)]
