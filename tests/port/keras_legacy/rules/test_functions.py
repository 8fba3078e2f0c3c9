"""A program's own functions, of which a file has the code (Lambdas) or the name alone (activations)."""

import keras
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.expression import Node
from reprise_kit.port.keras_legacy.rules import core, functions
from tests.port.keras_legacy.rules.parts import computed, context, node, numbers

X, TWO = Node("argument", ()), Node("constant", (2,))


def test_a_lambda_is_read_and_never_run() -> None:
    with pytest.raises(InputError, match="a Lambda whose code is not one of the known shapes"):
        computed(node("Lambda", function="gibberish", function_type="lambda"), numbers(2, 3))
    found, x = context(), keras.Input((3,))
    both = functions._named(found, node("Lambda"), [x, x])
    assert [found.name("lambda"), len(both)] == ["lambda_3", 2]


@pytest.mark.parametrize("key", ["activation", "inner_activation"])
def test_where_no_code_is_read_its_own_is_not_taken_for_keras_s(key: str) -> None:
    found = context(functions={"tanh": {"function": None}})
    with pytest.raises(
        InputError, match=f"its {key} tanh is the program's own, and is not read in a GRU; give the layer"
    ):
        core.activation_name(found, node("GRU", **{key: "tanh"}), key)


def called(name: str, *given: Node, **named: Node) -> Node:
    callee = Node("attribute", (Node("name", ("K",)), name))
    return Node("call", (callee, *given), tuple(named.items()))


@pytest.mark.parametrize(
    ("expression", "is_it"),
    [
        (Node("*", (called("tanh", X), TWO)), True),
        (called("relu", X, max_value=TWO), True),
        (called("softmax", X), False),
        (called("relu", X, max_value=called("sum", X)), False),
        (Node("-", (X, called("max", X))), False),
        (Node("index", (X, TWO)), False),
        (Node("if", (TWO, X, X)), False),
    ],
)
def test_what_hangs_on_each_number_alone(expression: Node, is_it: bool) -> None:
    assert functions.is_elementwise(expression) is is_it
