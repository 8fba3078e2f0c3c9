"""The single-precision transform against the real SciPy 0.17 (recorded by record.py)."""

import hashlib

import numpy as np
import pytest

from reprise_kit.port.audio.scipy017 import fftpack, small_factors
from tests.port.audio import RECORDED, signals

FFT = np.load(RECORDED / "fft.npz")
SMALL = [int(key[1:]) for key in FFT.files if key[0] == "n"]
DOUBLE = [int(key.split("_")[1]) for key in FFT.files if key.startswith("double")]
LARGE = [int(key.split("_")[1]) for key in FFT.files if key.startswith("sha256")]


@pytest.fixture
def fresh_plans():
    """No twiddles from before, none left after."""
    fftpack._plan.cache_clear()
    yield
    fftpack._plan.cache_clear()


def test_recording_is_complete():
    assert len(SMALL) >= 38
    assert len(DOUBLE) == 12
    assert sorted(LARGE) == [150_000, 1_296_000, 1_327_104]
    radices = {radix for n in SMALL + LARGE for radix in fftpack.factors(n)}
    assert radices == {2, 3, 4, 5}


@pytest.mark.parametrize("n", SMALL)
def test_every_bin_is_bit_equal(n):
    answer = fftpack.rfft(signals.scrambled(n))
    assert answer.dtype == np.complex64
    np.testing.assert_array_equal(answer, FFT[f"n{n}"])


@pytest.mark.parametrize("n", LARGE)
def test_a_clip_of_30_seconds_is_bit_equal(n):
    answer = fftpack.rfft(signals.scrambled(n)) + 0
    assert hashlib.sha256(answer.tobytes()).hexdigest() == FFT[f"sha256_{n}"].item().decode()


@pytest.mark.parametrize("n", DOUBLE)
def test_any_length_is_bit_equal_in_double(n):
    answer = fftpack.rfft(signals.scrambled(n).astype(np.float64)) + 0
    assert answer.dtype == np.complex128
    assert hashlib.sha256(answer.tobytes()).hexdigest() == FFT[f"double_{n}"].item().decode()


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_twiddles_are_those_of_the_c_library(real):
    angle = np.linspace(0, 2 * np.pi, 5001, dtype=real)
    wanted = fftpack._libm_cos_sin(angle)
    np.testing.assert_array_equal(fftpack.cos_sin(angle), wanted)


def test_another_c_library_is_asked_for_each_angle(monkeypatch):
    angle = np.linspace(0, 1, 200, dtype=np.float32)
    monkeypatch.setattr(fftpack, "_libm_cos_sin", lambda a: (a + 1, a + 2))
    np.testing.assert_array_equal(fftpack.cos_sin(angle), (angle + 1, angle + 2))


def test_numpy_cosines_are_caught(monkeypatch, fresh_plans):
    monkeypatch.setattr(fftpack, "cos_sin", lambda angle: (np.cos(angle), np.sin(angle)))
    answer = fftpack.rfft(signals.scrambled(8000))
    assert np.mean(answer != FFT["n8000"]) > 0.01


def test_fused_multiply_add_is_caught(monkeypatch, fresh_plans):
    """A complex product as NumPy does it where the processor has fused instructions, or simply in double."""

    def double_butterfly(pairs):
        wide = [(re.astype(np.float64), im.astype(np.float64)) for re, im in pairs]
        yield from small_factors._butterfly4(wide)

    monkeypatch.setitem(small_factors._BUTTERFLY, 4, double_butterfly)
    answer = fftpack.rfft(signals.scrambled(8000))
    assert np.mean(answer != FFT["n8000"]) > 0.01
