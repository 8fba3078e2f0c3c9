"""Resampling against the real librosa 0.4.1 on SciPy 0.17: recorded (record.py), and the four shared songs."""

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.decode import decode
from reprise_kit.port.audio.librosa041.mel import log_mel
from reprise_kit.port.audio.scipy017 import fftpack, resample, spectrum
from tests.port.audio import RECORDED, signals
from tests.shared import SHARED, needs_shared

ATOL = 1e-7  # two units in the last place of a sample near full scale
LOG_ATOL = 5e-5  # log-mel of digital silence, where all there is is the transform's rounding noise
PHRASES = {"double": 40_002, "single": 43_200, "prime": 10_007}  # n_samples at 44,100 Hz
CASES = np.load(RECORDED / "resample.npz")
NAMES = [name for name in CASES.files if not name.startswith("phrase")]
SONGS = ("actionable", "cute", "dubstep", "thejazzpiano")


def test_recording_is_complete():
    assert len(NAMES) == 12
    kinds = {(n % 2, fftpack.is_five_smooth(n), old < new) for n, old, new in map(_numbers, NAMES)}
    assert len(kinds) >= 7, "odd and even, 5-smooth and not, up and down"


@pytest.mark.parametrize("name", NAMES)
def test_as_the_original(name):
    n, old, new = _numbers(name)
    answer, way = resample.resample(signals.scrambled(n), old, new)
    assert answer.dtype == np.float32
    double = resample.EXACT if old < new else resample.DOUBLE
    assert way == (resample.SINGLE if fftpack.is_five_smooth(n) else double)
    assert answer.shape == CASES[name].shape
    np.testing.assert_allclose(answer, CASES[name], rtol=0, atol=ATOL)
    assert np.mean(answer == CASES[name]) > 0.97


def test_equal_rates_are_left_alone():
    samples = signals.scrambled(77)
    answer, way = resample.resample(samples, 22_050)
    assert answer is samples
    assert way == resample.NONE


@pytest.mark.parametrize(("samples", "rate"), [(0, 44_100), (1, 44_100), (2, 44_100), (100, 0), (100, -1)])
def test_nothing_to_resample(samples, rate):
    with pytest.raises(InputError):
        resample.resample(np.zeros(samples, np.float32), rate)


@pytest.mark.parametrize("kind", PHRASES)
def test_digital_silence_holds_the_originals_noise(kind):
    assert _phrase_error(kind) < LOG_ATOL


def test_a_modern_transform_of_a_prime_length_is_heard_in_silence(monkeypatch):
    monkeypatch.setattr(resample, "AFFORDABLE", 0)
    assert _phrase_error("prime") > 100 * LOG_ATOL


@pytest.mark.parametrize("kind", PHRASES)
def test_double_precision_without_the_complex64_cast_is_caught(monkeypatch, kind):
    monkeypatch.setattr(resample, "forward", lambda x, **_: (np.fft.rfft(x.astype(np.float64)), resample.DOUBLE))
    assert _phrase_error(kind) > 1


def test_double_precision_for_5_smooth_lengths_is_caught(monkeypatch):
    monkeypatch.setattr(fftpack, "is_five_smooth", lambda n: False)
    answer, _ = resample.resample(signals.scrambled(2250), 44_100)
    assert np.mean(answer == CASES["2250_44100_22050"]) < 0.9


@pytest.mark.parametrize(("name", "factor"), [("2048_44100_22050", 2.0), ("1000_11025_22050", 2.0)])
def test_another_rule_for_the_nyquist_bin_is_caught(monkeypatch, name, factor):
    """Newer SciPy doubles the bin going down; going up, leaving out the half is the same slip."""
    n, old, new = _numbers(name)
    right = spectrum.fit

    def newer(bins, n_in, n_out):
        fitted = right(bins, n_in, n_out)
        fitted[min(n_in, n_out) // 2] *= factor
        return fitted

    monkeypatch.setattr(spectrum, "fit", newer)
    answer, _ = resample.resample(signals.scrambled(n), old, new)
    assert np.abs(answer - CASES[name]).max() > 1e-4


@needs_shared
@pytest.mark.parametrize("song", SONGS)
def test_shared_songs(song, record_property):
    golden = np.load(SHARED / "golden" / "deepsound-2016" / f"bensound-{song}.mp3.npz")
    clip = decode(SHARED / "data" / "choi" / "clips" / f"bensound-{song}.mp3")
    assert clip.rate == golden["native_rate"]
    assert not clip.notes
    if "samples_native" in golden.files:
        np.testing.assert_array_equal(clip.native, golden["samples_native"])
    samples, way = resample.resample(clip.native, clip.rate)
    share = float(np.mean(samples == golden["samples"]))
    record_property("bit_equal_share", share)
    print(f"{song}: {way}, {share:.2%} of samples bit-equal")
    np.testing.assert_allclose(samples, golden["samples"], rtol=0, atol=ATOL)
    assert share > 0.98


def _phrase_error(kind: str) -> float:
    """Largest difference in log-mel between the port's samples of a phrase and the original's."""
    samples, _ = resample.resample(signals.phrase(PHRASES[kind], 44_100), 44_100)
    return float(np.abs(log_mel(samples) - log_mel(CASES[f"phrase_{kind}"])).max())


def _numbers(name: str) -> tuple[int, int, int]:
    n, old, new = map(int, name.split("_"))
    return n, old, new


@pytest.mark.parametrize(("n", "silent", "found"), [
    (3000, slice(0, 1024), True), (3000, slice(1024, 2048), True), (3000, slice(500, 1600), False),
    (3000, slice(2048, 3000), False), (1024, slice(0, 1024), True), (1023, slice(0, 1023), False),
    (5 * 1024, slice(4096, 5120), True)])  # fmt: skip
def test_a_whole_block_of_zeros_is_silence(n: int, silent: slice, found: bool) -> None:
    samples = np.ones(n, np.float32)
    samples[silent] = 0
    assert resample.has_silence(samples) is found


def test_a_rate_of_1_hz_is_one() -> None:
    samples = np.ones(4, np.float32)
    assert resample.resample(samples, 1, 1) == (samples, resample.NONE)
    assert len(resample.resample(samples, 1, 2)[0]) == 8 and len(resample.resample(samples, 2, 1)[0]) == 2
