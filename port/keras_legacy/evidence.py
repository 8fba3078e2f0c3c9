"""Under which backend a Keras-1 file was saved, from what the file shows and from recorded inputs and outputs.

The file never says it. TensorFlow's names end in ":0" and Theano's do not, which agreed with every model whose
backend is known. A recording of the old model decides better: each reading is built and compared with it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import tree
from reprise_kit.port.keras_legacy.read import Keras1Model

BACKENDS = ("theano", "tensorflow")
# A reading that is right is off by rounding, a wrong one by far more.
_RIGHT, _CLEARLY = 1e-3, 10.0


@dataclass(frozen=True)
class Evidence:
    """What was seen, one line each, and the backend it decides, or None; `sure` says how sure that is."""

    lines: list[str]
    backend: str | None
    sure: str


def from_names(model: Keras1Model) -> Evidence:
    """Judge by the arrays' names, and by layers that one backend did not have."""
    names = [name for layer in model.weights for name, _ in layer.arrays]
    suffixed = sum(name.endswith(":0") for name in names)
    lines = [f"{suffixed} of {len(names)} weight names end in ':0', as TensorFlow's do and Theano's do not"]
    backend = None if 0 < suffixed < len(names) or not names else "tensorflow" if suffixed else "theano"
    version = f"Keras {model.version}" if model.version else "no Keras version"
    lines.append(f"the files record {version} and no backend (Keras 1 never did)")
    only = [n.name for n in tree.parse(model.config).walk() if n.class_name == "SeparableConvolution2D"]
    if only:
        lines.append(f"layer {only[0]} is a SeparableConvolution2D, which Keras 1 had on TensorFlow only")
        backend = None if backend == "theano" else "tensorflow"
    return Evidence(lines, backend, "by names: no counter-example is known" if backend else "undecided")


def from_record(model: Keras1Model, **settings: Any) -> Evidence:
    """Take the backend that the file names, as every file of Keras 2 does."""
    line = f"the file records Keras {model.version or 'of no version'} on {model.backend}"
    if model.backend in BACKENDS:
        return Evidence([line], model.backend, "recorded")
    if _same_either_way(model, **settings):
        return Evidence([line, "read either way it is the same model"], "tensorflow", "certain")
    raise InputError(
        f"{line}, whose convolutions and padding were not measured here; Keras itself read such kernels as "
        "TensorFlow's: say --source-backend tensorflow to take them so"
    )


def from_recording(model: Keras1Model, arrays: Mapping[str, np.ndarray], **settings: Any) -> Evidence:
    """Build both readings, run them on the recorded inputs, and compare with the outputs, if recorded.

    Without outputs the readings are only compared with each other, which decides where they do not differ.
    """
    from reprise_kit.port.keras_legacy import build, verify

    inputs = verify.recorded(arrays, "in")
    found, lines = {}, []
    for backend in BACKENDS:
        try:
            found[backend] = verify.run(build.build(model, backend, **settings), inputs)
        except InputError as error:
            lines.append(f"read as {backend}: {error}")
    outputs = verify.recorded(arrays, "out") if any(key.startswith("out_") for key in arrays) else None
    if outputs is None:
        return _compare_readings(found, lines)
    errors = {backend: verify.relative(values, outputs) for backend, values in found.items()}
    lines += [
        f"read as {backend}, the outputs differ from the recorded ones by {e:.1e}" for backend, e in errors.items()
    ]
    right = [backend for backend, error in errors.items() if error <= _RIGHT]
    if len(right) == 2:
        return Evidence([*lines, "both readings are right: the backend does not matter here"], "tensorflow", "certain")
    return Evidence(lines, right[0] if right else None, "certain, by the recording" if right else "undecided")


def _compare_readings(found: dict[str, list[np.ndarray]], lines: list[str]) -> Evidence:
    if len(found) < 2:
        only = next(iter(found), None)
        return Evidence(lines, only, f"only {only} can have computed this" if only else "undecided")
    apart = max(relative_pair(a, b) for a, b in zip(*found.values(), strict=True))
    lines.append(f"on the given inputs the two readings differ by {apart:.1e}, relative to the largest output")
    if apart <= 1e-5:
        return Evidence([*lines, "the backend does not matter here"], "tensorflow", "certain")
    return Evidence([*lines, "the inputs come without recorded outputs, so this decides nothing"], None, "undecided")


def relative_pair(a: np.ndarray, b: np.ndarray) -> float:
    """Return max |a - b| over max |a|, or infinity where they cannot be compared."""
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("inf")
    return float(np.abs(a - b).max(initial=0.0) / max(float(np.abs(a).max(initial=0.0)), 1e-30))


def _same_either_way(model: Keras1Model, **settings: Any) -> bool:
    """Return whether both readings build the same layers with the same numbers."""
    from reprise_kit.port.keras_legacy import build

    built, refused = [], []
    for backend in BACKENDS:
        try:
            built.append(build.build(model, backend, **settings))
        except InputError as error:
            refused.append(error)
    if len(refused) == 2 and str(refused[0]) == str(refused[1]):
        raise refused[0]  # something else than the backend is to be said first
    if refused:
        return False
    one, other = built
    pairs = list(zip(one.get_weights(), other.get_weights(), strict=False))
    same = len(one.weights) == len(other.weights) and all(np.array_equal(a, b) for a, b in pairs)
    return same and _shape_of(one.get_config()) == _shape_of(other.get_config())


def _shape_of(config: Any) -> Any:
    """Return a model's config without the numbers that Keras counts up in its automatic names."""
    return re.sub(r"_\d+", "", json.dumps(config, default=str, sort_keys=True))


def decide(model: Keras1Model, asked: str, arrays: Mapping[str, np.ndarray] | None, **settings: Any) -> Evidence:
    """Return the evidence with the backend to use; raises InputError where `auto` is left undecided."""
    if asked in BACKENDS:
        other = f"; the file records {model.backend}" if model.backend not in (None, asked) else ""
        return Evidence([f"source backend {asked}, as asked{other}"], asked, "as asked")
    if model.backend is not None:
        return from_record(model, **settings)
    names = from_names(model)
    if arrays is not None:
        ran = from_recording(model, arrays, **settings)
        chosen = ran.backend or names.backend
        names = Evidence(names.lines + ran.lines, chosen, ran.sure if ran.backend else names.sure)
    if names.backend is None and _same_either_way(model, **settings):
        return Evidence([*names.lines, "read either way it is the same model"], "tensorflow", "certain")
    if names.backend is None:
        raise InputError(
            f"the source backend is undecided ({'; '.join(names.lines)}); say --source-backend theano or tensorflow"
        )
    return names
