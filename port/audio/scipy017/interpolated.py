"""Spectra of lengths that no quick transform divides: read between the bins of a longer, quick one, and back.

A transform over n samples, n with a very large prime factor, costs ten times one of small factors. Padded to a good
length of twice n, the samples' spectrum is known between the bins wanted, and TAPS bins around each give it to 1e-14,
once the samples are divided by what that interpolation does to them (a non-uniform Fourier transform, its kernel
sinh(BETA sqrt(1 - (2 z / TAPS)^2)), whose own transform is a Bessel function). The way back is the transposed one.
"""

import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
import scipy.special
from numpy.polynomial import Polynomial
from numpy.typing import NDArray
from scipy.sparse import csr_array

PADDED = 2  # times n, at least
TAPS = 16  # bins that one is interpolated from
BETA = math.pi * TAPS * (1 - 1 / (2 * PADDED))
DEGREE = 18  # of the polynomial that stands for the Bessel function, good to 1e-15
BLOCK = 4096  # bins interpolated at a time, so that they stay in the cache
EVENED = 1 << 15  # samples divided at a time
ODD_PRIMES = (3, 5, 7, 11)

Bins = NDArray[np.complexfloating[Any, Any]]


def good_length(n: int) -> int:
    """Return the least length of small factors from PADDED * n, odd where n is."""
    least = PADDED * n
    highest = [range(math.ceil(math.log(2 * least, prime)) + 1) for prime in ODD_PRIMES[1:]]
    found: list[int] = []
    for powers in product(*highest):
        size: int = (2 - n % 2) * math.prod(p**power for p, power in zip(ODD_PRIMES[1:], powers, strict=True))
        while size < least:
            size *= 3
        found.append(size)
    return min(found)


class Between:
    """How bins of n samples lie between those of a length, good_length(n)."""

    def __init__(self, n: int) -> None:
        """Prepare for n samples."""
        self.n, self.length = n, good_length(n)
        self.reach = TAPS // 2  # bins beyond either end that are read

    def padded(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the samples (n,) amid silence, (length,), made ready to be interpolated."""
        padded = np.zeros(self.length)
        self.cut(padded)[:] = samples
        self._even(self.cut(padded))
        return padded

    def cut(self, padded: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a view of the n samples amid (length,)."""
        start = (self.length - self.n) // 2
        return padded[start : start + self.n]

    def unpadded(self, padded: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the samples (n,) of what `spread` bins gave, (length,)."""
        samples = self.cut(padded)
        self._even(samples)
        return samples

    def wanted(self, n_bins: int) -> int:
        """Return how many bins of `length` the lowest `n_bins` lie between."""
        return min((n_bins - 1) * self.length // self.n + self.reach + 1, self.length // 2 + 1)

    def read(self, grid: Bins, n_bins: int) -> NDArray[np.complex64]:
        """Return the lowest bins (n_bins,) of n samples; grid: the lowest `wanted` ones of `padded`, (wanted,)."""
        pairs = self._signed(self._mirrored(grid)).view(np.float64).reshape(-1, 2)
        bins = np.empty(n_bins, np.complex64)
        for first, at, weights in self._weights(n_bins):
            bins[first : first + weights.shape[0]] = (weights @ pairs[at : at + weights.shape[1]]).view(complex)[:, 0]
        bins[1::2] *= -1
        return bins

    def spread(self, bins: Bins) -> Bins:
        """Return the bins (length // 2 + 1,) whose samples `unpadded` takes; bins: (n // 2 + 1,), real at the ends."""
        signed = bins.astype(complex)
        signed[1::2] *= -1
        signed[0] = signed[0].real / 2  # `_folded` counts the ends twice
        if self.n % 2 == 0:
            signed[-1] = signed[-1].real / 2
        around = np.zeros(self.length // 2 + 1 + 2 * self.reach, complex)
        pairs, added = signed.view(np.float64).reshape(-1, 2), around.view(np.float64).reshape(-1, 2)
        for first, at, weights in self._weights(len(bins)):
            added[at : at + weights.shape[1]] += weights.T @ pairs[first : first + weights.shape[0]]
        return self._folded(self._signed(around))

    def _even(self, samples: NDArray[np.float64]) -> None:
        """Divide by what interpolation does to samples, by their distance from the middle."""
        gain, n = _gain(), self.n
        for first in range(0, n, EVENED):
            part = samples[first : first + EVENED]
            away = (2 * np.arange(first, first + len(part)) / n - 1) * (n / self.length * PADDED)
            part *= gain(away * away)

    def _weights(self, n_bins: int) -> Iterator[tuple[int, int, csr_array]]:
        """Yield bins in blocks: the first, the first grid bin that they lie between, and what each counts for.

        Grid bins are counted from `reach` below 0.
        """
        for first in range(0, n_bins, BLOCK):
            products = np.arange(first, min(first + BLOCK, n_bins), dtype=np.int64) * self.length
            below, rest = np.divmod(products, self.n)
            distance = np.arange(1 - self.reach, self.reach + 1) - (rest / self.n)[:, None]
            weights = np.sinh(BETA * np.sqrt(1 - (distance * (2 / TAPS)) ** 2))
            at = (below - below[0])[:, None] + np.arange(TAPS)
            at, ends = at.astype(np.int32), np.arange(0, weights.size + 1, TAPS, dtype=np.int32)
            shape = len(products), int(at[-1, -1]) + 1
            yield first, int(below[0]) + 1, csr_array((weights.ravel(), at.ravel(), ends), shape=shape)

    def _signed(self, around: Bins) -> Bins:
        """Change the sign of every odd bin of what begins `reach` below 0, in place: the samples' middle is at half."""
        around[1 - self.reach % 2 :: 2] *= -1
        return around

    def _mirrored(self, grid: Bins) -> Bins:
        """Return a real signal's lowest bins with `reach` more at either end."""
        below = np.conjugate(grid[self.reach : 0 : -1])
        first = self.length - (self.length // 2 + 1)  # the bin that the one beyond the last mirrors
        beyond = np.conjugate(grid[first : first - self.reach : -1]) if len(grid) > first else np.zeros(0)
        return np.concatenate([below, grid, beyond])

    def _folded(self, around: Bins) -> Bins:
        """Return the bins (length // 2 + 1,) of which `_mirrored` is the transposed, each end counted twice."""
        reach, first = self.reach, self.length - (self.length // 2 + 1)
        grid = around[reach:-reach].copy()
        grid[: reach + 1] += np.conjugate(around[reach::-1])
        ends = around[reach + self.length - first :]  # from the bin that `first` mirrors
        grid[first : first - len(ends) : -1] += np.conjugate(ends)
        if self.length % 2 == 0:
            grid[-1] += np.conjugate(around[-1 - reach])
        return grid


@lru_cache(maxsize=1)
def _gain() -> Polynomial:
    """What a sample is multiplied by, of its distance from the middle, squared: up to 1 where length is PADDED * n."""

    def of_square(square: NDArray[np.float64]) -> NDArray[np.float64]:
        root = np.sqrt(BETA**2 - square * (math.pi * TAPS / (2 * PADDED)) ** 2)
        return np.asarray(2 * root / (math.pi * TAPS * BETA * scipy.special.i1(root)))

    return np.polynomial.Chebyshev.interpolate(of_square, DEGREE, [0, 1]).convert(kind=Polynomial, domain=[0, 1])
