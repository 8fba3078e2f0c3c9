"""One server for all tests of this folder that do not need their own."""

from collections.abc import Iterator

import pytest

from tests.port.web.running import Running, running


@pytest.fixture(scope="session")
def server() -> Iterator[Running]:
    with running() as started:
        yield started
