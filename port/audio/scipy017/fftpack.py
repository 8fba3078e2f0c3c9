"""The real Fourier transform of FFTPACK, bit for bit, vectorised: single precision and double.

SciPy 0.17 transforms with the public-domain FFTPACK of P. N. Swarztrauber (routines rffti1, rfftf1,
radf2..radf5 and radfg): float32 input of a length 2^a 3^b 5^c in single precision, any other length in
double. Its rounding is a noise floor that fills digital silence, and the systems built on it hear it: the
order of every addition is FFTPACK's.

Data between two passes: `n_rows` transforms of length `length`, each kept as its bins 0..length//2 in two
real arrays, real and imaginary part, of shape (n_bins, n_rows). FFTPACK's packed rows `r0 r1 i1 r2 i2 ...`
hold the same numbers. A pass of radix p joins p rows into one; rows j*l1 + k, j = 0..p-1, join into row k.
NumPy is only asked for real sums and products: its complex product uses fused multiply-adds, which round
differently.
"""

import ctypes
import ctypes.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from reprise_kit.port.audio.scipy017.odd_factors import join_rows

RADICES = (4, 2, 3, 5)  # the order in which FFTPACK tries factors; then 7, 9, 11, ...
BLOCK = 1 << 14  # elements worked on at a time, so that a butterfly's temporaries stay in the cache
PLANS = 8  # lengths whose twiddles are kept (one number per sample of the length each)

Array = NDArray[np.floating]  # float32 or float64 throughout one transform
Pair = tuple[Array, Array]  # real and imaginary part

# Plain floats take the precision of the array they meet. These are the very doubles in SciPy 0.17's binary
# (measured: transforms of unit impulses), a unit off the nearest ones here and there.
_HALF_SQRT2 = 0.70710678118654752
_TAU_R, _TAU_I = -0.5, 0.86602540378443865
_TR11, _TI11 = 0.30901699437494745, 0.95105651629515353
_TR12, _TI12 = -0.80901699437494745, 0.58778525229247314


def is_five_smooth(n: int) -> bool:
    """Whether `n` >= 1 has no prime factor above 5: only then did SciPy 0.17 stay in single precision."""
    for factor in (2, 3, 5):
        while n % factor == 0:
            n //= factor
    return n == 1


def factors(n: int) -> list[int]:
    """Factors of `n` in FFTPACK's order: 4s, a 2 moved to the front, 3s, 5s, then the odd ones from 7 up."""
    found: list[int] = []
    for radix in RADICES:
        while n % radix == 0:
            n //= radix
            found = [2, *found] if radix == 2 else [*found, radix]
    radix = 7
    while n > 1:
        while n % radix == 0:
            n //= radix
            found.append(radix)
        radix += 2
    return found


def rfft(x: Array) -> NDArray[np.complexfloating]:
    """Forward transform of real samples, bit for bit SciPy 0.17's where that computes in the precision of `x`.

    Args:
        x: (n_samples,) float32 or float64, n_samples >= 1. The time goes with n_samples times the largest
        factor.

    Returns:
        (n_samples // 2 + 1,) complex64 or complex128: the bins from 0 up to half the sampling rate.
    """
    n = len(x)
    re = np.ascontiguousarray(x).reshape(1, n)
    im = np.zeros_like(re)
    for step in _plan(n, x.dtype):
        re, im = _run_pass(step, re, im)
    spectrum = np.empty(n // 2 + 1, np.result_type(x, np.complex64))
    spectrum.real, spectrum.imag = re[:, 0], im[:, 0]
    return spectrum


@dataclass(frozen=True)
class _Pass:
    """One pass: `radix` rows of length `ido` become one, `l1` times; twiddles (radix - 1, n_inner, 1)."""

    radix: int
    ido: int
    l1: int
    cos: Array
    sin: Array


@lru_cache(maxsize=PLANS)
def _plan(n: int, real: np.dtype[np.floating]) -> tuple[_Pass, ...]:
    """Passes in the order they run: the last factor first."""
    argh = real.type(2 * np.pi) / real.type(n)
    passes, l1 = [], 1
    for radix in factors(n):
        ido = n // (l1 * radix)
        fi = np.arange(1, (ido + 1) // 2, dtype=real)
        argld = np.arange(l1, l1 * radix, l1).astype(real) * argh
        cos, sin = cos_sin((argld[:, None] * fi)[:, :, None])
        passes.append(_Pass(radix, ido, l1, cos, sin))
        l1 *= radix
    return tuple(reversed(passes))


def cos_sin(angle: Array) -> Pair:
    """Cosine and sine of the C library: NumPy's own round differently.

    NumPy leaves the complex exponential to the C library, which answers (cos, sin) at a real part of 0. A
    few angles are checked against the C functions; where they differ (another library) each angle is asked
    of them.
    """
    z = np.zeros(angle.shape, np.result_type(angle, np.complex64))
    z.imag = angle
    np.exp(z, out=z)
    cos, sin = z.real.copy(), z.imag.copy()
    probe = np.linspace(0, max(angle.size - 1, 0), min(angle.size, 64)).astype(int)
    wanted = _libm_cos_sin(angle.ravel()[probe])
    if np.array_equal(cos.ravel()[probe], wanted[0]) and np.array_equal(sin.ravel()[probe], wanted[1]):
        return cos, sin
    cos, sin = _libm_cos_sin(angle.ravel())
    return cos.reshape(angle.shape), sin.reshape(angle.shape)


@lru_cache(maxsize=2)
def _libm_functions(single: bool) -> list[Callable[[float], float]]:
    """C's `cosf` and `sinf`, or `cos` and `sin`."""
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    functions = [libm.cosf, libm.sinf] if single else [libm.cos, libm.sin]
    for function in functions:
        kind = ctypes.c_float if single else ctypes.c_double
        function.restype, function.argtypes = kind, [kind]
    return list(functions)


def _libm_cos_sin(angle: Array) -> Pair:
    """One call of the C library for each angle, (n,) float32 or float64."""
    values = angle.tolist()
    cos, sin = (
        np.array([function(value) for value in values], angle.dtype)
        for function in _libm_functions(angle.dtype == np.float32)
    )
    return cos, sin


def _run_pass(step: _Pass, re: Array, im: Array) -> Pair:
    """Join rows: (ido // 2 + 1, radix * l1) -> (radix * ido // 2 + 1, l1), real and imaginary."""
    ido, radix = step.ido, step.radix
    rows_re, rows_im = (part.reshape(-1, radix, step.l1) for part in (re, im))
    out_re = np.empty((radix * ido // 2 + 1, step.l1), re.dtype)
    out_im = np.empty_like(out_re)
    out_im[0] = 0
    if radix * ido % 2 == 0:
        out_im[-1] = 0
    if radix > 5:
        join_rows(ido, step.cos, step.sin, rows_re, rows_im, out_re, out_im)
        return out_re, out_im
    _EDGE[radix](ido, rows_re[0], out_re, out_im)
    n_inner = (ido - 1) // 2
    for bins, k in _blocks(n_inner, step.l1):
        source = slice(1 + bins.start, 1 + bins.stop)
        pairs = [(rows_re[source, 0, k], rows_im[source, 0, k])]
        for j in range(1, radix):
            w_re, w_im = step.cos[j - 1, bins], step.sin[j - 1, bins]
            c_re, c_im = rows_re[source, j, k], rows_im[source, j, k]
            pairs.append((w_re * c_re + w_im * c_im, w_re * c_im - w_im * c_re))
        for q, (part_re, part_im) in _BUTTERFLY[radix](pairs):
            target = _bins_of(q, ido, source)
            out_re[target, k], out_im[target, k] = part_re, part_im
    if ido % 2 == 0:
        _HALF[radix](ido, rows_re[-1], out_re, out_im)
    return out_re, out_im


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
