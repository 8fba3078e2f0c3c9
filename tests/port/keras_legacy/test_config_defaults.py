"""What a file leaves out is what its Keras took: the numbers are those of the old constructors."""

from typing import Any

import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.config_defaults import fill
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS0, KERAS1, KERAS2, TF_KERAS, Dialect
from reprise_kit.port.keras_legacy.tree import Node


@pytest.mark.parametrize(
    ("class_name", "version", "dialect", "key", "value"),
    [
        ("GRU", (1, 1, 0), KERAS1, "inner_activation", "hard_sigmoid"),
        ("LSTM", (2, 2, 4), KERAS2, "inner_activation", "hard_sigmoid"),
        ("LSTM", (2, 3, 1), KERAS2, "inner_activation", "sigmoid"),
        ("ConvLSTM2D", (2, 3, 1), KERAS2, "inner_activation", "hard_sigmoid"),
        ("SimpleRNN", (1, 2, 2), KERAS1, "activation", "tanh"),
        ("Bidirectional", (1, 2, 2), KERAS1, "merge_mode", "concat"),
        ("MaxPooling1D", (2, 0, 9), KERAS2, "pool_length", 2),
        ("BatchNormalization", (0, 3), KERAS0, "epsilon", 1e-6),
        ("BatchNormalization", (1, 0, 6), KERAS1, "epsilon", 1e-6),
        ("BatchNormalization", (1, 1, 0), KERAS1, "epsilon", 1e-5),
        ("BatchNormalization", (1, 2, 2), KERAS1, "epsilon", 1e-3),
        ("BatchNormalization", (2, 1, 6), KERAS2, "epsilon", 1e-3),
    ],
)
def test_a_missing_key_is_the_default_of_its_keras(
    class_name: str, version: tuple[int, ...], dialect: Dialect, key: str, value: Any
) -> None:
    node = Node(class_name, "one", {})
    notes = fill(node, version, dialect)
    assert node.config[key] == value
    assert any(f"layer one: the file holds no {key}" in note for note in notes)


def test_what_the_file_holds_stays() -> None:
    node = Node("Bidirectional", "one", {"merge_mode": None})
    assert fill(node, (1, 2, 2), KERAS1) == []
    assert node.config == {"merge_mode": None}


@pytest.mark.parametrize(
    ("class_name", "version", "dialect"),
    [("BatchNormalization", (1, 1, 1), KERAS1), ("GRU", (2, 2, 4), TF_KERAS)],
)
def test_a_default_that_is_not_known_is_refused(class_name: str, version: tuple[int, ...], dialect: Dialect) -> None:
    with pytest.raises(InputError, match=r"layer one: its .* is not in the file"):
        fill(Node(class_name, "one", {}), version, dialect)
