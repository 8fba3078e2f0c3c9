"""A folder of tracks, one sub-folder per genre, as the arrays that the original trains on.

Source: what create_data_pickle.py of the pinned commit does, for any genres, names and formats. All tracks get the
number of frames of the first (blues.00000): longer ones are cut, shorter ones filled with silence, ln(1e-6).
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from reprise_kit.compare import npz
from reprise_kit.compare.atomic import atomic_file, claim_folder
from reprise_kit.compare.box import Limits, boxed
from reprise_kit.compare.digest import sha256
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import reading, unforeseen
from reprise_kit.compare.pool import Pool
from reprise_kit.compare.shown import shown
from reprise_kit.compare.walk import followed
from reprise_kit.compare.workers import DIED, Workers, begin_worker
from reprise_kit.port.audio.decode import decode
from reprise_kit.port.audio.librosa041.mel import N_MELS, SILENCE, log_mel
from reprise_kit.port.audio.scipy017.resample import resample
from reprise_kit.port.deepsound_crnn.training import pickle_arrays
from reprise_kit.port.deepsound_crnn.training.corpus import MIN_FRAMES, Corpus
from reprise_kit.port.shared.gtzan import GENRES
from reprise_kit.port.shared.tracks import find_tracks

PICKLED = Limits(times=3, per_second=2 << 20)  # of a pickle; a slow machine reads 2 MB a second
PARTS = ("*.npy", "*.txt")  # names of the files that `collect` leaves in its folder
FORMATS = (".npz", ".tfrecord", ".pkl")


def save(corpus: Corpus, path: Path) -> None:
    """Write all of it as .npz or as .tfrecord (`records` has the features), or as .pkl for the original.

    A .pkl has no genres and no faults: the original takes GTZAN's ten for granted. Raises InputError for any other
    suffix and where the file cannot be written.
    """
    refuse_format(path)
    with atomic_file(path) as temporary:
        if path.suffix == ".npz":
            texts = {name: np.array(getattr(corpus, name), np.str_) for name in ("paths", "genres", "faults")}
            with temporary.open("wb") as file:
                np.savez(file, x=corpus.x, y=corpus.y, **texts)  # type: ignore[arg-type]
        elif path.suffix == ".tfrecord":
            from reprise_kit.port.deepsound_crnn.training import records

            records.write(temporary, corpus)
        else:
            paths = dict(enumerate(corpus.paths))
            pickle_arrays.write(temporary, {"x": corpus.x, "y": corpus.y, "track_paths": paths})


def refuse_format(path: Path) -> None:
    """Raise InputError where a data set has no such format."""
    if path.suffix not in FORMATS:
        raise InputError(f"{path.name}: a data set is a .npz or .tfrecord file, or a .pkl for the original to train on")


def load(path: Path) -> Corpus:
    """Read a data set into memory, .npz, .tfrecord or the original's .pkl; raises InputError where it is not one."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; make it with: reprise dataset FOLDER -o {path.name}")
    with reading(path, "data set of `reprise dataset`"):
        return _load(path)


def _load(path: Path) -> Corpus:
    if path.suffix == ".tfrecord":
        from reprise_kit.port.deepsound_crnn.training import records

        return _checked(records.read(path), path)
    if path.suffix == ".pkl":
        x, y, texts = boxed(pickled_inside, path, limits=PICKLED)
        return _checked(Corpus(x, y, *(tuple(map(str, names)) for names in texts)), path)
    refuse_format(path)
    stored = npz.load(path)
    if missing := {"x", "y", "paths", "genres", "faults"} - set(stored):
        raise InputError(f"{path}: not a data set of `reprise dataset`: it has no {', '.join(sorted(missing))}")
    texts = [tuple(map(str, stored[name])) for name in ("paths", "genres", "faults")]
    return _checked(Corpus(stored["x"], stored["y"], *texts), path)


def pickled_inside(path: Path) -> Iterator[Any]:
    """In the box: x, y and [paths, genres] of the original's pickle."""
    with reading(path, "data set of the original"):
        corpus = _from_pickle(path)
        yield corpus.x
        yield corpus.y
        yield [corpus.paths, corpus.genres]


def _from_pickle(path: Path) -> Corpus:
    values = pickle_arrays.read(path)
    try:
        x, y, paths = values["x"], values["y"], values["track_paths"]
        genres = GENRES if y.shape[1] == len(GENRES) else tuple(f"genre {i}" for i in range(y.shape[1]))
        names = tuple(paths[i] for i in range(len(x)))
        if not all(isinstance(name, str) for name in names):
            raise InputError(f"{path}: not the original's data set; its track_paths are not texts")
        return _checked(Corpus(x, y, names, genres), path)
    except (KeyError, TypeError, AttributeError, IndexError):
        raise InputError(f"{path}: not the original's data set; it has x, y and track_paths") from None


def _checked(corpus: Corpus, path: Path) -> Corpus:
    x, y = corpus.x, corpus.y
    fits = x.ndim == 3 and len(x) and x.shape[2] == N_MELS and y.shape == (len(x), len(corpus.genres))
    if not fits or len(corpus.paths) != len(x) or not np.isfinite(x).all() or (y != _one_hot(corpus)).any():
        raise InputError(
            f"{path}: x {x.shape} and y {y.shape} are not (n_tracks, n_frames, {N_MELS}), finite, and one-hot genres"
        )
    return corpus


def _one_hot(corpus: Corpus) -> np.ndarray:
    labels: np.ndarray = np.eye(len(corpus.genres), dtype=np.float32)[corpus.labels]
    return labels


def features(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return a track's log-mel, (n_frames, 128) float64, as the original computed it, and what is odd in its file."""
    decoded = decode(path)
    return log_mel(resample(decoded.native, decoded.rate)[0]), decoded.notes


def framed(log_power: np.ndarray, n_frames: int) -> np.ndarray:
    """Cut or fill a log-mel to (n_frames, 128) float32; what is filled is silence."""
    out = np.full((n_frames, N_MELS), np.log(SILENCE), np.float32)
    out[: len(log_power)] = log_power[:n_frames]
    return out


def collect(
    folder: Path,
    parts: Path,
    workers: int = 1,
    n_frames: int | None = None,
    say: Callable[[int, int], None] | None = None,
) -> Corpus:
    """Turn a folder of tracks into a corpus, the same for any number of workers.

    parts: a folder for finished tracks, from which a stopped run goes on. workers: processes, of one thread each.
    n_frames: of every track; default: of the first that can be read. say: called with (done, all) at the start and
    after each track. Raises InputError where fewer than two genres are left or `parts` holds something else, OSError
    where `parts` cannot be written.
    """
    tracks = find_tracks(folder)
    claim_folder(parts, "dataset")
    say = say or (lambda done, all_: None)
    say(0, len(tracks))
    computed: list[np.ndarray] = []
    kept: list[tuple[str, Path]] = []
    faults, notes = [], []
    for (genre, file), result in zip(tracks, _pooled([t[1] for t in tracks], parts, workers), strict=True):
        if isinstance(result, str):
            faults.append(shown(f"{genre}/{file.name}: {result}"))
        else:
            log_power = np.load(result, allow_pickle=False)
            n_frames = n_frames or len(log_power)
            computed.append(framed(log_power, n_frames))
            kept.append((genre, file))
            notes += [shown(f"{genre}/{file.name}: {note}") for note in _notes(result)]
        say(len(computed) + len(faults), len(tracks))
    genres = tuple(sorted({genre for genre, _ in kept}))
    if len(genres) < 2 or (n_frames or 0) < MIN_FRAMES:
        raise InputError(
            f"{folder}: {len(genres)} genres of {n_frames or 0} frames that can be read ({len(faults)} faulty tracks, "
            f"first: {faults[0] if faults else 'none'}); at least 2 genres and {MIN_FRAMES} frames are needed"
        )
    y = np.eye(len(genres), dtype=np.float32)[[genres.index(genre) for genre, _ in kept]]
    files = tuple(str(followed(file)) for _, file in kept)
    return Corpus(np.stack(computed), y, files, genres, tuple(faults), tuple(notes))


def _notes(kept: Path) -> list[str]:
    """Lines on what is odd in a finished track's file, such as an end that is missing."""
    beside = kept.with_suffix(".txt")
    return beside.read_text("utf-8").splitlines() if beside.exists() else []


def _whole(kept: Path) -> bool:
    """Whether a finished track is there and can be read; a damaged one is computed again."""
    try:
        log_power = np.load(kept, mmap_mode="r", allow_pickle=False)
    except (OSError, EOFError, ValueError):
        return False
    return bool(log_power.ndim == 2 and log_power.shape[1] == N_MELS)


def _pooled(files: list[Path], parts: Path, workers: int) -> Iterator[Path | str]:
    """Yield what `part` returns for each file, in their order; a file on which a worker dies is a fault, too."""
    pool = Pool(_start, partial(_each, part, parts), lambda file: DIED)
    return pool.answers(([file] for file in files), min(workers, max(len(files), 1)))


def _each(function: Callable[[Path, Path], Path | str], parts: Path, files: Sequence[Path]) -> list[Path | str]:
    return [function(file, parts) for file in files]


def _start(workers: int) -> Workers:
    # Not fork: the threads of what the caller has imported would not survive it. Not a fork server: its socket's name
    # is too long in some folders for temporary files, and what it forks knows no parent before it has imported all.
    return Workers(workers, multiprocessing.get_context("spawn"), initializer=begin_worker)


def part(file: Path, parts: Path) -> Path | str:
    """Return the file in `parts` of a track's log-mel, (n_frames, 128) float32, or one line on why there is none."""
    try:
        key = sha256(file)
        kept = parts / f"{key}.npy"
        if _whole(kept):
            return kept
        computed, notes = features(file)
        if sha256(file) != key:
            return "changed while it was read"
    except InputError as error:
        return str(error).removeprefix(f"{file}: ")
    except OSError as error:
        return error.strerror or str(error)
    except MemoryError:
        return "memory ran out"
    except Exception as error:
        return str(unforeseen(error))
    if notes:  # before the arrays, with which a track counts as finished
        with atomic_file(kept.with_suffix(".txt")) as temporary:
            temporary.write_text("\n".join(notes), "utf-8")
    with atomic_file(kept) as temporary:
        np.save(temporary, computed.astype(np.float32))
    return kept
