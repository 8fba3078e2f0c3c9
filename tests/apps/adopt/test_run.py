"""What is told of a program that ended before anything was seen."""

from pathlib import Path

import pytest

from reprise_kit.apps.adopt import run
from reprise_kit.apps.adopt.evidence import Evidence
from reprise_kit.apps.adopt.run import last_words
from reprise_kit.apps.adopt.ways import Ways

STACK = ["Traceback (most recent call last):", '  File "a.py", line 3, in <module>', "    read()"]
STARS = "*" * 70
SEARCHED = ["  Searched in:", *(f"    - '/home/{name}'" for name in "abcdef"), STARS]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([*STACK, "IOError: no a.txt"], [*(line.strip() for line in STACK), "IOError: no a.txt"]),
        (
            [*STACK, "LookupError: ", STARS, "  Resource x not found.", "  Please ask for it.", *SEARCHED],
            ['File "a.py", line 3, in <module>', "read()", "LookupError:", "Resource x not found.",
             "Please ask for it.", "Searched in:"],
        ),
        (["one", "", "two", "---", "three", "____", "four", "five"], ["two", "three", "four", "five"]),
        ([*STACK, "KeyError: 1", *STACK, "nltk.Unknown.MissingError: 2", "bye"],
         ['File "a.py", line 3, in <module>', "read()", "nltk.Unknown.MissingError: 2", "bye"]),
        (["usage: a.py MODEL"], ["usage: a.py MODEL"]),
        ([], []),
    ],
)  # fmt: skip
def test_the_last_error_and_what_it_says(said: list[str], told: list[str]) -> None:
    assert last_words("\n".join(said)) == told


def test_the_kits_own_programs_are_told_by_what_they_do() -> None:
    assert run.in_words(run.making(["2 Train.ipynb"])) == "each function and statement of '2 Train.ipynb.py'"
    assert run.in_words(run.opening(["a b.h5"], [])) == "its files, opened in its Keras without its program: 'a b.h5'"
    assert run.in_words("python train.py") == "python train.py"


def test_what_was_tried_before_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_the_second(program: run.Program, *_: object) -> run.Ran:
        if program.entry == "python one.py":
            raise run.NothingSeen(f"run: `{program.entry}` ended")
        return run.Ran(program.entry, "exit code 0", 1.0, True, ("its own",))

    monkeypatch.setattr(run, "run", only_the_second)
    program = run.Program("python one.py", Path(), Path(), {})
    found = Evidence("", "", "", "", "2.7", None, "theano", "th", {}, alternatives=["python two.py"])
    ways = Ways(program, found, Path(), lambda _: None)
    assert ways.first_that_shows_a_model().notes == ("first `python one.py` ended", "its own")
