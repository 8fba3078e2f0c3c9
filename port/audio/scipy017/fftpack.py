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
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from reprise_kit.port.audio.scipy017 import odd_factors, small_factors

RADICES = (4, 2, 3, 5)  # the order in which FFTPACK tries factors; then 7, 9, 11, ...
PLANS = 8  # lengths whose twiddles are kept (one number per sample of the length each)

Array = NDArray[np.floating]  # float32 or float64 throughout one transform
Pair = tuple[Array, Array]  # real and imaginary part


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
    factor = odd_factors if radix > 5 else small_factors
    factor.join_rows(ido, step.cos, step.sin, rows_re, rows_im, out_re, out_im)
    return out_re, out_im
