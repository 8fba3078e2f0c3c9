"""What tests of recorded models share."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a module's recorded models are unpacked."""
    return tmp_path_factory.mktemp("recorded")


@pytest.fixture
def fresh_session() -> Iterator[None]:
    """Let Keras forget a test's models."""
    import keras

    yield
    keras.backend.clear_session()
