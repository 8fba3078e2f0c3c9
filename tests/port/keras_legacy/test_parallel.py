"""Models of Keras 2's multi_gpu_model; the real one is in test_family_2.py."""

import base64
from typing import Any

import pytest

from reprise_kit.port.keras_legacy import parallel
from reprise_kit.port.keras_legacy.tree import Node


def _share(place: int, parts: int, name: str = "get_slice") -> Node:
    # Python 3.5's marshalled bytes of a function of that name, as marshalled.py reads them.
    code = b"\xe3" + b"".join(n.to_bytes(4, "little") for n in (1, 0, 1, 2, 0x43))
    code += b"s\x04\0\0\0|\0\0S" + b")\0" + b")\0" + b")\1\xda\1x" + b")\0" + b")\0" + b"\xfa\1f"
    code += b"\xfa" + bytes([len(name)]) + name.encode() + b"\1\0\0\0" + b"s\0\0\0\0"
    config = {"function": [base64.b64encode(code).decode(), None, None], "arguments": {"i": place, "parts": parts}}
    return Node("Lambda", f"share_{place}", config, inbound=[[("x", 0, 0)]])


def _model(order: tuple[int, ...] = (0, 1), axis: int = 0, **share: Any) -> Node:
    shares = [_share(i, 2, **share) for i in (0, 1)]
    inner = Node("Model", "inner", {}, [Node("Dense", "d", {})], [[(f"share_{i}", 0, 0)] for i in order])
    joined = Node("Merge", "y", {"mode": "concat", "concat_axis": axis}, inbound=[[("inner", 1, 0), ("inner", 2, 0)]])
    return Node("Model", "outer", {}, [Node("InputLayer", "x", {}), *shares, inner, joined])


def test_the_shares_become_one_call() -> None:
    root = _model()
    (note,) = parallel.collapse(root)
    assert "trained on 2 graphics cards" in note
    assert [node.class_name for node in root.children] == ["InputLayer", "Model", "Activation"]
    assert [node.inbound for node in root.children[1:]] == [[[("x", 0, 0)]], [[("inner", 1, 0)]]]


@pytest.mark.parametrize("changed", [{"order": (1, 0)}, {"axis": 1}, {"name": "get_half"}], ids=str)
def test_anything_else_is_left_as_it_is(changed: dict[str, Any]) -> None:
    root = _model(**changed)
    assert parallel.collapse(root) == [] and len(root.children) == 5
