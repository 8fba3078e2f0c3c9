"""Two servers for all tests of this folder that do not need their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.apps.demo.running import FETCHED, Running, fetched, running


@pytest.fixture(scope="session")
def server() -> Iterator[Running]:
    with running() as started:
        yield started


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache into which FETCHED were fetched; tests that use it need the shared files."""
    return fetched(tmp_path_factory.mktemp("cache"), *FETCHED)


@pytest.fixture(scope="session")
def several(cache: Path) -> Iterator[Running]:
    with running(weights=None, cache=cache) as started:
        yield started
