"""Lambdas of real Keras-1 files recognised from their bytecode; their values are checked in test_family.py."""

import dataclasses
import json
import subprocess
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.python27 import find_interpreter
from reprise_kit.port.keras_legacy import expression_value
from reprise_kit.port.keras_legacy.backend_functions import Operations
from reprise_kit.port.keras_legacy.bytecode import expression
from reprise_kit.port.keras_legacy.expression import Node as Step
from reprise_kit.port.keras_legacy.expression import constant
from reprise_kit.port.keras_legacy.lambdas import LambdaRule, recognise
from reprise_kit.port.keras_legacy.marshalled import Unreadable, code_in
from reprise_kit.port.keras_legacy.rules.graph import in_place
from reprise_kit.port.keras_legacy.safe import load_architecture
from reprise_kit.port.keras_legacy.tree import Node
from tests.port.keras_legacy import recorded
from tests.require import require

# What each recorded Lambda was written as, and so must read as.
TEXTS = {
    "scale_shift": ("affine", "((x / 127.5) - 1.0)"),
    "div_minus": ("affine", "((x / 255.0) - 0.5)"),
    "paren": ("affine", "((x - 128.0) / 128.0)"),
    "times": ("affine", "(x * 2.5)"),
    "left_times": ("affine", "(2 * x)"),
    "plus": ("affine", "(x + 3)"),
    "one_minus": ("affine", "(1 - x)"),
    "negative": ("affine", "-(x)"),
    "identity": ("identity", "x"),
    "square": ("expression", "(x ** 2)"),
    "mean_1": ("mean", "mean(x, axis=1)"),
    "mean_keep": ("mean", "mean(x, axis=1, keepdims=True)"),
    "mean_23": ("mean", "mean(x, axis=(2, 3))"),
    "sum_1": ("sum", "sum(x, axis=1)"),
    "max_1": ("max", "max(x, axis=1)"),
    "expand": ("expand_dims", "expand_dims(x, -1)"),
    "squeeze": ("squeeze", "squeeze(x, 2)"),
    "l2_normalize": ("l2_normalize", "l2_normalize(x, axis=1)"),
    "abs_k": ("abs", "abs(x)"),
    "last_step": ("slice", "x[:, -1]"),
    "columns": ("slice", "x[:, :2]"),
    "reverse_channels": ("slice", "x[:, ::-1]"),
    "swish": ("expression", "((x * sigmoid(x)) + tanh(x))"),
    "distance": ("absolute_difference", "abs((x[0] - x[1]))"),
    "unknown": ("expression", "((x * 2) if ndim(x) == 2 else x)"),  # it was, until branches were read
}


def _config(name: str, scratch: Path) -> dict[str, Any]:
    full = next(full for full in recorded.names() if full.endswith(f"/lambda_{name}"))
    tree = load_architecture(recorded.folder(full, scratch) / "model.json")
    layers = tree["config"] if isinstance(tree["config"], list) else tree["config"]["layers"]
    for layer in layers:
        if layer["class_name"] == "Lambda" or layer["config"].get("mode_type") == "lambda":
            return dict(layer["config"])
    raise AssertionError(full)


def _recorded(name: str, scratch: Path) -> LambdaRule | None:
    return recognise(_config(name, scratch))


@pytest.mark.parametrize("name", TEXTS)
def test_real_lambdas(name: str, tmp_path: Path) -> None:
    rule = _recorded(name, tmp_path)
    assert rule is not None and (rule.name, rule.text) == TEXTS[name]


def _python2(code: bytes, constants: bytes = b"(\0\0\0\0", names: bytes = b"(\0\0\0\0") -> str:
    """A code object as Python 2.7 marshals it: one argument, x."""
    word = (1).to_bytes(4, "little")

    def text(value: bytes) -> bytes:
        return b"s" + len(value).to_bytes(4, "little") + value

    head = b"c" + word + word + (9).to_bytes(4, "little") + (0x43).to_bytes(4, "little")
    variables, none = b"(" + word + text(b"x"), b"(\0\0\0\0"
    tail = none + none + text(b"f.py") + text(b"f") + word + text(b"")
    return (head + text(code) + constants + names + variables + tail).decode("latin-1")


X, RETURN, ADD, MULTIPLY, STORE = b"|\0\0", b"S", b"\x17", b"\x14", b"}\0\0"


def test_our_python_2_code_objects_are_read() -> None:
    rule = recognise({"function": _python2(X + X + ADD + RETURN)})
    assert rule is not None and rule.parameters == {"scale": 2.0, "offset": 0.0}


IF, ONE = b"r", b"d\0\0"  # POP_JUMP_IF_FALSE; a constant
BRANCH = X + ONE + b"k\4\0" + IF + b"\x10\0"  # if x > 1, else from 16 on
ONES = b"(\1\0\0\0i\1\0\0\0"


def test_both_ways_of_a_branch_are_read() -> None:
    rule = recognise({"function": _python2(BRANCH + X + RETURN + X + X + ADD + RETURN, constants=ONES)})
    assert rule is not None and rule.text == "(x if greater(x, 1) else (x + x))"
    rule = recognise({"function": _python2(BRANCH + X + RETURN + X + b"\x82\1\0", constants=ONES)})
    assert rule is not None and rule.text == "(x if greater(x, 1) else an error)"
    with pytest.raises(InputError, match="which way its code goes is not decided by shapes"):
        rule.value(keras.KerasTensor((None, 3)), Operations("theano", (1, 1, 0), False))


def test_no_branch_is_read_of_pythons_that_count_places_otherwise() -> None:
    code = code_in(_python2(BRANCH + X + RETURN + X + RETURN, constants=ONES))
    assert code is not None and expression(code, {}) is not None
    assert expression(dataclasses.replace(code, since_38=True), {}) is None


@pytest.mark.parametrize(
    "function",
    [
        _python2(BRANCH[:-2] + b"\3\0" + X + RETURN, constants=ONES),  # back: a loop
        _python2(X + b"q\0\0" + RETURN),  # back
        _python2(BRANCH[:-2] + b"\xff\0" + X + RETURN, constants=ONES),  # out of it
        _python2(BRANCH * 40 + X + RETURN, constants=ONES),
    ],
)
def test_no_other_jump_is_read(function: str) -> None:
    assert recognise({"function": function}) is None


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("p = [x]; p.append(x * 2); return K.concatenate(p)", None),  # a statement changes what p is
        ("a = [0, 2, 1]; a.reverse(); return K.permute_dimensions(x, a)", None),
        ("return x * (7 / K.ndim(x))", None),  # whole numbers, whose rest Python 2 drops
        ("return x * (K.int_shape(x)[1] / 2)", None),
        ("return x * (1 / 2)", "(x * 0)"),
        ("return x / 2", "(x / 2)"),
        ("return K.tile(x, [1] + [2])", "tile(x, (1, 2))"),
        ("return K.tile(x, [2] * 2)", None),
        ("return tf.reduce_mean(x, axis=1, keep_dims=True)", "tf.math.reduce_mean(x, axis=1, keep_dims=True)"),
        ("return x * 2 if K.ndim(x) == 2 else x", "((x * 2) if ndim(x) == 2 else x)"),
        ("return K.relu(x) if K.ndim(x) > 2 and K.ndim(x) < 5 else x", ""),
    ],
)
@pytest.mark.parametrize("future", ["", "from __future__ import division\n"])
def test_what_python_2_compiles(body: str, text: str | None, future: str) -> None:
    interpreter = find_interpreter()
    if interpreter is None:
        require("python27", "no Python 2.7 found (REPRISE_PYTHON27, PATH, pyenv)")
    code = f"{future}import json, marshal\ndef f(x):\n    {body}\n"
    code += "print(json.dumps(marshal.dumps(f.__code__).decode('raw_unicode_escape')))"
    said = subprocess.run([interpreter, "-c", code], check=True, capture_output=True, text=True).stdout
    rule = recognise({"function": json.loads(said)})
    if future and "/" in body:
        assert rule is not None and ("(x * 0.5)" in rule.text or "/" in rule.text)
    else:
        assert (rule and (rule.text if text else "")) == text


def test_shared_parts_are_counted_as_often_as_they_stand() -> None:
    value: object = (1, 1)
    for _ in range(40):
        value = (value, value)
    with pytest.raises(Unreadable):
        constant(value)


@pytest.mark.parametrize("of", ["shape", "int_shape"])
def test_a_shape_that_old_graphs_knew_as_a_tensor_decides_nothing(of: str) -> None:
    call = Step("call", (Step("attribute", (Step("name", ("K",)), of)), Step("argument", ())))
    size = Step("index", (call, Step("constant", (1,))))
    test = Step("==", (size, Step("constant", (3,))))
    way = Step("if", (test, Step("constant", (1,)), Step("constant", (0,))))
    asked = way, keras.KerasTensor((None, 3)), Operations("theano", (1, 1, 0), False)
    if of == "int_shape":
        assert expression_value.value_of(*asked) == 1
        return
    with pytest.raises(TypeError, match="what a shape is when it runs"):
        expression_value.value_of(*asked)


@pytest.mark.parametrize(
    "function",
    [
        "",
        "c",
        "x" * 70_001,
        "\u4e2d" * 9,
        "i\1\0\0\0",
        _python2(b"\x64\xff\xff" + RETURN),  # a constant that is not there
        _python2(ADD + RETURN),  # an empty stack
        _python2(X),  # no return
        _python2(X + b"\x83\xff\xff" + RETURN),  # a call with 255 keywords
        _python2((X + X + MULTIPLY + STORE) * 60 + X + RETURN),  # 2 ** 60 steps
        _python2(X + (X + ADD) * 200 + RETURN),  # 200 deep
        _python2(X + RETURN, constants=b"(\xff\xff\xff\x7f"),
        _python2(X + RETURN, constants=(b"(\1\0\0\0" * 5000)),
        None,
        7,
        ["a", None],
        [_python2(X + RETURN), None, [1]],  # a closure
    ],
)
def test_what_is_not_clear_is_none(function: object) -> None:
    assert recognise({"function": function, "function_type": "lambda"}) is None


def test_a_function_saved_by_name_is_none() -> None:
    assert recognise({"function": "preprocess", "function_type": "function"}) is None


def test_python_3_code_is_read() -> None:
    """Python 3.5's bytecode of `lambda x: x / 2.0`, written out."""
    name = b"\xda\x01x"
    code = b"\xe3" + b"\1\0\0\0" + b"\0\0\0\0" + b"\1\0\0\0" + b"\2\0\0\0" + b"C\0\0\0"
    code += b"s\x08\0\0\0" + b"|\0\0d\1\0\x1bS"
    code += (
        b")\x02Ng\0\0\0\0\0\0\0@"
        + b")\0"
        + b")\1"
        + name
        + b")\0"
        + b")\0"
        + b"\xfa\1f\xfa\1g"
        + b"\1\0\0\0"
        + b"s\0\0\0\0"
    )
    rule = recognise({"function": code.decode("latin-1")})
    assert rule is not None and rule.parameters == {"scale": 0.5, "offset": 0.0}


@pytest.mark.parametrize(("number", "text"), [(0, "less(x, x)"), (4, "greater(x, x)"), (2, None), (8, None)])
def test_comparisons(number: int, text: str | None) -> None:
    """x == x asks whether both are one object, x is x so, too."""
    rule = recognise({"function": _python2(X + X + b"k" + bytes([number, 0]) + RETURN)})
    assert (rule and rule.text) == text


@pytest.mark.parametrize(
    "code",
    [
        # lambda x: K.mean(x[:, 1:] * 2.5, axis=[1, 2, 3], keepdims=True) + x[0], by Python 3.8 and 3.9
        "4wEAAAAAAAAAAAAAAAEAAAAFAAAAQwAAAHMyAAAAdABqAXwAZABkAIUCZAFkAIUCZgIZAGQCFABkAWQDZARnA2QFZAaNA3wAZAcZABcA"
        "UwApCE7pAQAAAGcAAAAAAAAEQOkCAAAA6QMAAABUKQJaBGF4aXNaCGtlZXBkaW1z6QAAAAApAtoBS1oEbWVhbikB2gF4qQByBwAAANoI"
        "PHN0cmluZz7aCDxsYW1iZGE+AQAAAPMAAAAA",
        "4wEAAAAAAAAAAAAAAAEAAAAFAAAAQwAAAHMwAAAAdABqAXwAZABkAIUCZAFkAIUCZgIZAGQCFABnAGQDogFkBGQFjQN8AGQGGQAXAFMA"
        "KQdO6QEAAABnAAAAAAAABEApA3IBAAAA6QIAAADpAwAAAFQpAloEYXhpc1oIa2VlcGRpbXPpAAAAACkC2gFLWgRtZWFuKQHaAXipAHIH"
        "AAAA2gg8c3RyaW5nPtoIPGxhbWJkYT4BAAAA8wAAAAA=",
    ],
)
def test_code_of_later_pythons_is_read(code: str) -> None:
    rule = recognise({"function": code})
    assert rule is not None and rule.text == "(mean((x[:, 1:] * 2.5), axis=(1, 2, 3), keepdims=True) + x[0])"


@pytest.mark.parametrize(("name", "gives_its_input"), [("identity", True), ("square", False)])
def test_only_an_identity_gives_the_tensor_that_it_was_given(name: str, gives_its_input: bool, tmp_path: Path) -> None:
    """Keras 1 then names the Lambda, not the InputLayer, as its model's input."""
    assert in_place(Node("Lambda", "one", _config(name, tmp_path))) is gives_its_input


class _Forward:
    """An array that is taken forwards only, as Keras's tensors on PyTorch are."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __getitem__(self, key: Any) -> "_Forward":
        assert not any(isinstance(one, slice) and (one.step or 1) < 0 for one in key)
        return _Forward(self.values[key])

    def flip(self, x: "_Forward", axes: list[int]) -> "_Forward":
        return _Forward(np.flip(x.values, axes))


@pytest.mark.parametrize(
    "key",
    [
        np.s_[::-1],
        np.s_[:, ::-1],
        np.s_[..., ::-1],
        np.s_[:, 1, ::-1],
        np.s_[::-1, ..., ::-1, 1:],
        np.s_[1:, ::-1, ...],
    ],
    ids=str,
)
def test_an_axis_taken_backwards_is_flipped(key: Any) -> None:
    values = np.arange(120).reshape(2, 3, 4, 5)
    x = _Forward(values)
    np.testing.assert_array_equal(expression_value._indexed(x, key, x).values, values[key])
