"""Packages beside an environment's own are pinned as of its last day; uv is a stand-in here."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reprise_kit.compare import eras
from reprise_kit.compare.errors import InputError

ERA = eras.load()[0]


def asked(monkeypatch: pytest.MonkeyPatch, code: int = 0, said: str = "", error: str = "") -> list[Any]:
    """What uv is asked with, once it has been."""
    taken: list[Any] = []

    def run(command: list[str], given: str) -> subprocess.CompletedProcess[str]:
        taken.extend([command, given])
        return subprocess.CompletedProcess(command, code, said, error)

    monkeypatch.setattr(eras, "run_program", run)
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


def test_a_keras_is_found_where_it_is_offered_and_else_refused() -> None:
    offered = [(era, keras) for era in eras.load() for keras in era.keras]
    assert len(offered) > 5
    for era, keras in offered:
        chosen = eras.choose(keras, era.backend)
        assert chosen.backend == era.backend and keras in chosen.keras
        with pytest.raises(InputError, match=r"9\.9\.9"):
            eras.choose("9.9.9", era.backend)


@pytest.mark.parametrize("there", [("2.7",), ("3.6", "3.7"), ()])
def test_the_first_python_that_is_there_is_taken(there: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    era = msgspec.structs.replace(ERA, python=("3.5", "3.6", "3.7", "2.7"))
    monkeypatch.setattr(eras, "find_interpreter", lambda name: Path(name) if name in there else None)
    assert era.interpreter() == (Path(there[0]) if there else None)


def test_what_uv_says_is_read_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import sys; sys.stdin.read(); print('said'); print('aside', file=sys.stderr)"
    run = eras.run_program
    monkeypatch.setattr(eras, "run_program", lambda command, **options: run([sys.executable, "-c", program], **options))
    assert eras._extra_block(ERA, "nltk") == "said\n"
