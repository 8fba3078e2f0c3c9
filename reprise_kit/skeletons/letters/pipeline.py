"""The port: text -> letters -> shares -> scores -> probs, under the stage names of system.toml."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from reprise_kit.compare.contract import Array, Prediction, Traced, one_by_one
from reprise_kit.compare.errors import InputError

LETTERS = "abcdefghijklmnopqrstuvwxyz"
LANGUAGES = ("english", "german")
SURE = 100.0  # letters' worth of evidence


@dataclass(frozen=True)
class Options:
    """What a person may set, each with its default: nothing here."""


class Pipeline:
    """The port with its weights loaded."""

    labels = LANGUAGES

    def __init__(self, weights: Path) -> None:
        """Load the checkpoint: for each language the logarithm of each letter's share, (n_letters,) float64."""
        self.weights = weights
        try:
            learned = json.loads(weights.read_text("utf-8"))
            self.log_shares = np.array([learned[language] for language in LANGUAGES], np.float64)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{weights}: no weights of this system ({type(error).__name__}: {error})") from None

    def predict(self, path: Path) -> Prediction:
        """Return the probability of each language; raises InputError on what is no text with letters."""
        probs = self.trace(path).arrays["probs"]
        return Prediction(self.labels, None, 0.0, probs.astype(np.float32), 0.0)

    def predict_many(self, paths: Sequence[Path]) -> list[Prediction | InputError]:
        """Return the answer on each text, or why it cannot be taken."""
        return one_by_one(self.predict, paths)

    def trace(self, path: Path) -> Traced:
        """Run the whole way and return what left every stage."""
        arrays = dict(self.decode(path).arrays)
        for name, source in (("shares", "letters"), ("scores", "shares"), ("probs", "scores")):
            arrays[name] = self.stage(name, arrays[source], {})
        return Traced(arrays)

    def decode(self, path: Path) -> Traced:
        """Return `letters`, (n_lines, 26) int64: how often each letter stands on each line."""
        try:
            lines = path.read_text("utf-8").lower().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read as UTF-8 text ({error})") from None
        counts = np.array([[line.count(letter) for letter in LETTERS] for line in lines], np.int64)
        if not counts.any():
            raise InputError(f"{path}: no letter from a to z in it")
        return Traced({"letters": counts})

    def stage(self, name: str, source: Array, scalars: Mapping[str, float]) -> Array:
        """Compute one stage from the array that left its source stage; raises KeyError on an unknown one."""
        return {"shares": self._shares, "scores": self._scores, "probs": self._probs}[name](source)

    def provenance(self) -> dict[str, Any]:
        """Return what decided the numbers."""
        sha256 = hashlib.sha256(self.weights.read_bytes()).hexdigest()
        return {"side": "port", "weights_sha256": sha256, "packages": {"numpy": version("numpy")}}

    @staticmethod
    def _shares(letters: Array) -> Array:
        totals = letters.sum(axis=0)
        array: Array = totals / totals.sum()
        return array

    def _scores(self, shares: Array) -> Array:
        return SURE * (self.log_shares @ shares)

    @staticmethod
    def _probs(scores: Array) -> Array:
        powers = np.exp(scores - scores.max())
        array: Array = powers / powers.sum()
        return array


def open_pipeline(weights: Path, source_backend: str, options: Options) -> Pipeline:
    """Open the port."""
    return Pipeline(weights)
