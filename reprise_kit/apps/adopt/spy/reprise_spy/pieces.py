"""Runs code statement by statement, as far as it goes, without those that teach.

What a failing statement was about is forgotten, so that no half of a model is left. Where a shape of data is given, a
name that only the failed would have given is drawn by what it is called; so is an attribute of `self`.
"""
import ast
import copy
import functools
import inspect
import re
import types

import numpy

from reprise_spy import absent, parameters

TEACHES = {"fit", "fit_generator", "train_on_batch", "fit_on_batch", "predict", "evaluate"}
GIVES = re.compile(r"^(set|load|restore)\w*weights$")  # a function of the program's own, too
BUILDS = {"add", "pop", "Sequential", "Model"}
WHOLE = (int, float, str, tuple, types.ModuleType)  # values that no failure leaves half done
TAKES_MANY = {"len", "set", "list", "sorted", "enumerate", "zip", "max", "min", "Counter"}
SHAPES = {"shape", "input_shape"}  # keywords whose value is a sample's
RETURNED = "_returned"
FUNCTIONS = (ast.FunctionDef, ast.ClassDef)


def calls(node):
    """Return the names of all that is called within a node."""
    return set(name for each in ast.walk(node) if isinstance(each, ast.Call) for name in callee(each))


def callee(call):
    name = getattr(call.func, "id", None) or getattr(call.func, "attr", None)
    return [name] if name else []


def only_gives(node):
    """Tell whether it gives weights to a model that is whole: where it fails, that keeps those that it began with."""
    return any(map(GIVES.search, calls(node))) and not BUILDS & calls(node)


def statements(tree):
    """Yield the statements of a file, those under its main guard as its own."""
    for node in tree.body:
        if isinstance(node, ast.If) and "__main__" in ast.dump(node.test):
            for inner in node.body:
                yield inner
        else:
            yield node


def is_model(value):
    return not isinstance(value, type) and all(hasattr(value, name) for name in ("get_weights", "predict", "to_json"))


def is_unfilled(value):
    """Tell whether it is an array of numbers that what is missing was to fill: with it a model answers all the same."""
    return isinstance(value, numpy.ndarray) and value.dtype.kind == "f" and not value.any()


def names_of(node, *contexts):
    """Return the names in a node that are used so: ast.Load, ast.Store, ast.Param."""
    return set(each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, contexts))


def read_of_self(node):
    """Return the names of the attributes of `self` that a node reads, in their order."""
    read = [each for each in ast.walk(node) if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Load)]
    return [each.attr for each in read if getattr(each.value, "id", "") == "self"]


class Pieces(object):
    """Code that is run in `names`, a dict. tree, path, flags: of its file, and how it is compiled.

    shape: of a sample of data, after which what is missing is drawn; None where nothing is. drawn: what was, in words.
    written: the repository's dicts. failed: a line for each statement that did not run.
    """

    def __init__(self, names, tree, path, flags, shape=None, written=()):
        self.names, self.path, self.flags, self.shape = names, path, flags, shape
        self.drawn, self.failed = {}, []
        self.assigned, self.many, self.constants = assigned(tree), many(tree), constants(tree)
        self.shaped = shaped(tree)
        self.dicts = dict((name, (keys, written)) for name, keys in looked_into(tree).items())

    def within(self, function, node):
        """Run the body of a function of the file, its arguments drawn; return the values that are new, and of what."""
        inner, given = copy.copy(self), {}
        inner.drawn, inner.failed = {}, []
        for name in parameters.wanted(function):
            inner.draw(given.__setitem__, name)
        inner.names = dict(self.names, **inspect.getcallargs(function, **given))
        inner.assigned = self.assigned | arguments(node)  # a decorator may have others than the function
        inner.run(node.body)
        return [value for key, value in inner.names.items() if self.names.get(key) is not value], inner.drawn

    def run(self, nodes):
        for node in nodes:
            defines = isinstance(node, FUNCTIONS)
            if self.shape is not None and not defines and (TEACHES & calls(node) or holds_return(node)):
                self.run(self.inner(node))
            elif defines or not (isinstance(node, ast.While) or TEACHES & calls(node)):
                if not self.one(node) and self.shape is not None and not defines and not only_gives(node):
                    self.run(self.inner(node))  # what is in a block is not lost with what failed in it

    def one(self, node):
        """Run a statement; tell whether it ran."""
        try:
            if self.shape is not None and not isinstance(node, FUNCTIONS):
                self.draw_for(node)
            tree = ast.parse("")
            tree.body = [node]
            exec(compile(tree, self.path, "exec", self.flags, True), self.names)
            return True
        except (Exception, SystemExit) as error:
            imports = self.shape is not None and isinstance(node, (ast.Import, ast.ImportFrom))
            name = absent.stood_in() if imports else None
            if name is not None:
                self.drawn[name] = "an empty package"
                return self.one(node)
            self.failed.append("line %d: %s: %s" % (node.lineno, type(error).__name__, error))
            self.forget(node)
            return False

    def inner(self, node):
        """Return what is run in the place of a statement that teaches or returns: of a loop its body, once."""
        if isinstance(node, ast.Return):
            return [] if node.value is None or TEACHES & calls(node) else [self.given(RETURNED, node.value)]
        if isinstance(node, ast.If):
            return node.body if self.one(self.given("_test", node.test)) and self.names.get("_test") else node.orelse
        if isinstance(node, ast.For):
            once = ast.For(node.target, node.iter, [ast.Break()], [])
            self.one(ast.fix_missing_locations(ast.copy_location(once, node)))
        return node.body if isinstance(getattr(node, "body", None), list) else []

    def given(self, name, value):
        """Return the statement that gives a name a value."""
        node = ast.Assign([ast.Name(name, ast.Store())], value)
        return ast.fix_missing_locations(ast.copy_location(node, value))

    def forget(self, node):
        """Remove from the names what a failing statement was about, and the models that may now be half of one.

        The spy knows those that were compiled or given weights: they are whole.
        """
        stored, used = names_of(node, ast.Store), names_of(node, ast.Load, ast.Del)
        called = [self.names.get(name) for name in calls(node)]
        reaches = any(getattr(each, "__globals__", None) is self.names for each in called)  # functions of these names
        whole = only_gives(node)
        stored -= used if whole else set()  # model = load_weights_of(model)
        for name, value in list(self.names.items()):
            if name in stored or (is_model(value) and (reaches or name in used) and not whole):
                del self.names[name]
            elif name in used and not is_model(value) and not whole:
                self.forget_used(name, value)

    def forget_used(self, name, value):
        if name == "self":
            for inner in [key for key, each in getattr(value, "__dict__", {}).items() if is_model(each)]:
                delattr(value, inner)
        elif not isinstance(value, WHOLE + ((numpy.ndarray,) if self.shape else ())) and not callable(value):
            del self.names[name]

    def draw_for(self, node):
        """Draw what a statement names and nothing has given."""
        value = node.value if isinstance(node, ast.Assign) else node
        own = names_of(value, ast.Param) | set(each.arg for each in ast.walk(value) if type(each).__name__ == "arg")
        if not isinstance(node, ast.AugAssign):
            own |= names_of(value, ast.Store)
        for name in sorted((names_of(node, ast.Load) | names_of(value, ast.Store)) - own):
            if name not in self.names and name in self.assigned:
                self.draw(self.names.__setitem__, name)
        self.draw_vectors(node)
        me = self.names.get("self")
        for name in [] if me is None else read_of_self(node):
            if not hasattr(me, name) and name in self.assigned:
                self.draw(functools.partial(setattr, me), name)

    def draw_vectors(self, node):
        """Draw what an Embedding is given as its weights, where that was drawn or never filled: of the size it says."""
        for call in [each for each in ast.walk(node) if isinstance(each, ast.Call) and "Embedding" in callee(each)]:
            named = dict((each.arg, each.value) for each in call.keywords)
            size = (call.args + [named.get("input_dim"), named.get("output_dim")][len(call.args):])[:2]
            for name in names_of(named.get("weights", ast.Pass()), ast.Load):
                if None not in size and (name in self.drawn or is_unfilled(self.names.get(name))):
                    rows, columns = [eval(self.expression(each), self.names) for each in size]
                    # Of both signs, as words' are: sums of positive ones alone make every answer the same.
                    self.put(self.names.__setitem__, name, parameters.array((rows, columns)) - 0.5)

    def expression(self, node):
        return compile(ast.fix_missing_locations(ast.Expression(node)), self.path, "eval", self.flags, True)

    def draw(self, give, name):
        if name in self.dicts:
            value, drawn = parameters.keyed(name, self.shape, *self.dicts[name])
            self.drawn.update(drawn)
            return give(name, value)
        value = self.shape if name in self.shaped else self.constants.get(name, self.constants.get(name.upper()))
        if value is None:
            value = parameters.by_name(name.lower(), self.shape, name in self.many)
        self.put(give, name, value)

    def put(self, give, name, value):
        give(name, value)
        self.drawn[name] = parameters.in_words(value)


def assigned(tree):
    """Return the names, of attributes too, that a file gives values to, but for what it imports or defines."""
    found, fixed = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            found.add(getattr(node, "id", None) or node.attr)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            fixed.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, FUNCTIONS):
            fixed.add(node.name)
    return found - fixed


def arguments(node):
    """Return the names of a function's parameters."""
    names = [getattr(arg, "id", None) or getattr(arg, "arg", None) for arg in node.args.args]
    return set(filter(None, names))


def constants(tree):
    """Return numbers and words that a file gives to a name somewhere, in a function too: the first of each name."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = getattr(node.value, "n", None) or getattr(node.value, "s", None)
            if value and isinstance(value, (int, float, str)):
                found.setdefault(node.targets[0].id, value)
    return found


def many(tree):
    """Return the names that a file counts, goes through or looks into: collections."""
    found = set()
    for node in ast.walk(tree):
        looked = []
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) in TAKES_MANY:
            looked = node.args
        elif isinstance(node, ast.Subscript):
            looked = [node.value]
        elif isinstance(node, (ast.For, ast.comprehension)):
            looked = [node.iter]
        found.update(getattr(each, "id", None) or getattr(each, "attr", None) for each in looked)
    return found


def looked_into(tree):
    """Return by name the words by which a file looks into it: of what is no dict there, too."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            name = getattr(node.value, "id", None) or getattr(node.value, "attr", None)
            word = getattr(getattr(node.slice, "value", None), "s", None)
            if name and word and len(word) > 1:  # by a letter its place in an alphabet is looked up
                found.setdefault(name, set()).add(word)
    return found


def shaped(tree):
    """Return the names that a file takes for the shape of a sample: a layer is given them as such."""
    keywords = [each for each in ast.walk(tree) if isinstance(each, ast.keyword) and each.arg in SHAPES]
    firsts = [each.args[0] for each in ast.walk(tree)
              if isinstance(each, ast.Call) and "Input" in callee(each) and each.args]  # fmt: skip
    names = [getattr(each, "id", None) for each in [each.value for each in keywords] + firsts]
    return set(filter(None, names))


def holds_return(node):
    return any(isinstance(each, ast.Return) for each in ast.walk(node)) and not isinstance(node, FUNCTIONS)
