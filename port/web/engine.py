"""One system, loaded once, for every request: its whole-file pipeline and its streaming recogniser."""

import hashlib
import threading
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compare.fetch import blob_id, upstream_folder
from compare.runners import Settings
from compare.system import System, load
from port.audio.decode import Decoded
from port.deepsound_crnn.live import LiveNetwork, LiveRecogniser
from port.deepsound_crnn.pipeline import STEP_SECONDS, open_pipeline
from port.pipeline import Prediction

SYSTEM = "deepsound_crnn"


@dataclass(frozen=True)
class Weights:
    """A checkpoint and whether it was trained on music (the kit's own fixture was not)."""

    path: Path
    backend: str
    knows_genres: bool


def choose_weights(given: Path | None, backend: str | None) -> Weights:
    """Return the given checkpoint (saved under `backend`), else upstream's where it was fetched, else the fixture."""
    system = load(SYSTEM)
    own_backend = system.row["weights"]["backend"]
    if given:
        return Weights(given, backend or own_backend, knows_genres=given != system.default_weights)
    pinned = next(file for file in system.files if file.path == system.row["weights"]["path"])
    fetched = upstream_folder(system) / pinned.path
    if fetched.is_file() and blob_id(fetched.read_bytes()) == pinned.blob:
        return Weights(fetched, own_backend, knows_genres=True)
    return Weights(Settings(system, None, own_backend).weights_file, own_backend, knows_genres=False)


class Engine:
    """Answers on decoded sound; safe to use from several threads."""

    def __init__(self, weights: Weights) -> None:
        """Load the checkpoint; raises InputError where it is not one of this system."""
        self.system: System = load(SYSTEM)
        self.weights = weights
        self.pipeline = open_pipeline(weights.path, weights.backend)
        self.network = LiveNetwork(self.pipeline.model)
        self.labels = self.pipeline.labels
        # A whole-file answer takes about 0.5 MB of memory a second of sound: one at a time.
        self._exact = threading.Lock()

    def warm_up(self) -> None:
        """Build both graphs, so that the first visitor does not wait for them."""
        self.live(22_050).push(np.zeros(1 << 16, np.float32))
        self.exact(np.zeros(1 << 16, np.float32), 22_050, ())

    def live(self, rate: int) -> LiveRecogniser:
        """Begin a stream of sound at `rate` Hz."""
        return LiveRecogniser(self.network, rate)

    def exact(self, native: NDArray[np.float32], rate: int, notes: tuple[str, ...]) -> Prediction:
        """Return the whole-file answer on (n_native,) float32 samples."""
        with self._exact:
            return self.pipeline.recognise(Decoded(native, rate, notes))

    def about(self) -> dict[str, Any]:
        """Return what this server plays: system, version, labels, weights."""
        return {
            "system": self.system.name,
            "title": self.system.title,
            "version": version("reprise"),
            "labels": list(self.labels),
            "step_seconds": STEP_SECONDS,
            "weights_sha256": hashlib.sha256(self.weights.path.read_bytes()).hexdigest(),
            "weights_know_genres": self.weights.knows_genres,
            "source_backend": self.weights.backend,
        }
