"""One linear SVM for each picture, and the ways of merging three of them.

Published: SVMs on features of the three pictures, several ways of merging. Ours: one-vs-rest, C = 1 on standardised
features, probabilities as a softmax of the scores.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from reprise_kit.port.gwardys_2014.spectrogram import KINDS

C = 1.0
Scores = NDArray[np.floating]  # (n_kinds, n_clips, n_genres)
MERGED: Mapping[str, Callable[[Scores], NDArray[np.floating]]] = {
    "sum of scores": lambda scores: scores.sum(axis=0),
    "product of probabilities": lambda scores: np.log(softmax(scores, axis=-1)).sum(axis=0),
    "mean of probabilities": lambda scores: softmax(scores, axis=-1).mean(axis=0),
    "vote": lambda scores: _votes(scores),
}
ROWS = (*KINDS, *MERGED, "concatenation", "no picture: mean and std of the log spectrum")


def machine() -> Pipeline:
    """Return a machine that has learnt nothing yet."""
    return make_pipeline(StandardScaler(), OneVsRestClassifier(SVC(kernel="linear", C=C)))


def _votes(scores: Scores) -> NDArray[np.floating]:
    """Votes for each genre; the sum of scores decides where there are as many."""
    votes = np.eye(scores.shape[-1])[scores.argmax(axis=-1)].sum(axis=0)
    return np.asarray(votes + softmax(scores.sum(axis=0), axis=-1) / 2)


@dataclass(frozen=True)
class Features:
    """Of every clip: by picture (n_clips, n_features), and the baseline's, (n_clips, n_trivial)."""

    of_kinds: Mapping[str, NDArray[np.float32]]
    trivial: NDArray[np.float32]


def answers(
    features: Features, genres: NDArray[np.int64], learned: NDArray[np.int64], asked: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    """Learn some clips and return what each of ROWS says of others, (n_asked,) genre numbers."""

    def scores(x: NDArray[np.float32]) -> NDArray[np.floating]:
        fitted = machine().fit(x[learned], genres[learned])
        found = fitted.decision_function(x[asked])
        out = np.full((len(asked), int(genres.max()) + 1), -np.inf)
        out[:, fitted.classes_] = found if found.ndim == 2 else np.column_stack([-found, found])
        return np.where(np.isneginf(out), out[np.isfinite(out)].min() - 1, out)  # a genre that was not learnt

    of_kinds = np.array([scores(features.of_kinds[kind]) for kind in KINDS])
    found = dict(zip(KINDS, of_kinds, strict=True))
    found |= {name: merge(of_kinds) for name, merge in MERGED.items()}
    found["concatenation"] = scores(np.concatenate([features.of_kinds[kind] for kind in KINDS], axis=1))
    found[ROWS[-1]] = scores(features.trivial)
    return {name: found[name].argmax(axis=-1) for name in ROWS}
