"""The contract: what a system's modules offer, beside its `system.toml`. All of it, in one file.

A system is a folder with a system.toml (`compare/system.py`) and modules, of which only the first is needed:

    pipeline    Options, a frozen dataclass; open_pipeline(weights, source_backend, options) -> Pipeline
                original_refuses(path) -> str | None, where the live original would not end on some inputs
    live        STEP_SECONDS, LiveNetwork(model), LiveRecogniser(network, rate): answers while it hears (Live)
    causes      RULES and CAUSES, by which `compare` explains a difference (Causes)
    train_trace train_trace(request) -> arrays, one_step, under: the port's side of `training-parity` (Trainer)

`compare/registry.py` opens them by name. Nothing here knows what an input is: sound, an image, a table.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError

Array = NDArray[Any]


@dataclass(frozen=True)
class Prediction:
    """What a system answered on one input.

    labels: the names of the last axis. step_probs: (n_steps, n_labels) float32, or None where the system answers once
    per input. step_seconds: length of a step, 0 where there are none. clip_probs: (n_labels,) float32, of the whole
    input. duration: seconds of a sound or video, else 0. notes: one line for each quirk that changed what was taken in.
    """

    labels: tuple[str, ...]
    step_probs: NDArray[np.float32] | None
    step_seconds: float
    clip_probs: NDArray[np.float32]
    duration: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Traced:
    """Stages of one input: arrays by stage name (no batch axis), scalars such as native_rate in Hz, provenance.

    sha256: of the bytes that were taken in, where the pipeline hashed what it read; else the file is hashed apart.
    """

    arrays: dict[str, Array]
    scalars: dict[str, float] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""


class Pipeline(Protocol):
    """One system, its weights loaded: the data path from a file to an answer, under the stage names of system.toml."""

    labels: tuple[str, ...]

    def predict(self, path: Path) -> Prediction:
        """Return the system's answer on an input; raises InputError on one it cannot take."""
        ...

    def predict_many(self, paths: Sequence[Path]) -> list[Prediction | InputError]:
        """Return the answer on each input, or why it cannot be taken; equal to those of `predict`."""
        ...

    def trace(self, path: Path) -> Traced:
        """Run the whole path on an input and return what left every stage (chained)."""
        ...

    def decode(self, path: Path) -> Traced:
        """Return the first stage alone: the input as the original took it in, with its scalars and provenance."""
        ...

    def stage(self, name: str, source: Any, scalars: Mapping[str, float]) -> Array:
        """Compute stage `name` alone from the array that left its source stage (isolated).

        source: a tuple of arrays where system.toml names several source stages.
        """
        ...

    def provenance(self) -> dict[str, Any]:
        """Return what decided the numbers: weights' hash, backend convention, package versions, decoder."""
        ...


def one_by_one(predict: Callable[[Path], Prediction], paths: Sequence[Path]) -> list[Prediction | InputError]:
    """Return the answer on each input, or why it cannot be taken: `predict_many` where there is no better way."""
    answers: list[Prediction | InputError] = []
    for path in paths:
        try:
            answers.append(predict(path))
        except InputError as error:
            answers.append(error)
    return answers


class Settled(Protocol):
    """What a piece of a stream of sound settled."""

    @property
    def step_probs(self) -> NDArray[np.float32]:
        """(n_steps, n_labels) of the new steps."""
        ...

    @property
    def log_mel(self) -> NDArray[np.float32]:
        """(n_frames, n_mels) of the new frames, to be drawn."""
        ...


class LiveRecogniser(Protocol):
    """Answers on a stream, step by step."""

    def push(self, samples: NDArray[np.float32], /) -> Settled:
        """Take (n,) samples more, full scale 1.0, and return what they settle."""
        ...

    def listen(self, parts: Iterable[NDArray[np.float32]], /) -> Iterable[tuple[Settled, NDArray[np.float32]]]:
        """Yield what each stretch of a whole file settles, and the stretch."""
        ...


class Live(Protocol):
    """A system's module `live`."""

    STEP_SECONDS: float

    def LiveNetwork(self, model: Any, /) -> Any:
        """Return what all streams share of a loaded model."""
        ...

    def LiveRecogniser(self, network: Any, rate: int, /) -> LiveRecogniser:
        """Begin a stream at `rate` Hz; raises InputError on a rate that it cannot take."""
        ...


class Trainer(Protocol):
    """A system's module `train_trace`: the port while it trains, by the names of the original's adapter."""

    def train_trace(self, request: Mapping[str, Array], /) -> dict[str, Array]:
        """Train on a request's batches (`compare/training.py` makes it); return losses and weights by name."""
        ...

    def one_step(self, request: Mapping[str, Array], original: Mapping[str, Array], step: int, /) -> dict[str, Array]:
        """Make step `step` from the original's own state after the one before."""
        ...

    def under(self, arrays: Mapping[str, Array], prefix: str, /) -> dict[str, Array]:
        """Return the original's weights named PREFIX/... as the port lays them out."""
        ...


@dataclass(frozen=True)
class Case:
    """One stage of one input, for a cause to compute.

    source: the reference's own array that the stage is computed from (a tuple of several), None for a stage that starts
    from the input.
    scalars: native_rate in Hz. weights: the old checkpoint. backend: the one it is said to be saved under.
    """

    stage: str
    source: Any
    scalars: Mapping[str, float]
    clip: Path
    weights: Path | None
    backend: str

    @property
    def array(self) -> Array:
        """The source; raises LookupError where there is none."""
        if self.source is None:
            raise LookupError(f"no source array for {self.stage}")
        return np.asarray(self.source)

    @property
    def other_backend(self) -> str:
        """The backend that the checkpoint is not said to be saved under."""
        return "tensorflow" if self.backend == "theano" else "theano"


@dataclass(frozen=True)
class Cause:
    """A counterfactual: one stage computed as it is when one thing is done in another way.

    Written independently of the system's pipeline, so that a fault there does not reach it. name: follows "with". why:
    what that means. remedy: what to try where the candidate should do it so; both may hold {backend}, the other one.
    stages: where it applies. compute: the stage's array then, or None where it makes no difference by construction; may
    raise ImportError or InputError where it cannot be computed here.
    """

    name: str
    why: str
    stages: tuple[str, ...]
    compute: Callable[[Case], Array | None]
    remedy: str = ""


class Causes(Protocol):
    """A system's module `causes`: RULES compute a stage as it should be."""

    RULES: Mapping[str, Callable[[Case], Array]]
    CAUSES: Sequence[Cause]
