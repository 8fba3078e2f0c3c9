"""Under which backend a legacy Keras file was saved, from what the file shows and from a recording.

Keras 1 never says it. TensorFlow's names end in ":0" and Theano's do not, which agreed with every model whose
backend is known. With a recording each reading is built and compared. A recording that both readings fit
cannot tell, and says nothing against the names; one that only the other reading fits contradicts them, and
then a person must say which to believe: Keras 1 loads kernels as they are, so a file of one backend recorded
under the other fits the wrong reading exactly.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import tree
from reprise_kit.port.keras_legacy.read import OldModel
from reprise_kit.port.keras_legacy.recording import Recording, nothing_proven

BACKENDS = ("theano", "tensorflow")
# Where neither reading is within the tolerance, the right one is off by deep nets' rounding, a wrong one by far more.
_NEARLY = 1e-3
# Layers whose numbers both backends kept and used alike, in every Keras 1.
_ALIKE = set(
    """
    Activation Dense Dropout Flatten GRU Highway InputLayer LSTM MaxoutDense Model Permute RepeatVector Reshape
    Sequential SimpleRNN TimeDistributed
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True)
class SavedUnder:
    """What was seen, one line each, and the backend it decides, or None; `sure` says how sure that is.

    `either`: both readings are the same model; `backend` then names one of them.
    """

    lines: list[str]
    backend: str | None
    sure: str
    either: bool = False

    @property
    def conclusion(self) -> str:
        """Return how the file is read, in words."""
        return f"read as saved under {'either backend' if self.either else self.backend} ({self.sure})"


_UNDECIDED = "undecided"


def _either(lines: list[str]) -> SavedUnder:
    return SavedUnder([*lines, "read either way it is the same model"], "tensorflow", "certain", True)


def from_names(model: OldModel) -> SavedUnder:
    """Judge by the arrays' names, and by layers that one backend did not have."""
    # Keras 0.x's layout numbers its arrays; such a number is no name.
    names = [name for layer in model.weights if not layer.legacy for name, _ in layer.arrays]
    suffixed = sum(name.endswith(":0") for name in names)
    lines = [f"{suffixed} of {len(names)} weight names end in ':0', as TensorFlow's do and Theano's do not"]
    backend = None if 0 < suffixed < len(names) or not names else "tensorflow" if suffixed else "theano"
    version = f"Keras {model.version}" if model.version else "no Keras version"
    lines.append(f"the files record {version} and no backend (Keras 1 never did)")
    only = [n.name for n in tree.parse(model.config).walk() if n.class_name == "SeparableConvolution2D"]
    if only:
        lines.append(f"layer {only[0]} is a SeparableConvolution2D, which Keras 1 had on TensorFlow only")
        backend = None if backend == "theano" else "tensorflow"
    return SavedUnder(lines, backend, "by names: no counter-example is known" if backend else _UNDECIDED)


def from_record(model: OldModel, **settings: Any) -> SavedUnder:
    """Take the backend that the file names, as every file of Keras 2 does."""
    line = f"the file records Keras {model.version or 'of no version'} on {model.backend}"
    if model.backend in BACKENDS:
        return SavedUnder([line], model.backend, "recorded")
    if _same_either_way(model, **settings):
        return _either([line])
    raise InputError(
        f"{line}, whose convolutions and padding were not measured here; Keras itself read such kernels as "
        "TensorFlow's: say --source-backend tensorflow to take them so"
    )


def from_recording(model: OldModel, recording: Recording, tolerance: float, **settings: Any) -> SavedUnder:
    """Build both readings and compare each with the recording; one fits, or the recording cannot tell.

    Without outputs the readings can only be compared with each other, which never names a backend.
    """
    if why := nothing_proven(recording):
        return SavedUnder([why], None, _UNDECIDED)
    built, lines = _readings(model, **settings)
    if not recording.outputs:
        return SavedUnder([*lines, _apart(built, recording)], None, _UNDECIDED)
    found = {backend: _differences(migrated, recording, tolerance) for backend, migrated in built.items()}
    outputs = {backend: differences[-len(recording.outputs) :] for backend, differences in found.items()}
    errors = {backend: max(d.max_rel for d in differences) for backend, differences in outputs.items()}
    lines += [f"read as {name}, the outputs differ from the recorded ones by {e:.1e}" for name, e in errors.items()]
    right = [backend for backend, differences in found.items() if all(d.within(tolerance) for d in differences)]
    right = right or [backend for backend, error in errors.items() if error <= _NEARLY]
    if len(right) == 1 and any(d.shows for d in outputs[right[0]]):
        return SavedUnder(lines, right[0], "certain, by the recording")
    why = "this recording cannot tell the backend" if right else "neither reading fits the recording"
    return SavedUnder([*lines, f"both readings fit: {why}" if len(right) == 2 else why], None, _UNDECIDED)


def _readings(model: OldModel, **settings: Any) -> tuple[dict[str, Any], list[str]]:
    from reprise_kit.port.keras_legacy import build

    built, refused = {}, {}
    for backend in BACKENDS:
        try:
            built[backend] = build.migrate(model, backend, **settings)
        except InputError as error:
            refused[backend] = error
    if len(set(map(str, refused.values()))) == 1 and not built:
        raise refused[BACKENDS[0]]  # something else than the backend is to be said first
    return built, [f"read as {backend}: {error}" for backend, error in refused.items()]


def _differences(migrated: Any, recording: Recording, tolerance: float) -> list[Any]:
    from reprise_kit.port.keras_legacy import verify

    return verify.end_to_end(migrated, recording, tolerance)


def _apart(built: dict[str, Any], recording: Recording) -> str:
    from reprise_kit.port.keras_legacy import verify

    if len(built) < 2:
        return "the inputs come without recorded outputs, so this decides nothing"
    first, second = (verify.run(migrated.model, recording.inputs) for migrated in built.values())
    apart = max(verify.difference("", a, b).max_rel for a, b in zip(first, second, strict=True))
    return (
        f"on the given inputs the two readings differ by {apart:.1e}, relative to the largest output; the inputs come "
        "without recorded outputs, so this decides nothing"
    )


def decide(
    model: OldModel, asked: str, recording: Recording | None, tolerance: float = 1e-5, **settings: Any
) -> SavedUnder:
    """Return what was seen, with the backend to use; raises InputError where `auto` is left undecided."""
    if asked in BACKENDS:
        other = f"; the file records {model.backend}" if model.backend not in (None, asked) else ""
        return SavedUnder([f"source backend {asked}, as asked{other}"], asked, "as asked")
    if model.backend is not None:
        return from_record(model, **settings)
    names = from_names(model)
    if {node.class_name for node in tree.parse(model.config).walk()} <= _ALIKE:
        return _either(names.lines)
    undecided = names.backend is None
    if recording is not None:
        ran = from_recording(model, recording, tolerance, **settings)
        names, undecided = _weighed(names, ran, recording), ran.backend is None
    if undecided and _same_either_way(model, **settings):
        return _either(names.lines)
    if names.backend is None:
        raise InputError(
            f"the source backend is undecided ({'; '.join(names.lines)}); say --source-backend theano or tensorflow"
        )
    return names


def _weighed(names: SavedUnder, ran: SavedUnder, recording: Recording) -> SavedUnder:
    """Return names, recording and its provenance together; raises InputError where they contradict each other."""
    lines = [*names.lines, *ran.lines]
    stack = recording.provenance.get("backend")
    if stack in BACKENDS:
        version = recording.provenance.get("backend_version", "")
        keras = recording.provenance.get("keras", "unknown")
        lines.append(f"the recording says that it ran under {stack} {version}, Keras {keras}")
        if names.backend not in (None, stack):
            lines.append(f"contradiction: by its names the file is {names.backend}'s, the recording ran under {stack}")
    if names.backend and ran.backend and names.backend != ran.backend:
        raise InputError(
            f"the weight names say {names.backend}, the recording fits {ran.backend} only ({'; '.join(lines)}); if "
            f"the old stack that recorded ran under {ran.backend} while the file was saved under {names.backend}, its "
            f"outputs are wrong; say --source-backend {names.backend} or {ran.backend}"
        )
    if ran.backend:
        return SavedUnder(lines, ran.backend, ran.sure)
    if names.backend:
        return SavedUnder(lines, names.backend, names.sure)
    return SavedUnder(
        lines, stack if stack in BACKENDS else None, "by the recording's provenance, which nothing denies"
    )


def _same_either_way(model: OldModel, **settings: Any) -> bool:
    """Return whether both readings build the same layers with the same numbers."""
    built, _ = _readings(model, **settings)
    if len(built) < 2:
        return False
    one, other = (migrated.model for migrated in built.values())
    pairs = list(zip(one.get_weights(), other.get_weights(), strict=False))
    same = len(one.weights) == len(other.weights) and all(np.array_equal(a, b) for a, b in pairs)
    return same and _shape_of(one.get_config()) == _shape_of(other.get_config())


def _shape_of(config: Any) -> Any:
    """Return a model's config without the numbers that Keras counts up in its automatic names."""
    return re.sub(r"_\d+", "", json.dumps(config, default=str, sort_keys=True))
