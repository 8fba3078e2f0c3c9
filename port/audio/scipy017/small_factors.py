"""The passes of FFTPACK's real transform for radices 2 to 5 (radf2..radf5), in its order of additions, vectorised."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 14  # elements worked on at a time, so that a butterfly's temporaries stay in the cache

Array = NDArray[np.floating]  # float32 or float64 throughout one transform
Pair = tuple[Array, Array]  # real and imaginary part

# Plain floats take the precision of the array they meet. These are the very doubles in SciPy 0.17's binary
# (measured: transforms of unit impulses), a unit off the nearest ones here and there.
_HALF_SQRT2 = 0.70710678118654752
_TAU_R, _TAU_I = -0.5, 0.86602540378443865
_TR11, _TI11 = 0.30901699437494745, 0.95105651629515353
_TR12, _TI12 = -0.80901699437494745, 0.58778525229247314


def join_rows(ido: int, cos: Array, sin: Array, rows_re: Array, rows_im: Array, out_re: Array, out_im: Array) -> None:
    """Join 2, 3, 4 or 5 rows of length `ido` into one, l1 times; arrays as in `odd_factors.join_rows`."""
    radix, l1 = rows_re.shape[1:]
    _EDGE[radix](ido, rows_re[0], out_re, out_im)
    n_inner = (ido - 1) // 2
    for bins, k in _blocks(n_inner, l1):
        source = slice(1 + bins.start, 1 + bins.stop)
        pairs = [(rows_re[source, 0, k], rows_im[source, 0, k])]
        for j in range(1, radix):
            w_re, w_im = cos[j - 1, bins], sin[j - 1, bins]
            c_re, c_im = rows_re[source, j, k], rows_im[source, j, k]
            pairs.append((w_re * c_re + w_im * c_im, w_re * c_im - w_im * c_re))
        for q, (part_re, part_im) in _BUTTERFLY[radix](pairs):
            target = _bins_of(q, ido, source)
            out_re[target, k], out_im[target, k] = part_re, part_im
    if ido % 2 == 0:
        _HALF[radix](ido, rows_re[-1], out_re, out_im)


def _blocks(n_bins: int, n_rows: int) -> Iterator[tuple[slice, slice]]:
    """Cut (n_bins, n_rows) into blocks of about BLOCK elements."""
    height = max(1, BLOCK // n_rows)
    for first in range(0, n_bins, height):
        for k in range(0, n_rows, BLOCK):
            yield slice(first, min(first + height, n_bins)), slice(k, min(k + BLOCK, n_rows))


def _bins_of(q: int, ido: int, source: slice) -> slice:
    """Bins q * ido + m for q >= 0, or -q * ido - m for q < 0, with m from `source`."""
    if q >= 0:
        return slice(q * ido + source.start, q * ido + source.stop)
    return slice(-q * ido - source.start, -q * ido - source.stop, -1)


# Butterflies on twiddled pairs: yields (q, values of the bins q * ido + m, or -q * ido - m where q is
# negative).
def _butterfly2(c: list[Pair]) -> Iterator[tuple[int, Pair]]:
    (re, im), (tr2, ti2) = c
    yield 0, (re + tr2, im + ti2)
    yield -1, (re - tr2, ti2 - im)


def _butterfly3(c: list[Pair]) -> Iterator[tuple[int, Pair]]:
    (re, im), (dr2, di2), (dr3, di3) = c
    cr2, ci2 = dr2 + dr3, di2 + di3
    yield 0, (re + cr2, im + ci2)
    tr2, ti2 = re + _TAU_R * cr2, im + _TAU_R * ci2
    tr3, ti3 = _TAU_I * (di2 - di3), _TAU_I * (dr3 - dr2)
    yield 1, (tr2 + tr3, ti2 + ti3)
    yield -1, (tr2 - tr3, ti3 - ti2)


def _butterfly4(c: list[Pair]) -> Iterator[tuple[int, Pair]]:
    (re, im), (cr2, ci2), (cr3, ci3), (cr4, ci4) = c
    tr1, ti1 = cr2 + cr4, ci2 + ci4
    tr2, ti2 = re + cr3, im + ci3
    yield 0, (tr1 + tr2, ti1 + ti2)
    yield -2, (tr2 - tr1, ti1 - ti2)
    tr3, ti3 = re - cr3, im - ci3
    tr4, ti4 = cr4 - cr2, ci2 - ci4
    yield 1, (ti4 + tr3, tr4 + ti3)
    yield -1, (tr3 - ti4, tr4 - ti3)


def _butterfly5(c: list[Pair]) -> Iterator[tuple[int, Pair]]:
    (re, im), (dr2, di2), (dr3, di3), (dr4, di4), (dr5, di5) = c
    cr2, ci2, cr3, ci3 = dr2 + dr5, di2 + di5, dr3 + dr4, di3 + di4
    yield 0, (re + cr2 + cr3, im + ci2 + ci3)
    cr5, ci5, cr4, ci4 = di2 - di5, dr5 - dr2, di3 - di4, dr4 - dr3
    tr2, ti2 = re + _TR11 * cr2 + _TR12 * cr3, im + _TR11 * ci2 + _TR12 * ci3
    tr5, ti5 = _TI11 * cr5 + _TI12 * cr4, _TI11 * ci5 + _TI12 * ci4
    yield 1, (tr2 + tr5, ti2 + ti5)
    yield -1, (tr2 - tr5, ti5 - ti2)
    tr3, ti3 = re + _TR12 * cr2 + _TR11 * cr3, im + _TR12 * ci2 + _TR11 * ci3
    tr4, ti4 = _TI12 * cr5 - _TI11 * cr4, _TI12 * ci5 - _TI11 * ci4
    yield 2, (tr3 + tr4, ti3 + ti4)
    yield -2, (tr3 - tr4, ti4 - ti3)


# Bin 0 of the joined rows, c (radix, l1): real, no twiddles; it gives the bins at multiples of ido.
def _edge2(ido: int, c: Array, re: Array, im: Array) -> None:
    np.add(c[0], c[1], out=re[0])
    np.subtract(c[0], c[1], out=re[ido])


def _edge3(ido: int, c: Array, re: Array, im: Array) -> None:
    cr2 = c[1] + c[2]
    np.add(c[0], cr2, out=re[0])
    np.add(c[0], _TAU_R * cr2, out=re[ido])
    np.multiply(_TAU_I, c[2] - c[1], out=im[ido])


def _edge4(ido: int, c: Array, re: Array, im: Array) -> None:
    tr1, tr2 = c[1] + c[3], c[0] + c[2]
    np.add(tr1, tr2, out=re[0])
    np.subtract(tr2, tr1, out=re[2 * ido])
    np.subtract(c[0], c[2], out=re[ido])
    np.subtract(c[3], c[1], out=im[ido])


def _edge5(ido: int, c: Array, re: Array, im: Array) -> None:
    cr2, cr3, ci5, ci4 = c[4] + c[1], c[3] + c[2], c[4] - c[1], c[3] - c[2]
    re[0] = c[0] + cr2 + cr3
    re[ido], im[ido] = c[0] + _TR11 * cr2 + _TR12 * cr3, _TI11 * ci5 + _TI12 * ci4
    re[2 * ido], im[2 * ido] = c[0] + _TR12 * cr2 + _TR11 * cr3, _TI12 * ci5 - _TI11 * ci4


# Bin ido / 2 of the joined rows: real as well. The even factors come last, so odd radices never meet an
# even ido.
def _half2(ido: int, c: Array, re: Array, im: Array) -> None:
    re[ido // 2] = c[0]
    np.negative(c[1], out=im[ido // 2])


def _half4(ido: int, c: Array, re: Array, im: Array) -> None:
    ti1 = -_HALF_SQRT2 * (c[1] + c[3])
    tr1 = _HALF_SQRT2 * (c[1] - c[3])
    np.add(tr1, c[0], out=re[ido // 2])
    np.subtract(c[0], tr1, out=re[ido + ido // 2])
    np.subtract(ti1, c[2], out=im[ido // 2])
    np.add(ti1, c[2], out=im[ido + ido // 2])


_Special = Callable[[int, Array, Array, Array], None]
_BUTTERFLY = {2: _butterfly2, 3: _butterfly3, 4: _butterfly4, 5: _butterfly5}
_EDGE: dict[int, _Special] = {2: _edge2, 3: _edge3, 4: _edge4, 5: _edge5}
_HALF: dict[int, _Special] = {2: _half2, 4: _half4}
