"""What a person can mend, in one line."""

import os
import sys
import traceback

# What of an error's text tells what to do.
ANOTHER_PYTHON = "its Lambdas were saved by another Python: run that one, or give --custom LAYER=module:function"
HINTS = (
    ("bad marshal data", ANOTHER_PYTHON),
    ("unknown opcode", ANOTHER_PYTHON),
    ("object has no attribute 'decode'", "h5py 3 is too new for this Keras: pip install 'h5py<3'"),
    ("unknown layer", "give its class with --custom NAME=module:attribute"),
    ("invalid layer", "give its class with --custom NAME=module:attribute"),
    ("unknown activation", "give it with --custom NAME=module:attribute"),
    ("invalid activation", "give it with --custom NAME=module:attribute"),
    ("is not defined", "give it with --custom NAME=module:attribute"),
    ("no implementation", "Theano found no BLAS to link: give one in THEANO_FLAGS=blas.ldflags=..."),
)


class Refused(Exception):
    """Something a person can mend; its text is one line."""


def attempt(what, function, *arguments, **named):
    """Call what may fail in any way; raises Refused in one line, with a hint and the place in the model's code."""
    try:
        return function(*arguments, **named)
    except Exception as error:
        text = one_line(error)
        hint = [advice for sign, advice in HINTS if sign in text.lower()]
        place = traceback.extract_tb(sys.exc_info()[2])[-1]
        raise Refused("%s (%s: %s; %s:%s)%s" % (
            what, type(error).__name__, text, os.path.basename(place[0]), place[1], "; " + hint[0] if hint else ""))


def one_line(error):
    return " ".join(str(error).split())[:300]
