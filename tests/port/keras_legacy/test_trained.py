"""What training needs is on the migrated layer, or there is a line that says it is not."""

from typing import Any

import h5py
import keras
import numpy as np
import pytest

from reprise_kit.port.keras_legacy.build import Migrated, migrate
from reprise_kit.port.keras_legacy.read import read
from reprise_kit.port.keras_legacy.trained import not_carried
from tests.port.keras_legacy.models import dense_net, first, group, layer, model, normal, save_whole, sequential

RANDOM = np.random.RandomState(5)
L2 = {"name": "L1L2Regularizer", "l1": 0.0, "l2": 0.25}


def made(document: dict[str, Any], *shape: int, version: str | None = "1.2.2", **arrays: np.ndarray) -> Migrated:
    source = model(sequential(first(document, *shape)), group("d", **arrays), version=version)
    return migrate(source, "theano")


def dense(version: str | None = "1.2.2", **config: Any) -> Migrated:
    arrays = {"W": normal(RANDOM, 3, 2), "b": normal(RANDOM, 2)}
    return made(layer("Dense", "d", output_dim=2, **config), 3, version=version, **arrays)


def reloaded(found: Migrated, tmp_path: Any) -> Any:
    found.model.save(tmp_path / "m.keras")
    return keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)


def lost(found: Migrated) -> list[str]:
    return [note for note in found.notes if note.startswith("not carried: ")]


def test_regularizers_add_what_keras_1_added(tmp_path: Any) -> None:
    found = dense(W_regularizer=L2, b_regularizer={**L2, "l1": 0.5})
    again = reloaded(found, tmp_path)
    w, b = again.layers[-1].get_weights()
    terms = 0.25 * (w**2).sum() + 0.25 * (b**2).sum() + 0.5 * np.abs(b).sum()
    assert sum(map(float, again.losses)) == pytest.approx(terms, rel=1e-5)
    assert not lost(found)


def test_a_regularizer_of_means_is_named() -> None:
    old = {**L2, "name": "WeightRegularizer"}
    assert "W_regularizer of d (it took means" in lost(dense("1.0.7", W_regularizer=old))[0]
    assert "--keras-version" in lost(dense(None, W_regularizer=old))[0]
    assert not dense("1.0.7", W_regularizer=old).model.losses
    assert "Keras 3 has none" in lost(dense(W_regularizer={"name": "EigenvalueRegularizer", "k": 0.1}))[0]


def test_trainable_and_constraints(tmp_path: Any) -> None:
    norm = {"name": "MaxNorm", "m": 0.5, "axis": 0}
    last = reloaded(dense(trainable=False, W_constraint=norm, b_constraint={"name": "NonNeg"}), tmp_path).layers[-1]
    assert last.trainable is False and last.kernel_constraint.max_value == 0.5
    assert isinstance(last.bias_constraint, keras.constraints.NonNeg)
    conv = layer("Convolution1D", "d", nb_filter=2, filter_length=1, W_constraint=norm)
    found = made(conv, 4, 3, W=normal(RANDOM, 1, 1, 3, 2), b=normal(RANDOM, 2))
    assert "W_constraint of d (its axes belong" in lost(found)[0]


def test_batch_normalization(tmp_path: Any) -> None:
    four = {role: np.abs(normal(RANDOM, 3)) for role in ("gamma", "beta", "running_mean", "running_std")}
    found = made(layer("BatchNormalization", "d", momentum=0.7, trainable=False), 3, **four)
    assert reloaded(found, tmp_path).layers[-1].momentum == pytest.approx(0.7)
    assert "trainable of d" in lost(found)[0]


def gates(names: str, n_in: int = 3, n: int = 2) -> dict[str, np.ndarray]:
    shapes = {"W": (n_in, n), "U": (n, n), "b": (n,)}
    return {f"{part}_{gate}": normal(RANDOM, *shapes[part]) for gate in names for part in "WUb"}


@pytest.mark.parametrize("rates", [{"dropout_U": 0.4}, {"dropout_W": 0.3, "dropout_U": 0.4}])
@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
def test_recurrent_dropout(kind: str, rates: dict[str, float], tmp_path: Any) -> None:
    w, u, b = normal(RANDOM, 3, 2), normal(RANDOM, 2, 2), normal(RANDOM, 2)
    arrays = {"SimpleRNN": {"W": w, "U": u, "b": b}, "LSTM": gates("icfo"), "GRU": gates("zrh")}[kind]
    config = {} if kind == "SimpleRNN" else {"inner_activation": "hard_sigmoid"}
    found = made(layer(kind, "d", output_dim=2, **config, **rates), 5, 3, **arrays)
    again = reloaded(found, tmp_path)
    cell = again.layers[-1].cell
    assert (cell.dropout, cell.recurrent_dropout) == (rates.get("dropout_W", 0.0), rates.get("dropout_U", 0.0))
    assert kind == "SimpleRNN" or (cell.implementation == 1 and cell.dropout_mask_count == (4 if kind == "LSTM" else 3))
    again.compile("sgd", "mse")
    again.fit(normal(RANDOM, 4, 5, 3), normal(RANDOM, 4, 2), verbose=0)
    assert np.isfinite(again.predict(normal(RANDOM, 4, 5, 3), verbose=0)).all()
    assert not lost(found)


def test_what_keras_3_has_not_is_named() -> None:
    assert "activity_regularizer of d (it added the sum" in lost(dense(activity_regularizer=L2))[0]
    assert "l1 and l2 of d" in lost(made(layer("ActivityRegularization", "d", l1=0.5, l2=0.0), 3))[0]
    one = made(layer("LSTM", "d", output_dim=2, dropout_W=0.3, inner_activation="sigmoid"), 5, 3, **gates("icfo"))
    assert "one mask for all gates" in lost(one)[0]
    gpu = layer("LSTM", "d", output_dim=2, consume_less="gpu", dropout_U=0.5, W_regularizer=L2)
    found = made(gpu, 5, 3, W=normal(RANDOM, 3, 8), U=normal(RANDOM, 2, 8), b=normal(RANDOM, 8))
    assert any("dropout_W and dropout_U of d" in line for line in lost(found))
    words = layer("Embedding", "d", input_dim=4, output_dim=2, dropout=0.2)
    assert "dropout of d (Keras 3's Embedding drops no words)" in lost(made(words, 5, W=normal(RANDOM, 4, 2)))[0]


def test_initialisers_are_named_but_for_the_usual_ones() -> None:
    glorot = {"class_name": "VarianceScaling", "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform"}}
    he = {"class_name": "VarianceScaling", "config": {"scale": 2.0, "mode": "fan_in", "distribution": "normal"}}
    usual = [layer("Dense", "a", init="glorot_uniform"), layer("Dense", "b", kernel_initializer=glorot)]
    assert not_carried(sequential(*usual), None) == []
    odd = [layer("LSTM", "c", inner_init="lecun_normal"), layer("Dense", "d", kernel_initializer=he)]
    (line,) = not_carried(sequential(*usual, *odd), None)
    assert line.startswith("not carried: initialisers (VarianceScaling, lecun_normal)")


@pytest.mark.parametrize(
    ("held", "said"),
    [('{"optimizer_config": {"config": {}, "class_name": "Adam"}}', "(Adam)"), ("[" * 10, "(unnamed)"), (None, "")],
)
def test_an_optimizer_is_named(held: str | None, said: str, tmp_path: Any) -> None:
    path = save_whole(tmp_path / "m.h5", *dense_net(RANDOM), version="1.2.2")
    with h5py.File(path, "a") as file:
        if held is not None:
            file.attrs["training_config"] = held
    notes = [note for note in read(None, path).notes if "optimizer" in note]
    assert [said in note and note.startswith("not carried: ") for note in notes] == ([True] if said else [])
