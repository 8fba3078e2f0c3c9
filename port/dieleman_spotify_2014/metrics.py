"""How well songs are ranked for each listener: AUC, and mean average precision cut at 500. Over new songs alone."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

CUT = 500
Scores = NDArray[np.floating]  # (n_users, n_songs)
Played = NDArray[np.bool_]  # (n_users, n_songs)


def askable(played: Played) -> NDArray[np.intp]:
    """Return the users who played some of these songs and not all."""
    counts = played.sum(axis=1)
    return np.flatnonzero((counts > 0) & (counts < played.shape[1]))


def auc(scores: Scores, played: Played) -> float:
    """Return the mean over users of the share of pairs (played, not played) in the right order; a tie is half."""
    users = askable(played)
    ranks, hits = rankdata(scores[users], axis=1), played[users]
    n, m = hits.sum(axis=1), (~hits).sum(axis=1)
    return float(np.mean((np.where(hits, ranks, 0).sum(axis=1) - n * (n + 1) / 2) / (n * m)))


def mean_average_precision(scores: Scores, played: Played, cut: int = CUT) -> float:
    """Return the mean over users of the average precision of the first `cut` songs."""
    users = askable(played)
    order = np.argsort(-scores[users], axis=1, kind="stable")[:, :cut]
    hits = np.take_along_axis(played[users], order, axis=1)
    precision = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    possible = np.minimum(played[users].sum(axis=1), cut)
    return float(np.mean((precision * hits).sum(axis=1) / possible))
