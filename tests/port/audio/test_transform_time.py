"""How long SciPy 0.17 would take: only a length with a large prime factor keeps the original from being started."""

import wave
from pathlib import Path

import numpy as np
import pytest

from reprise_kit.port.audio.scipy017.transform_time import TOO_SLOW, largest_prime_factor, too_slow, transform_seconds

PRIME = 400_009


def clip(path: Path, n: int, rate: int = 44_100) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(np.zeros(n, "<i2").tobytes())
    return path


def test_the_largest_prime_factor_of_each_number() -> None:
    wanted = np.ones(3000, int)
    for n in range(2, 3000):
        if wanted[n] == 1:  # no smaller prime divides it
            wanted[n::n] = n
    assert [largest_prime_factor(n) for n in range(3000)] == wanted.tolist()


def test_time_is_as_it_was_measured() -> None:
    assert transform_seconds(262_139, 0) == pytest.approx(57)  # a prime; measured
    assert transform_seconds(262_139, 1 << 18) == pytest.approx(57 + 57 * (1 << 19) / 262_139**2)


def test_a_clip_that_would_take_minutes_is_named(tmp_path: Path) -> None:
    assert transform_seconds(PRIME, 200_005) > TOO_SLOW > transform_seconds(PRIME - 1, 200_004)
    told = too_slow(clip(tmp_path / "prime.wav", PRIME), 22_050)
    assert told is not None
    assert "about 2 minutes to resample 400009 to 200005 samples (largest prime factors 400009 and 181)" in told
    assert too_slow(clip(tmp_path / "smooth.wav", PRIME - 1), 22_050) is None
    assert too_slow(tmp_path / "prime.wav", 44_100) is None  # nothing to resample


def test_what_cannot_be_decoded_is_the_originals_to_refuse(tmp_path: Path) -> None:
    (tmp_path / "words.wav").write_text("no sound")
    assert too_slow(tmp_path / "words.wav", 22_050) is None
