"""Readers in the test's own process: what a test breaks there on purpose, a box would not see."""

from collections.abc import Iterator

import pytest

from tests.fuzz import watch


@pytest.fixture
def unboxed() -> Iterator[None]:
    """Read in this process."""
    with watch.unboxed():
        yield
