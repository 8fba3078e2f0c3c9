"""A model's .weights.h5, on a disk that may be full."""

import shutil
import zipfile
from pathlib import Path

import keras


def write_weights(model: keras.Model, path: Path) -> None:
    """Write what `model.save_weights` does, by way of a .keras archive beside `path`; raises OSError on a full disk.

    HDF5's own writer would keep the file open there and complain once more for every object it cannot write.
    """
    archive = path.with_name(f"{path.name}.keras")
    try:
        model.save(archive)
        with zipfile.ZipFile(archive) as saved, saved.open("model.weights.h5") as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
    finally:
        archive.unlink(missing_ok=True)
