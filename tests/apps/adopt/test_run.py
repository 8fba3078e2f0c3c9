"""What is told of a program that ended before anything was seen."""

import pytest

from reprise_kit.apps.adopt.run import last_words

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
        (["one", "", "two", "---", "three", "four", "five"], ["two", "three", "four", "five"]),
        ([*STACK, "KeyError: 1", *STACK, "nltk.Unknown.MissingError: 2", "bye"],
         ['File "a.py", line 3, in <module>', "read()", "nltk.Unknown.MissingError: 2", "bye"]),
        (["usage: a.py MODEL"], ["usage: a.py MODEL"]),
        ([], []),
    ],
)  # fmt: skip
def test_the_last_error_and_what_it_says(said: list[str], told: list[str]) -> None:
    assert last_words("\n".join(said)) == told
