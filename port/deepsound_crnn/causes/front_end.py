"""Known causes of a difference in the front end: decoding, resampling, mel spectrogram.

Each step is written here once with its choices as parameters: the defaults are the rule, another value is a cause.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

from reprise_kit.compare.contract import Case, Cause
from reprise_kit.port.audio import decode as decoding
from reprise_kit.port.audio.content import opened
from reprise_kit.port.audio.librosa041 import mel
from reprise_kit.port.audio.parts import COUNTED, HEARD
from reprise_kit.port.audio.scipy017 import fftpack, resample
from reprise_kit.port.audio.stream import arriving

Log = Callable[[NDArray[Any]], NDArray[Any]]


def native(case: Case, form: str = HEARD) -> NDArray[np.float32]:
    """Decode a clip in one of the forms that there are."""
    with opened(case.clip) as content, arriving(content, decoding.MAX_SECONDS, form=form) as clip:
        return decoding.whole(clip).native


def as_meant(case: Case) -> NDArray[np.float32]:
    """Every channel averaged, 8, 24 and 32 bits read right."""
    return decoding.decode(case.clip, fix_quirks=True).native


def samples(case: Case, cast: bool = True, nyquist: float = 1.0) -> NDArray[np.float32]:
    """Resample; cast: spectrum rounded to complex64. nyquist: what the bin at half the new rate is multiplied by."""
    x, rate = case.array, int(case.scalars["native_rate"])
    if rate == resample.SAMPLE_RATE:
        return x
    n_in, n_out = len(x), resample.output_length(len(x), rate)
    single = cast and fftpack.is_five_smooth(n_in)
    spectrum = fftpack.rfft(x) if single else scipy.fft.rfft(x.astype(np.float64))
    fitted = np.zeros(n_out // 2 + 1, np.complex128)
    n_bins = min(n_in, n_out) // 2 + 1
    fitted[:n_bins] = (spectrum.astype(np.complex64) if cast else spectrum)[:n_bins]
    if min(n_in, n_out) % 2 == 0:
        fitted[n_bins - 1] *= nyquist if n_out < n_in else 0.5
    array: NDArray[np.float32] = (scipy.fft.irfft(fitted, n_out) * (n_out / n_in)).astype(np.float32)
    return array


def by_soxr(case: Case, quality: str) -> NDArray[np.float32] | None:
    """Resample with libsoxr, as librosa does since 0.10."""
    import soxr

    return _resampled(case, lambda x, rate: soxr.resample(x, rate, resample.SAMPLE_RATE, quality=quality))


def by_scipy(case: Case, kind: type[np.floating]) -> NDArray[np.float32] | None:
    """Resample with the SciPy of today."""
    n_out = resample.output_length(len(case.array), int(case.scalars["native_rate"]))
    return _resampled(case, lambda x, rate: scipy.signal.resample(x.astype(kind), n_out))


def by_polyphase(case: Case) -> NDArray[np.float32] | None:
    """Resample with a polyphase filter."""
    divisor = np.gcd(resample.SAMPLE_RATE, int(case.scalars["native_rate"]))
    up = resample.SAMPLE_RATE // divisor
    return _resampled(case, lambda x, rate: scipy.signal.resample_poly(x, up, rate // divisor))


def _resampled(case: Case, how: Callable[[NDArray[Any], int], NDArray[Any]]) -> NDArray[np.float32] | None:
    """Cut or fill the answer to the length that librosa asks for; None where there is nothing to resample."""
    rate = int(case.scalars["native_rate"])
    if rate == resample.SAMPLE_RATE:
        return None
    n_out = resample.output_length(len(case.array), rate)
    made = how(case.array, rate)[:n_out]
    return np.pad(made, (0, n_out - len(made))).astype(np.float32)


def log_mel(
    case: Case,
    padding: Any = "reflect",
    symmetric: bool = False,
    transform: type[np.floating] = np.float64,
    exponent: int = 2,
    bank: Callable[[], NDArray[np.float64]] | None = None,
    log: Log = lambda power: np.log(np.where(power == 0, 1e-6, power)),
) -> NDArray[Any]:
    """Log-mel spectrogram; padding None: frames inside the clip only. transform: dtype of window and transform.

    Two precisions are no causes here: the spectrum's cast to complex64 moves no value by 1e-6, the tolerance, and mel
    filters in float32 differ from one library to the next by as much as from the rule, 1e-6.
    """
    x = case.array if padding is None else np.pad(case.array, mel.N_FFT // 2, mode=padding)
    frames = np.lib.stride_tricks.sliding_window_view(x, mel.N_FFT)[:: mel.HOP]
    window = scipy.signal.get_window("hann", mel.N_FFT, fftbins=not symmetric)
    spectrum = scipy.fft.rfft(frames.astype(transform) * window.astype(transform)).astype(np.complex64)
    power = (mel.magnitude(spectrum) ** exponent).astype(np.float64)
    return np.asarray(log(power @ (bank or mel.filter_bank)().T), np.float64)


def without_norm() -> NDArray[np.float64]:
    """Mel filters of height 1 instead of area 1."""
    edges = mel.mel_to_hz(np.linspace(0, mel.hz_to_mel(resample.SAMPLE_RATE / 2), mel.N_MELS + 2))
    return mel.filter_bank() * ((edges[2:] - edges[:-2]) / 2)[:, None]


def htk(norm: bool = True) -> NDArray[np.float64]:
    """Mel filters on HTK's scale, 2595 log10(1 + f / 700); norm: of area 1, else of height 1."""
    top = resample.SAMPLE_RATE / 2
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + top / 700), mel.N_MELS + 2) / 2595) - 1)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    bins = np.linspace(0, top, 1 + mel.N_FFT // 2)
    triangles = np.maximum(0, np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)))
    return triangles * 2 / (high - low) if norm else triangles


def _floor(least: float) -> Log:
    return lambda power: np.log(np.maximum(power, least))


def _offset(added: float) -> Log:
    return lambda power: np.log(power + added)


def _decibels(power: NDArray[Any], range_db: float | None = None) -> NDArray[Any]:
    """Return 10 log10, floored at 1e-10 and at range_db below the loudest, as librosa's logamplitude."""
    decibels = 10 * np.log10(np.maximum(power, 1e-10))
    array: NDArray[Any] = decibels if range_db is None else np.maximum(decibels, decibels.max() - range_db)
    return array


def _log10(power: NDArray[Any]) -> NDArray[Any]:
    return np.log10(np.where(power == 0, 1e-6, power))


NATIVE = (
    ("the file decoded as it is meant", "the original misreads its channels or sample width",
     as_meant, "Leave out fix_quirks."),
    ("the channels that ffmpeg counts", "audioread takes a layout it cannot parse for one channel",
     partial(native, form=COUNTED), ""),
)  # fmt: skip
SAMPLES = (
    ("a spectrum in double precision", "SciPy 0.17 rounded it to complex64", partial(samples, cast=False), ""),
    ("the Nyquist bin doubled", "newer SciPy counts both halves of it", partial(samples, nyquist=2.0), ""),
    ("the SciPy of today in float32", "it is another transform, with another Nyquist rule",
     partial(by_scipy, kind=np.float32), ""),
    ("the SciPy of today in float64", "the original's spectrum is complex64, its Nyquist bin counted once",
     partial(by_scipy, kind=np.float64), ""),
    ("a polyphase filter as resampler", "librosa 0.4.1 used one Fourier transform", by_polyphase, ""),
    ("soxr HQ as resampler", "librosa's default since 0.10", partial(by_soxr, quality="HQ"), ""),
    ("soxr VHQ as resampler", "an option of librosa since 0.10", partial(by_soxr, quality="VHQ"), ""),
)  # fmt: skip
LOG_MEL = (
    ("zeros as padding", "librosa's default since 0.10; 0.4.1 reflects", partial(log_mel, padding="constant"), ""),
    ("the edge value as padding", "librosa 0.4.1 reflects", partial(log_mel, padding="edge"), ""),
    ("no padding", "librosa 0.4.1 centres its frames", partial(log_mel, padding=None), ""),
    ("a symmetric window", "librosa 0.4.1 takes the periodic one", partial(log_mel, symmetric=True), ""),
    ("a transform in single precision", "librosa 0.4.1 has double", partial(log_mel, transform=np.float32), ""),
    ("magnitude in place of power", "librosa 0.4.1 squares it", partial(log_mel, exponent=1), ""),
    ("mel filters of height 1", "norm=None, where librosa 0.4.1 has area 1", partial(log_mel, bank=without_norm), ""),
    ("HTK's mel scale", "htk=True, where the original has Slaney's", partial(log_mel, bank=htk), ""),
    ("HTK's mel scale and filters of height 1", "htk=True and norm=None, as in torchaudio",
     partial(log_mel, bank=partial(htk, norm=False)), ""),
    ("a floor of 1e-6 under the power", "the original has none", partial(log_mel, log=_floor(1e-6)), ""),
    ("a floor of 1e-10 under the power", "the original has none", partial(log_mel, log=_floor(1e-10)), ""),
    ("1e-6 added to the power", "the original replaces exact zeros only", partial(log_mel, log=_offset(1e-6)), ""),
    ("log(1 + power)", "the original takes the plain logarithm", partial(log_mel, log=_offset(1.0)), ""),
    ("log10", "the original takes the natural logarithm", partial(log_mel, log=_log10), ""),
    ("decibels", "the original takes the natural logarithm", partial(log_mel, log=_decibels), ""),
    ("decibels over 80 dB", "librosa's logamplitude, where the original takes the natural logarithm",
     partial(log_mel, log=partial(_decibels, range_db=80.0)), ""),
)  # fmt: skip
TABLES = {"native": NATIVE, "samples": SAMPLES, "log_mel": LOG_MEL}
RULES: dict[str, Callable[[Case], np.ndarray]] = {"native": native, "samples": samples, "log_mel": log_mel}
CAUSES = [
    Cause(name, why, (stage,), compute, remedy)
    for stage, table in TABLES.items()
    for name, why, compute, remedy in table
]
