"""Packages that cannot be imported here: empty ones stand in, so that code that names them and no more is read on.

Whatever is taken from one is an empty class: it may be inherited from; to call it fails.
"""
import linecache
import os
import re
import sys
import types

from reprise_spy.state import note

NEEDED = {"keras", "tensorflow", "theano", "numpy", "h5py"}
IMPORTS = re.compile(r"\s*(?:from\s+([\w.]+)\s+import|import\s+(.+))")


class Kind(type):
    """The kind of an empty class; what its own code derives from one is a class as any."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return empty(name)

    def __call__(cls, *arguments, **named):
        if vars(cls).get("_reprise_empty"):
            raise ImportError("%s cannot be imported here" % cls.__name__)
        return type.__call__(cls, *arguments, **named)


def empty(name):
    return Kind(str(name), (object,), {"_reprise_empty": True, "__init__": lambda self, *given, **named: None})


class Empty(types.ModuleType):
    """A package with every name in it."""

    __path__, __all__ = (), ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return empty(name)


class Finder(object):
    """Finds the packages that it was told of, and what is in them."""

    names = ()

    def find_module(self, name, path=None):
        return self if name.split(".")[0] in self.names else None

    def load_module(self, name):
        return sys.modules.setdefault(name, Empty(name))


def stood_in():
    """Let an empty package stand in for the one whose import, in the repository's code, just failed.

    Returns its name, None where no other's package is to blame.
    """
    name = missing(*place())
    if name is None or name in NEEDED or name in Finder.names:
        return None
    if not Finder.names:
        sys.meta_path.insert(0, Finder())
    Finder.names += (name,)
    note("%s cannot be imported here: an empty package stands in for it, and what calls it fails" % name)
    return name


def place():
    """Return path and line of the innermost code below the working folder that is at work in the error at hand."""
    found, trace = ("", 0), sys.exc_info()[2]
    while trace is not None:
        path = os.path.abspath(trace.tb_frame.f_code.co_filename)
        if path.startswith(os.getcwd() + os.sep):
            found = path, trace.tb_lineno
        trace = trace.tb_next
    return found


def missing(path, line):
    """Return the first package, not of the repository's own, that a line imports and that is not there."""
    says = IMPORTS.match(linecache.getline(path, line))
    for each in (says.group(1) or says.group(2)).split(",") if says else ():
        name = re.split(r"[.\s]", each.strip())[0]
        own = [os.path.join(folder, name) for folder in (os.getcwd(), os.path.dirname(path))]
        if name and name not in sys.modules and not any(os.path.exists(at) or os.path.exists(at + ".py") for at in own):
            return name
    return None
