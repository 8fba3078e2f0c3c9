"""Changes of JSON's kind of tree, and of bytes; what comes out is a valid document of another meaning."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

Tree = Any
# Values, and what makes those that a tree may change in place.
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 7, 0.5, -0.0, 1e308, 5e-324),
    *(10**9, 2**31, -(2**31), 2**63, 2**64, 10**30, 10**400),
    *(float("nan"), float("inf"), float("-inf")),
    *("", " ", "0", "-1", "1.5", "None", "nan", "a:0", "../x", "/", "x\n\x1b[2J"),
    *("\0", "\u202e", "\U0001f3b5", "[bold]", "x" * 3000, "lambda x: x"),
    *(list, dict, lambda: [None], lambda: [[]], lambda: [0] * 40, lambda: {"": None}, lambda: {"class_name": None}),
    *(lambda: _deep(30, 0), lambda: _deep(150, []), lambda: [1, [2, [3]]], lambda: {"a": {"a": {"a": 1}}}),
)


def _deep(depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = [inner]
    return inner


def changed(tree: Tree, others: list[Tree], random: Random) -> Tree:
    """Return a tree after one to four changes; others: trees that pieces, keys and names are taken from."""
    box = [copied(tree)]
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 4))):
        parent, key = random.choice(list(_places(box)))
        random.choice(_CHANGES)(parent, key, others, random)
    return box[0]


def copied(tree: Tree) -> Tree:
    """Return a tree with containers of its own."""
    if isinstance(tree, dict):
        return {key: copied(value) for key, value in tree.items()}
    return [copied(value) for value in tree] if isinstance(tree, list) else tree


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key or index) below a node, itself a container."""
    stack = [node]
    while stack:
        here = stack.pop()
        for key in list(here) if isinstance(here, dict) else range(len(here)):
            yield here, key
            if isinstance(here[key], (dict, list)):
                stack.append(here[key])


def _odd(parent: Any, key: Any, others: list[Tree], random: Random) -> None:
    odd = random.choice(ODD)
    parent[key] = odd() if callable(odd) else odd


def _nearby(parent: Any, key: Any, others: list[Tree], random: Random) -> None:
    value = parent[key]
    if isinstance(value, bool):
        parent[key] = not value
    elif isinstance(value, (int, float)):
        parent[key] = random.choice((value + 1, value - 1, -value, value * 2, value * 1000, value // 2, str(value)))
    elif isinstance(value, str):
        parent[key] = random.choice((value + "x", value[:-1], value[::-1], value.upper(), [value], value + ":0"))
    elif isinstance(value, list):
        random.shuffle(value)
    elif isinstance(value, dict):
        parent[key] = random.choice((list(value.values()), list(value), [value], {**value, "trainable": False}))


def _other(parent: Any, key: Any, others: list[Tree], random: Random) -> None:
    """Put a piece of another document in the place of this one."""
    there, its_key = random.choice(list(_places([random.choice(others)])))
    parent[key] = copied(there[its_key])


def _alike(parent: Any, key: Any, others: list[Tree], random: Random) -> None:
    """Put what stands at the same key elsewhere there: a class for a class, a size for a size."""
    found = [here[k] for here, k in _places([random.choice(others)]) if k == key]
    if found:
        parent[key] = copied(random.choice(found))


def _removed(parent: Any, key: Any, others: list[Tree], random: Random) -> None:
    if len(parent) > 1:
        del parent[key]


def _renamed(parent: Any, key: Any, others: list[Tree], random: Random) -> None:
    if isinstance(parent, dict):
        keys = [k for _, k in _places([random.choice(others)]) if isinstance(k, str)]
        parent[random.choice(keys) if keys else "x"] = parent.pop(key)


def _repeated(parent: Any, key: Any, others: list[Tree], random: Random) -> None:
    """The same once more: beside itself, within itself, or many times."""
    value = copied(parent[key])
    if isinstance(parent, list):
        parent[key:key] = [copied(value) for _ in range(random.choice((1, 1, 2, 60)))]
    elif isinstance(value, dict) and value:
        parent[key] = {**value, random.choice(list(value)): copied(value)}
    else:
        parent[key] = [value] * random.choice((1, 2, 30))


def _swapped(parent: Any, key: Any, others: list[Tree], random: Random) -> None:
    other = random.choice(list(parent) if isinstance(parent, dict) else range(len(parent)))
    parent[key], parent[other] = parent[other], parent[key]


_CHANGES = (_odd, _odd, _nearby, _nearby, _other, _alike, _alike, _removed, _renamed, _repeated, _swapped)

NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)


def changed_bytes(data: bytes, others: list[bytes], random: Random) -> bytes:
    """Return bytes after one to four changes: bits, cuts, repeats, numbers at their extremes, pieces of others."""
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 4))):
        at, size = random.randrange(len(data) + 1), min(random.choice((1, 1, 2, 4, 8, 16, 64, 256)), len(data))
        data = data[:at] + random.choice(_BYTES)(data, at, size, others, random)
    return data


def _number(data: bytes, at: int, _: int, others: list[bytes], random: Random) -> bytes:
    width = random.choice((1, 2, 4, 8))
    number = random.choice(NUMBERS) & (1 << 8 * width) - 1
    return number.to_bytes(width, random.choice(("little", "big"))) + data[at + width :]


def _piece(data: bytes, at: int, size: int, others: list[bytes], random: Random) -> bytes:
    other = random.choice(others)
    start = random.randrange(len(other) + 1)
    return other[start : start + size] + data[at + size :]


_BYTES: tuple[Callable[[bytes, int, int, list[bytes], Random], bytes], ...] = (
    lambda data, at, size, others, random: (
        bytes(byte ^ 1 << random.randrange(8) for byte in data[at : at + 1]) + data[at + 1 :]
    ),
    lambda data, at, size, others, random: data[at + size :],
    lambda data, at, size, others, random: data[at : at + size] * random.choice((2, 3, 50)) + data[at + size :],
    lambda data, at, size, others, random: random.randbytes(size) + data[at + size :],
    lambda data, at, size, others, random: str(random.choice(NUMBERS)).encode() + data[at + size :],
    lambda data, at, size, others, random: b"",
    _number,
    _piece,
)
