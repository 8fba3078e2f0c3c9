"""How layers are joined: which layer an input comes from, which call is which, and what is refused by name."""

from itertools import pairwise
from typing import Any

import keras
import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS2
from reprise_kit.port.keras_legacy.rules import graph
from reprise_kit.port.keras_legacy.tree import Node
from tests.port.keras_legacy.rules.parts import context, node, numbers


@pytest.mark.parametrize(
    ("made", "itself"),
    [
        (node("Dropout", p=0.0), True),
        (node("Dropout", p=1.0), True),
        (node("Dropout", p=0.5), False),
        (node("SpatialDropout2D", p=0), True),
        (node("GaussianDropout", p=0.1), False),
        (node("Activation", activation="linear"), True),
        (node("Activation", activation="relu"), False),
        (node("Dense", activation="linear"), False),
        (node("ActivityRegularization"), True),
        (node("Layer"), True),
        (node("Flatten"), False),
        (node("Lambda", function="gibberish"), False),
        (node("Sequential", None, node("Dropout", p=0.0), node("Layer")), True),
        (node("Sequential", None, node("Layer"), node("Flatten")), False),
        (node("Sequential"), False),
    ],
)
def test_what_returned_the_tensor_that_it_was_given(made: Node, itself: bool) -> None:
    """Keras 1: an input then seems to come from that layer, in the file too."""
    assert graph.in_place(made) is itself


def chain(*layers: tuple[str, str, dict[str, Any]], first: str = "a") -> Node:
    """A Model of layers one after the other, whose input layer is said to be `first`."""
    made = [Node(kind, name, config) for kind, name, config in layers]
    for before, after in pairwise(made):
        after.inbound = [[(before.name, 0, 0)]]
    return Node("Model", "m", {"input_layers": [[first, 0, 0]], "output_layers": [[made[-1].name, 0, 0]]}, made)


INPUT = ("InputLayer", "a", {"batch_input_shape": [None, 3]})


@pytest.mark.parametrize(
    ("config", "first", "found"),
    [({"p": 0.0}, "b", "a"), ({"p": 0.5}, "b", "b"), ({"p": 0.0}, "a", "a"), ({"p": 0.0}, "z", "z")],
)
def test_an_input_that_came_through_a_layer_that_does_nothing(config: Any, first: str, found: str) -> None:
    model = chain(INPUT, ("Dropout", "b", config), first=first)
    assert graph.input_names(model) == [found]
    if found == "a":
        assert graph.input_layers(model) == [model.children[0]]
    twice = chain(INPUT, ("Dropout", "b", {"p": 0.0}), ("Layer", "c", {}), first="c")
    assert graph.input_names(twice) == ["a"]
    assert graph.input_names(chain(("Layer", "a", {}), first="a")) == ["a"]  # fed by nothing


@pytest.mark.parametrize(
    ("kind", "config", "shape", "dtype", "name"),
    [
        ("Dense", {"batch_input_shape": [None, 3]}, (None, 3), "float32", "x_input"),
        ("InputLayer", {"batch_input_shape": [2, 3.0, None]}, (2, 3, None), "float32", "x"),
        ("Embedding", {"batch_input_shape": [None, 3], "input_dtype": "int32"}, (None, 3), "int32", "x_input"),
        ("Dense", {"batch_input_shape": [None, 3], "input_dtype": "float64"}, (None, 3), "float32", "x_input"),
        ("Dense", {"input_dim": 4}, (None, 4), "float32", "x_input"),
        ("Highway", {"input_dim": 4, "input_length": 5}, (None, 4), "float32", "x_input"),
        ("LSTM", {"input_dim": 4, "input_length": 5}, (None, 5, 4), "float32", "x_input"),
        ("LSTM", {"input_dim": 4}, (None, None, 4), "float32", "x_input"),
        ("LSTM", {"input_dim": 4, "batch_input_shape": [1, 2, 4]}, (1, 2, 4), "float32", "x_input"),
    ],
)
def test_inputs_as_they_are_recorded(kind: str, config: Any, shape: Any, dtype: str, name: str) -> None:
    found = graph._input(context(), Node(kind, "x", config))
    assert (found.shape, found.dtype, found.name, found.sparse) == (shape, dtype, name, False)


@pytest.mark.parametrize("config", [{}, {"batch_input_shape": 3}, {"input_length": 3}])
def test_an_input_of_no_size_is_asked_for(config: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="--input-shape x=28,28,1"):
        graph._input(context(), Node("Dense", "x", config))
    with pytest.raises(InputError, match=r"the class Own is not one of Keras 1's; .*--replace x=module:function"):
        graph._input(context(), Node("Own", "x", config if "batch_input_shape" not in config else {}))


def nested(depth: int) -> Node:
    inner = Node("Activation", "tanh", {"activation": "tanh"})
    for i in range(depth):
        inner = Node("Sequential", f"s{i}", {}, [inner])
    return inner


def test_nesting_ends_somewhere() -> None:
    x = keras.Input((3,))
    assert graph.outputs_of(context(masked=True), nested(1), [x], graph.MAX_NESTING)[0].shape == (None, 3)
    with pytest.raises(InputError, match="models nested more than 40 deep"):
        graph.outputs_of(context(masked=True), nested(1), [x], graph.MAX_NESTING + 1)
    with pytest.raises(InputError, match="model s0 has no layers"):
        graph.input_layers(Node("Sequential", "s0", {}))


def joined(uses: list[tuple[str, int, int]], outputs: list[list[Any]], kind: str = "Sequential") -> tuple[Node, Node]:
    child, other = Node(kind, "c", {}), Node("Dense", "d", {}, inbound=[uses])
    return Node("Model", "m", {"output_layers": outputs}, [child, other]), child


@pytest.mark.parametrize(
    ("uses", "outputs", "kind", "number"),
    [
        ([("c", 1, 0)], [["d", 0, 0]], "Sequential", 1),
        ([("c", 0, 0)], [["d", 0, 0]], "Model", 0),
        ([("a", 0, 0)], [["c", 1, 0]], "Model", 1),
        ([("a", 0, 0)], [["c", 0, 0]], "Sequential", 0),
        ([("d", 0, 0)], [["d", 0, 0]], "Sequential", 1),
        ([("c", 1, 0)], [["d", 0, 0]], "Dense", 0),
    ],
)
def test_a_nested_models_making_counts_as_its_first_call(uses: Any, outputs: Any, kind: str, number: int) -> None:
    assert graph._first_call(*joined(uses, outputs, kind)) == number


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("shared", [1, 2])
def test_a_nested_model_is_one_layer_or_laid_flat(masked: bool, shared: int) -> None:
    """Called twice it is one layer with one set of weights; where there are masks its layers stand around it."""
    dense = node("Dense", {"W": numbers(3, 3)}, output_dim=3, bias=False)
    apply = graph.nested(context(masked=masked), Node("Sequential", "inner", {}, [dense]))
    x = y = keras.Input((3,))
    for _ in range(shared):
        y = apply(y)
    model = keras.Model(x, y)
    assert [layer.name for layer in model.layers if isinstance(layer, keras.Model)] == ([] if masked else ["inner"])
    assert len(model.weights) == 1
    wanted = numbers(2, 3) @ np.linalg.matrix_power(numbers(3, 3).astype(float), shared)
    np.testing.assert_allclose(model(numbers(2, 3)), wanted, rtol=1e-4, atol=1e-5)


def functional(*layers: Node, outputs: list[list[Any]]) -> Node:
    entry = Node("InputLayer", "a", {"batch_input_shape": [None, 3]})
    return Node("Model", "m", {"input_layers": [["a", 0, 0]], "output_layers": outputs}, [*layers, entry])


def tanh(name: str, *inbound: list[tuple[str, int, int]]) -> Node:
    return Node("Activation", name, {"activation": "tanh"}, inbound=list(inbound))


def test_calls_are_made_as_soon_as_their_sources_are_known() -> None:
    """A layer that stands before what it waits for, one called twice, and an output of the second call."""
    found, x = context(), keras.Input((3,))
    late, shared = tanh("late", [("shared", 1, 0)]), tanh("shared", [("a", 0, 0)], [("shared", 0, 0)])
    outputs = graph.outputs_of(found, functional(late, shared, outputs=[["late", 0, 0], ["shared", 0, 0]]), [x])
    given = numbers(2, 3)
    three, one = keras.Model(x, outputs)(given)
    np.testing.assert_allclose(one, np.tanh(given), atol=1e-6)
    np.testing.assert_allclose(three, np.tanh(np.tanh(np.tanh(given))), atol=1e-6)
    assert found.outputs["a"] is x and found.outputs["late"] is outputs[0]


@pytest.mark.parametrize(
    ("inbound", "outputs", "words"),
    [
        (("ghost", 0, 0), [["b", 0, 0]], r"the layers \['b'\] wait for tensors that no layer makes"),
        (("a", 0, 0), [["b", 1, 0]], r"no layer makes the output \('b', 1, 0\)"),
        (("a", 0, 0), [["b", 0, 1]], r"no layer makes the output \('b', 0, 1\)"),
    ],
)
def test_tensors_that_no_layer_makes(inbound: Any, outputs: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        graph.outputs_of(context(), functional(tanh("b", [inbound]), outputs=outputs), [keras.Input((3,))])


def test_branches_of_a_first_merge_are_models_or_layers() -> None:
    """A model's mask is not handed to the Merge, a layer's is."""
    dense = [node("Dense", {"W": np.eye(3, dtype="float32") * k}, output_dim=3, bias=False) for k in (2, 5)]
    for layer, name in zip(dense, "pq", strict=True):
        layer.name = name
        layer.config["batch_input_shape"] = [None, 3]
    merge = node("Merge", {}, Node("Sequential", "branch", {}, [dense[0]]), dense[1], mode="sum")
    whole, found = Node("Sequential", "s", {}, [merge]), context()
    assert graph.input_layers(whole) == dense
    given = graph.inputs_of(found, whole)
    assert [x.name for x in given] == ["p_input", "q_input"]
    x, y = numbers(2, 3), numbers(2, 3, seed=1)
    model = keras.Model(given, graph.single(graph.outputs_of(found, whole, given)))
    np.testing.assert_allclose(model([x, y]), 2 * x + 5 * y, rtol=1e-5, atol=1e-5)
    assert set(found.outputs) >= {"p", "q", "merge"}
    assert graph.input_layers(node("Sequential", {}, node("Merge", {}, dense[0], dense[0]))) == [dense[0]]


def test_a_mask_of_a_whole_model_does_not_reach_a_merge() -> None:
    masking = Node("Masking", "mask", {"batch_input_shape": [None, 4, 3]})
    merge = node("Merge", {}, Node("Sequential", "branch", {}, [masking]), mode="sum")
    merge.children.append(Node("Activation", "t", {"activation": "tanh", "batch_input_shape": [None, 4, 3]}))
    found = context(masked=True, version=(1, 2))
    whole = Node("Sequential", "s", {}, [merge])
    (value,) = graph.outputs_of(found, whole, graph.inputs_of(found, whole))
    assert found.mask(value) is None
    merge.children[0] = masking  # a layer alone hands its mask on
    again = context(masked=True, version=(1, 2))
    (value,) = graph.outputs_of(again, whole, graph.inputs_of(again, whole))
    assert again.mask(value) is not None


def test_an_input_inside_a_sequential_gives_what_it_gets() -> None:
    x = keras.Input((3,))
    assert graph.input_layer(context(), node("InputLayer"))(x) is x and graph.single([x, x]) == [x, x]


def test_an_input_that_is_no_layer_is_named() -> None:
    here = Node("InputLayer", "here", {})
    model = Node("Model", "m", {"input_layers": [["here", 0, 0], ["/", 0, 0]]}, children=[here])
    with pytest.raises(InputError, match="m: its input comes from '/', which is no layer of it"):
        graph.input_layers(model)


@pytest.mark.parametrize(
    ("inner", "own", "settings", "refused"),
    [
        ("Cropping1D", [None, 4, 3], {}, True),
        ("Cropping1D", [None, 6, 3], {}, False),
        ("Cropping1D", [None, None, 3], {}, False),
        ("Cropping1D", [None, 4, 3], {"legacy_bugs": "fix"}, False),
        ("Cropping1D", [None, 4, 3], {"dialect": KERAS2, "version": (2, 2, 4)}, False),
        ("Cropping1D", [None, 4, 3], {"masked": True}, True),
        ("Activation", [None, 4, 3], {}, False),
    ],
)
def test_a_model_of_other_sizes_than_it_is_called_on(inner: str, own: Any, settings: Any, refused: bool) -> None:
    """Keras 1.1.0 cut a Cropping's steps by the sizes that its model declares."""
    config = {"cropping": [1, 1]} if inner == "Cropping1D" else {"activation": "linear"}
    model = chain(("InputLayer", "a", {"batch_input_shape": own}), (inner, "b", config))
    apply = graph.nested(context("theano", **settings), model)
    if refused:
        with pytest.raises(InputError, match=r"layer b: Keras 1 went by the sizes .*\[4, 3\].*\[6, 3\]"):
            apply(keras.Input((6, 3)))
    else:
        assert apply(keras.Input((6, 3))).shape == (None, 4 if inner == "Cropping1D" else 6, 3)
