"""Groups go to layers by place, as Keras 1 reads them; what only names would settle is asked."""

from typing import Any

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.build import build, migrate
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
