"""A long silence is broken by a line; a short one is left."""

import time
from collections.abc import Callable

import pytest

from reprise_kit.compare import patience as module
from reprise_kit.compare.patience import patience

EVERY = 0.05  # seconds


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(module, "say", lambda line, error: lines.append(line))
    return lines


def wait_for(what: Callable[[], object]) -> None:
    """Wait as long as a busy machine may take."""
    for _ in range(6000):
        if what():
            return
        time.sleep(0.01)
    raise AssertionError("nothing was said in a minute")


def test_a_line_while_it_lasts_and_none_after(said: list[str]) -> None:
    began = time.monotonic()
    with patience(lambda: "building", EVERY):
        wait_for(lambda: len(said) > 1)
    assert all(line.startswith("building ... ") for line in said)
    assert len(said) <= (time.monotonic() - began) / EVERY
    before = list(said)
    time.sleep(3 * EVERY)
    with patience(lambda: "quick", every=3600):
        pass
    assert said == before


def test_of_two_the_inner_one_speaks(said: list[str]) -> None:
    with patience(lambda: "outer", EVERY), patience(lambda: "inner", EVERY):
        said.clear()  # the outer one may have spoken before the inner one began, or be about to
        wait_for(lambda: len(said) > 2)
        heard = said[1:]
    assert all(line.startswith("inner ... ") for line in heard)


def test_the_line_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    seen = ""
    with patience(lambda: "building", EVERY):

        def heard() -> bool:
            nonlocal seen
            seen += capsys.readouterr().err
            return bool(seen)

        wait_for(heard)
    assert seen.startswith("building ... ")
