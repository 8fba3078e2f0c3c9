"""An expression that was read off byte code: its steps, bounded, and what is known of them without any input."""

import operator
from dataclasses import dataclass, field
from typing import Any

from reprise_kit.port.keras_legacy.marshalled import Unreadable

MAX_STEPS = 500
MAX_NESTING = 40
OPERATIONS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "**": operator.pow,
}


@dataclass(frozen=True)
class Node:
    """One step of an expression: "argument", "constant", "name", "attribute", "call", "index", "tuple",
    "slice", "part", "negative", "if", "raise" or a binary operator; `args` are Nodes, except the value or name that a
    leaf holds.

    "part" is one of the values that `a, b = x` takes x apart into: (x, place, count); "if" is (test, then, else).
    """

    op: str
    args: tuple[Any, ...]
    keywords: tuple[tuple[str, "Node"], ...] = ()
    size: int = field(init=False, compare=False, repr=False)  # steps, shared ones counted at each use
    depth: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Count steps and nesting once, so that an expression that doubles itself is stopped in time."""
        values = (*self.args, *(value for _, value in self.keywords))
        inner = [part for part in values if isinstance(part, Node)]
        object.__setattr__(self, "size", 1 + sum(part.size for part in inner))
        object.__setattr__(self, "depth", 1 + max((part.depth for part in inner), default=0))


def is_size(node: Node) -> bool:
    """Whether it may be a whole number: one in the writing, or of a shape, and what is computed of such."""
    if node.op == "constant":
        return not isinstance(node.args[0], float)
    if node.op == "call":
        return node.args[0].op == "attribute" and node.args[0].args[1] in ("ndim", "shape", "int_shape", "get_shape")
    if node.op == "attribute":
        return node.args[1] in ("shape", "ndim")
    if node.op in ("index", "part"):
        return is_size(node.args[0])
    return node.op in (*OPERATIONS, "negative", "if") and all(map(is_size, node.args[node.op == "if" :]))


def checked(node: Node) -> Node:
    """Return it; raises Unreadable where it is longer or deeper than a small function's."""
    if node.size > MAX_STEPS or node.depth > MAX_NESTING:
        raise Unreadable
    return node


def is_number(node: Node) -> bool:
    """Whether it is a number in the writing."""
    return node.op == "constant" and isinstance(node.args[0], int | float)


def is_constant(value: Any) -> bool:
    """Whether a value of a code object, or of a function's defaults, is one that an expression holds."""
    if isinstance(value, list | tuple):
        return all(isinstance(part, int | float | str) for part in value)
    return value is None or value is Ellipsis or isinstance(value, int | float | str | bool)


def constant(value: Any, left: list[int] | None = None) -> Node:
    """Return it as an expression; raises Unreadable for any other value, or for one of too many parts."""
    left = left or [MAX_STEPS]  # leaves: parts that are shared are written out at each use
    left[0] -= 1
    if left[0] < 0:
        raise Unreadable
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, tuple | list):
        return Node("tuple", tuple(constant(part, left) for part in value))
    if not is_constant(value) or (isinstance(value, int) and abs(value) >= 2**63):
        raise Unreadable
    return Node("constant", (value,))
