"""The pass of FFTPACK's real transform for any odd radix (radfg), in its order of additions, vectorised.

Its sums of radix terms each take their cosines from a recurrence, whose error grows with the radix: near
1e-12 of the result for a radix of 1000. Digital silence lets that be heard.
"""

import math

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 15  # elements worked on at a time, so that the running sums stay in the cache

Array = NDArray[np.floating]


def join_rows(ido: int, cos: Array, sin: Array, rows_re: Array, rows_im: Array, out_re: Array, out_im: Array) -> None:
    """Join `radix` rows of odd length `ido` into one, l1 times.

    Args:
        ido: samples in a row, odd.
        cos: (radix - 1, n_inner, 1) twiddles of rows 1.., n_inner = (ido - 1) // 2; `sin` alike.
        sin: see `cos`.
        rows_re: (n_inner + 1, radix, l1) real part of the rows' bins; `rows_im` alike.
        rows_im: see `rows_re`.
        out_re: (radix * ido // 2 + 1, l1) real part of the joined rows' bins, written; `out_im` alike.
        out_im: see `out_re`.
    """
    terms = _terms(ido, cos, sin, rows_re, rows_im)
    radix, n_inner = len(terms), (ido - 1) // 2
    sums = _sums(terms.reshape(radix, -1)).reshape(terms.shape)
    re, im = sums[:, 1 : 1 + n_inner], sums[:, 1 + n_inner :]
    out_re[0], out_re[1 : 1 + n_inner], out_im[1 : 1 + n_inner] = sums[0, 0], re[0], im[0]
    for t in range(1, (radix + 1) // 2):
        above = slice(t * ido + 1, t * ido + 1 + n_inner)
        below = slice(t * ido - 1, t * ido - 1 - n_inner, -1)
        out_re[t * ido], out_im[t * ido] = sums[t, 0], sums[-t, 0]
        out_re[above], out_im[above] = re[t] + re[-t], im[t] + im[-t]
        out_re[below], out_im[below] = re[t] - re[-t], im[-t] - im[t]


def _terms(ido: int, cos: Array, sin: Array, rows_re: Array, rows_im: Array) -> Array:
    """What is summed, (radix, ido, l1): slot 0 for bin 0, then the real, then the imaginary parts of the inner bins.

    Terms 1..half - 1 are sums of a row and its mirror row, for the cosines; the others differences, for the
    sines.
    """
    radix, l1 = rows_re.shape[1:]
    n_inner, half = (ido - 1) // 2, (radix + 1) // 2
    c = np.empty((radix, ido, l1), rows_re.dtype)
    c[:, 0] = rows_re[0]
    c[0, 1 : 1 + n_inner], c[0, 1 + n_inner :] = rows_re[1:, 0], rows_im[1:, 0]
    for j in range(1, radix):
        w_re, w_im, c_re, c_im = cos[j - 1], sin[j - 1], rows_re[1:, j], rows_im[1:, j]
        c[j, 1 : 1 + n_inner] = w_re * c_re + w_im * c_im
        c[j, 1 + n_inner :] = w_re * c_im - w_im * c_re
    up, down = slice(1, half), slice(radix - 1, half - 1, -1)
    x, y = c[up].copy(), c[down].copy()
    c[up] = x + y
    c[down, 0] = y[:, 0] - x[:, 0]
    c[down, 1 : 1 + n_inner] = x[:, 1 + n_inner :] - y[:, 1 + n_inner :]
    c[down, 1 + n_inner :] = y[:, 1 : 1 + n_inner] - x[:, 1 : 1 + n_inner]
    return c


def _sums(c: Array) -> Array:
    """Cosine and sine sums of the terms (radix, n), one term after the other, cosines by recurrence."""
    radix, width = c.shape
    half = (radix + 1) // 2
    first = _first_angles(radix, c.dtype)
    h = np.empty_like(c)
    h[0] = c[0]
    for j in range(1, half):
        h[0] += c[j]
    step = max(1, BLOCK // half)
    for start in range(0, width, step):
        block = slice(start, start + step)
        cos, sin = first
        even, odd = c[0, block] + cos * c[1, block], sin * c[-1, block]
        for j in range(2, half):
            cos, sin = first[0] * cos - first[1] * sin, first[0] * sin + first[1] * cos
            even += cos * c[j, block]
            odd += sin * c[-j, block]
        h[1:half, block], h[-1 : half - 1 : -1, block] = even, odd
    return h


def _first_angles(radix: int, real: np.dtype[np.floating]) -> Array:
    """Cosine and sine of 2 pi l / radix, l = 1..half - 1, by FFTPACK's recurrence: (2, half - 1, 1)."""
    step_cos, step_sin = math.cos(2 * math.pi / radix), math.sin(2 * math.pi / radix)
    angles = np.empty((2, (radix - 1) // 2, 1), real)
    cos, sin = 1.0, 0.0
    for row in range((radix - 1) // 2):
        cos, sin = step_cos * cos - step_sin * sin, step_cos * sin + step_sin * cos
        angles[:, row, 0] = cos, sin
    return angles
