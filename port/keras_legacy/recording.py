"""What the old stack computed: a GOLDEN.npz of original/record.py, read with suspicion.

It holds in_0, in_1, ... and out_0, out_1, ... in the model's own order, each (n_samples, ...), and may hold
layer_NAME and `provenance`, a JSON text. Inputs may come alone: two readings can be compared on them.
"""

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reprise_kit.compare.errors import InputError

LARGEST = 4 << 30  # bytes of all arrays, unpacked


@dataclass(frozen=True)
class Recording:
    """Inputs and outputs in the model's order, the layers' outputs by Keras-1 name, and what the file says of itself.

    `provenance` holds what record.py wrote: keras, backend, backend_version, numpy, python; {} if nothing.
    """

    inputs: list[np.ndarray]
    outputs: list[np.ndarray]
    layers: dict[str, np.ndarray]
    provenance: dict[str, str]


def load(path: Path) -> Recording:
    """Return a recording; never unpickles, and reads no array that is larger than the file says. InputError."""
    return of(arrays(path), str(path))


def of(named: dict[str, np.ndarray], source: str = "the recording") -> Recording:
    """Return the recording that named arrays make; raises InputError if an input is missing, or a number is none."""
    numbers = {key: array for key, array in named.items() if key != "provenance"}
    for key, array in numbers.items():
        if array.dtype.kind not in "fiub":
            raise InputError(
                f"{source}: {key} holds {array.dtype}, numbers are needed; make it with original/record.py"
            )
    layers = {key.removeprefix("layer_"): array for key, array in numbers.items() if key.startswith("layer_")}
    inputs = _numbered(numbers, "in", source)
    outputs = _numbered(numbers, "out", source) if any(key.startswith("out_") for key in numbers) else []
    return Recording(inputs, outputs, layers, _provenance(named.get("provenance")))


def nothing_proven(recording: Recording) -> str | None:
    """Return why no comparison with this recording proves anything, as a sentence, or None."""
    kinds = [(f"in_{i}", a) for i, a in enumerate(recording.inputs)]
    kinds += [(f"out_{i}", a) for i, a in enumerate(recording.outputs)]
    if empty := [name for name, array in kinds if not array.size]:
        return f"the recording is empty ({empty[0]} holds no numbers): it proves nothing"
    if wild := [name for name, array in kinds if not np.isfinite(array).all()]:
        return f"the recording's {wild[0]} holds NaN or infinity: it proves nothing"
    if recording.outputs and any(map(varies, recording.inputs)) and not any(map(varies, recording.outputs)):
        return (
            "the recorded outputs are the same for every sample: the recording proves nothing; record again with "
            "inputs of the scale that the model was trained on (images: often 0 to 255)"
        )
    return None


def varies(array: np.ndarray, by: float = 4 * float(np.finfo(np.float32).eps)) -> bool:
    """Return whether the samples (n_samples, ...) differ by more than `by` of the largest number: not rounding."""
    if len(array) < 2:
        return False
    wide = array.astype(np.float64)
    return bool(np.ptp(wide, axis=0).max(initial=0.0) > by * np.abs(wide).max(initial=0.0))


def arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz as it names them; raises InputError for one that is broken or hostile."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(archive, path)
        with np.load(path, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    except (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile, zlib.error, SyntaxError) as error:
        text = " ".join(str(error).split())[:200]
        raise InputError(f"{path} is not a recording (a whole .npz without pickles): {text}") from error


def _check_sizes(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse an array whose header claims more than the file holds, before anything makes room for it."""
    if sum(member.file_size for member in archive.infolist()) > LARGEST:
        raise InputError(f"{path} unpacks to more than {LARGEST >> 30} GB; record fewer samples")
    for member in archive.infolist():
        with archive.open(member) as stream:
            major, _ = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(stream)
        size = dtype.itemsize
        for axis in shape:
            size *= axis
        if not dtype.hasobject and size > member.file_size:
            raise InputError(f"{path}: {member.filename} claims the shape {shape}, more than the file holds")


def _numbered(named: dict[str, np.ndarray], kind: str, source: str) -> list[np.ndarray]:
    count = sum(key.startswith(f"{kind}_") and key[len(kind) + 1 :].isdigit() for key in named)
    keys = [f"{kind}_{i}" for i in range(count)]
    if not keys or any(key not in named for key in keys):
        raise InputError(f"{source} holds no {kind}_0, {kind}_1, ...; make it with original/record.py")
    return [named[key] for key in keys]


def _provenance(array: np.ndarray | None) -> dict[str, str]:
    """Return what record.py wrote as JSON into a text or bytes array; {} for anything else."""
    if array is None or array.size != 1 or array.dtype.kind not in "SU":
        return {}
    text: Any = array.reshape(-1)[0]
    try:
        found = json.loads(text.decode("utf-8") if isinstance(text, bytes) else str(text))
    except (ValueError, RecursionError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
