"""Mel features against the real librosa 0.4.1: recorded (record.py), and the four shared songs."""

import librosa
import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.librosa041 import mel
from tests.port.audio import RECORDED, signals
from tests.shared import SHARED, needs_shared

LOG_ATOL = 3.1e-7  # natural log of power
SETTINGS = [(22_050, 2048, 1024, 128), (12_000, 512, 256, 96)]  # rate, n_fft, hop, n_mels
RECORDING = np.load(RECORDED / "mel.npz")
SONGS = ("actionable", "cute", "dubstep", "thejazzpiano")


def _signal(rate: int) -> np.ndarray:
    return np.concatenate([signals.scrambled(3000), np.zeros(5000, np.float32), signals.chord(4000, rate)])


def _error(rate: int, n_fft: int, hop: int, n_mels: int) -> float:
    answer = mel.log_power(mel.mel_power(_signal(rate), rate, n_fft, hop, n_mels))
    wanted = mel.log_power(RECORDING[f"power_{rate}"])
    assert answer.shape == wanted.shape
    return float(np.abs(answer - wanted).max())


@pytest.mark.parametrize("setting", SETTINGS)
def test_as_the_original(setting):
    rate, _, hop, n_mels = setting
    power = mel.mel_power(_signal(rate), *setting)
    assert power.dtype == np.float64
    assert power.shape == (1 + 12_000 // hop, n_mels)
    np.testing.assert_allclose(power, RECORDING[f"power_{rate}"], rtol=LOG_ATOL, atol=0)
    assert _error(*setting) < LOG_ATOL
    assert (RECORDING[f"power_{rate}"] == 0).any(), "the recording must hold digital silence"


@pytest.mark.parametrize("setting", SETTINGS)
def test_filter_bank(setting):
    rate, n_fft, _, n_mels = setting
    bank = mel.filter_bank(rate, n_fft, n_mels)
    np.testing.assert_allclose(bank, RECORDING[f"bank_{rate}"], rtol=1e-9, atol=1e-16)
    np.testing.assert_allclose(bank, librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels), atol=1e-8)


def test_only_exact_zeros_are_lifted():
    power = np.array([0.0, 1e-30, 1.0])
    np.testing.assert_array_equal(mel.log_power(power), np.log([1e-6, 1e-30, 1.0]))


@pytest.mark.parametrize("n", [0, 1, 1024])
def test_too_short_to_reflect(n):
    with pytest.raises(InputError, match="1025 are needed"):
        mel.mel_power(np.zeros(n, np.float32))


def test_constant_padding_is_caught(monkeypatch):
    monkeypatch.setattr(mel, "PADDING", "constant")
    assert _error(*SETTINGS[0]) > 0.01


def test_a_symmetric_window_is_caught(monkeypatch):
    periodic = mel.scipy.signal.get_window
    monkeypatch.setattr(mel.scipy.signal, "get_window", lambda name, n: periodic(name, n, fftbins=False))
    assert _error(*SETTINGS[0]) > 1e-3


def test_a_floor_is_caught(monkeypatch):
    monkeypatch.setattr(mel, "SILENCE", 1e-10)
    assert abs(mel.log_power(np.zeros(1))[0] - np.log(1e-6)) > 1


@needs_shared
@pytest.mark.parametrize("song", SONGS)
def test_shared_songs(song):
    golden = np.load(SHARED / "golden" / "deepsound-2016" / f"bensound-{song}.mp3.npz")
    answer = mel.log_mel(golden["samples"])
    assert answer.shape == golden["log_mel"].shape
    np.testing.assert_allclose(answer, golden["log_mel"], rtol=0, atol=LOG_ATOL)
