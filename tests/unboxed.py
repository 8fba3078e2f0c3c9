"""Readers in the test's own process: what a test breaks there on purpose, a box would not see."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from reprise_kit.compare import box, box_pool


@contextmanager
def _asked(reader: box.Reader, path: Path, handed: int, *arguments: Any, **_: Any) -> Iterator[Iterator[Any]]:
    yield reader(path, handed, *arguments)


def _each(reader: box.Reader, paths: Sequence[Path], *arguments: Any, **_: Any) -> Iterator[Iterator[Any]]:
    return (reader(path, *arguments) for path in paths)


@pytest.fixture
def unboxed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in this process."""
    monkeypatch.setattr(box, "boxed_each", _each)
    monkeypatch.setattr(box_pool, "asked", _asked)
