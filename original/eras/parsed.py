"""Prints what Python source files import and call, as JSON: run by the interpreter whose `ast` is to read them.

Input on stdin: {"path": "source", ...}. Output: {"path": {...}, ...}; nothing of the sources is run. It is read by
Python 2.7 as well as by 3, from the standard library alone.
"""

from __future__ import print_function

import ast
import json
import re
import sys

# Halves of a pair by themselves: Python's text may hold them (ranges of tokenizers do), JSON may not.
LONE = re.compile(u"[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]")

DEEPEST = 6  # names after a module's, of a chain of attributes that is read


def described(text):
    """Return imports [[module, level, names]], calls, keywords, names, strings, signs of Python 3, and a main guard.

    acts: whether the file calls anything when it is run, beyond what it defines and imports. arguments: [[flag, help,
    value]] that must be given, the name of one without a flag; the value is one of its choices or a number, else "".
    attributes: what is read of modules that are imported, as MODULE.NAME, or called, as MODULE.NAME().
    """
    tree = ast.parse(text)
    lists = ("imports", "attributes", "calls", "keywords", "names", "strings", "shapes", "signs", "arguments")
    found = dict(((name, []) for name in lists), main=False, acts=any(_acts(statement) for statement in tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found["imports"] += [[alias.name, 0, []] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found["imports"].append([node.module or "", node.level or 0, [alias.name for alias in node.names]])
        elif isinstance(node, ast.Call):
            _call(node, found)
        elif isinstance(node, ast.Name):
            found["names"].append(node.id)
        elif isinstance(node, ast.Attribute):
            found["names"].append(node.attr)
        elif type(node).__name__ == "Print" and any(isinstance(value, ast.Tuple) for value in node.values):
            found["signs"].append("print(a, b)")  # Python 2 would show a tuple
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            if any(re.search(r"(input|img|image)_shape$", name) for name in _targets(node)):
                found["shapes"].append([_number(element) for element in node.value.elts])
        elif isinstance(node, ast.If):
            found["main"] = found["main"] or "__main__" in ast.dump(node.test)
        text = _string(node)
        if text and len(text) < 200:
            found["strings"].append(text)
    found["attributes"] = _attributes(tree)
    if "argv" in found["names"] and not found["arguments"] and "add_argument" not in found["calls"]:
        found["arguments"] = _positional(tree)
    return dict((key, value if isinstance(value, bool) else _unique(value)) for key, value in found.items())


def _attributes(tree):
    """What is read of a module that is imported, as MODULE.NAME, whatever that is here; what is called ends in ()."""
    modules, read, called = {}, [], []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                modules[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                modules[alias.asname or alias.name] = (node.module or "") + "." + alias.name
        elif isinstance(node, ast.Attribute):
            read.append(node)
        elif isinstance(node, ast.Call):
            called.append(node.func)
    names, ends = [[_dotted(node, modules) for node in nodes] for nodes in (read, called)]
    return [name for name in names if name] + [name + "()" for name in ends if name]


def _dotted(node, modules):
    names = []
    while isinstance(node, ast.Attribute) and len(names) < DEEPEST:
        names.append(node.attr)
        node = node.value
    of = modules.get(getattr(node, "id", None))
    return of and ".".join([of] + names[::-1])


def _acts(statement):
    defines = isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom))
    return not defines and any(isinstance(node, ast.Call) for node in ast.walk(statement))


def _call(node, found):
    name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
    if name:
        found["calls"].append(name)
    if name == "add_argument":
        found["arguments"] += _argument(node)
    if name == "super" and not node.args:
        found["signs"].append("super()")
    if name == "open" and any(keyword.arg == "encoding" for keyword in node.keywords):
        found["signs"].append("open(encoding=)")
    for keyword in node.keywords:
        if keyword.arg:
            found["keywords"].append(keyword.arg)
            value = _string(keyword.value)
            if value:
                found["keywords"].append(keyword.arg + "=" + value)
            if keyword.arg in ("input_shape", "batch_input_shape", "shape") and isinstance(keyword.value, ast.Tuple):
                found["shapes"].append([_number(element) for element in keyword.value.elts])


def _argument(node):
    names = [_string(argument) for argument in node.args]
    given = dict((keyword.arg, keyword.value) for keyword in node.keywords)
    if not names or None in names or _string(given.get("nargs")) in ("?", "*") or "action" in given:
        return []
    required = given.get("required")
    is_required = getattr(required, "value", None) is True or getattr(required, "id", None) == "True"
    if names[0].startswith("-") and not is_required:
        return []
    return [[names[-1], _string(given.get("help")) or "", _taken(given)]]


def _taken(given):
    choices = getattr(given.get("choices"), "elts", None)
    if choices:
        first = _string(choices[0]) or _number(choices[0])
        return "" if first is None else str(first)
    return "1" if getattr(given.get("type"), "id", None) in ("int", "float") else ""


def _positional(tree):
    """What it reads of sys.argv where there is no parser, unless it looks how many there are."""
    names, values = {}, {}
    for node in ast.walk(tree):
        called = getattr(node.func, "id", None) if isinstance(node, ast.Call) else None
        if called == "len" and node.args and _is_argv(node.args[0]):
            return []
        if isinstance(node, ast.Assign):
            names.update((i, getattr(node.targets[0], "id", "")) for i in _indices(node.value))
            names.update(_unpacked(node))
        if called in ("int", "float"):
            values.update((i, "1") for i in _indices(node))
    last = max([0] + _indices(tree) + list(names))
    return [[names.get(i) or "argument", "", values.get(i, "")] for i in range(1, last + 1)]


def _unpacked(node):
    """By place in sys.argv, the names that one statement gives to all of it, or to a slice's."""
    value = node.value
    lower = getattr(value.slice, "lower", None) if isinstance(value, ast.Subscript) else None
    first = 0 if _is_argv(value) else _number(lower) if lower and _is_argv(value.value) else None
    if first is None or not isinstance(node.targets[0], (ast.Tuple, ast.List)):
        return {}
    names = [getattr(each, "id", "") for each in node.targets[0].elts]
    return dict((first + i, name) for i, name in enumerate(names) if first + i > 0)


def _indices(tree):
    found = [node.slice for node in ast.walk(tree) if isinstance(node, ast.Subscript) and _is_argv(node.value)]
    numbers = [_number(index) or _number(getattr(index, "value", None)) for index in found]
    return [number for number in numbers if number and number > 0]


def _targets(assign):
    return [getattr(each, "id", None) or getattr(each, "attr", None) or "" for each in assign.targets]


def _is_argv(node):
    return "argv" in (getattr(node, "attr", None), getattr(node, "id", None))


def _string(node):
    value = getattr(node, "s", None) if type(node).__name__ in ("Str", "Constant") else None
    value = getattr(node, "value", None) if type(node).__name__ == "Constant" else value
    if str is bytes and isinstance(value, str):
        value = value.decode("utf-8", "replace")
    return LONE.sub(u"?", value) if isinstance(value, type(u"")) else None


def _number(node):
    value = getattr(node, "n", None) if type(node).__name__ == "Num" else getattr(node, "value", None)
    return value if isinstance(value, int) else None


def _unique(values):
    kept = []
    seen = set()
    for value in values:
        key = json.dumps(value) if isinstance(value, list) else value  # a list has no hash
        if key not in seen:
            seen.add(key)
            kept.append(value)
    return kept


def main():
    """Read sources from stdin, print what they hold; a file that does not parse has only an "error"."""
    sys.setrecursionlimit(3000)
    stream = getattr(sys.stdin, "buffer", sys.stdin)
    answers = {}
    for path, text in json.loads(stream.read().decode("utf-8")).items():
        try:
            answers[path] = described(text.encode("utf-8") if str is bytes else text)
        except (SyntaxError, ValueError, TypeError, RuntimeError, MemoryError, UnicodeError) as error:
            answers[path] = {"error": "%s line %s" % (type(error).__name__, getattr(error, "lineno", "?"))}
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
