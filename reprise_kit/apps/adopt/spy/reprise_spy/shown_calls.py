"""What a repository's files write out: how they call a function with numbers, words, and constants of the same file,
and the dicts that they hold."""
import ast
import io
import json
import os

MOST = 500  # files that are read
LARGEST = 1 << 20  # bytes of one that holds a dict


class Shown(object):
    """calls: by a function's name the (arguments, named) with which it is called. dicts: with words for keys."""

    def __init__(self, folder):
        trees = list(_trees(folder))
        self.calls, self.dicts = calls(trees), dicts(trees) + json_dicts(folder)


def calls(trees):
    """Return by a function's name the (arguments, named) with which it is called, each once, where they are plain."""
    found = {}
    for tree in trees:
        known = _constants(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                _add(node, known, found)
    return found


def dicts(trees):
    """Return the dicts with words for keys that files of Python write out; what of one is not plain is left out."""
    found = []
    for tree in trees:
        known = _constants(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict) and all(hasattr(key, "s") for key in node.keys):
                found.append(_plain(node, known))
    return [each for each in found if each]


def json_dicts(folder):
    """Return the dicts that files of JSON are."""
    found = []
    for path in _paths(folder, ".json"):
        try:
            with io.open(path, encoding="utf-8") as stream:
                read = json.loads(stream.read(LARGEST))
        except (ValueError, EnvironmentError):
            continue
        found += [read] if isinstance(read, dict) else []
    return [each for each in found if each]


def _plain(node, known):
    found = {}
    for key, value in zip(node.keys, node.values):
        try:
            found[key.s] = _value(value, known)
        except ValueError:
            continue
    return found


def _trees(folder):
    for path in _paths(folder, ".py"):
        try:
            with open(path, "rb") as stream:
                yield ast.parse(stream.read())
        except (SyntaxError, ValueError, TypeError, EnvironmentError):
            continue


def _paths(folder, ending):
    paths = [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names if name.endswith(ending)]
    return sorted(paths)[:MOST]


def _constants(tree):
    known = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            try:
                value = _value(node.value, known)
            except ValueError:
                continue
            for target in node.targets:
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                values = value if isinstance(target, ast.Tuple) else [value]
                known.update((name.id, one) for name, one in zip(names, values) if isinstance(name, ast.Name))
    return known


def _value(node, known):
    """Return what an expression is, of literals and known names; raises ValueError where it is anything else."""
    if isinstance(node, ast.Name) and node.id in known:
        return known[node.id]
    if isinstance(node, (ast.Tuple, ast.List)):
        return type(())(_value(each, known) for each in node.elts)
    return ast.literal_eval(node)


def _add(node, known, found):
    name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
    if not name or getattr(node, "starargs", None) or getattr(node, "kwargs", None):
        return
    try:
        named = dict((each.arg, _value(each.value, known)) for each in node.keywords)
        shown = [_value(each, known) for each in node.args], named
    except ValueError:
        return
    if shown not in found.setdefault(name, []) and None not in shown[1]:
        found[name].append(shown)
