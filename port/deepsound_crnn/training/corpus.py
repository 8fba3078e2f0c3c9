"""A corpus: tracks as arrays, ready to learn from."""

from dataclasses import dataclass

import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.port.shared.gtzan import GENRES

MIN_FRAMES = 36  # what one answer of the network needs


@dataclass(frozen=True)
class Corpus:
    """Tracks ready to learn from.

    x: (n_tracks, n_frames, 128) float32, ln(power). y: (n_tracks, n_genres) float32, one-hot. paths: each track's file.
    genres: names of the last axis of y. faults: one line for each track left out. notes: of those taken, lines on what
    is odd in their files; known where the corpus was just made, and not kept in a data set.
    """

    x: np.ndarray
    y: np.ndarray
    paths: tuple[str, ...]
    genres: tuple[str, ...]
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> np.ndarray:
        """Genre numbers, (n_tracks,) int64."""
        genres: np.ndarray = self.y.argmax(axis=1)
        return genres


def refuse_unfit(corpus: Corpus) -> None:
    """Raise InputError on a corpus that the network cannot learn from."""
    if len(corpus.genres) != len(GENRES) or corpus.x.shape[1] < MIN_FRAMES:
        raise InputError(
            f"a corpus of {len(corpus.genres)} genres and {corpus.x.shape[1]} frames; the network takes "
            f"{len(GENRES)} genres and at least {MIN_FRAMES} frames"
        )
