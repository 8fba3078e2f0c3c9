"""What a loader makes of one recorded Keras-1 model: right, wrong, refused or crashed, against the real outputs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reprise_kit.compare.errors import InputError

TOLERANCE = 1e-5
DEEP_RECURRENT_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Combination:
    """A Keras version and the backend it ran on, as its folder is called: 1.1.0-theano."""

    keras: str
    backend: str

    @classmethod
    def of(cls, folder: Path) -> "Combination":
        keras, _, backend = folder.name.partition("-")
        return cls(keras, backend)


@dataclass(frozen=True)
class Outcome:
    """`kind` is right, wrong, refused or crashed; `error` is max |d| over max |original|, or nan."""

    kind: str
    error: float
    message: str = ""


def golden(folder: Path, name: str = "golden.npz") -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the recorded inputs and the real Keras 1's outputs, each in the model's order."""
    with np.load(folder / name, allow_pickle=False) as arrays:
        inputs = [arrays[f"in_{i}"] for i in range(sum(key.startswith("in_") for key in arrays))]
        outputs = [arrays[f"out_{i}"] for i in range(sum(key.startswith("out_") for key in arrays))]
    assert inputs and outputs, f"{folder} records nothing"
    return inputs, outputs


def answers(folder: Path) -> bool:
    """Return whether the old Keras gave any number: an empty output decides nothing."""
    return all(output.size for output in golden(folder)[1])


def golden_sets(folder: Path) -> list[tuple[list[np.ndarray], list[np.ndarray]]]:
    """Return every recorded set, golden.npz, golden1.npz, ..., in the order in which they were run."""
    return [golden(folder, path.name) for path in sorted(folder.glob("golden*.npz"), key=lambda path: len(path.name))]


def tolerance(name: str) -> float:
    return DEEP_RECURRENT_TOLERANCE if name.endswith("_deep") else TOLERANCE


def relative_error(found: Any, expected: list[np.ndarray]) -> float:
    """Return the largest |d| over the largest |value| of each output; inf for another count, shape or NaN."""
    found = list(found) if isinstance(found, list | tuple) else [found]
    if len(found) != len(expected):
        return float("inf")
    worst = 0.0
    for value, reference in zip(found, expected, strict=True):
        array = np.asarray(value)
        if array.shape != reference.shape or not np.isfinite(array).all():
            return float("inf")
        scale = float(np.abs(reference).max())
        gap = float(np.abs(array.astype("float64") - reference).max())
        worst = max(worst, gap / scale if scale else gap)
    return worst


def outcome(folder: Path, load: Callable[[Path], Any]) -> Outcome:
    """Load `folder`'s model with `load`, which gives a callable of the inputs, and compare with the original."""
    inputs, expected = golden(folder)
    try:
        predict = load(folder)
    except InputError as error:
        return Outcome("refused", float("nan"), str(error))
    except Exception as error:
        return Outcome("crashed", float("nan"), f"{type(error).__name__}: {error}"[:400])
    try:
        found = predict(inputs)
    except Exception as error:
        return Outcome("crashed", float("nan"), f"predict: {type(error).__name__}: {error}"[:400])
    error = relative_error(found, expected)
    return Outcome("right" if error <= tolerance(folder.name) else "wrong", error)


def port_loader(
    architecture: str | None, weights: str = "weights.h5", dim_ordering: str | None = None, **settings: Any
) -> Callable[[Path], Any]:
    """Return a loader that migrates with this project: the backend told, the version as the file has it.

    `settings`: more of build.migrate's.
    """

    def load(folder: Path) -> Any:
        from reprise_kit.port.keras_legacy.build import build
        from reprise_kit.port.keras_legacy.read import read

        model = read(folder / architecture if architecture else None, folder / weights)
        backend = model.backend or Combination.of(folder.parent).backend
        # Some layers never recorded their ordering; where no neighbour tells, the user must.
        alone = folder.name.rpartition("_")[2] if "_alone_" in folder.name else None
        return build(model, backend, dim_ordering=alone or dim_ordering, legacy_bugs="keep", **settings)

    return load


def folders(root: Path) -> list[Path]:
    """Return every recorded model below `root`, in order."""
    return sorted(path.parent for path in root.glob("*/*/golden.npz"))


def reloaded(migrated: Any, scratch: Path) -> Callable[[list[np.ndarray]], Any]:
    """Return what predicts as a user would: with the model written, read again, the whole batch in one prediction."""
    import keras

    from reprise_kit.port.keras_legacy import layers  # noqa: F401  (registers what the model may need)

    migrated.model.save(scratch / "migrated.keras")
    model = keras.saving.load_model(scratch / "migrated.keras", safe_mode=True)
    return lambda inputs: model.predict(inputs if len(inputs) > 1 else inputs[0], batch_size=len(inputs[0]), verbose=0)
