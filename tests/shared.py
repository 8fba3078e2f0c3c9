"""Measured outputs and real weights of the originals, kept beside the project and never copied into it."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="no ../shared beside the checkout: the originals' recorded outputs are not here"
)
