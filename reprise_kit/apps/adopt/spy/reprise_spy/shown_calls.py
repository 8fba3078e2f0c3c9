"""How a repository's files call a function with what is written out: numbers, words, and constants of the same file."""
import ast
import os

MOST = 500  # files that are read


def of(folder):
    """Return by a function's name the (arguments, named) with which it is called, each once, where they are plain."""
    found = {}
    for path in _sources(folder):
        try:
            with open(path, "rb") as stream:
                tree = ast.parse(stream.read())
        except (SyntaxError, ValueError, TypeError, EnvironmentError):
            continue
        known = _constants(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                _add(node, known, found)
    return found


def _sources(folder):
    paths = [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names if name.endswith(".py")]
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
