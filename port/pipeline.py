"""What every system's pipeline offers; `port.<system>.pipeline.open_pipeline(...)` returns one.

A pipeline is the data path of one system: from a clip's file to probabilities, stage by stage, under the stage
names of the system's `system.toml`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from reprise_kit.compare.errors import InputError


@dataclass(frozen=True)
class Prediction:
    """What a system answered on one clip.

    labels: the names of the last axis. step_probs: (n_steps, n_labels) float32, or None where the system answers
    once per clip. step_seconds: length of a step. clip_probs: (n_labels,) float32. duration: seconds of audio.
    notes: one line for each quirk of the original that changed what was heard.
    """

    labels: tuple[str, ...]
    step_probs: np.ndarray | None
    step_seconds: float
    clip_probs: np.ndarray
    duration: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Traced:
    """Every stage of one clip: arrays by stage name (no batch axis), scalars (native_rate in Hz, duration in s)."""

    arrays: dict[str, np.ndarray]
    scalars: dict[str, float]
    provenance: dict[str, Any] = field(default_factory=dict)


class Pipeline(Protocol):
    """One system, its weights loaded."""

    labels: tuple[str, ...]

    def predict(self, clip: Path) -> Prediction:
        """Return the system's answer on a clip; raises InputError on a clip it cannot take."""
        ...

    def predict_many(self, clips: Sequence[Path]) -> list[Prediction | InputError]:
        """Return the answer on each clip, or why it cannot be taken; equal to those of `predict`."""
        ...

    def trace(self, clip: Path) -> Traced:
        """Run the whole path on a clip and return what left every stage (chained)."""
        ...

    def decode(self, clip: Path) -> np.ndarray:
        """Return the first stage: the clip's samples as the original's decoder gave them."""
        ...

    def stage(self, name: str, source: np.ndarray, scalars: Mapping[str, float]) -> np.ndarray:
        """Compute stage `name` alone from the array that left the stage before it (isolated)."""
        ...

    def provenance(self) -> dict[str, Any]:
        """Return what decided the numbers: weights' hash, backend convention, package versions, decoder."""
        ...
