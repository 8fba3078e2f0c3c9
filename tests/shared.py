"""Measured outputs and real weights of the originals, kept beside the project and never copied into it.

Without them these tests are skipped; where REPRISE_REQUIRE names `shared` they run, and fail by what they lack.
"""

from pathlib import Path

import pytest

from tests.require import required

SHARED = Path(__file__).parents[2] / "shared"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir() and "shared" not in required(),
    reason="no ../shared beside the checkout: the originals' recorded outputs are not here",
)
