"""Packages beside an environment's own are pinned as of its last day; uv is a stand-in here."""

import subprocess
from typing import Any

import pytest

from reprise_kit.compare import eras
from reprise_kit.compare.errors import InputError

ERA = eras.load()[0]


def asked(monkeypatch: pytest.MonkeyPatch, code: int = 0, said: str = "", error: str = "") -> list[Any]:
    """What uv is asked with, once it has been."""
    taken: list[Any] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        taken.extend([command, options["input"]])
        return subprocess.CompletedProcess(command, code, said, error)

    monkeypatch.setattr(eras.subprocess, "run", run)
    return taken


@pytest.mark.parametrize(("name", "dated"), [("nltk", True), ("nltk==3.2", False)])
def test_the_newest_of_the_day_or_the_one_that_is_named(
    name: str, dated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = asked(monkeypatch, said=f"{name} --hash=sha256:0\n")
    assert eras._extra_block(ERA, name) == f"{name} --hash=sha256:0\n"
    command, given = taken
    assert given == f"{name}\n" and "--generate-hashes" in command and "--no-deps" in command
    assert (f"{ERA.until}T23:59:59Z" in command) is dated


@pytest.mark.parametrize(
    ("code", "said", "error", "words"),
    [
        (1, "", "No module named uv", "needs uv"),
        (1, "x", "not\n found", r"no such release up to .* \(not found\)"),
        (0, "", "", "no such release"),
    ],
)
def test_why_it_cannot_be(code: int, said: str, error: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(monkeypatch, code, said, error)
    with pytest.raises(InputError, match=words):
        eras._extra_block(ERA, "nltk")
