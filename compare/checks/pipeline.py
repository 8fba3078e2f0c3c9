"""Checks of what a system's pipeline computes: opened, traced, stage by stage, asked."""

import tempfile
from pathlib import Path

import numpy as np

from reprise_kit.compare.checks.subject import Problems, Subject
from reprise_kit.compare.contract import Array, Prediction, Traced
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.input import Input
from reprise_kit.compare.stage import Stage
from reprise_kit.compare.system import System

FLOAT32 = float(np.finfo(np.float32).eps)  # an answer is rounded to float32, a stage may be float64
PROVENANCE = ("side", "weights_sha256", "packages")


def inputs(subject: Subject) -> Problems:
    """There is something to take in, and it can be read."""
    for path in subject.inputs:
        Input.open(path)
    yield from ()


def weights(subject: Subject) -> Problems:
    """There is a checkpoint."""
    if not subject.weights.path.is_file():
        yield f"{subject.weights.path}: no such file"


def opens(subject: Subject) -> Problems:
    """The pipeline opens with its Options and answers with the labels of system.toml."""
    if tuple(subject.pipeline.labels) != subject.system.labels:
        yield "its labels are not those of system.toml"


def decode(subject: Subject) -> Problems:
    """The stages that start from the input, alone, are those of the chain."""
    starting = [stage for stage in subject.system.stages if stage.source == "clip"]
    for path, traced in zip(subject.inputs, subject.traced, strict=True):
        first = subject.pipeline.decode(path)
        for stage in starting:
            if stage.name not in first.arrays:
                yield f"{path.name}: no {stage.name}, which system.toml says comes from the input"
                continue
            yield from _differs(path, stage, "chained", first.arrays[stage.name], traced)
        yield from (f"{path.name}: {name} is not that of trace" for name in _other_scalars(first, traced))


def _other_scalars(first: Traced, traced: Traced) -> list[str]:
    return [name for name, value in first.scalars.items() if traced.scalars.get(name, value) != value]


def chained(subject: Subject) -> Problems:
    """`trace` gives the declared stages and no others, with their axes and dtypes, finite."""
    declared = {stage.name for stage in subject.system.stages}
    for path, traced in zip(subject.inputs, subject.traced, strict=True):
        extra = [name for name in traced.arrays if name not in declared]
        yield from (f"{path.name}: {name} is no stage of system.toml" for name in extra)
        for stage in subject.system.stages:
            found = _array_problem(stage, traced.arrays.get(stage.name))
            if found:
                yield f"{path.name}: stage {stage.name}: {found}"


def _array_problem(stage: Stage, array: Array | None) -> str | None:
    """What is wrong with a stage's array, or None."""
    if array is None:
        return "missing"
    if array.ndim != len(stage.axes) or not array.size:
        return f"shape {array.shape}, declared ({', '.join(stage.axes)})"
    if array.dtype != stage.dtype:
        return f"{array.dtype}, declared {stage.dtype}"
    if not np.isfinite(array).all():
        return f"{array.size - np.count_nonzero(np.isfinite(array))} values are not finite"
    return None


def isolated(subject: Subject) -> Problems:
    """Every stage from its source alone is what it was in the chain."""
    for path, traced in zip(subject.inputs, subject.traced, strict=True):
        for stage in subject.system.stages:
            source = stage.taken(traced.arrays)
            if source is not None and stage.name in traced.arrays:
                alone = subject.pipeline.stage(stage.name, source, traced.scalars)
                yield from _differs(path, stage, "isolated", alone, traced)


def _differs(path: Path, stage: Stage, mode: str, alone: Array, traced: Traced) -> Problems:
    """Say where a stage computed alone is not what it was in the chain."""
    whole, allowed = traced.arrays.get(stage.name), stage.tolerances[mode]
    if whole is None or alone.shape != whole.shape or alone.dtype != whole.dtype:
        other = "missing" if whole is None else f"{whole.dtype} {whole.shape}"
        yield f"{path.name}: stage {stage.name}: {alone.dtype} {alone.shape} alone, {other} in trace"
    elif not np.allclose(alone, whole, rtol=allowed.rtol, atol=allowed.atol):
        off = np.max(np.abs(alone.astype(np.float64) - whole))
        yield f"{path.name}: stage {stage.name}: off by {off:.2g} from the chained one, allowed {allowed.atol:.2g}"


def predicts(subject: Subject) -> Problems:
    """`predict` answers with probabilities of the labels: those that leave the last stage, where it has their shape."""
    for path, answer, traced in zip(subject.inputs, subject.answers, subject.traced, strict=True):
        last = subject.system.stages[-1]
        array = traced.arrays.get(last.name)
        if array is None or array.shape != answer.clip_probs.shape:  # it is not the answer
            array = None
        probabilities = last.unit == "probability" or array is None
        yield from (f"{path.name}: {problem}" for problem in _answer_problems(subject.system, answer, probabilities))
        if array is not None:
            allowed = last.tolerances["chained"]
            if not np.allclose(answer.clip_probs, array, rtol=allowed.rtol, atol=allowed.atol + FLOAT32):
                yield f"{path.name}: clip_probs is not what leaves the last stage, {last.name}"


def _answer_problems(system: System, answer: Prediction, probabilities: bool) -> Problems:
    n_labels = len(system.labels)
    if tuple(answer.labels) != system.labels:
        yield "its labels are not those of system.toml"
    if answer.clip_probs.shape != (n_labels,):
        yield f"clip_probs has the shape {answer.clip_probs.shape}, ({n_labels},) is wanted"
    if answer.step_probs is not None and answer.step_probs.shape[1:] != (n_labels,):
        yield f"step_probs has the shape {answer.step_probs.shape}, (n_steps, {n_labels}) is wanted"
    for name, array in (("clip_probs", answer.clip_probs), ("step_probs", answer.step_probs)):
        if probabilities and array is not None and not ((array >= 0).all() and (array <= 1).all() and array.any()):
            yield f"{name}: no probabilities, from 0 to 1 and not all 0"
    if system.file.input == "sound" and not (answer.duration > 0 and answer.step_seconds > 0):
        yield "a sound's duration and step_seconds are above 0"


def predicts_many(subject: Subject) -> Problems:
    """`predict_many` answers as `predict` and gives an InputError for an input that is not there."""
    with tempfile.TemporaryDirectory(prefix="reprise-check-") as folder:
        absent = Path(folder) / "absent"
        many = subject.pipeline.predict_many([*subject.inputs, absent])
    if len(many) != len(subject.inputs) + 1 or not isinstance(many[-1], InputError):
        yield "of an input that is not there it gives an answer, and InputError is wanted"
        return
    for path, answer, one in zip(subject.inputs, many, subject.answers, strict=False):
        if isinstance(answer, InputError) or not np.allclose(answer.clip_probs, one.clip_probs, rtol=0, atol=1e-6):
            yield f"{path.name}: another answer than predict's"


def refuses(subject: Subject) -> Problems:
    """`predict` raises InputError on an empty file."""
    with tempfile.TemporaryDirectory(prefix="reprise-check-") as folder:
        empty = Path(folder) / f"empty{subject.inputs[0].suffix}"
        empty.touch()
        try:
            subject.pipeline.predict(empty)
        except InputError:
            return
    yield "predict takes an empty file; InputError is wanted"


def provenance(subject: Subject) -> Problems:
    """What decided the numbers is said."""
    about = subject.pipeline.provenance()
    yield from (f"no {name!r} in it" for name in PROVENANCE if name not in about)
