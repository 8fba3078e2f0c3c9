"""Whether today's Keras reads a whole model of tf.keras by itself, and answers alike: tried, not taken for granted.

Keras 3 reads some files of tf.keras rightly, refuses most with recurrent or transposed layers and is silently wrong on
others (docs/measured.md). Only a file that holds nothing but plain layers is handed to it: its reader of HDF5 files
would run a Lambda's code, and import what a config names as a module.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ALIKE = (
    1e-4  # of the largest output: rounding of both is far below, another meaning of a layer far above (measured .003)
)
STEPS = 8  # of axes that a model leaves open
_MODULES = {None, "keras.layers", "keras.initializers", "keras.regularizers", "keras.constraints"}
_RUN_CODE = {"Lambda", "TFSMLayer", "JaxLayer", "FlaxLayer", "TorchModuleWrapper"}


def says(path: Path, document: dict[str, Any], migrated: Any) -> list[str]:
    """Return a line on what Keras 3 makes of a whole model beside the migrated keras.Model, or none.

    document: the architecture that the file `path` holds, in its own words.
    """
    import keras

    if not all(map(_plain, _objects(document))):
        return []
    try:
        own = keras.models.load_model(path, compile=False)
        found, wanted = _answers(own, migrated)
    except Exception:  # of any type: Keras 3's readers say no in many ways
        return [f"Keras {keras.__version__} does not load this file itself"]
    if _alike(found, wanted):
        return [f"Keras {keras.__version__} loads this file itself, and answers alike"]
    return [
        f"Keras {keras.__version__} loads this file itself and answers otherwise, without a word: use what is written"
    ]


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "class_name" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _objects(one)


def _plain(one: dict[str, Any]) -> bool:
    """Return whether an object of the file is one of Keras's own that runs no code of the file's."""
    import keras

    name, module = one["class_name"], one.get("module")
    if not isinstance(name, str) or module not in _MODULES:
        return name in ("Functional", "Sequential", "Model") and module == "keras"
    homes = (keras.layers, keras.initializers, keras.regularizers, keras.constraints)
    own = name in ("Functional", "Model", "Sequential") or any(
        isinstance(getattr(home, name, None), type) for home in homes
    )
    return own and name not in _RUN_CODE


def _answers(own: Any, migrated: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    random = np.random.RandomState(0)
    arrays = [_drawn(random, tensor) for tensor in migrated.inputs]
    given = arrays[0] if len(arrays) == 1 else arrays
    found, wanted = (model.predict(given, batch_size=len(arrays[0]), verbose=0) for model in (own, migrated))
    return [found] if isinstance(found, np.ndarray) else found, [wanted] if isinstance(wanted, np.ndarray) else wanted


def _drawn(random: np.random.RandomState, tensor: Any) -> np.ndarray:
    shape = [tensor.shape[0] or 2, *(size or STEPS for size in tensor.shape[1:])]
    if str(tensor.dtype).startswith("int"):
        return random.randint(0, 2, shape).astype(tensor.dtype)
    return random.uniform(0, 2, shape).astype("float32")


def _alike(found: list[np.ndarray], wanted: list[np.ndarray]) -> bool:
    return len(found) == len(wanted) and all(
        one.shape == two.shape and np.abs(one - two).max(initial=0) <= ALIKE * np.abs(two).max(initial=0)
        for one, two in zip(found, wanted, strict=True)
    )
