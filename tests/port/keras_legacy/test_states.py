"""Which stateful layers of Keras 1 began each batch from zeros: as measured in 1.0.6, 1.1.0 and 1.2.2."""

from typing import Any

import pytest

from reprise_kit.port.keras_legacy import states
from reprise_kit.port.keras_legacy.prepare import prepare
from reprise_kit.port.keras_legacy.tree import Node
from tests.port.keras_legacy.models import group, layer, model, sequential
from tests.port.keras_legacy.rules.parts import node, numbers


def lstm(name: str) -> Node:
    return Node("LSTM", name, {"stateful": True})


def seq(*layers: Node) -> Node:
    return node("Sequential", None, *layers)


def merge(*branches: Node) -> Node:
    return node("Merge", None, *branches)


DENSE = node("Dense")


@pytest.mark.parametrize(
    ("root", "forgotten"),
    [
        (seq(lstm("a")), ""),
        (seq(merge(seq(lstm("a")), seq(lstm("b")))), ""),
        (seq(seq(merge(seq(lstm("a")), seq(lstm("b"))), DENSE), DENSE), ""),
        (seq(merge(seq(merge(seq(lstm("a")), seq(lstm("b")))), seq(lstm("c")))), "ab"),
        (seq(merge(seq(seq(merge(seq(lstm("a")), seq(lstm("b"))), DENSE)), seq(lstm("c")))), "ab"),
        (seq(merge(seq(merge(seq(lstm("a")), seq(DENSE)), lstm("b")), seq(lstm("c")))), "a"),
        (node("Model", None, seq(merge(seq(lstm("a")), seq(lstm("b"))), lstm("c")), lstm("d")), "ab"),
        (node("Model", None, node("Merge"), node("Model", None, lstm("a"))), ""),
        (seq(merge(seq(merge(seq(DENSE), seq(DENSE))), seq(lstm("c")))), ""),
    ],
)
def test_layers_inside_a_merge_that_begins_a_model_within(root: Node, forgotten: str) -> None:
    notes = states.forget(root)
    kept = {one.name: one.config["stateful"] for one in root.walk() if one.class_name == "LSTM"}
    assert "".join(sorted(name for name, still in kept.items() if not still)) == forgotten
    assert [note.split(":")[0] for note in notes] == ([f"layers {', '.join(forgotten)}"] if forgotten else [])


def test_it_is_said_of_a_file() -> None:
    def branch(name: str) -> Any:
        cell = {"activation": "tanh", "stateful": True}
        return sequential(layer("SimpleRNN", name, output_dim=3, batch_input_shape=[2, 4, 1], **cell))

    def merged(name: str, *branches: Any) -> Any:
        return sequential(layer("Merge", name, mode="sum", layers=list(branches)))

    config = merged("top", merged("one", branch("a"), branch("b")), branch("c"))
    groups = [group(name, W=numbers(1, 3), U=numbers(3, 3), b=numbers(3)) for name in "abc"]
    prepared = prepare(model(config, *groups))
    kept = {one.name: one.config["stateful"] for one in prepared.root.walk() if one.class_name == "SimpleRNN"}
    assert kept == {"a": False, "b": False, "c": True}
    assert any(note.startswith("layers a, b: stateful, yet each batch begins from zeros") for note in prepared.notes)
