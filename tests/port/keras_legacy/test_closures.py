"""Lambdas of a loop; a real one is in test_family.py."""

from typing import Any

import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import closures
from reprise_kit.port.keras_legacy.tree import Node

# Python 3.5's marshalled bytes of `lambda x: i`, whose i is from around it.
CODE = b"\xe3" + b"".join(n.to_bytes(4, "little") for n in (1, 0, 1, 1, 0x13))
CODE += b"s\x04\0\0\0\x88\0\0S" + b")\0" + b")\0" + b")\1\xda\1x" + b")\1\xda\1i" + b")\0" + b"\xfa\1f"
CODE += b"\xfa\1g" + b"\1\0\0\0" + b"s\0\0\0\0"


def _model(*lambdas: tuple[str, list[int] | None]) -> Node:
    nodes = [
        Node("Lambda", f"l{i}", {"function": [CODE.decode("latin-1"), None, held]}, inbound=[[(source, 0, 0)]])
        for i, (source, held) in enumerate(lambdas)
    ]
    return Node("Model", "m", {}, nodes)


def test_one_function_of_one_tensor_is_of_a_loop() -> None:
    with pytest.raises(InputError, match=r"layers l0, l2: one function of one tensor, with i = 2 from around it"):
        closures.check(_model(("x", [2]), ("x", [1]), ("x", [2])), ())
    for replaced in (["l0"], ["Lambda"]):
        assert closures.check(_model(("x", [2]), ("x", [2])), replaced) == []


def test_one_function_of_several_tensors_may_be() -> None:
    (note,) = closures.check(_model(("x", [2]), ("y", [2])), ())
    assert note.startswith("layers l0, l1: their function takes i = 2 from around it")


@pytest.mark.parametrize("held", [[[1], [2]], [None, None]], ids=str)
def test_others_are_not(held: list[Any]) -> None:
    assert closures.check(_model(*(("x", one) for one in held)), ()) == []
