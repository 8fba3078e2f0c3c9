"""What a function computes, as an expression read off its bytecode; nothing of it is ever run.

A symbolic walk over bytecode with a stack of expressions, along both branches of what it decides. Whatever is outside
the few known instructions gives None: loops, closures, imports, stores into anything but local names.
"""

import copy
from typing import Any

from reprise_kit.port.keras_legacy.expression import (
    MAX_STEPS,
    OPERATIONS,
    Node,
    checked,
    constant,
    is_constant,
    is_number,
    is_size,
)
from reprise_kit.port.keras_legacy.marshalled import Code, Unreadable

MAX_INSTRUCTIONS = 300

# Binary and unary operators; 21 is Python 2's division, which floors two integers.
_BINARY = {19: "**", 20: "*", 21: "/", 23: "+", 24: "-", 26: "//", 27: "/"}
# In-place forms on a local value are the same arithmetic on symbolic tensors.
_BINARY |= {55: "+", 56: "-", 57: "*", 58: "/", 28: "//", 29: "/", 67: "**"}
# x > 0 is what K.greater(x, 0) is; x == 0 asks whether they are one object, and is known of numbers alone.
_COMPARISONS = {0: "less", 1: "less_equal", 4: "greater", 5: "greater_equal"}
_EQUALITIES = {2: "==", 3: "!="}
_HAS_ARGUMENT = 90


def expression(code: Code, bound: dict[str, Any], closure: tuple[Any, ...] = ()) -> Node | None:
    """Return what the function gives for a first argument, with the others from `bound`, or None if unclear.

    `bound` maps argument names to plain constants (the layer's `arguments` and the function's defaults); `closure`
    holds the values of the code's free names, where they were saved.
    """
    try:
        return _Walk(code, bound, closure).run()
    except (Unreadable, IndexError):
        return None


class _Walk:
    """Runs through bytecode with a stack of expressions in place of values; where it branches, along both ways."""

    def __init__(self, code: Code, bound: dict[str, Any], closure: tuple[Any, ...] = ()) -> None:
        self.code = code
        if closure and (len(closure) != len(code.free) or not all(map(is_constant, closure))):
            raise Unreadable
        self.closure = dict(zip(code.free, map(constant, closure), strict=False))
        self.stack: list[Node] = []
        self.local: dict[str, Node] = {code.variables[0]: Node("argument", ())}
        self.left = [MAX_INSTRUCTIONS]  # one list for all branches
        self.wide = code.python == 2 or not self._is_wordcode()
        for name in code.variables[1 : code.n_arguments]:
            if name not in bound or not is_constant(bound[name]):
                raise Unreadable
            self.local[name] = constant(bound[name])

    def run(self, at: int = 0) -> Node:
        """Return what it gives from the instruction at a place on."""
        code = self.code.code
        while at < len(code):
            self.left[0] -= 1
            if not self.left[0]:
                raise Unreadable
            op = code[at]
            if not self.wide:
                argument, at = code[at + 1], at + 2
            elif op >= _HAS_ARGUMENT:
                argument, at = code[at + 1] | code[at + 2] << 8, at + 3
            else:
                argument, at = 0, at + 1
            if op == 83:  # RETURN_VALUE
                return self.pop()
            if op == 130:  # RAISE_VARARGS
                return Node("raise", ())
            if op in (114, 115):  # POP_JUMP_IF_FALSE, POP_JUMP_IF_TRUE
                return self.branched(op, at, self.target(op, argument, at))
            if op in (110, 113):  # JUMP_FORWARD, JUMP_ABSOLUTE
                at = self.target(op, argument, at)
                continue
            self.step(op, argument)
            if self.stack:
                checked(self.stack[-1])
        raise Unreadable

    def target(self, op: int, argument: int, at: int) -> int:
        """Where a jump leads; back is a loop, and from 3.10 on places are counted otherwise."""
        place = at + argument if op == 110 else argument
        if place < at or self.code.since_38:
            raise Unreadable
        return place

    def branched(self, op: int, at: int, place: int) -> Node:
        """Return what either way gives, and the test that decides between them."""
        test = self.pop()
        other = copy.copy(self)
        other.stack, other.local = list(self.stack), dict(self.local)
        further, jumped = self.run(at), other.run(place)
        return checked(Node("if", (test, further, jumped) if op == 114 else (test, jumped, further)))

    def _is_wordcode(self) -> bool:
        # Python 3.6 on: two bytes each, so the last pair is RETURN_VALUE and its zero.
        return len(self.code.code) % 2 == 0 and self.code.code[-2:] == b"\x53\0"

    def pop(self, count: int = 1) -> Node:
        if count != 1 or not self.stack:
            raise Unreadable
        return self.stack.pop()

    def many(self, count: int) -> tuple[Node, ...]:
        if count > len(self.stack):
            raise Unreadable
        taken = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return tuple(taken)

    def step(self, op: int, argument: int) -> None:
        if op in _BINARY:
            is_classic = op in (21, 58) and self.code.python == 2
            left, right = self.many(2)
            self.stack.append(self.binary(_BINARY[op], left, right, is_classic))
        elif op == 11:
            value = self.pop()
            self.stack.append(constant(-value.args[0]) if is_number(value) else Node("negative", (value,)))
        elif op in (124, 125, 100, 116, 106, 136, 160):
            self.load(op, argument)
        elif op in (131, 141, 161):
            self.call(op, argument)
        elif op in (102, 103):
            self.stack.append(Node("tuple", self.many(argument)))
        elif op == 133 and argument in (2, 3):
            self.stack.append(Node("slice", self.many(argument)))
        elif op == 25:
            self.stack.append(Node("index", self.many(2)))
        elif op in (2, 3):  # ROT_TWO, ROT_THREE
            first, *rest = reversed(self.many(op))
            self.stack += [first, *reversed(rest)]
        elif op == 92 and argument <= MAX_STEPS:
            self.unpack(argument)
        elif op == 162:  # LIST_EXTEND, of a list in the writing
            first, second = self.many(2)
            if first.op != "tuple" or second.op != "tuple":
                raise Unreadable
            self.stack.append(Node("tuple", first.args + second.args))
        elif op == 107 and argument in _COMPARISONS:
            callee = Node("attribute", (Node("name", ("K",)), _COMPARISONS[argument]))
            self.stack.append(Node("call", (callee, *self.many(2))))
        elif op == 107 and argument in _EQUALITIES:
            self.stack.append(Node(_EQUALITIES[argument], self.many(2)))
        elif op in (1, 108, 109):
            self.imported(op, argument)
        elif op in (30, 31, 32, 33) and self.code.python == 2:
            self.slice(op - 30)
        else:
            raise Unreadable

    def load(self, op: int, argument: int) -> None:
        code = self.code
        if op == 125:  # STORE_FAST
            self.local[code.variables[argument]] = self.pop()
        elif op == 124:
            name = code.variables[argument]
            if name not in self.local:
                raise Unreadable
            self.stack.append(self.local[name])
        elif op == 100:
            self.stack.append(constant(code.constants[argument]))
        elif op in (116, 136):
            name = (code.names if op == 116 else code.free)[argument]
            # Python 2 looks its truth values up by name.
            known = {"True": True, "False": False, "None": None}
            if op == 136 and name in self.closure:
                self.stack.append(self.closure[name])
                return
            self.stack.append(constant(known[name]) if name in known else Node("name", (name,)))
        else:  # LOAD_ATTR, LOAD_METHOD
            self.stack.append(Node("attribute", (self.pop(), code.names[argument])))

    def imported(self, op: int, argument: int) -> None:
        """POP_TOP, IMPORT_NAME or IMPORT_FROM: what is imported is its name; only TensorFlow and Keras's backend."""
        if op == 1:
            if self.pop().op not in ("name", "attribute"):  # a statement: it may change what a name stands for
                raise Unreadable
            return
        name = self.code.names[argument]
        if op == 109 and self.stack:
            self.stack.append(Node("attribute", (self.stack[-1], name)))
            return
        self.many(2)
        short = {"tensorflow": "tf", "keras": "keras", "keras.backend": "backend"}
        if name not in short:
            raise Unreadable
        self.stack.append(Node("name", (short[name],)))

    def call(self, op: int, argument: int) -> None:
        if op == 141 and not self.wide:  # CALL_FUNCTION_KW: the names lie on the stack as one tuple
            names = self.pop()
            texts = [leaf.args[0] for leaf in names.args if isinstance(leaf, Node) and leaf.op == "constant"]
            values = self.many(argument)
            split = len(values) - len(texts)
            if names.op != "tuple" or split < 0:
                raise Unreadable
            pairs = [part for pair in zip(texts, values[split:], strict=True) for part in pair]
            positional = values[:split]
        elif op == 131 and self.wide:
            flat = self.many(2 * (argument >> 8))
            pairs = [part.args[0] if i % 2 == 0 and part.op == "constant" else part for i, part in enumerate(flat)]
            positional = self.many(argument & 0xFF)
        elif op == 141:
            raise Unreadable
        else:
            pairs, positional = [], self.many(argument)
        keywords = tuple((str(key), value) for key, value in zip(pairs[::2], pairs[1::2], strict=True))
        self.stack.append(Node("call", (self.pop(), *positional), keywords))

    def unpack(self, count: int) -> None:
        """`a, b = x`: the parts of x, the first on top; a tuple that the code itself built is taken apart."""
        whole = self.pop()
        if whole.op == "tuple" and len(whole.args) != count:
            raise Unreadable
        whole_parts = whole.args if whole.op == "tuple" else [Node("part", (whole, i, count)) for i in range(count)]
        self.stack += reversed(whole_parts)

    def slice(self, form: int) -> None:
        """Python 2's x[:], x[a:], x[:b], x[a:b] have instructions of their own."""
        none = constant(None)
        high = self.pop() if form & 2 else none
        low = self.pop() if form & 1 else none
        self.stack.append(Node("index", (self.pop(), Node("slice", (low, high)))))

    def binary(self, op: str, left: Node, right: Node, is_classic: bool) -> Node:
        if "tuple" in (left.op, right.op):
            if op != "+" or left.op != right.op:  # a list taken several times
                raise Unreadable
            return Node("tuple", left.args + right.args)
        if not (is_number(left) and is_number(right)):
            if is_classic and is_size(left) and is_size(right):
                raise Unreadable  # whole numbers, of which Python 2 drops the rest
            return Node(op, (left, right))
        a, b = left.args[0], right.args[0]
        whole = isinstance(a, int) and isinstance(b, int) and is_classic
        try:
            if op == "**" and (abs(a) > 1e6 or abs(b) > 64):
                raise Unreadable
            result = OPERATIONS["//" if op == "/" and whole else op](a, b)
        except (ArithmeticError, ValueError) as error:
            raise Unreadable from error
        return constant(result)
