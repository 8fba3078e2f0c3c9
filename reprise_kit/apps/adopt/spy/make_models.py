"""Makes the models that a repository's code makes, where its programs end before, for want of data or libraries.

    python make_models.py model.py train.py ...

Each file is run statement by statement, without those that teach. What a failing statement was about is forgotten, so
that no half of a model is left. Then what makes a model in it is called: its functions, and its classes' methods.
Prints a line for each file and for each call; the spy beside it keeps what is made. Ends with 0 where something was.
"""
from __future__ import print_function

import __future__
import ast
import os
import signal
import sys
import types

from reprise_spy import parameters, shown_calls
from reprise_spy.keeping import find
from reprise_spy.state import note

MAKES = {"Sequential", "Model", "Graph"}
TEACHES = {"fit", "fit_generator", "train_on_batch", "fit_on_batch", "predict", "evaluate"}
WHOLE = (int, float, str, tuple, types.ModuleType)  # values that no failure leaves half done
SECONDS = 40  # of a file: more is work on data
MOST = 6  # models of a repository, and failures of a file that are told


def calls(node):
    """Return the names of all that is called within a node."""
    found = [each.func for each in ast.walk(node) if isinstance(each, ast.Call)]
    return set(getattr(each, "id", None) or getattr(each, "attr", None) for each in found)


def statements(tree):
    """Yield the statements of a file, those under its main guard as its own."""
    for node in tree.body:
        if isinstance(node, ast.If) and "__main__" in ast.dump(node.test):
            for inner in node.body:
                yield inner
        else:
            yield node


def module_of(path):
    """Return an empty module for a file, under the name by which the rest of the repository imports it."""
    name = os.path.splitext(path)[0].replace(os.sep, ".")
    module = types.ModuleType(str(name))
    module.__file__ = path
    sys.modules[name] = module
    for folder in (os.getcwd(), os.path.dirname(os.path.abspath(path))):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    return module


def is_model(value):
    return not isinstance(value, type) and all(hasattr(value, name) for name in ("get_weights", "predict", "to_json"))


def forget(node, names):
    """Remove from a module's names what a failing statement was about, and every model: any may now be half of one.

    The spy knows those that were compiled or given weights: they are whole.
    """
    about = [each for each in ast.walk(node) if isinstance(each, ast.Name)]
    stored = set(each.id for each in about if isinstance(each.ctx, ast.Store))
    used = set(each.id for each in about) - stored
    for name, value in list(names.items()):
        whole = isinstance(value, WHOLE) or callable(value)
        if name in stored or is_model(value) or (name in used and not whole):
            del names[name]


def run(path):
    """Run a file as far as it goes; return its module and its tree."""
    with open(path, "rb") as stream:
        tree = ast.parse(stream.read(), path)
    futures = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"
               for alias in node.names]  # fmt: skip
    flags = sum(getattr(__future__, name).compiler_flag for name in futures if hasattr(__future__, name))
    module, nodes, failed = module_of(path), list(statements(tree)), []
    for node in nodes:
        defines = isinstance(node, (ast.FunctionDef, ast.ClassDef))
        if not defines and (isinstance(node, ast.While) or TEACHES & calls(node)):
            continue
        tree.body = [node]
        try:
            exec(compile(tree, path, "exec", flags, True), module.__dict__)
        except (Exception, SystemExit) as error:
            failed.append("line %d: %s: %s" % (node.lineno, type(error).__name__, error))
            forget(node, module.__dict__)
    for line in failed[:MOST]:
        print("%s: %s" % (path, " ".join(line.split())[:200]))
    return module, nodes


def makers(module, nodes):
    """Yield what makes a model in a file: a name, and a function or a Method."""
    for node in nodes:
        made = module.__dict__.get(getattr(node, "name", None))
        if made is None or not MAKES & calls(node):
            continue
        if isinstance(node, ast.FunctionDef):
            yield node.name, made
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and MAKES & calls(inner):
                    yield "%s.%s" % (node.name, inner.name), Method(made, inner.name)


class Method(object):
    """A method of an object that is made for it; `__init__` is the object itself."""

    def __init__(self, kind, name):
        self.kind, self.name = kind, name


def called(maker, known, shown):
    """Call a maker; return what it gave and the arguments that were drawn for it, in words.

    known: globals of its file. shown: by name, arguments with which the repository calls a function.
    """
    if not isinstance(maker, Method):
        return attempt(maker, maker, known, shown)
    made, drawn = attempt(maker.kind, getattr(maker.kind, "__init__", None), known, shown)
    if maker.name == "__init__" or models_in(made):
        return made, drawn
    method = getattr(made, maker.name)
    answer, more = attempt(method, method, known, shown)
    return (answer, made), dict(drawn, **more)


def attempt(call, function, known, shown):
    """Call it as the repository does where that can be read, else as its parameters' names say."""
    problem = None
    ways = [(way, {}) for way in shown.get(getattr(call, "__name__", ""), ())]
    ways += [(([], given), drawn) for given, drawn in parameters.sets(parameters.wanted(function), known, picture())]
    for (arguments, named), drawn in ways:
        try:
            return call(*arguments, **named), drawn
        except (Exception, SystemExit) as error:
            problem = problem or error
    raise problem


def models_in(value, depth=2):
    """Return the models that a value is, or holds in itself or its attributes."""
    if is_model(value) or not depth:
        return [value] if is_model(value) else []
    inner = value if isinstance(value, (list, tuple)) else vars(value).values() if hasattr(value, "__dict__") else ()
    return [one for each in list(inner) for one in models_in(each, depth - 1)]


def picture():
    from keras import backend
    name = next((each for each in ("image_data_format", "image_dim_ordering") if hasattr(backend, each)), None)
    first = name is None or getattr(backend, name)() in ("th", "channels_first")
    return (3, 64, 64) if first else (64, 64, 3)


def make(path, shown, found):
    """Add the models of a file to those that were found; shown: how functions are called."""
    module, nodes = run(path)
    for model in [value for value in list(module.__dict__.values()) if is_model(value)]:
        find(model)
        found.append((path, model))
    for name, maker in makers(module, nodes):
        try:
            answer, drawn = called(maker, module.__dict__, shown)
        except (Exception, SystemExit) as error:
            print("%s: %s: %s: %s" % (path, name, type(error).__name__, " ".join(str(error).split())[:200]))
            continue
        given = ", ".join("%s=%s" % row for row in sorted(drawn.items()))
        for model in models_in(answer):
            find(model)
            found.append((path, model))
            ours = ", with %s of our choice" % given if given else ""
            said = "%s of %s was called by itself%s" % (name, path, ours)
            print(said)
            note(said)


class TooLong(BaseException):
    """A file took more than SECONDS; what it has made until then is kept."""


def too_long(*_):
    raise TooLong("more than %d s" % SECONDS)


def main(paths):
    import keras

    print("Keras", getattr(keras, "__version__", "?"))
    found, shown = [], shown_calls.of(os.getcwd())
    signal.signal(signal.SIGALRM, too_long)
    for path in paths:
        sys.argv = [path]
        signal.alarm(SECONDS)
        try:
            make(path, shown, found)
        except (Exception, SystemExit, TooLong) as error:
            print("%s: %s: %s" % (path, type(error).__name__, " ".join(str(error).split())[:200]))
        finally:
            signal.alarm(0)
        if len(found) >= MOST:
            break
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
