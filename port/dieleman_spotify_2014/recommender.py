"""What a training leaves: the network, the scale of its input, and the neighbours of a clip among others."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare import npz
from reprise_kit.compare.atomic import atomic_file
from reprise_kit.compare.errors import InputError
from reprise_kit.port.dieleman_spotify_2014 import front_end, network, settings

Matrix = NDArray[np.floating]


@dataclass(frozen=True)
class Scale:
    """Mean and deviation of each band over the songs learnt from, (128,) each."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    @classmethod
    def of(cls, log_mels: Matrix) -> "Scale":
        """Measure (n_songs, n_frames, 128)."""
        deviation = log_mels.std(axis=(0, 1), dtype=np.float64) + 1e-3
        return cls(log_mels.mean(axis=(0, 1), dtype=np.float64).astype(np.float32), deviation.astype(np.float32))

    def applied(self, log_mels: Matrix) -> NDArray[np.float32]:
        """Return them standardised, any shape with the bands last."""
        return np.asarray((log_mels - self.mean) / self.deviation, np.float32)


@dataclass(frozen=True)
class Recommender:
    """A trained network with the scale of its input."""

    mode: str
    scale: Scale
    model: keras.Model

    def frames(self, path: Path) -> NDArray[np.float32]:
        """Return a clip's standardised frames, (n_frames, 128)."""
        return self.scale.applied(front_end.of_file(path, self.mode))

    def factors(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the factors, (n_factors,), averaged over the windows of a clip's standardised frames."""
        said = np.asarray(self.model(front_end.windows(frames, self.mode), training=False))
        return np.asarray(said.mean(axis=0))


def save(path: Path, mode: str, scale: Scale, model: keras.Model) -> None:
    """Write a recommender, whole or not at all."""
    weights = {f"weights_{number:02}": array for number, array in enumerate(model.get_weights())}
    # The dropout layers' seeds are no weights of the answer.
    weights = {name: array for name, array in weights.items() if array.dtype == np.float32}
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, mode=np.array(mode), mean=scale.mean, deviation=scale.deviation, **weights)


def load(path: Path) -> Recommender:
    """Read a recommender; raises InputError on what is none."""
    stored = npz.load(path, "recommender.npz of a training")
    mode = str(stored.get("mode", ""))
    if mode not in settings.TABLES or not {"mean", "deviation"} <= stored.keys():
        raise InputError(f"{path}: no recommender: give the recommender.npz that `reprise train` left")
    model = network.build(mode)
    weights = [stored[name] for name in sorted(stored) if name.startswith("weights_")]
    trainable = model.trainable_variables
    if [tuple(variable.shape) for variable in trainable] != [array.shape for array in weights]:
        raise InputError(f"{path}: its weights are not those of the {mode} network")
    for variable, array in zip(trainable, weights, strict=True):
        variable.assign(array)
    return Recommender(mode, Scale(stored["mean"], stored["deviation"]), model)


def nearest(query: Matrix, others: Matrix, count: int) -> NDArray[np.intp]:
    """Return the rows of `others`, (n, n_factors), nearest to `query`, (n_factors,), by cosine, nearest first."""
    norms = np.linalg.norm(others, axis=1) * np.linalg.norm(query)
    return np.argsort(-(others @ query) / np.maximum(norms, 1e-12), kind="stable")[:count]
