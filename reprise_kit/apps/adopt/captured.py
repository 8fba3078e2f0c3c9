"""What the spy caught, read with suspicion: one folder per model and state, with recordings of it in its own Keras.

The layers are recorded afterwards, in a second process in the same environment and a box of its own.
"""

import json
import math
import re
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from reprise_kit.apps.adopt import box
from reprise_kit.compare import npz
from reprise_kit.compare.atomic import refuse_full
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.system import RECORDER
from reprise_kit.port.keras_legacy import recording

DUMP = re.compile(r"\d+-\d+-\d+")  # process, model, state
MODELS = 6  # recorded of one program; more are named and left
LARGE = 1 << 16  # numbers
SAME = 1e-3  # relative: further apart, what was saved is not what ran
PATCHED = "where it was changed, the migrated model, which computes as the released Keras, differs or is refused"
LIMITS = box.Limits(seconds=900, idle=900, vain=900)
SAID = {True: "yes", False: "no"}
FILES = ("architecture.json", "weights.h5")
OWN, STAND_IN = "own.npz", "stand_in.npz"  # recordings, on the repository's own inputs and on drawn ones


@dataclass(frozen=True)
class Captured:
    """A model at one moment: its folder, what the spy said of it, and what was recorded.

    own: whether own.npz is there, on the repository's own inputs; stand_in: whether stand_in.npz is, on drawn ones.
    notes: what a person should know of either.
    """

    name: str
    event: str
    keras: str
    backend: str
    image_ordering: str | None
    own: bool
    stand_in: bool
    calls: int
    notes: tuple[str, ...] = ()


class _About(msgspec.Struct, frozen=True):
    """about.json of the spy."""

    event: str
    backend: str | None = None
    keras: str | None = None
    image_ordering: str | None = None
    own_classes: dict[str, str] = {}
    folders: list[str] = []
    problems: list[str] = []
    keras_at: str = "site-packages"
    weights: str | None = None


@dataclass(frozen=True)
class Recorder:
    """Records a dump in its own Keras: python and variables of the old environment, repository: where its code is."""

    python: Path
    variables: Mapping[str, str]
    repository: Path
    home: Path
    unboxed: bool

    def record(self, folder: Path, about: _About, out: str, *given: str) -> str:
        """Write `out` into `folder`, layers and all; return "", or why it could not be. Raises OSError: a full disk."""
        readable = box.needed(self.python, self.variables) | {RECORDER: "/record", self.repository: "/adopted"}
        boxed = box.open_box(self.home, {folder: "/dump"}, readable, self.unboxed)
        here, code = boxed.name(folder), boxed.name(self.repository)
        words = [str(self.python), boxed.name(RECORDER), "--layers", "--out", f"{here}/{out}", *given]
        words += ["--architecture", f"{here}/architecture.json", "--weights", f"{here}/weights.h5"]
        words += ["--backend", about.backend] if about.backend else []
        words += ["--image-ordering", about.image_ordering] if about.image_ordering in ("th", "tf") else []
        for name, place in about.own_classes.items():
            words += ["--custom", f"{name}={place}"]
        folders = [f"{code}/{folder}" for folder in about.folders if ".." not in folder]
        python_path = ":".join(filter(None, (self.variables.get("PYTHONPATH"), *folders, code)))
        variables = {**self.variables, "PYTHONPATH": python_path, "PYTHONDONTWRITEBYTECODE": "1"}
        if out == OWN:
            words += ["--inputs", f"{here}/inputs.npz"]
        elif _is_large(folder / "architecture.json"):
            words += ["--samples", "1"]  # of each scale: every layer of each is kept, of a detector's four it is 2 GB
        ended = boxed.run(words, variables, here, folder / "record.log", LIMITS)
        if ended.code == 0 and (folder / out).is_file():
            return ""
        refuse_full(folder, ended.said)
        lines = ended.said.splitlines() or ["no message"]
        reasons = [line.removeprefix("record: ") for line in lines if line.startswith("record: ")]
        return ended.why or (reasons or lines)[-1]


def record_all(dumps: Path, out: Path, recorder: Recorder, say: Callable[[str], None]) -> list[Captured]:
    """Turn the spy's folder into recordings in `out`, one folder per model; raises InputError where it caught none."""
    kept = (path for path in dumps.iterdir() if DUMP.fullmatch(path.name) and (path / "about.json").is_file())
    found = _once(sorted(kept, key=_rank))
    if not found:
        raise InputError(
            "capture: no model was seen: the program neither asked a Keras model for an answer nor loaded weights; "
            "give an --entry that does, or with --stand-in what it misses"
        )
    for path in found[MODELS:]:
        say(f"left: {path.name} ({_about(path).event}); the first {MODELS} models are recorded")
    return [_recorded(path, out / f"model_{i}", recorder, say) for i, path in enumerate(found[:MODELS], 1)]


def _rank(dump: Path) -> tuple[int, int, int, int]:
    """What shows most goes first; and the first state of every model before the next of any."""
    process, model, state = map(int, dump.name.split("-"))
    calls = list(dump.glob("call_*.npz"))
    shows = [any(map(_is_answered, [*calls, dump / OWN])), (dump / STAND_IN).is_file(), bool(calls), True]
    return shows.index(True), state, process, model


def _is_answered(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as file:
            return "out_0.npy" in file.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def _once(dumps: Sequence[Path]) -> list[Path]:
    """Leave out what another process of the program had too: the same architecture with the same weights."""
    found: dict[tuple[str | None, bytes], Path] = {}
    for path in dumps:
        architecture = path / "architecture.json"
        text = architecture.read_bytes() if architecture.is_file() else str(path).encode()
        found.setdefault((_about(path).weights, text), path)
    return list(found.values())


def save(captured: Sequence[Captured], path: Path) -> None:
    """Write the list as JSON."""
    path.write_text(json.dumps([asdict(one) for one in captured], indent=1) + "\n", "utf-8")


def load(path: Path) -> list[Captured]:
    """Read the list; raises InputError on a file that is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Captured])
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); remove it, and adopt goes on from there") from None


def _about(dump: Path) -> _About:
    try:
        return msgspec.json.decode((dump / "about.json").read_bytes(), type=_About)
    except (OSError, msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"capture: {dump / 'about.json'} is none of the spy's ({error})") from None


def _recorded(dump: Path, folder: Path, recorder: Recorder, say: Callable[[str], None]) -> Captured:
    about = _about(dump)
    folder.mkdir(parents=True, exist_ok=True)
    notes = list(about.problems)
    if "site-packages" not in about.keras_at:
        notes.append(f"the Keras that ran is the repository's own, {about.keras_at}, not the environment's: {PATCHED}")
    for name in FILES:
        if (dump / name).is_file() and not (dump / name).is_symlink():
            shutil.copyfile(dump / name, folder / name)
    (folder / "about.json").write_bytes((dump / "about.json").read_bytes())
    calls, is_drawn = _calls(dump, notes)
    inputs, outputs = _joined(calls, _fixed(folder / "architecture.json"))
    whole = all((folder / name).is_file() for name in FILES)
    # What a second process builds of a layer's configuration may be another, where that does not say all.
    within = [name for name in (OWN, STAND_IN) if whole and _recorded_within(dump / name, folder, notes)]
    recorded = OWN in within or (
        bool(inputs) and not within and _own(folder, about, recorder, (inputs, outputs), notes)
    )
    silent = recorded and recording.nothing_proven(recording.load(folder / OWN)) is not None
    own, stand_in = recorded and not is_drawn, STAND_IN in within or (recorded and is_drawn)
    if recorded and is_drawn:
        (folder / OWN).replace(folder / STAND_IN)
    if whole and not within and (not recorded or silent or (own and about.event.startswith("load_"))):
        problem = recorder.record(folder, about, STAND_IN)
        stand_in = stand_in or not problem
        notes += [f"not recorded on stand-in inputs: {problem}"] if problem else []
    say(f"{folder.name}: {about.event}; own input: {SAID[own]}, stand-in input: {SAID[stand_in]}")
    said = about.event, about.keras or "", about.backend or "", about.image_ordering
    return Captured(folder.name, *said, own, stand_in, len(inputs[0]) if inputs else 0, tuple(notes))


def _recorded_within(path: Path, folder: Path, notes: list[str]) -> bool:
    """Take what was recorded within the program itself, where it was; a second process might build another model."""
    if not path.is_file():
        return False
    try:
        recording.of(npz.load(path), path.name)
    except InputError as error:
        notes.append(f"what was recorded within the program is left out: {error}")
        return False
    shutil.copyfile(path, folder / path.name)
    inputs = "inputs that it was taught on" if path.name == OWN else "drawn inputs"
    notes.append(f"recorded within its program, on {inputs}")
    return True


def _calls(dump: Path, notes: list[str]) -> tuple[list[dict[str, np.ndarray]], bool]:
    """Every whole call of a dump, and whether one was on a drawn data set; what is no call of the spy's is noted."""
    found, is_drawn = [], False
    for path in sorted(dump.glob("call_*.npz"), key=lambda path: int(re.sub(r"\D", "", path.stem) or 0)):
        try:
            arrays = npz.load(path)
            arrays.pop("event", None)
            is_drawn |= arrays.pop("drawn", None) is not None
            recording.of(arrays, path.name)
            found.append(arrays)
        except InputError as error:
            notes.append(f"{path.name} left out: {error}")
    return found, is_drawn


def _fixed(architecture: Path) -> bool:
    """Whether a sample's answer may hang on those beside or before it: then calls are not put together."""
    text = architecture.read_text("utf-8", "replace") if architecture.is_file() else ""
    return re.search(r'"(stateful|sparse)":\s*true|"batch_input_shape":\s*\[\s*\d', text) is not None


def _is_large(architecture: Path) -> bool:
    """Whether a sample that the architecture takes is of more numbers than LARGE."""
    text = architecture.read_text("utf-8", "replace") if architecture.is_file() else ""
    shapes = re.findall(r'"batch_input_shape":\s*\[([^\]]*)\]', text)
    return any(math.prod(map(int, re.findall(r"\d+", shape))) > LARGE for shape in shapes)


def _joined(calls: list[dict[str, np.ndarray]], fixed: bool) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Inputs and, where every call has them, outputs of the calls that fit the first one, as one batch."""
    if not calls:
        return [], []
    shapes = [{key: array.shape[1:] for key, array in call.items()} for call in calls]
    same = [call for call, shape in zip(calls, shapes, strict=True) if shape == shapes[0]][: 1 if fixed else None]
    joined = {key: np.concatenate([call[key] for call in same]) for key in same[0]}
    return tuple(  # type: ignore[return-value]
        [joined[f"{kind}_{i}"] for i in range(sum(key.startswith(f"{kind}_") for key in joined))]
        for kind in ("in", "out")
    )


def _own(
    folder: Path,
    about: _About,
    recorder: Recorder,
    call: tuple[list[np.ndarray], list[np.ndarray]],
    notes: list[str],
) -> bool:
    """Write own.npz: the repository's inputs, what its program was answered on them, and the layers between."""
    inputs, outputs = call
    np.savez(folder / "inputs.npz", **{f"in_{i}": array for i, array in enumerate(inputs)})  # type: ignore[arg-type]
    whole = all((folder / name).is_file() for name in FILES)
    problem = recorder.record(folder, about, OWN) if whole else "the model could not be saved whole"
    arrays: dict[str, Any] = {} if problem else npz.load(folder / OWN)
    if problem:
        notes.append(f"layers are not recorded: {problem}")
    if not outputs:
        return bool(arrays)
    if arrays and not _agree(arrays, outputs):
        notes.append("from what was saved, the model answers otherwise than the program saw: its layers are left out")
        arrays = {}
    # What the program itself was answered is the truth; the second process adds the layers.
    numbers = {f"in_{i}": array for i, array in enumerate(inputs)} | {f"out_{i}": a for i, a in enumerate(outputs)}
    said = {"keras": about.keras, "backend": about.backend}
    provenance = arrays.get("provenance", np.array(json.dumps(said).encode()))
    np.savez_compressed(folder / "part.npz", **{**arrays, **numbers, "provenance": provenance})
    (folder / "part.npz").replace(folder / OWN)
    return True


def _agree(arrays: Mapping[str, np.ndarray], outputs: list[np.ndarray]) -> bool:
    """Whether the second process answered as the program saw, to SAME of the largest number."""
    for i, seen in enumerate(outputs):
        again = arrays.get(f"out_{i}")
        if again is None or again.shape != seen.shape:
            return False
        if np.abs(again.astype(np.float64) - seen).max(initial=0) > SAME * np.abs(seen).max(initial=1e-30):
            return False
    return True
