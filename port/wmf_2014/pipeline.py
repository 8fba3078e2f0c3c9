"""The data path of the factorisation: table -> plays -> confidence -> factors, half-iteration by half-iteration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reprise_kit.compare import provenance
from reprise_kit.compare.contract import Array, Prediction, Traced, one_by_one
from reprise_kit.compare.digest import sha256
from reprise_kit.compare.errors import InputError
from reprise_kit.port.wmf_2014 import als, plays, settings

ITERATIONS = 15  # whose half-iterations are stages of system.toml
LARGEST = 1 << 26  # pairs of a user and a song whose scores are formed


@dataclass(frozen=True)
class Options:
    """None."""


class Pipeline:
    """The factorisation with one set of settings."""

    labels = ("objective", "weighted squared error")

    def __init__(self, path: Path) -> None:
        """Read the settings."""
        self.path, self.settings = path, settings.load(path)
        if self.settings.iterations != ITERATIONS:
            raise InputError(f"{path}: {self.settings.iterations} iterations; the stages are those of {ITERATIONS}")

    def decode(self, path: Path) -> Traced:
        """Return `plays`, (n_plays, 3) float64: indices of user and song, and the count."""
        return Traced({"plays": plays.read(path).entries})

    def stage(self, name: str, source: Any, scalars: Mapping[str, float]) -> Array:
        """Compute one stage from its sources; raises KeyError on an unknown one."""
        if name == "confidence":
            return als.confidence(source, self.settings)
        if name == "start":
            return als.start(int(source[:, 1].max()) + 1, self.settings)
        if name == "scores":
            users, songs = source
            return als.scores(users, songs, self.settings)
        if name == "objective":
            surplus, users, songs = source
            return als.objective(surplus, users, songs, self.settings)
        kind = {"users": False, "items": True}[name.partition("_")[0]]
        other, surplus = source
        return als.half_iteration(other, surplus, self.settings, songs=kind)

    def trace(self, path: Path) -> Traced:
        """Return every stage; raises InputError on a table whose scores would not fit."""
        arrays: dict[str, Array] = dict(self.decode(path).arrays)
        n_users, n_songs = (int(arrays["plays"][:, axis].max()) + 1 for axis in (0, 1))
        if n_users * n_songs > LARGEST:
            raise InputError(f"{path}: {n_users} users by {n_songs} songs; at most {LARGEST} pairs are scored")
        arrays["confidence"] = self.stage("confidence", arrays["plays"], {})
        arrays["start"] = songs = self.stage("start", arrays["plays"], {})
        for number in range(1, ITERATIONS + 1):
            arrays[f"users_{number:02}"] = users = self.stage("users", (songs, arrays["confidence"]), {})
            arrays[f"items_{number:02}"] = songs = self.stage("items", (users, arrays["confidence"]), {})
        arrays["scores"] = self.stage("scores", (users, songs), {})
        arrays["objective"] = self.stage("objective", (arrays["confidence"], users, songs), {})
        return Traced(arrays)

    def predict(self, path: Path) -> Prediction:
        """Return what the factorisation leaves unexplained: its objective, and the weighted squared error in it."""
        table = plays.read(path).entries
        users, songs = als.factorize(table, self.settings)
        terms = als.objective(als.confidence(table, self.settings), users, songs, self.settings)
        return Prediction(self.labels, None, 0.0, terms.astype(np.float32), 0.0)

    def predict_many(self, paths: Sequence[Path]) -> list[Prediction | InputError]:
        """Return the answer on each table, or why it cannot be taken."""
        return one_by_one(self.predict, paths)

    def provenance(self) -> dict[str, Any]:
        """Return what decided the numbers."""
        return provenance.of_port(sha256(self.path), ("numpy",))


def open_pipeline(weights: Path, source_backend: str, options: Options | None = None) -> Pipeline:
    """Open the factorisation with a file of settings."""
    return Pipeline(weights)
