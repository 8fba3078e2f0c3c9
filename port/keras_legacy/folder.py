"""Migrate every model below a folder in one run: one start of TensorFlow, one line a model, a bad file ends nothing."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.patience import patience
from reprise_kit.port.keras_legacy import file_kinds, read
from reprise_kit.port.keras_legacy.migrate import Options, migrate_files

ARCHITECTURES = (".json", ".yaml", ".yml")
WEIGHTS = (".h5", ".hdf5", ".hdf", ".weights")
ENDINGS = {"keras": ".keras", "weights": ".weights.h5", "savedmodel": "", "onnx": ".onnx", "tflite": ".tflite"}


@dataclass(frozen=True)
class Job:
    """One model to migrate: the architecture file or None, the weights or whole-model file, and its result."""

    architecture: Path | None
    weights: Path
    out: Path


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
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in WEIGHTS and path.is_file())
    found = [path for path in files if out not in path.parents]
    if not found:
        raise InputError(f"{folder}: no model in it; files that end in {', '.join(WEIGHTS)} are looked for")
    stems = [path.relative_to(folder).with_suffix("") for path in found]
    names = [
        stem if stems.count(stem) == 1 else path.relative_to(folder) for stem, path in zip(stems, found, strict=True)
    ]
    return [
        Job(architecture_of(path), path, out / name.parent / f"{name.name}{ENDINGS[to]}")
        for name, path in zip(names, found, strict=True)
    ]


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
    """Migrate one model after the other and yield what became of each."""
    for job in jobs(folder, out, options.to):
        yield _migrated(job, options)


def _migrated(job: Job, options: Options) -> Outcome:
    with patience(lambda: f"migrating {job.weights.name}"):
        return _tried(job, options)


def _tried(job: Job, options: Options) -> Outcome:
    try:
        architecture = None if file_kinds.is_hdf5(job.weights) and read.is_whole(job.weights) else job.architecture
        report = migrate_files(architecture, job.weights, job.out, options)
    except InputError as error:
        return Outcome(job, [], " ".join(str(error).split()))
    except OSError as error:
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
