"""The double transforms against SciPy's, forward and back, and against a shift that would betray a wrong twiddle."""

import numpy as np
import pytest
import scipy.fft

from reprise_kit.port.audio.scipy017 import spectrum

_B = spectrum.BLOCK
LENGTHS = [2, 4, 6, 9, 1000, 2306, 8190, 9999, 2 * _B, 2 * _B + 2, 6 * _B, 131_071]


@pytest.fixture(params=LENGTHS)
def samples(request):
    return np.random.default_rng(request.param).standard_normal(request.param).astype(np.float32)


def test_forward_is_the_double_transform_rounded_once(samples):
    got, wanted = spectrum.forward(samples), scipy.fft.rfft(samples.astype(np.float64))
    assert got.dtype == np.complex64 and got.shape == wanted.shape
    # A bin that lies between two float32 values may fall either way: nearly none does.
    assert (got != wanted.astype(np.complex64)).mean() <= 1e-4
    assert np.abs(got - wanted).max() <= 1e-7 * np.abs(wanted).max()


def test_backward_undoes_it(samples):
    exact = scipy.fft.rfft(samples.astype(np.float64))
    exact[0] += 3j  # SciPy's inverse does not look at these either
    if len(samples) % 2 == 0:
        exact[-1] += 5j
    got = spectrum.backward(exact, len(samples))
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, samples, rtol=0, atol=1e-13)


def test_a_wrong_sign_would_be_seen(monkeypatch):
    samples = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    real = spectrum._blocks
    monkeypatch.setattr(spectrum, "_blocks", lambda half, sign: real(half, -sign))
    wanted = scipy.fft.rfft(samples.astype(np.float64))
    assert np.abs(spectrum.forward(samples) - wanted).max() > 0.1 * np.abs(wanted).max()
