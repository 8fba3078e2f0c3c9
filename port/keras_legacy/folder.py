"""Migrate every model below a folder in one run: one start of TensorFlow, one line a model, a bad file ends nothing."""

import errno
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.fetch import DISK_FULL
from reprise_kit.compare.patience import patience
from reprise_kit.compare.walk import followed, walk
from reprise_kit.port.keras_legacy import file_kinds, read
from reprise_kit.port.keras_legacy.migrate import Options, migrate_files

ARCHITECTURES = (".json", ".yaml", ".yml")
WEIGHTS = (".h5", ".hdf5", ".hdf", ".weights")
NO_ROOM = (*DISK_FULL, errno.EROFS)  # the fault of no model: nothing can be written
ENDINGS = {"keras": ".keras", "weights": ".weights.h5", "savedmodel": "", "onnx": ".onnx", "tflite": ".tflite"}


@dataclass(frozen=True)
class Job:
    """One model to migrate: the architecture file or None, the weights or whole-model file, its result.

    refused: why it is not begun, such as a folder in place of the weights that cannot be listed.
    """

    architecture: Path | None
    weights: Path
    out: Path
    refused: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of one job: its notes, or the error that refused it."""

    job: Job
    lines: list[str]
    error: str = ""


def jobs(folder: Path, out: Path, to: str) -> list[Job]:
    """Return the models below `folder`, in order of their paths; raises InputError where there are none.

    Each HDF5 file is a model: a whole one, or weights that take the architecture file of their own name, of their name
    up to its first "_" or "-", or the only one in their folder. The result has the same path below `out`, and the
    whole name of the file where two would fall together.
    """
    found, closed = _found(folder, out)
    if not found and not closed:
        raise InputError(f"{folder}: no model in it; files that end in {', '.join(WEIGHTS)} are looked for")
    wholes = [path.relative_to(folder) for path in found]
    stems = [whole.with_suffix("") for whole in wholes]
    alone = [stem not in wholes and stems.count(stem) == 1 for stem in stems]
    names = [stem if is_alone else whole for stem, whole, is_alone in zip(stems, wholes, alone, strict=True)]
    return [Job(None, path, out, f"cannot be listed: {why}") for path, why in closed] + [
        Job(architecture_of(path), path, out / name.parent / f"{name.name}{ENDINGS[to]}")
        for name, path in zip(names, found, strict=True)
    ]


def _found(folder: Path, out: Path) -> tuple[list[Path], list[tuple[Path, str]]]:
    """The HDF5 files below a folder and not in `out`, by path, and the folders that cannot be listed, with why."""
    found, closed = [], []
    written = followed(out)
    for met in walk(folder):
        path = Path(met.filename if isinstance(met, OSError) else met.path)
        if written in followed(path).parents:
            continue
        if isinstance(met, OSError):
            closed.append((path, str(met.strerror)))
        elif path.suffix.lower() in WEIGHTS and path.is_file():
            found.append(path)
    return sorted(found), closed


def architecture_of(weights: Path) -> Path | None:
    """Return the architecture file that stands beside a weights file, or None."""
    beside = sorted(path for path in weights.parent.iterdir() if path.suffix.lower() in ARCHITECTURES)
    stem = weights.stem.lower()
    ways: tuple[Callable[[str], bool], ...] = (
        lambda other: other == stem,
        lambda other: stem.startswith(other) and not stem[len(other)].isalnum(),
        lambda other: len(beside) == 1,
    )
    for fits in ways:
        same = [path for path in beside if fits(path.stem.lower())]
        if same:
            return same[0]
    return None


def migrate_folder(folder: Path, out: Path, options: Options) -> Iterator[Outcome]:
    """Migrate one model after the other and yield what became of each; raises OSError where nothing can be written."""
    for job in jobs(folder, out, options.to):
        yield _migrated(job, options)


def _migrated(job: Job, options: Options) -> Outcome:
    if job.refused:
        return Outcome(job, [], job.refused)
    with patience(lambda: f"migrating {job.weights.name}"):
        return _tried(job, options)


def _tried(job: Job, options: Options) -> Outcome:
    try:
        architecture = None if file_kinds.is_hdf5(job.weights) and read.is_whole(job.weights) else job.architecture
        report = migrate_files(architecture, job.weights, job.out, options)
    except InputError as error:
        return Outcome(job, [], " ".join(str(error).split()))
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        return Outcome(job, [], f"{error.strerror or error}: {error.filename or 'while writing'}")
    except Exception as error:  # a fault of ours on one file must not cost the others
        return Outcome(job, [], f"fault in this kit, {type(error).__name__}: {' '.join(str(error).split())[:200]}")
    finally:
        _forget()
    return Outcome(job, report.lines)


def _forget() -> None:
    """Free the last model's graph, if Keras was started at all."""
    if "keras" in sys.modules:
        sys.modules["keras"].backend.clear_session()
