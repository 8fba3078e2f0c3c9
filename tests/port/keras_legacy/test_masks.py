"""Masks are carried as Keras 1 handed them on: each rule broken on purpose shows; none of Keras 3's own is left."""

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import build
from reprise_kit.port.keras_legacy.build import Migrated, migrate
from reprise_kit.port.keras_legacy.read import OldModel, read
from reprise_kit.port.keras_legacy.rules import masks, recurrent
from tests.port.keras_legacy import recorded
from tests.port.keras_legacy.outcome import TOLERANCE, golden, relative_error, reloaded

MASKED = "1.2.2-tensorflow"


@pytest.fixture(autouse=True)
def fresh_session() -> Iterator[None]:
    yield
    keras.backend.clear_session()


def _read(name: str, scratch: Path) -> tuple[OldModel, Path]:
    folder = recorded.folder(f"{MASKED}/{name}", scratch)
    return read(folder / "model.json", folder / "weights.h5"), folder


def _error(name: str, scratch: Path) -> float:
    model, folder = _read(name, scratch)
    inputs, expected = golden(folder)
    return relative_error(reloaded(migrate(model, "tensorflow"), scratch)(inputs), expected)


# A rule that Keras 3 or a careless reading would have in its place, and a model that shows it.
BROKEN = {
    "OR for AND": ("mask_merge_sum_both", masks, "_all", lambda present: ops.logical_or(*present)),
    "all dropped where one is missing": ("mask_merge_ave_one", masks, "_all", lambda present: None),
    "a time concat in another order": (
        "mask_merge_time",
        masks,
        "_joined",
        lambda _, __, given: ops.concatenate(given[::-1], axis=1),
    ),
    "a nested model drops its mask": ("mask_nested", build, "_masked", lambda root: False),
    "layers in between drop it": ("mask_through_leakyrelu", masks, "_passed", lambda *_: None),
    "a backward pass is unmasked": ("mask_backwards_sequences_lstm", masks, "of_steps", lambda *_: None),
    "Keras 3 hides the mask in an output": ("mask_mul_out", recurrent.ops, "copy", lambda y: y),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_rule_is_seen(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, module, attribute, wrong = BROKEN[what]
    assert _error(name, tmp_path) <= TOLERANCE
    monkeypatch.setattr(module, attribute, wrong)
    assert _error(name, tmp_path) > 1e-3


def _layer_classes(migrated: Migrated) -> list[str]:
    return [type(operation).__name__ for operation in migrated.model.operations]


def test_a_model_without_masks_has_none_of_it(tmp_path: Path) -> None:
    model, _ = _read("crnn", tmp_path)
    assert not {"NotEqual", "Copy", "Any", "LogicalAnd"} & set(_layer_classes(migrate(model, "tensorflow")))


def test_it_is_stock_keras(tmp_path: Path) -> None:
    model, _ = _read("mask_merge_sum_both", tmp_path)
    migrated = migrate(model, "tensorflow")
    assert migrated.needs == []
    assert {"NotEqual", "LogicalAnd", "LSTM"} <= set(_layer_classes(migrated))


def test_a_masked_model_trains(tmp_path: Path) -> None:
    model, folder = _read("mask_bidirectional_lstm_concat", tmp_path)
    inputs, expected = golden(folder)
    migrate(model, "tensorflow").model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    loaded.compile("sgd", "mse")
    assert np.isfinite(loaded.fit(inputs[0], expected[0], verbose=0).history["loss"]).all()


def test_what_keras_1_refused_is_refused(tmp_path: Path) -> None:
    """A Flatten on masked steps did not run in Keras 1: a file that says so is not what it seems."""
    model, _ = _read("mask_through_elu", tmp_path)
    (layer,) = [layer for layer in model.config["config"] if layer["class_name"] == "ELU"]
    layer |= {"class_name": "Flatten", "config": {"name": "flatten_1", "trainable": True}}
    with pytest.raises(InputError, match=r"flatten_1: its input has masked steps.*refuses"):
        migrate(model, "tensorflow")
