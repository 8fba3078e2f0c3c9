"""The code of a program's own functions, of which a file holds the name only; it is read, never run."""
import json
import marshal
import re

from reprise_spy.names import *  # noqa: F403
from reprise_spy.state import note

READ_AS = re.compile("^(K|KB|KTF|backend|activations|keras|tf|ktf|tensorflow|abs)$")  # names that readers know


def code_of(function, named):
    """[code, defaults, closure] of an own function, as Keras keeps a Lambda's; named: all that layers are given.

    None where its name means another one, too, or there is more to it than is kept: then nobody reads it as it.
    """
    alike = [each for each in named if getattr(each, "__name__", None) == function.__name__]
    try:
        parts = parts_of(function)
        is_one = all(hasattr(each, "__code__") and parts_of(each) == parts for each in alike)
        if is_one and is_readable(function, parts):
            text = [marshal.dumps(parts[0]).decode("raw_unicode_escape")] + parts[1:]
            return json.loads(json.dumps(text))
    except Exception as error:
        note("the code of %s is not kept: %s: %s" % (function.__name__, type(error).__name__, error))
    return None


def parts_of(function):
    """Its code, the defaults of its arguments, and the values that it closes over."""
    closure = [cell.cell_contents for cell in function.__closure__ or ()]
    return [function.__code__, list(function.__defaults__ or ()), closure]


def is_readable(function, parts):
    """Whether it holds plain values alone, and what it calls by names that readers know is what they know by them."""
    given = function.__globals__
    known = [given[name] for name in parts[0].co_names if name in given and READ_AS.search(name)]
    of_keras = [getattr(each, "__name__", "").split(".")[0] in ("keras", "tensorflow") for each in known]
    return all(map(is_plain, parts[1] + parts[2])) and all(of_keras)


def is_plain(value):
    """Whether JSON has it, which has no numbers that are not finite."""
    if isinstance(value, (list, tuple)):
        return all(map(is_plain, value))
    return isinstance(value, (bool, int, str, type(None))) or isinstance(value, float) and value - value == 0
