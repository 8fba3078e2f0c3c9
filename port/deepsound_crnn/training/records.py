"""A data set as TFRecord: one tf.train.Example for each track, in the data set's order.

    x         bytes    the log-mel, ln(power): float32, little-endian, frame after frame
    shape     2 int64  n_frames, 128
    label     int64    the genre's number
    genre     bytes    its name
    path      bytes    the track's file

What belongs to the whole data set is in the first record, and empty in all others:

    genres    bytes    names of all genres, by number
    faults    bytes    one line for each track left out, often none
    n_tracks  int64    records in the file, so that one cut between two of them is noticed

Texts are UTF-8. FORMAT is what tf.io.parse_single_example needs.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from reprise_kit.compare.errors import InputError
from reprise_kit.port.deepsound_crnn.training.corpus import Corpus

FORMAT = {
    "x": tf.io.FixedLenFeature([], tf.string),
    "shape": tf.io.FixedLenFeature([2], tf.int64),
    "label": tf.io.FixedLenFeature([], tf.int64),
    "genre": tf.io.FixedLenFeature([], tf.string),
    "path": tf.io.FixedLenFeature([], tf.string),
    "genres": tf.io.RaggedFeature(tf.string),
    "faults": tf.io.RaggedFeature(tf.string),
    "n_tracks": tf.io.RaggedFeature(tf.int64),
}


def write(path: Path, corpus: Corpus) -> None:
    """Write a data set; the same one gives the same bytes.

    Raises tf.errors.ResourceExhaustedError on a full disk, InputError where it cannot be written for another reason.
    """
    try:
        with tf.io.TFRecordWriter(str(path)) as writer:
            for row, label in enumerate(corpus.labels):
                writer.write(_example(corpus, row, int(label)).SerializeToString(deterministic=True))
    except tf.errors.ResourceExhaustedError:
        raise  # in the words of every full disk (compare/atomic.py)
    except tf.errors.OpError as error:
        raise InputError(f"the data set could not be written: {error.message}") from None


def read(path: Path) -> Corpus:
    """Read a whole data set into memory, with one record at a time beside it.

    Raises InputError where a record is damaged, foreign or missing.
    """
    examples = _examples(path)
    first = next(examples, None)
    if first is None:
        raise InputError(f"{path}: no track in it; make it again")
    try:
        x = _room(first, path.stat().st_size)
        genres, paths = _texts(first["genres"]), list[str]()
        y = np.zeros((len(x), len(genres)), np.float32)
        for example in itertools.chain([first], examples):
            row = len(paths)
            if row == len(x):
                raise ValueError(f"more than the {row} tracks that the first record announces")
            x[row], y[row, _label(example, genres)] = _log_mel(example, x.shape[1:]), 1
            paths += _texts([example["path"]])
    except ValueError as error:
        raise InputError(f"{path}: not a data set of `reprise dataset` ({error})") from None
    if len(paths) < len(x):
        raise InputError(f"{path}: cut short after {len(paths)} of {len(x)} tracks; make it again")
    return Corpus(x, y, tuple(paths), tuple(genres), tuple(_texts(first["faults"])))


def _example(corpus: Corpus, row: int, label: int) -> tf.train.Example:
    x, whole = corpus.x[row].astype("<f4", casting="equiv"), row == 0
    features = {
        "x": _feature([x.tobytes()]),
        "shape": _feature(x.shape),
        "label": _feature([label]),
        "genre": _feature([corpus.genres[label]]),
        "path": _feature([corpus.paths[row]]),
        "genres": _feature(corpus.genres if whole else []),
        "faults": _feature(corpus.faults if whole else []),
        "n_tracks": _feature([len(corpus.x)] if whole else []),
    }
    return tf.train.Example(features=tf.train.Features(feature=features))


def _feature(values: Sequence[bytes | str | int]) -> tf.train.Feature:
    if not values:
        return tf.train.Feature()
    if isinstance(values[0], bytes | str):
        # A file name may be any bytes; Python keeps those that are not UTF-8 as surrogates.
        raw = [value.encode("utf8", "surrogateescape") if isinstance(value, str) else value for value in values]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=raw))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _texts(raw: Iterable[bytes]) -> list[str]:
    return [text.decode("utf8", "surrogateescape") for text in raw]


def _examples(path: Path) -> Iterator[dict[str, Any]]:
    """Yield one record's features after another, as NumPy arrays, numbers and bytes."""
    number = 0
    records = tf.data.TFRecordDataset(str(path)).map(lambda record: tf.io.parse_single_example(record, FORMAT))
    try:
        for example in records.as_numpy_iterator():
            number += 1
            yield example
    except tf.errors.DataLossError:
        raise InputError(f"{path}: damaged, cut short or no TFRecord (after {number} tracks); make it again") from None
    except tf.errors.InvalidArgumentError:
        raise InputError(
            f"{path}: record {number + 1} is not one of `reprise dataset`, with the features {', '.join(FORMAT)}"
        ) from None


def _room(first: dict[str, Any], size: int) -> np.ndarray:
    """Return x, still empty, of the data set that the first record of a file of `size` bytes announces."""
    if len(first["n_tracks"]) != 1:
        raise ValueError("its first record does not say how many there are")
    n_tracks, shape = int(first["n_tracks"][0]), first["shape"].tolist()
    if min(n_tracks, *shape) < 1:
        raise ValueError(f"{n_tracks} tracks of {shape[0]} x {shape[1]}")
    if n_tracks * shape[0] * shape[1] * 4 > size:  # before memory is taken for it
        raise ValueError(f"cut short: {n_tracks} tracks of {shape[0]} x {shape[1]} are more than its {size} bytes")
    return np.empty((n_tracks, *shape), np.float32)


def _log_mel(example: dict[str, Any], shape: tuple[int, ...]) -> np.ndarray:
    its, raw = tuple(example["shape"].tolist()), example["x"]
    if its != shape or len(raw) != 4 * shape[0] * shape[1]:
        raise ValueError(f"a track of shape {its} in {len(raw)} bytes, where {shape} is announced")
    return np.frombuffer(raw, "<f4").reshape(shape)


def _label(example: dict[str, Any], genres: Sequence[str]) -> int:
    label, (genre,) = int(example["label"]), _texts([example["genre"]])
    if not 0 <= label < len(genres) or genres[label] != genre:
        raise ValueError(f"label {label} for {genre!r} among the genres {', '.join(genres)}")
    return label
