"""Groups go to layers by place, as Keras 1 reads them; what only names would settle is asked."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import tree
from reprise_kit.port.keras_legacy.build import build, migrate
from reprise_kit.port.keras_legacy.hand_out import hand_out
from reprise_kit.port.keras_legacy.read import LayerWeights
from tests.port.keras_legacy.models import first, group, layer, model, normal, sequential

RANDOM = np.random.RandomState(3)
A, B, X = normal(RANDOM, 3, 3), normal(RANDOM, 3, 3), normal(RANDOM, 4, 3)


def dense(name: str, **config: Any) -> dict[str, Any]:
    return layer("Dense", name, output_dim=3, bias=False, **config)


def functional() -> dict[str, Any]:
    layers = [first(layer("InputLayer", "x"), 3), dense("a", activation="tanh"), dense("b")]
    for document, source in zip(layers, (None, "x", "a"), strict=True):
        document["inbound_nodes"] = [[[source, 0, 0]]] if source else []
    places = {"input_layers": [["x", 0, 0]], "output_layers": [["b", 0, 0]]}
    return {"class_name": "Model", "config": {"name": "m", "layers": layers, **places}}


def swapped() -> list[LayerWeights]:
    return [group("b", W=B), group("a", W=A)]


def test_a_sequential_pairs_by_place_whatever_the_names() -> None:
    config = sequential(first(dense("a", activation="tanh"), 3), dense("b"))
    made = migrate(model(config, *swapped()), "theano")
    assert np.allclose(made.model(X), np.tanh(X @ B) @ A, atol=1e-6)
    assert any("by place" in note and "'a' gets the arrays called 'b'" in note for note in made.notes)
    by_name = build(model(config, *swapped()), "theano", pair_by="name")
    assert np.allclose(by_name(X), np.tanh(X @ A) @ B, atol=1e-6)


def test_a_functional_model_asks() -> None:
    with pytest.raises(InputError, match=r"by place.*by name.*--pair-by"):
        build(model(functional(), *swapped()), "theano")
    expected = {"place": np.tanh(X @ B) @ A, "name": np.tanh(X @ A) @ B}
    for by, wanted in expected.items():
        assert np.allclose(build(model(functional(), *swapped()), "theano", pair_by=by)(X), wanted, atol=1e-6)
    straight = model(functional(), group("a", W=A), group("b", W=B))
    assert np.allclose(build(straight, "theano")(X), expected["name"], atol=1e-6)


def test_other_names_cannot_be_paired_by_name() -> None:
    other = model(functional(), group("p", W=A), group("q", W=B))
    assert np.allclose(build(other, "theano")(X), np.tanh(X @ A) @ B, atol=1e-6)
    with pytest.raises(InputError, match="--pair-by name"):
        build(other, "theano", pair_by="name")


def test_an_architecture_of_the_other_ordering_is_said() -> None:
    conv = layer("Convolution2D", "c", nb_filter=4, nb_row=3, nb_col=2, dim_ordering="tf")
    arrays = group("c", W=normal(RANDOM, 4, 5, 3, 2), b=normal(RANDOM, 4))
    with pytest.raises(InputError, match=r"dim_ordering 'tf', but its kernel .*laid out as 'th'"):
        build(model(sequential(first(conv, 8, 8, 5)), arrays), "theano")


class Gain(keras.layers.Layer):
    def build(self, shape: tuple[int, ...]) -> None:
        self.gain = self.add_weight(shape=(shape[-1],), name="gain")

    def call(self, x: Any) -> Any:
        return x * self.gain


def _nested(*own: str) -> dict[str, Any]:
    others = [layer(class_name, f"g{i}") for i, class_name in enumerate(own[1:], 1)]
    inner = sequential(first(layer(own[0], "g0"), 3), dense("a"), *others)
    return sequential(inner, dense("b"))


def _group(*arrays: tuple[str, np.ndarray]) -> LayerWeights:
    return LayerWeights("sequential_0", list(arrays))


GAIN, LAST = normal(RANDOM, 3), normal(RANDOM, 3)


@pytest.mark.parametrize("names", [("param_0", "param_2"), ("Variable:0", "Variable_1:0"), ("g0_W", "g1_W")])
def test_own_layers_in_a_nested_model_take_what_the_others_leave(names: tuple[str, str]) -> None:
    held = _group((names[0], GAIN), ("a_W", A), (names[1], LAST))
    made = build(model(_nested("Gain", "Gain"), held, group("b", W=B)), "theano", replace={"Gain": Gain})
    assert np.allclose(made(X), ((X * GAIN) @ A * LAST) @ B, atol=1e-6)


def test_own_layers_of_several_classes_are_told_apart_by_name_or_refused() -> None:
    own = {"Gain": Gain, "Other": Gain}
    named = _group(("g0_gain", GAIN), ("a_W", A), ("g1/gain:0", LAST))
    made = build(model(_nested("Gain", "Other"), named, group("b", W=B)), "theano", replace=own)
    assert np.allclose(made(X), ((X * GAIN) @ A * LAST) @ B, atol=1e-6)
    silent = _group(("param_0", GAIN), ("a_W", A), ("param_2", LAST))
    with pytest.raises(InputError, match=r"'param_2'.* belong to \['g0', 'g1'\]"):
        build(model(_nested("Gain", "Other"), silent, group("b", W=B)), "theano", replace=own)


def test_an_own_layer_at_every_step() -> None:
    steps = layer("TimeDistributed", "t", layer={"class_name": "Gain", "config": {"name": "g"}})
    held = LayerWeights("t", [("param_0", GAIN)])
    made = build(model(sequential(first(steps, 4, 3)), held), "theano", replace={"Gain": Gain})
    x = normal(RANDOM, 2, 4, 3)
    assert np.allclose(made(x), x * GAIN, atol=1e-6)


@pytest.mark.parametrize("version", ["1.0.6", "1.1.0", "1.2.2", None])
def test_what_no_file_of_its_keras_has_is_named(version: str | None) -> None:
    """Keras 1.0 and 1.1 forgot the weights of a TimeDistributedDense without a bias."""
    bare = first(layer("TimeDistributedDense", "bare", output_dim=2, bias=False), 3, 2)
    source = model(sequential(bare, layer("Dense", "d", output_dim=1, bias=False)), group("d", W=np.ones((2, 1))))
    with pytest.raises(InputError, match="2 layers with weights, the file 1") as refused:
        build(replace(source, version=version), "theano")
    named = "never saved the weights of a TimeDistributedDense without a bias, as bare:" in str(refused.value)
    assert named == (version != "1.2.2")


def test_weights_that_a_model_around_it_saved_are_its_own() -> None:
    """So save_weights of a model on several graphics cards, or of a siamese one, holds them: one group for all."""
    root, one = tree.parse(functional()), LayerWeights("model_1", [("a_W", A), ("b_W", B)])
    notes = hand_out(root, [one, LayerWeights("lambda_1", [])])
    assert notes == ["the weights were saved by a model that held this one as its layer model_1"]
    assert {node.name: id(node.weights["W"]) for node in root.walk() if node.weights} == {"a": id(A), "b": id(B)}
    with pytest.raises(InputError, match="holds its layers in another order"):
        hand_out(tree.parse(functional()), [LayerWeights("model_1", [("b/own:0", B), ("a/own:0", A)])])
    with pytest.raises(InputError, match="the architecture has 2 layers with weights, the file 1"):
        hand_out(tree.parse(functional()), [LayerWeights("model_1", [("a_W", A)])])
