"""Spectra of one long row of real samples: forward to complex64, cut or filled to another length, and back.

All transforms are in double precision. What fits into the cache SciPy transforms at once, anything longer in two steps
(Bailey's), as rows x columns samples: each column is transformed, its bins turned, and then each bin over all columns.
Both are many short transforms in place, at half the time and memory of one long one (SciPy's, NumPy's, TensorFlow's).
Lengths that cannot be laid out so are interpolated (interpolated.py). Of a long clip the bins are worked out in parts,
each from the first step anew: the same bits in less memory.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from reprise_kit.port.audio.scipy017 import fftpack
from reprise_kit.port.audio.scipy017.interpolated import Between

BLOCK = 1 << 16  # samples transformed at a time, so that they stay in the cache
NARROW = 16  # columns at a time at least: float32s of a cache line
LONG = 1 << 25  # samples, 12 minutes at 44.1 kHz, from which forward takes LONG_PARTS times the first step's time
LONG_PARTS = 6
AT_ONCE = 100_000  # samples up to which a number that cannot be laid out is SciPy's, in about 20 ms
LOPSIDED = 8  # how much fewer rows than columns' geometric mean with them are taken for the sake of their factors

Bins = NDArray[np.complexfloating[Any, Any]]


def forward(samples: NDArray[np.float32], n_bins: int | None = None) -> NDArray[np.complex64]:
    """Spectrum of real samples (n_samples,), computed in double, each bin rounded.

    Returns:
        (n_bins,) complex64, the lowest; all n_samples // 2 + 1 where no number is given.
    """
    n = len(samples)
    n_bins = n_bins or n // 2 + 1
    if _is_short(n):
        exact: Bins = scipy.fft.rfft(samples.astype(np.float64))
        return exact[:n_bins].astype(np.complex64)
    if _rows(n):
        bins = _lowest(samples, n_bins, np.complex64)
    else:
        between = Between(n)
        bins = between.read(_lowest(between.padded(samples), between.wanted(n_bins), np.complex128), n_bins)
    bins.imag[:: n // 2 if n % 2 == 0 else n] = 0
    return bins


def _lowest(samples: NDArray[np.floating[Any]], n_bins: int, kind: type) -> Bins:
    """The lowest bins (n_bins,), each rounded to `kind`, in two steps."""
    n, rows = len(samples), _rows(len(samples))
    spectrum: Bins = np.empty(n // 2 + 1, kind)
    wanted = -(-n_bins // rows)
    in_order, mirrored = (part[:wanted] for part in _places(spectrum, n, rows))
    for part in _parts(n, rows):
        columns = scipy.fft.fft(_turned(samples.reshape(rows, -1), part), axis=0, overwrite_x=True)
        in_order[:, part] = columns[: len(in_order)]
        np.conjugate(columns[::-1][: len(mirrored)], out=mirrored[:, part], casting="same_kind")
        del columns
    return spectrum[:n_bins]


def _turned(grid: NDArray[np.floating[Any]], part: slice) -> Bins:
    """The first step: a part of each column's bins, turned, (n_columns, part); grid: (rows, n_columns) samples."""
    rows, n_columns = grid.shape
    columns = np.empty((n_columns, part.stop - part.start), np.complex128)
    for block, turns, first_turns in _turns(grid.size, rows, -1):
        near = np.ascontiguousarray(grid[:, block])  # first, so that rows that lie far apart are met once
        bins = scipy.fft.rfft(near.T.astype(np.float64, order="C"), axis=1)[:, part]
        bins *= first_turns[part]
        np.multiply(bins, turns[:, part], out=columns[block])
    return columns


def resampled(bins: Bins, n_in: int, n_out: int) -> NDArray[np.float32]:
    """Return (n_out,) float32 samples whose spectrum is that of `n_in` samples, as far as it goes: see `fit`."""
    return backward(fit(bins, n_in, n_out), n_out, n_out / n_in)


def fit(bins: Bins, n_in: int, n_out: int) -> Bins:
    """Cut or fill the spectrum of `n_in` samples to that of `n_out`: (n_out // 2 + 1,); bins: those that both have.

    SciPy 0.17 copies N = min(n_in, n_out) bins: 0..(N + 1) // 2 - 1 and the negative -(N // 2)..-1. For
    even N the bin at N / 2 is thus copied once, on the negative side. Of the real part of the inverse that
    gives: going down, the bin as it is (newer SciPy doubles it); going up, half of it, on either side.
    """
    n_bins = min(n_in, n_out) // 2 + 1
    if n_in >= n_out:
        return bins[:n_bins]
    fitted = np.zeros(n_out // 2 + 1, bins.dtype)
    fitted[:n_bins] = bins[:n_bins]
    if n_in % 2 == 0:
        fitted[n_bins - 1] *= 0.5
    return fitted


def backward(spectrum: Bins, n: int, scale: float = 1.0) -> NDArray[np.float32]:
    """Real samples (n,) of a spectrum (n // 2 + 1,), computed in double, scaled, each rounded.

    Imaginary parts at the spectrum's ends are ignored.
    """
    if _is_short(n):
        exact: NDArray[np.float64] = scipy.fft.irfft(spectrum.astype(np.complex128), n)
        return (exact * scale).astype(np.float32)
    if _rows(n):
        return _samples(spectrum, n, scale / n, np.float32)
    between = Between(n)
    padded = _samples(between.spread(spectrum), between.length, scale / n, np.float64)
    return between.unpadded(padded).astype(np.float32)


def _samples(spectrum: Bins, n: int, scale: float, kind: type) -> NDArray[Any]:
    """Samples (n,) of all bins (n // 2 + 1,), scaled and each rounded to `kind`, in two steps."""
    rows = _rows(n)
    columns = np.empty((n // rows, rows // 2 + 1), np.complex128)
    in_order, mirrored = _places(spectrum, n, rows)
    columns[: len(in_order)] = in_order
    np.conjugate(mirrored, out=columns[::-1][: len(mirrored)])
    columns = scipy.fft.ifft(columns, axis=0, norm="forward", overwrite_x=True)
    grid: NDArray[Any] = np.empty((rows, n // rows), kind)
    for block, turns, first_turns in _turns(n, rows, 1):
        bins = columns[block] * (first_turns * scale)
        bins *= turns
        grid[:, block] = scipy.fft.irfft(bins, rows, axis=1, norm="forward", overwrite_x=True).T
    return grid.ravel()


def _is_short(n: int) -> bool:
    """Whether SciPy transforms n samples at once."""
    return n <= BLOCK or (n <= AT_ONCE and not _rows(n))


def _rows(n: int) -> int:
    """Into how many rows n samples are laid: a divisor near the square root, of small factors where there is one.

    Where none is near, the nearest whose columns can be transformed in the cache; 0 where there is no such either.
    """
    below = np.arange(1, math.isqrt(n) + 1)
    below = below[n % below == 0]
    near = [int(rows) for rows in (*below, *(n // below)) if n < (LOPSIDED * rows) ** 2 and rows * rows <= 4 * n]
    if near:
        return min(near, key=lambda rows: (max(5, *fftpack.factors(rows)), -rows))
    return int(below[-1]) if n // below[-1] <= BLOCK else 0


def _parts(n: int, rows: int) -> Iterator[slice]:
    """Cut a column's bins into the parts that are worked out one after the other."""
    n_bins = rows // 2 + 1
    width = -(-n_bins // LONG_PARTS) if n >= LONG else n_bins
    for first in range(0, n_bins, width):
        yield slice(first, min(first + width, n_bins))


def _turns(n: int, rows: int, sign: int) -> Iterator[tuple[slice, Bins, Bins]]:
    """Columns in blocks, and what their bins are multiplied by: (columns, rows // 2 + 1), and one row for them all.

    The product of both is exp(sign 2 pi i k column / n) for bin k.
    """
    n_columns, bins = n // rows, np.arange(rows // 2 + 1)
    width = min(max(BLOCK // rows, NARROW), n_columns)
    turns = np.exp(sign * 2j * np.pi / n * np.multiply.outer(np.arange(width), bins))
    for first in range(0, n_columns, width):
        last = min(first + width, n_columns)
        yield slice(first, last), turns[: last - first], np.exp(sign * 2j * np.pi / n * (bins * first % n))


def _places(spectrum: Bins, n: int, rows: int) -> tuple[Bins, Bins]:
    """Where in a spectrum (n // 2 + 1,) the columns' bins stand, as views of it, (some columns, rows // 2 + 1) each.

    Those of the first half of the columns stand in order, the conjugates of the last half's, last column first, in
    reverse.
    """
    n_columns, half = n // rows, rows // 2
    windows = sliding_window_view(spectrum, half + 1, writeable=spectrum.flags.writeable)
    return windows[::rows][: (n_columns + 1) // 2], windows[rows - half :: rows][: n_columns // 2, ::-1]
