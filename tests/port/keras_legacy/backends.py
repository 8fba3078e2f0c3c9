"""Load every migrated file of a folder under one backend of Keras 3 and compare with the old Keras's answers.

    KERAS_BACKEND=jax python -m tests.port.keras_legacy.backends FOLDER

FOLDER holds NAME.keras and NAME.npz (in_0, ..., out_0, ... of the recording). Prints a JSON object: for each NAME the
largest difference relative to the largest output, or the error as text. One process for all: a start costs seconds.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np

from reprise_kit.port.keras_legacy import layers  # noqa: F401  (registers what a file may need)


def difference(path: Path) -> float | str:
    """Return how far a file's outputs are from the recorded ones, or what went wrong."""
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as arrays:
        inputs, expected = (
            [arrays[f"{kind}_{i}"] for i in range(sum(key.startswith(f"{kind}_") for key in arrays))]
            for kind in ("in", "out")
        )
    try:
        model = keras.saving.load_model(path, safe_mode=True)
        found = model(inputs[0] if len(inputs) == 1 else inputs, training=False)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300]
    outputs = [keras.ops.convert_to_numpy(one) for one in (found if isinstance(found, list | tuple) else [found])]
    if [one.shape for one in outputs] != [one.shape for one in expected]:
        return f"shapes {[one.shape for one in outputs]} for {[one.shape for one in expected]}"
    worst = [np.abs(f - e).max() / max(np.abs(e).max(), 1e-30) for f, e in zip(outputs, expected, strict=True)]
    return float(max(worst)) if np.isfinite(worst).all() else "not finite"


def main() -> None:
    found = {}
    for path in sorted(Path(sys.argv[1]).glob("*.keras")):
        found[path.stem] = difference(path)
        keras.backend.clear_session()
    json.dump({"backend": keras.backend.backend(), "found": found}, sys.stdout)


if __name__ == "__main__":
    main()
