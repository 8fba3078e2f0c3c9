"""Alternating least squares on implicit feedback: Hu, Koren and Volinsky 2008, in the order of benanne/wmf.

Preference p = 1 where there are plays, else 0; confidence c = 1 + surplus. Users' and songs' factors are solved for in
turn, each row alone: (sum_i c_i y_i y_i' + lambda I) x = sum_i c_i p_i y_i. With a bias column the last of `other` is
what is known of the preference already, and a column of ones takes its place in the products.
Factors are stored in `dtype`; the confidence is double, so that a row's own products and its solution are too.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from reprise_kit.port.wmf_2014.settings import Settings

BATCH = 256  # rows solved at once
Matrix = NDArray[np.floating]
Entries = NDArray[np.float64]  # (n_plays, 3): row, column, value


def confidence(plays: Entries, settings: Settings) -> Entries:
    """Return the surplus confidence, c - 1, of every play, in the form of `plays`."""
    counts = plays[:, 2]
    if settings.confidence == "linear":
        surplus = settings.alpha * counts
    else:
        surplus = settings.alpha * np.log(1 + counts / settings.epsilon)
    return np.column_stack([plays[:, :2], surplus])


def start(n_songs: int, settings: Settings) -> Matrix:
    """Return the songs' factors that all begins from, (n_songs, n_columns), of NumPy's generator as it was in 2014."""
    drawn = np.random.RandomState(settings.seed).randn(n_songs, settings.columns)
    return (drawn.astype(settings.dtype) * settings.init_std).astype(settings.dtype)


def half_iteration(other: Matrix, surplus: Entries, settings: Settings, songs: bool = False) -> Matrix:
    """Return the users' factors, given the songs', or the songs' given the users'.

    other: (n_other, n_columns). surplus: as `confidence` gives it. Returns (n_rows, n_columns) of settings.dtype.
    """
    rows, columns = (surplus[:, axis].astype(np.intp) for axis in ((1, 0) if songs else (0, 1)))
    n_rows = int(rows.max()) + 1
    with_ones, known = _split(other, settings)
    common = _products(with_ones) + settings.penalty * _regularised(settings)
    found = np.zeros((n_rows, settings.columns), settings.dtype)
    offset = known @ with_ones if settings.bias else 0
    for low, high, left, right in _systems(rows, columns, surplus[:, 2], with_ones, known):
        found[low:high] = np.linalg.solve(left + common, (right - offset)[:, :, None])[:, :, 0]
    return found


def _products(factors: Matrix) -> Matrix:
    return factors.T @ factors


def _split(other: Matrix, settings: Settings) -> tuple[Matrix, Matrix]:
    """The factors with ones in the bias column, and the biases, (n_other,); no biases: as they are, and zeros."""
    if not settings.bias:
        return other, np.zeros(len(other), other.dtype)
    with_ones = other.copy()
    with_ones[:, -1] = 1
    return with_ones, other[:, -1]


def _regularised(settings: Settings) -> Matrix:
    """The unit matrix, without the bias."""
    diagonal = np.ones(settings.columns)
    diagonal[settings.factors :] = 0
    return np.diag(diagonal)


def _systems(
    rows: NDArray[np.intp], columns: NDArray[np.intp], surplus: Entries, factors: Matrix, known: Matrix
) -> Iterator[tuple[int, int, Matrix, Matrix]]:
    """Yield (first row, end, left sides (n, f, f), right sides (n, f)) of a batch of rows, of the entries alone."""
    order = np.lexsort((columns, rows))
    columns, surplus = columns[order], surplus[order]
    ends = np.searchsorted(rows[order], np.arange(int(rows.max()) + 2))
    f = factors.shape[1]
    for low in range(0, len(ends) - 1, BATCH):
        high = min(low + BATCH, len(ends) - 1)
        left, right = np.empty((high - low, f, f)), np.empty((high - low, f))
        for row in range(low, high):
            of_row = slice(ends[row], ends[row + 1])
            mine, extra = factors[columns[of_row]], surplus[of_row]
            left[row - low] = mine.T @ (mine * extra[:, None])
            right[row - low] = ((1 - known[columns[of_row]]) * extra + 1) @ mine
        yield low, high, left, right


def factorize(plays: Entries, settings: Settings) -> tuple[Matrix, Matrix]:
    """Return the factors of users, (n_users, n_columns), and of songs, (n_songs, n_columns)."""
    surplus = confidence(plays, settings)
    songs = start(int(plays[:, 1].max()) + 1, settings)
    users = songs
    for _ in range(settings.iterations):
        users = half_iteration(songs, surplus, settings)
        songs = half_iteration(users, surplus, settings, songs=True)
    return users, songs


def scores(users: Matrix, songs: Matrix, settings: Settings) -> NDArray[np.float64]:
    """Return what is predicted of every preference, (n_users, n_songs), in double precision."""
    users, songs, f = users.astype(np.float64), songs.astype(np.float64), settings.factors
    predicted = users[:, :f] @ songs[:, :f].T
    return predicted + users[:, f:] + songs[:, f:].T if settings.bias else predicted


def objective(surplus: Entries, users: Matrix, songs: Matrix, settings: Settings) -> NDArray[np.float64]:
    """Return (2,): the objective, and its first term, the weighted squared error over all pairs.

    Never forms a matrix of all pairs.
    """
    users, songs = users.astype(np.float64), songs.astype(np.float64)
    if settings.bias:  # x.y + b + d is a product of vectors with one more column each
        users = np.column_stack([users, np.ones(len(users))])
        songs = np.column_stack([songs[:, :-1], np.ones(len(songs)), songs[:, -1]])
    rows, columns, extra = surplus[:, 0].astype(int), surplus[:, 1].astype(int), surplus[:, 2]
    predicted = np.einsum("ij,ij->i", users[rows], songs[columns])
    squares = np.sum(_products(users) * _products(songs))  # of all pairs, as if nothing had been played
    error = squares + np.sum((1 + extra) * (1 - predicted) ** 2 - predicted**2)
    f = settings.factors
    penalty = settings.penalty * (np.sum(users[:, :f] ** 2) + np.sum(songs[:, :f] ** 2))
    return np.array([error + penalty, error])
