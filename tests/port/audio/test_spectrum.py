"""The double transforms against SciPy's, forward and back, and against a shift that would betray a wrong twiddle."""

import numpy as np
import pytest
import scipy.fft

from reprise_kit.port.audio.scipy017 import spectrum

B = spectrum.BLOCK
PRIME, TWICE_A_PRIME = 131_071, 2 * 65_537
SCALE = 0.7071  # 0.7 of a float32 lies between two others as often as not
LENGTHS = [2, 3, 9999, B, B + 2, B + 5, 79_999, 6 * B, 1152 * 1193, PRIME, TWICE_A_PRIME, 1009 * 1013]


@pytest.fixture(params=LENGTHS)
def samples(request):
    return np.random.default_rng(request.param).standard_normal(request.param).astype(np.float32)


def mostly_equal(got, wanted):
    """A number that lies between two float32 values may fall either way: nearly none does."""
    assert got.shape == wanted.shape
    assert (got != wanted.astype(got.dtype)).mean() <= 1e-4
    assert np.abs(got - wanted).max() <= 1e-7 * np.abs(wanted).max()


def test_forward_is_the_double_transform_rounded_once(samples):
    got, wanted = spectrum.forward(samples), scipy.fft.rfft(samples.astype(np.float64))
    assert got.dtype == np.complex64
    mostly_equal(got, wanted)


@pytest.mark.parametrize("n", [6 * B, 1152 * 1193, 999 * 1001])
def test_a_long_clip_in_parts_has_the_same_bits(n, monkeypatch):
    samples = np.random.default_rng(n).standard_normal(n).astype(np.float32)
    whole = spectrum.forward(samples)
    monkeypatch.setattr(spectrum, "LONG", n)
    rows = spectrum._rows(n)
    assert len(list(spectrum._parts(n, rows))) == spectrum.LONG_PARTS
    assert len(list(spectrum._parts(n - 1, rows))) == 1
    np.testing.assert_array_equal(spectrum.forward(samples), whole)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.99])
def test_the_lowest_bins_alone_are_those_of_all(samples, share):
    n_bins = 1 + int(share * (len(samples) // 2))
    np.testing.assert_array_equal(spectrum.forward(samples, n_bins), spectrum.forward(samples)[:n_bins])


def test_backward_undoes_it_and_scales(samples):
    exact = scipy.fft.rfft(samples.astype(np.float64))
    exact[0] += 3j  # SciPy's inverse does not look at these either
    if len(samples) % 2 == 0:
        exact[-1] += 5j
    got = spectrum.backward(exact, len(samples), SCALE)
    assert got.dtype == np.float32
    mostly_equal(got, SCALE * scipy.fft.irfft(exact, len(samples)))


@pytest.mark.parametrize("n", LENGTHS)
def test_rows_divide_and_small_factors_are_preferred(n):
    assert n <= B or not spectrum._rows(n) or n % spectrum._rows(n) == 0
    assert [spectrum._rows(n) for n in (6 * B, PRIME, TWICE_A_PRIME, 1152 * 1193, 21 * 65_521)] == [
        1024,
        0,
        0,
        1152,
        21,
    ]


def test_a_wrong_sign_would_be_seen(monkeypatch):
    samples = np.random.default_rng(0).standard_normal(2 * B).astype(np.float32)
    real = spectrum._turns
    monkeypatch.setattr(spectrum, "_turns", lambda n, rows, sign: real(n, rows, -sign))
    wanted = scipy.fft.rfft(samples.astype(np.float64))
    assert np.abs(spectrum.forward(samples) - wanted).max() > 0.1 * np.abs(wanted).max()
