"""Lambda layers and Lambda merges of Keras 1: the common ones, recognised from their bytecode and never run.

Keras 1 saved such a function as marshalled bytecode. `recognise` reads the expression it computes
(bytecode.py), checks that every step is one that is known here, and names it; `LambdaRule.apply` expresses it with
stock Keras 3. For anything else the answer is None, and the caller must be told a replacement or refuse the
layer by name.
"""

import inspect
import math
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.backend_functions import FUNCTIONS, Operations
from reprise_kit.port.keras_legacy.bytecode import expression
from reprise_kit.port.keras_legacy.callees import KNOWN, dtype, known
from reprise_kit.port.keras_legacy.expression import Node
from reprise_kit.port.keras_legacy.expression_value import EQUALITIES, value_of
from reprise_kit.port.keras_legacy.marshalled import Code, code_in

MAX_TEXT = 70_000  # characters of a marshalled function
_ARITHMETIC = {"+", "-", "*", "/", "**"}


@dataclass(frozen=True)
class LambdaRule:
    """What a Lambda computes: `name` (affine, identity, mean, slice, ..., expression), its parameters, and
    the whole expression as one line of `text` in which x is the layer's input (a list for a merge).
    """

    name: str
    parameters: dict[str, Any]
    text: str
    node: Node = field(repr=False)

    def apply(self, x: Any, ops: Operations) -> Any:
        """Return the expression on a symbolic tensor `x`, or on a list of them, made of stock `keras.ops`.

        A list for a Lambda with several outputs. Raises InputError where it does not fit the tensors' shapes or gives
        no tensor.
        """
        import keras

        result = self.value(x, ops)
        parts = result if isinstance(result, tuple) else (result,)
        if not parts or not all(isinstance(part, keras.KerasTensor) for part in parts):
            raise InputError(f"the Lambda computes {self.text}, which is no tensor")
        return list(result) if isinstance(result, tuple) else result

    def value(self, x: Any, ops: Operations) -> Any:
        """As `apply`, for what need not give a tensor: masks are None where there are none."""
        try:
            return value_of(self.node, x, ops)
        except (TypeError, ValueError, IndexError, AttributeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"the Lambda computes {self.text}, which does not fit its input: {reason}") from error


def recognise(config: dict[str, Any]) -> LambdaRule | None:
    """Return the rule of a Lambda's config (`function`) or of a Merge's config (`mode`), or None if unknown.

    The config comes from load_architecture; nothing in it is trusted or run.
    """
    kind = "function" if "function" in config else "mode"
    if config.get(kind + "_type", "lambda") != "lambda":
        return None
    function, defaults, closure = config.get(kind), None, None
    if isinstance(function, list | tuple):  # Keras 1.2
        if len(function) != 3:
            return None
        function, defaults, closure = function
    if not isinstance(function, str) or len(function) > MAX_TEXT:
        return None
    code = code_in(function)
    if code is None:
        return None
    bound = _bound(code.variables[: code.n_arguments], defaults, config.get("arguments"))
    values = tuple(closure) if isinstance(closure, list | tuple) else ()
    try:
        node = _backend_function(code, bound) or expression(code, bound, values)
        return None if node is None else _rule(node)
    except (_Unknown, RecursionError):
        return None


def names_in(config: dict[str, Any]) -> str:
    """Return what the code of a function that is not recognised names, for a person: " (it names K, tile)" or ""."""
    function = config.get("function", config.get("mode"))
    text = function[0] if isinstance(function, list | tuple) and function else function
    code = code_in(text) if isinstance(text, str) and len(text) <= MAX_TEXT else None
    names = [name for name in (*code.names, *code.free) if name.isidentifier()][:12] if code else []
    return f" (it names {', '.join(names)})" if names else ""


def saved_by(text: str) -> str | None:
    """Return the Python that marshalled a function: "2.7", "3.5" (or older) or "3.6" (or newer); None for no function.

    From 3.6 on every instruction has two bytes, so that the last, RETURN_VALUE, is followed by a zero.
    """
    code = code_in(text)
    if code is None:
        return None
    return "2.7" if code.python == 2 else "3.6" if code.code.endswith(b"S\0") else "3.5"


class _Unknown(Exception):
    """A step that is not in the tables below."""


def _bound(variables: tuple[str, ...], defaults: Any, arguments: Any) -> dict[str, Any]:
    values = list(defaults) if isinstance(defaults, list | tuple) else []
    bound = dict(zip(variables[::-1], values[::-1], strict=False))
    return bound | (arguments if isinstance(arguments, dict) else {})


def _backend_function(code: Code, bound: dict[str, Any]) -> Node | None:
    """`Lambda(K.abs)` saved the backend's own function: known by its file and name, not by its body."""
    path = PurePosixPath(code.filename.replace("\\", "/"))
    if path.name not in ("theano_backend.py", "tensorflow_backend.py") or code.name not in FUNCTIONS:
        return None
    keywords = []
    for key in inspect.signature(FUNCTIONS[code.name]).parameters:
        if key in bound and key not in ("ops", "x"):
            keywords.append((key, _leaf(bound[key])))
    callee = Node("attribute", (Node("name", ("K",)), code.name))
    return Node("call", (callee, Node("argument", ())), tuple(keywords))


def _leaf(value: Any) -> Node:
    if isinstance(value, list | tuple):
        return Node("tuple", tuple(_leaf(part) for part in value))
    return Node("constant", (value,))


def _rule(node: Node) -> LambdaRule:
    text = _text(node)
    scale_offset = _affine(node)
    if scale_offset is not None and all(math.isfinite(value) for value in scale_offset):
        scale, offset = (value + 0.0 for value in scale_offset)  # no -0.0
        name = "identity" if (scale, offset) == (1.0, 0.0) else "affine"
        return LambdaRule(name, {"scale": scale, "offset": offset}, text, node)
    if node.op == "call" and _is_argument(node.args[1] if len(node.args) > 1 else None):
        bound = _call_arguments(node)
        parameters = {key: _plain(value) for key, value in list(bound.items())[1:]}
        return LambdaRule(_callee(node), parameters, text, node)
    if node.op == "index" and _is_argument(node.args[0]):
        return LambdaRule("slice", {"key": text.removeprefix("x")}, text, node)
    if text == "abs((x[0] - x[1]))":
        return LambdaRule("absolute_difference", {}, text, node)
    return LambdaRule("expression", {}, text, node)


def _is_argument(node: Any) -> bool:
    return isinstance(node, Node) and node.op == "argument"


def _affine(node: Node) -> tuple[float, float] | None:
    """(scale, offset) where the expression is scale * x + offset, else None."""
    if node.op == "argument":
        return 1.0, 0.0
    if node.op == "constant" and _is_number(node.args[0]):
        return 0.0, float(node.args[0])
    if node.op == "negative":
        inner = _affine(node.args[0])
        return None if inner is None else (-inner[0], -inner[1])
    if node.op not in _ARITHMETIC - {"**"}:
        return None
    left, right = _affine(node.args[0]), _affine(node.args[1])
    if left is None or right is None:
        return None
    (a, b), (c, d) = left, right
    if node.op in "+-":
        sign = 1.0 if node.op == "+" else -1.0
        return a + sign * c, b + sign * d
    if node.op == "*" and (a == 0.0 or c == 0.0):
        return a * d + c * b, b * d
    if node.op == "/" and c == 0.0 and d != 0.0:
        return a / d, b / d
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _callee(node: Node) -> str:
    name = known(node.args[0])
    if name is None:
        raise _Unknown
    return name


def _call_arguments(node: Node) -> dict[str, Node]:
    signature = inspect.signature(KNOWN[_callee(node)])
    try:
        keywords = dict(node.keywords)
        bound = dict(signature.bind("ops", *node.args[1:], **keywords).arguments)
    except TypeError as error:
        raise _Unknown from error
    del bound["ops"]
    old = bound.pop("old", {})  # what **old takes
    return {**bound, **old}


def _plain(node: Node) -> Any:
    if node.op == "tuple":
        return [_plain(part) for part in node.args]
    if node.op == "constant":
        return node.args[0]
    return _text(node)


def _text(node: Node) -> str:
    """One line of the expression; raises _Unknown for any step that `value_of` does not know."""
    if node.op == "argument":
        return "x"
    if node.op == "constant":
        return "..." if node.args[0] is Ellipsis else repr(node.args[0])
    if node.op == "negative":
        return f"-({_text(node.args[0])})"
    if node.op == "tuple":
        return "(" + ", ".join(_text(part) for part in node.args) + ")"
    if node.op == "part":
        return f"{_text(node.args[0])}[{node.args[1]}]"
    if node.op == "slice":
        return ":".join("" if part == Node("constant", (None,)) else _text(part) for part in node.args)
    if node.op == "index":
        base, key = node.args
        inner = _text(key)
        return f"{_text(base)}[{inner[1:-1] if key.op == 'tuple' else inner}]"
    if node.op == "attribute" and (node.args[1] == "shape" or dtype(node)):
        return dtype(node) or f"{_text(node.args[0])}.shape"
    if node.op in _ARITHMETIC:
        return f"({_text(node.args[0])} {node.op} {_text(node.args[1])})"
    if node.op == "raise":
        return "an error"
    if node.op == "if":
        test, then, otherwise = node.args
        asked = f" {test.op} ".join(map(_text, test.args)) if test.op in EQUALITIES else _text(test)
        return f"({_text(then)} if {asked} else {_text(otherwise)})"
    if node.op == "call":
        _call_arguments(node)
        parts = [_text(part) for part in node.args[1:]]
        parts += [f"{key}={_text(value)}" for key, value in node.keywords]
        return f"{_callee(node)}({', '.join(parts)})"
    raise _Unknown
