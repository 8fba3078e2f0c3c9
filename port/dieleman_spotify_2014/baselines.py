"""What the paper set beside its networks: words of MFCCs counted, and a linear or a dense layer on top.

Published: 13 MFCCs with first and second differences, K-means of 4,000 words, counts, PCA to 95 %, a linear
regression or an MLP of 1,000. Ours: one word for each 100 frames at most; the linear regression is a ridge, its penalty
chosen on the songs validated on, as the network's epoch is: few groups of songs want a large one.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

WORDS, FRAMES_A_WORD, MFCCS, HIDDEN, KEPT = 4000, 100, 13, 1000, 0.95
PENALTIES = (1.0, 1e1, 1e2, 1e3, 1e4, 1e5)
Matrix = NDArray[np.floating]


def mfccs(frames: Matrix) -> Matrix:
    """Return (n_frames, 39) of a log-mel: 13 coefficients, their first and their second differences."""
    found = dct(frames, norm="ortho", axis=1)[:, :MFCCS]
    first = np.gradient(found, axis=0)
    return np.concatenate([found, first, np.gradient(first, axis=0)], axis=1)


def words(log_mels: Sequence[Matrix], learned: NDArray[np.intp], seed: int) -> Matrix:
    """Return the counts of words of every song, reduced to 95 % of their variance; words are learnt of some songs."""
    described = [mfccs(frames) for frames in log_mels]
    scale = StandardScaler().fit(np.concatenate([described[i] for i in learned]))
    known = np.concatenate([scale.transform(described[i])[::2] for i in learned])
    n_words = min(WORDS, max(2, len(known) // FRAMES_A_WORD))
    found = MiniBatchKMeans(n_words, random_state=seed, batch_size=4096, n_init=1, max_iter=20).fit(known)
    counts = [np.bincount(found.predict(scale.transform(one)), minlength=n_words) / len(one) for one in described]
    shares = np.sqrt(np.array(counts))
    reduced = PCA(KEPT, svd_solver="full", random_state=seed).fit(shares[learned])
    return np.asarray(reduced.transform(shares))


def linear(x: Matrix, y: Matrix, learned: NDArray[np.intp], held: NDArray[np.intp]) -> Matrix:
    """Return what a ridge regression says of every song; its penalty is the one that errs least on the rows `held`."""
    scaled = StandardScaler().fit(x[learned]).transform(x)
    said = [np.asarray(Ridge(penalty).fit(scaled[learned], y[learned]).predict(scaled)) for penalty in PENALTIES]
    return min(said, key=lambda one: float(np.mean((one[held] - y[held]) ** 2)))


def dense(x: Matrix, y: Matrix, learned: NDArray[np.intp], seed: int) -> Matrix:
    """Return what an MLP of 1,000 says of every song."""
    scale = StandardScaler().fit(x[learned])
    machine = MLPRegressor(hidden_layer_sizes=(HIDDEN,), random_state=seed, early_stopping=True, max_iter=200)
    return np.asarray(machine.fit(scale.transform(x[learned]), y[learned]).predict(scale.transform(x)))
