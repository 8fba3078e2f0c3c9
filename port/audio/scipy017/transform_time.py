"""How long SciPy 0.17 takes to resample a clip: the live original is not asked where that would be many minutes."""

from pathlib import Path

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.decode import decode

# SciPy 0.17's transform costs O(n * p) for a length n with a largest prime factor p; measured 57 s for the prime
# 262,139 in one direction.
SECONDS_PER_NP = 57 / 262_139**2
TOO_SLOW = 120.0  # seconds beyond which the original is not started


def largest_prime_factor(n: int) -> int:
    """Return the largest prime factor of n (1 for n < 2)."""
    largest, factor = 1, 2
    while factor * factor <= n:
        while n % factor == 0:
            largest, n = factor, n // factor
        factor += 1
    return max(largest, n) if n > 1 else largest


def transform_seconds(n_in: int, n_out: int) -> float:
    """Estimate how long SciPy 0.17 needs to resample n_in samples to n_out, in seconds of one core of 2024."""
    return SECONDS_PER_NP * sum(n * largest_prime_factor(n) for n in (n_in, n_out))


def too_slow(clip: Path, resampled_rate: int) -> str | None:
    """Say why the original would need minutes to resample a clip to `resampled_rate` Hz, or return None."""
    try:
        decoded = decode(clip)
    except InputError:
        return None  # the original is to say itself what it makes of it
    n_in = int(decoded.native.size)
    if decoded.rate == resampled_rate:
        return None
    n_out = -(-n_in * resampled_rate // decoded.rate)
    seconds = transform_seconds(n_in, n_out)
    if seconds <= TOO_SLOW:
        return None
    return (
        f"SciPy 0.17 would need about {seconds / 60:.0f} minutes to resample {n_in} to {n_out} samples (largest prime "
        f"factors {largest_prime_factor(n_in)} and {largest_prime_factor(n_out)}); cut the clip to a length with small "
        "factors"
    )
