"""What a table of known causes holds: `port.<system>.causes` offers `RULES` and `CAUSES`.

A cause is a counterfactual: one stage computed as it is when one thing is done in another way. Both tables are written
independently of the system's pipeline, so that a fault there does not reach them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Case:
    """One stage of one clip.

    source: the reference's own array that the stage is computed from, None for a stage that starts from the clip.
    scalars: native_rate in Hz. weights: the Keras-1 checkpoint. backend: the one it is said to be saved under.
    """

    stage: str
    source: np.ndarray | None
    scalars: Mapping[str, float]
    clip: Path
    weights: Path | None
    backend: str

    @property
    def array(self) -> np.ndarray:
        """The source; raises LookupError where there is none."""
        if self.source is None:
            raise LookupError(f"no source array for {self.stage}")
        return self.source

    @property
    def other_backend(self) -> str:
        """The backend that the checkpoint is not said to be saved under."""
        return "tensorflow" if self.backend == "theano" else "theano"


@dataclass(frozen=True)
class Cause:
    """One thing done in another way.

    name: follows "with". why: what that means. remedy: what to try where the candidate should do it so; both may hold
    {backend}, the other one. stages: where it applies. compute: the stage's array then, or None where it makes no
    difference by construction; may raise ImportError or InputError where it cannot be computed here.
    """

    name: str
    why: str
    stages: tuple[str, ...]
    compute: Callable[[Case], np.ndarray | None]
    remedy: str = ""
