"""Makes the models that a repository's code makes, where its programs end before, for want of data or libraries.

    python make_models.py model.py train.py ...

Each file is run statement by statement, without those that teach. What a failing statement was about is forgotten, so
that no half of a model is left. Then what makes a model in it is called: its functions, and its classes' methods.
Where that shows no model in any file, all is done again, and the data that is missing is drawn by its name; a function
that fails is then run statement by statement, too.
Prints a line for each file and for each call; the spy beside it keeps what is made. Ends with 0 where something was.
"""
from __future__ import print_function

import __future__
import ast
import inspect
import os
import signal
import sys
import time
import types

from reprise_spy import parameters, shown_calls
from reprise_spy.ending import LATE
from reprise_spy.keeping import find, is_empty
from reprise_spy.pieces import Pieces, calls, is_model, many, shaped, statements
from reprise_spy.state import note, state

sys.modules["make_models"] = sys.modules[__name__]  # Python 2 empties a module that nobody holds
MAKES = {"Sequential", "Model", "Graph"}
LEAST, MOST_SECONDS = 40, 150  # of a file: more is work on data
MOST = 6  # models of a repository, and failures of a file that are told


def module_of(path):
    """Return an empty module for a file, under the name by which the rest of the repository imports it."""
    for folder in (os.getcwd(), os.path.dirname(os.path.abspath(path))):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    name = os.path.splitext(path)[0].replace(os.sep, ".")
    module = types.ModuleType(str(name))
    module.__file__, module.__package__ = path, package_of(path)
    sys.modules[name] = sys.modules["__main__"] = module  # TensorFlow's app.run() runs main() of the latter
    return module


def package_of(path):
    """Import the package that a file is in, which its relative imports need; return its name, "" where it is in none.

    Of a package that fails an empty one stands in: what its code imports of its modules is found all the same.
    """
    folder, _, _ = path.rpartition(os.sep)
    if not folder or not os.path.isfile(os.path.join(folder, "__init__.py")):
        return ""
    above, name = package_of(folder), str(folder.replace(os.sep, "."))
    try:
        __import__(name)
    except (Exception, SystemExit) as error:
        print("%s: %s: %s" % (folder, type(error).__name__, " ".join(str(error).split())[:200]))
        module = sys.modules[name] = types.ModuleType(name)
        module.__path__, module.__package__ = [folder], name
        if above:
            setattr(sys.modules[above], name.rpartition(".")[2], module)
    return name


class Maker(object):
    """What makes a model in a file: a function, or of a class a method; `__init__` is the object itself.

    begins: of a class, the code of its `__init__`, None where its file has none.
    """

    def __init__(self, made, node, method=None, begins=None):
        self.made, self.node, self.method, self.begins = made, node, method, begins
        self.name = "%s.%s" % (made.__name__, method) if method else node.name

    def called(self, pieces, shown):
        """Call it; return what it gave and the arguments that were drawn for it, in words.

        pieces: of its file. shown: what the repository writes out.
        """
        if self.method is None:
            return attempt(self.made, self.made, pieces, shown, self.node)
        made, drawn = attempt(self.made, getattr(self.made, "__init__", None), pieces, shown, self.begins)
        if self.method == "__init__" or models_in(made):
            return made, drawn
        method = getattr(made, self.method)
        answer, more = attempt(method, method, pieces, shown, self.node)
        return (answer, made), dict(drawn, **more)

    def in_pieces(self, pieces, shown):
        """Run what it does statement by statement; return what that gave. pieces: of its file, whose data is drawn."""
        if self.method is None:
            return pieces.within(self.made, self.node)
        drawn = {}
        try:
            me, drawn = attempt(self.made, getattr(self.made, "__init__", None), pieces, shown, self.begins)
        except (Exception, SystemExit):
            # What its methods want of it is drawn where its beginning fails. Python 2 has classes of an older sort.
            me = self.made.__new__(self.made) if isinstance(self.made, type) else types.InstanceType(self.made)
            if self.begins is not None and self.method != "__init__":
                drawn = pieces.within(me.__init__, self.begins)[1]
        answer, more = pieces.within(getattr(me, self.method), self.node)
        return (answer, me), dict(drawn, **more)


def makers(module, nodes):
    """Yield what makes a model in a file; a class has what its bases in it have."""
    methods, begins = {}, {}
    for node in nodes:
        made = module.__dict__.get(getattr(node, "name", None))
        if isinstance(node, ast.FunctionDef) and made is not None and MAKES & calls(node):
            yield Maker(made, node)
        elif isinstance(node, ast.ClassDef) and inspect.isclass(made):
            own = dict((each.name, each) for each in node.body if isinstance(each, ast.FunctionDef))
            methods[node.name] = dict((name, each) for name, each in own.items() if MAKES & calls(each))
            begins[node.name] = own.get("__init__")
            of_all = {}
            kinds = [kind.__name__ for kind in inspect.getmro(made)]
            for kind in kinds[::-1]:
                of_all.update(methods.get(kind, {}))
            first = next((begins[kind] for kind in kinds if begins.get(kind)), None)
            for name in sorted(of_all):
                yield Maker(made, of_all[name], name, first)


def attempt(call, function, pieces, shown, node):
    """Call it as the repository does where that can be read, else as its code, `node`, and its names say."""
    problem, known = None, pieces.names
    ways = [(way, {}) for way in shown.calls.get(getattr(call, "__name__", ""), ())]
    uses = {"shaped": shaped(node), "many": many(node)} if node is not None else {}
    names = parameters.wanted(function)
    says = parameters.sets(names, known, picture(), dicts=pieces.dicts, **uses)
    ways += [(([], given), drawn) for given, drawn in says]
    if set(names) & set().union(*uses.values()):  # another of that name, or of that attribute, may be meant
        ways += [(([], given), drawn) for given, drawn in parameters.sets(names, known, picture())]
    before = len(state().models)
    for (arguments, named), drawn in ways:
        here = len(state().models)
        try:
            answer = call(*arguments, **named)
            if len(state().models) > here or models_in(answer):
                del state().models[before:here]  # made by calls that failed, with other arguments
            return answer, drawn
        except (Exception, SystemExit) as error:
            problem = problem or error
    raise problem


def models_in(value, depth=2):
    """Return the models that a value is, or holds in itself or its attributes."""
    if is_model(value) or not depth:
        return [value] if is_model(value) and not is_empty(value) else []
    inner = value if isinstance(value, (list, tuple)) else vars(value).values() if hasattr(value, "__dict__") else ()
    return [one for each in list(inner) for one in models_in(each, depth - 1)]


def picture():
    from keras import backend
    name = next((each for each in ("image_data_format", "image_dim_ordering") if hasattr(backend, each)), None)
    first = name is None or getattr(backend, name)() in ("th", "channels_first")
    return (3, 64, 64) if first else (64, 64, 3)


def make(path, shown, shape=None):
    """Make the models of a file; shown: what its repository writes out. shape: of drawn data, None where none is."""
    with open(path, "rb") as stream:
        tree = ast.parse(stream.read(), path)
    futures = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"
               for alias in node.names]  # fmt: skip
    flags = sum(getattr(__future__, name).compiler_flag for name in futures if hasattr(__future__, name))
    module, nodes, seen = module_of(path), list(statements(tree)), len(state().models)
    pieces = Pieces(module.__dict__, tree, path, flags, shape, shown.dicts)
    pieces.run(nodes)
    for line in pieces.failed[:MOST]:
        print("%s: %s" % (path, " ".join(line.split())[:200]))
    found = [model for value in list(module.__dict__.values()) for model in models_in(value, 0)]
    keep(found, "%s was run" % path, pieces.drawn, seen)
    for maker in makers(module, nodes):
        seen, name = len(state().models), "%s of %s" % (maker.name, path)
        try:
            answer, drawn = maker.called(pieces, shown)
            keep(models_in(answer), "%s was called by itself" % name, drawn, seen)
        except (Exception, SystemExit) as error:
            print("%s: %s: %s: %s" % (path, maker.name, type(error).__name__, " ".join(str(error).split())[:200]))
            words = "%s was called by itself, made a model and failed; what nobody gave it is our choice" % name
            keep([], words, {}, seen)
            if shape is not None and len(state().models) == seen:
                answer, drawn = maker.in_pieces(pieces, shown)
                keep(models_in(answer), "%s was run a statement at a time" % name, drawn, seen)


def keep(models, said, drawn, seen):
    """Let the spy know of models, and say how they were made, and those that it met meanwhile; it had met `seen`."""
    for model in models:
        find(model)
    if len(state().models) > seen:
        given = ", ".join("%s=%s" % row for row in sorted(drawn.items()))
        said += ", with %s of our choice" % given if given else ""
        print(said)
        note(said)


class TooLong(BaseException):
    """A file took more than its time; what it has made until then is kept."""


def too_long(*_):
    raise TooLong("it took too long")


def seconds(left, turns):
    """Return for how long the next of several turns may run: as much of what is `left` as every other of them."""
    return int(min(max(LEAST, left / turns), MOST_SECONDS))


def tried(paths, shown, shapes, more):
    """Make the models of files; of each with the first shape of data that gives one. more: turns that follow."""
    for i, path in enumerate(paths):
        sys.argv, before = [path], len(state().models)
        signal.alarm(seconds(LATE - (time.time() - state().began), len(paths) - i + more))
        try:
            for shape in shapes:
                before = len(state().models)
                make(path, shown, shape)
                if len(state().models) > before:
                    break
        except (Exception, SystemExit, TooLong) as error:
            print("%s: %s: %s" % (path, type(error).__name__, " ".join(str(error).split())[:200]))
            keep([], "%s was run until it failed (%s)" % (path, type(error).__name__), {}, before)
        finally:
            signal.alarm(0)
        if len(state().models) >= MOST:
            break
    return bool(state().models)


def main(paths):
    import keras

    print("Keras", getattr(keras, "__version__", "?"))
    state().drawn = True  # whatever is asked here, it is not what the repository asks
    shown = shown_calls.Shown(os.getcwd())
    signal.signal(signal.SIGALRM, too_long)
    return 0 if tried(paths, shown, [None], len(paths)) or tried(paths, shown, parameters.shapes(picture()), 0) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
