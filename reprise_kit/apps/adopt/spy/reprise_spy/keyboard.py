"""Nobody sits at a box's keyboard: where a program waits for a person's words, some are typed, and it is said.

What a model is asked after that is no input of the repository's own, but where a file of its was asked for.
"""
import json
import os
import re
import stat
import sys

from reprise_spy.names import *  # noqa: F403
from reprise_spy.state import note, state

TYPED = 64  # answers, after which nobody is there as before: a program that goes on asking would do so for ever
# What stands before the cursor and is answered otherwise than with a number, the first that is found.
ANSWERS = (
    (re.compile(r"\by(es)?\s*[/|,]\s*n|\[y\]|\(y\)", re.I), "y"),
    (re.compile(r"text|sentence|word|seed|name|say|user|question|query|review|message|title|you", re.I), "hello"),
)
NUMBER = "1"
FILES = json.loads(os.environ.get("REPRISE_SPY_FILES", "[]"))  # what asks for one, as a pattern, and its path
# What is typed all the same: a number, a choice, a place to write to, words about a file.
COUNTED = r"how many|number|count|size|index|width|height|url|http|choose|select|\d\W+\d"
WORDED = r"save|saving|output|write|folder|dir|question|sentence|word|say|query|review|message"
TYPED_ALL_THE_SAME = re.compile("|".join([COUNTED, WORDED, ANSWERS[0][0].pattern]), re.I)


def file_for(prompt):
    """The repository's file that a question asks for."""
    if TYPED_ALL_THE_SAME.search(prompt):
        return None
    return next((str(path) for asked, path in FILES if re.search(asked, prompt, re.I)), None)


def answer(prompt):
    return next((says for asked, says in ANSWERS if asked.search(prompt)), NUMBER)


def sit_down():
    """Answer `raw_input` and `input` where standard input is the null device; a file that is read is left alone."""
    null = os.stat(os.devnull)
    try:
        here = os.fstat(0)
    except OSError:
        return
    if not (stat.S_ISCHR(here.st_mode) and here.st_rdev == null.st_rdev):
        return
    is_2 = sys.version_info[0] == 2
    module = sys.modules["__builtin__" if is_2 else "builtins"]
    for name in ("raw_input", "input"):
        if hasattr(module, name):
            setattr(module, name, typing(getattr(module, name), is_read_as_code=is_2 and name == "input"))


def typing(ask, is_read_as_code):
    """Return `ask` with somebody who answers; Python 2's `input` makes a value of what is typed."""
    left = [TYPED]

    def asked(*prompt):
        try:
            return ask(*prompt)
        except EOFError:
            if not left[0]:
                raise
            left[0] -= 1
            question = str(prompt[0]) if prompt else ""
            path = file_for(question)
            state().drawn |= path is None
            says = path or answer(question)
            note("nobody is at its keyboard: it was given %r when it asked %r" % (says, question))
            return int(says) if is_read_as_code and says == NUMBER else says
    asked.__name__ = getattr(ask, "__name__", "input")
    return asked
