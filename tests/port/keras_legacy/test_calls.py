"""Layers that a functional model of Keras 2 calls with training=True; BatchNormalization is in test_family_2.py."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.build import Migrated, migrate
from reprise_kit.port.keras_legacy.dialects.translated import translated
from reprise_kit.port.keras_legacy.read import OldModel
from tests.port.keras_legacy.outcome import reloaded

RATE = 0.25


def _migrated(class_name: str, config: dict[str, Any], *arguments: dict[str, Any]) -> Migrated:
    """A model of one layer without weights, called once with each of the arguments."""
    shape = {"batch_input_shape": [None, 4000], "dtype": "float32", "name": "x"}
    layers = [
        {"class_name": "InputLayer", "name": "x", "config": shape, "inbound_nodes": []},
        {
            **{"class_name": class_name, "name": "layer", "config": {**config, "name": "layer"}},
            "inbound_nodes": [[["x", 0, 0, one]] for one in arguments],
        },
    ]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["layer", i, 0] for i in range(len(arguments))]}
    document = {"class_name": "Model", "config": {"name": "model", "layers": layers, **ends}, "keras_version": "2.2.4"}
    words, groups, dialect = translated(document, [], "2.2.4")
    return migrate(OldModel(words, groups, "2.2.4", False, [], "tensorflow", dialect), "tensorflow")


def test_dropout_samples_in_prediction(tmp_path: Path) -> None:
    made = _migrated("Dropout", {"rate": RATE}, {"training": True})
    assert any("samples in predictions" in note for note in made.notes)
    predict = reloaded(made, tmp_path)
    x = np.ones((20, 4000), "float32")
    once, again = np.asarray(predict([x])), np.asarray(predict([x]))
    assert (once != again).any()
    assert np.unique(once).tolist() == pytest.approx([0.0, 1 / (1 - RATE)])
    assert abs(np.mean(once == 0) - RATE) < 0.01  # 80,000 draws: 6 deviations


def test_without_the_argument_it_keeps_everything(tmp_path: Path) -> None:
    x = np.ones((2, 4000), "float32")
    for given in ({}, {"training": None}, {"training": False}, {"mask": [None, None]}):
        assert np.array_equal(reloaded(_migrated("Dropout", {"rate": RATE}, given), tmp_path)([x]), x)


@pytest.mark.parametrize(
    ("class_name", "config", "arguments"),
    [
        ("Activation", {"activation": "relu"}, [{"training": True}]),
        ("Dropout", {"rate": RATE}, [{"training": True}, {}]),
        ("Dropout", {"rate": RATE}, [{"noise": 2}]),
        ("Dropout", {"rate": RATE}, [{"mask": [None, 1]}]),
        ("MyLayer", {}, [{"training": True}]),
    ],
)
def test_other_arguments_are_refused(class_name: str, config: dict[str, Any], arguments: list[Any]) -> None:
    with pytest.raises(InputError, match="layer layer: it is called with"):
        _migrated(class_name, config, *arguments)
