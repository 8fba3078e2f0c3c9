"""The commands that are stopped: what they read, what they keep when stopped, and what they answer."""

import json
import os
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet as pq

from reprise_kit.compare.atomic import MARKER
from reprise_kit.compare.digest import sha256
from reprise_kit.compare.system import CLIPS
from tests.pinned import with_contents, written
from tests.port.keras_legacy import models

KIT = (sys.executable, "-m", "reprise_kit")
PATCHED = (sys.executable, "-m", "tests.kills.patched")
UPSTREAM = {f"code/{number:02d}.py": f"NUMBER = {number}\n".encode() * 5000 for number in range(60)}
COMPARED = ("shortest.wav", "silence.wav")
Names = Counter[str]


@dataclass(frozen=True)
class Job:
    """A command. make: what it reads, into a folder; words: of the command line, from that folder and OUT.

    kept: what of its answer is finished and whole, wherever a stopped run has it, each name as often as it is there;
    answer: the finished answer, equal for equal runs. passing: files that only a run under way has, below OUT's
    parent; `*` stands for anything.
    """

    name: str
    make: Callable[[Path], None]
    words: Callable[[Path, Path], Iterable[object]]
    kept: Callable[[Path], Names]
    answer: Callable[[Path], Any]
    passing: tuple[str, ...] = ()
    file: str = "out"
    code: int = 0  # of an undisturbed run

    def command(self, given: Path, out: Path) -> list[str]:
        """Return the whole command line."""
        return list(map(str, self.words(given, out)))


def noise(path: Path, seed: int, seconds: float = 2.0) -> None:
    """Write a clip that no other seed has."""
    import wave

    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 22050, 0, "NONE", ""))
        file.writeframes(np.random.default_rng(seed).normal(0, 3000, int(22050 * seconds)).astype("<i2").tobytes())


def _clips(folder: Path) -> None:
    for number in range(12):
        noise(folder / f"{number:02d}.wav", number)


def _rows(out: Path) -> list[dict[str, Any]]:
    parts = sorted((out / "rows").glob("[0-9]*.parquet"))
    return [row for part in parts for row in pq.read_table(part).to_pylist()]


def _archive_answer(out: Path) -> Any:
    files = [pq.read_table(part).to_pylist() for part in sorted((out / "files").glob("*.parquet"))]
    paths = sorted((row["path"], row["sha256"]) for rows in files for row in rows)
    return paths, sorted(json.dumps(row, sort_keys=True, default=str) for row in _rows(out))


def _corpus(folder: Path) -> None:
    for genre in ("ambient", "blues"):
        for number in range(4):
            noise(folder / genre / f"{number:02d}.wav", hash_of(genre, number))


def hash_of(genre: str, number: int) -> int:
    """Return a seed of its own for each track."""
    return 1000 * len(genre) + number


def _tracks(out: Path) -> Names:
    """The tracks of the data set, or of its parts while there is none: those go once it is written."""
    written = Counter[str]()
    if out.exists():
        with np.load(out, allow_pickle=False) as stored:
            written = Counter(sha256(Path(path)) for path in stored["paths"])
    parts = list(out.with_name(f"{out.name}.parts").glob("*.npy"))
    assert all(np.load(part, allow_pickle=False).ndim == 2 for part in parts)
    return written | Counter(part.stem for part in parts)


def _arrays(path: Path) -> Any:
    with np.load(path, allow_pickle=False) as stored:
        return {name: (stored[name].dtype.str, stored[name].tobytes()) for name in sorted(stored.files)}


def _numbers(folder: Path) -> None:
    random, labels = np.random.default_rng(0), np.arange(40) % 10
    x = (random.normal(size=(40, 44, 128)) + labels[:, None, None]).astype(np.float32)
    texts = {"paths": np.array(list(map(str, range(40)))), "genres": np.array([f"g{i}" for i in range(10)])}
    np.savez(folder / "data.npz", x=x, y=np.eye(10, dtype=np.float32)[labels], faults=np.array([], str), **texts)


def _epochs(out: Path) -> Names:
    state = out / "state.json"
    history = json.loads(state.read_text())["history"] if state.exists() else []
    return Counter(f"{number} {epoch}" for number, epoch in enumerate(history))


def _trained(out: Path) -> Any:
    report = json.loads((out / "report.json").read_text())
    return report, _weights(out / "model.keras")


def _weights(path: Path) -> Any:
    """Config and arrays of a .keras file: its archive has the time in it."""
    import io

    with zipfile.ZipFile(path) as archive:
        config, stored = archive.read("config.json"), io.BytesIO(archive.read("model.weights.h5"))
    arrays: dict[str, bytes] = {}
    with h5py.File(stored) as file:
        file.visititems(lambda name, node: arrays.update({name: node[()].tobytes()} if hasattr(node, "dtype") else {}))
    return json.loads(config, object_hook=_without_ids), arrays


def _without_ids(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != "shared_object_id"}  # an address in memory


def _zoo(folder: Path) -> None:
    for number in range(5):
        config, groups = models.dense_net(np.random.RandomState(number))
        (folder / f"{number % 3}").mkdir(exist_ok=True)
        models.save_whole(folder / f"{number % 3}" / f"{number:02d}.h5", config, groups, version="1.1.0")
    (folder / "page.h5").write_text("<html>")


def _migrated(out: Path) -> Any:
    return {path.relative_to(out).as_posix(): _weights(path) for path in sorted(out.rglob("*.keras"))}


def _some_clips(folder: Path) -> None:
    for name in COMPARED:
        (folder / name).write_bytes((CLIPS / name).read_bytes())


def _verdicts(out: Path) -> Any:
    report = json.loads((out / "report.json").read_text())
    traces = {p.relative_to(out).as_posix(): _arrays(p) for p in sorted(out.rglob("trace.npz"))}
    return {key: value for key, value in report.items() if key not in ("made", "seconds", "date")}, traces


def system() -> Any:
    """Return the system whose upstream is fetched."""
    return with_contents(UPSTREAM)


def _repository(folder: Path) -> None:
    written(folder, UPSTREAM)
    git = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], check=True)
    for path in UPSTREAM:
        (folder / path).unlink()  # they are in git's objects alone


def _files(out: Path) -> dict[str, str]:
    paths = sorted(path for path in out.rglob("*") if path.is_file() and path.name != MARKER)
    return {path.relative_to(out).as_posix(): sha256(path) for path in paths}


def _whole_folder(out: Path) -> Names:
    """Every file of OUT, or of what stood there and was moved aside by the run that was stopped."""
    aside = out.with_name(f".{out.name}.reprise") / "old"
    return Counter(f"{name} is there" for name in _files(out if os.path.lexists(out) else aside))


def _whole_models(out: Path) -> Names:
    found = [path for path in sorted(out.rglob("*.keras")) if ".reprise" not in str(path.relative_to(out))]
    assert all(zipfile.is_zipfile(path) for path in found)
    return Counter(path.relative_to(out).as_posix() for path in found)


JOBS = {
    job.name: job
    for job in (
        Job(
            "archive",
            _clips,
            lambda given, out: (*PATCHED, "predict", "--recursive", given, "--out", out, "--workers", 1),
            lambda out: Counter(row["sha256"] for row in _rows(out)),
            _archive_answer,
            ("out/*",),
        ),
        Job(
            "dataset",
            _corpus,
            lambda given, out: (*KIT, "dataset", given, "-o", out, "--workers", 2),
            _tracks,
            _arrays,
            ("out.npz.parts/*",),
            file="out.npz",
        ),
        Job(
            "train",
            _numbers,
            lambda given, out: (*KIT, "train", given / "data.npz", "-o", out, "--epochs", 4),
            _epochs,
            _trained,
            ("out/epoch-*.weights.h5", "out/tensorboard/*", "out/best.weights.h5", "out/state.json"),
        ),
        Job(
            "migrate",
            _zoo,
            lambda given, out: (*KIT, "migrate", given, "-o", out, "--source-backend", "theano"),
            _whole_models,
            _migrated,
            code=1,  # one file is no model
        ),
        Job(
            "compare",
            _some_clips,
            lambda given, out: (*KIT, "compare", given, "--out", out),
            _whole_folder,
            _verdicts,
        ),
        Job(
            "fetch",
            _repository,
            lambda given, out: (*PATCHED, "fetch", "deepsound_crnn", "--from", given / ".git", "--out", out),
            _whole_folder,
            _files,
        ),
    )
}
