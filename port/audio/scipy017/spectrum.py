"""Spectra of one long row of real samples: forward to complex64, cut or filled to another length, and back.

All transforms are in double precision. TensorFlow's complex one (ducc) is the fastest at hand for one row, most of all
with a large prime factor, and gives the same numbers on any number of threads. A row of even length goes through it as
half as many complex samples, which with a large factor takes half the time of its real transform; an odd one takes the
real one.

TensorFlow never gives back the memory of its tensors (it keeps it for the next ones): what goes in is NumPy's, seen as
a tensor without a copy.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

BLOCK = 1 << 12  # bins put together at a time, so that they stay in the cache
ALIGNED = 64  # bytes, as TensorFlow wants memory that it reads in place


def forward(samples: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Spectrum (n_samples // 2 + 1,) complex64 of real samples (n_samples,), computed in double, each bin rounded."""
    n = len(samples)
    wide = _empty(n, np.float64)
    wide[:] = samples
    if n % 2:
        array: NDArray[np.complex64] = tf.signal.rfft(_seen(wide)).numpy().astype(np.complex64)
        return array
    packed = tf.signal.fft(_seen(wide.view(np.complex128))).numpy()
    del wide
    spectrum = np.empty(n // 2 + 1, np.complex64)
    spectrum[0] = packed[0].real + packed[0].imag
    spectrum[-1] = packed[0].real - packed[0].imag
    for bins, mirrored, turned in _blocks(n // 2, -1):
        odd = packed[mirrored].conj()
        even = packed[bins] + odd
        np.subtract(packed[bins], odd, out=odd)
        odd *= turned
        even += odd
        even *= 0.5
        spectrum[bins] = even
    return spectrum


def resampled(bins: NDArray[np.complex64], n_in: int, n_out: int) -> NDArray[np.float32]:
    """Return (n_out,) float32 samples whose spectrum is that of `n_in` samples, (n_in // 2 + 1,), as far as it goes."""
    samples = backward(fit(bins, n_in, n_out), n_out)
    samples *= n_out / n_in
    return samples.astype(np.float32)


def fit(bins: NDArray[np.complex64], n_in: int, n_out: int) -> NDArray[np.complex128]:
    """Copy the spectrum of `n_in` samples to that of `n_out`: (n_out // 2 + 1,) complex128.

    SciPy 0.17 copies N = min(n_in, n_out) bins: 0..(N + 1) // 2 - 1 and the negative -(N // 2)..-1. For
    even N the bin at N / 2 is thus copied once, on the negative side. Of the real part of the inverse that
    gives: going down, the bin as it is (newer SciPy doubles it); going up, half of it, on either side.
    """
    fitted = np.zeros(n_out // 2 + 1, np.complex128)
    n_bins = min(n_in, n_out) // 2 + 1
    fitted[:n_bins] = bins[:n_bins]
    if n_in % 2 == 0 and n_in < n_out:
        fitted[n_bins - 1] *= 0.5
    return fitted


def backward(spectrum: NDArray[np.complex128], n: int) -> NDArray[np.float64]:
    """Real samples (n,) float64 of a spectrum (n // 2 + 1,) complex128; imaginary parts at its ends are ignored."""
    if n % 2:
        array: NDArray[np.float64] = tf.signal.irfft(tf.constant(spectrum), [n]).numpy()
        return array
    packed = _empty(n // 2, np.complex128)
    first, last = spectrum[0].real, spectrum[-1].real
    packed[0] = complex(first + last, first - last)
    for bins, mirrored, turned in _blocks(n // 2, 1):
        odd = spectrum[mirrored].conj()
        even = spectrum[bins] + odd
        np.subtract(spectrum[bins], odd, out=odd)
        odd *= turned
        even += odd
        packed[bins] = even
    packed *= 0.5
    interleaved: NDArray[np.float64] = tf.signal.ifft(_seen(packed)).numpy().view(np.float64)
    return interleaved


def _empty(n: int, kind: type[np.float64 | np.complex128]) -> NDArray[Any]:
    """Return an array (n,) that TensorFlow can read where it lies."""
    size = n * np.dtype(kind).itemsize
    raw = np.empty(size + ALIGNED, np.uint8)
    start = -raw.ctypes.data % ALIGNED
    return raw[start : start + size].view(kind)


def _seen(array: NDArray[Any]) -> tf.Tensor:
    """Return the array as a tensor, not copied; it must not change while the tensor lives."""
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def _blocks(half: int, sign: int) -> Iterator[tuple[slice, slice, NDArray[np.complex128]]]:
    """Bins 1..half - 1 in blocks: their slice, that of their mirror images half - k, and i exp(sign i pi k / half)."""
    steps = np.exp(1j * sign * np.pi / half * np.arange(BLOCK))
    for first in range(1, half, BLOCK):
        last = min(first + BLOCK, half)
        turn = sign * 1j * np.exp(1j * sign * np.pi / half * first)
        yield slice(first, last), slice(half - first, half - last, -1), turn * steps[: last - first]
