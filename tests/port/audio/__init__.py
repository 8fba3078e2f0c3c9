"""Tests of the legacy audio front end."""

from pathlib import Path

RECORDED = Path(__file__).parent / "recorded"
