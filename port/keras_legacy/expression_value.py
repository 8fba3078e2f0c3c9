"""What an expression that was read off a function's byte code gives, built of stock `keras.ops`."""

import operator
from typing import Any

from reprise_kit.port.keras_legacy.backend_functions import Operations, added
from reprise_kit.port.keras_legacy.callees import KNOWN, dtype, known
from reprise_kit.port.keras_legacy.expression import Node

EQUALITIES = {"==": operator.eq, "!=": operator.ne}
_TESTS = EQUALITIES | {
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
}


def value_of(node: Node, x: Any, ops: Operations) -> Any:
    """Build the expression from keras.ops on symbolic tensors."""
    if node.op == "argument":
        return x
    if node.op == "constant":
        return node.args[0]
    if node.op == "part":
        return _part(value_of(node.args[0], x, ops), *node.args[1:])
    if node.op == "attribute":
        return dtype(node) or tuple(value_of(node.args[0], x, ops).shape)
    if node.op == "if":
        return value_of(node.args[1] if _decided(node.args[0], x, ops) else node.args[2], x, ops)
    if node.op == "raise":
        raise TypeError("its code ends in an error there")
    parts = [value_of(part, x, ops) for part in node.args[node.op == "call" :]]
    if node.op == "negative":
        return ops.negative(parts[0])
    if node.op == "tuple":
        return tuple(parts)
    if node.op == "slice":
        return slice(*parts)
    if node.op == "index":
        return _indexed(parts[0], parts[1], ops)
    if node.op == "call":
        keywords = {key: value_of(value, x, ops) for key, value in node.keywords}
        return KNOWN[str(known(node.args[0]))](ops, *parts, **keywords)
    if node.op == "+":
        return added(ops, *parts)
    names = {"-": "subtract", "*": "multiply", "/": "divide", "**": "power"}
    return getattr(ops, names[node.op])(*parts)


def _indexed(x: Any, key: Any, ops: Operations) -> Any:
    """Return x[key]; a whole axis taken backwards is flipped, for Keras's PyTorch takes no negative step."""
    keys = key if isinstance(key, tuple) else (key,)
    turned = [i for i, one in enumerate(keys) if isinstance(one, slice) and one == slice(None, None, -1)]
    if not turned or any(one is None for one in keys):
        return x[key]
    dots = next((i for i, one in enumerate(keys) if one is Ellipsis), len(keys))
    x = ops.flip(x, [i if i < dots else i - len(keys) for i in turned])
    return x[tuple(slice(None) if i in turned else one for i, one in enumerate(keys))]


def _decided(test: Node, x: Any, ops: Operations) -> bool:
    """Return which way a test goes, of which shapes must tell; data alone decide some, and no network is then built."""
    name = test.op if test.op in EQUALITIES else known(test.args[0]) if test.op == "call" else ""
    if _is_of_data(test):
        raise TypeError("which way its code goes hangs on what a shape is when it runs")
    if name in _TESTS and not test.keywords:
        values = [value_of(part, x, ops) for part in test.args[test.op == "call" :]]
        result = _TESTS[name](*values) if all(map(_is_plain, values)) else None
    else:
        result = value_of(test, x, ops)
    if not _is_plain(result):
        raise TypeError("which way its code goes is not decided by shapes")
    return bool(result)


def _is_of_data(node: Node) -> bool:
    """Return whether it has a shape that old graphs knew as a tensor: equal to no number, whatever it held."""
    if node.op == "call" and (known(node.args[0]) or "").rpartition(".")[2] == "shape":
        return True
    is_shape = node.op == "attribute" and node.args[1] == "shape"
    return is_shape or any(_is_of_data(part) for part in node.args if isinstance(part, Node))


def _is_plain(value: Any) -> bool:
    return isinstance(value, bool | int | float | str)


def _part(whole: Any, place: int, count: int) -> Any:
    """Return one of the values that `a, b = whole` names; a tensor would come apart into its samples."""
    if not isinstance(whole, list | tuple) or len(whole) != count:
        raise TypeError(f"it takes its input apart into {count} tensors, and is given another number")
    return whole[place]
