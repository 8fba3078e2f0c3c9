"""An RNN of a person's own cells is refused by name, or built of what stands in for them."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.build import Migrated, migrate
from reprise_kit.port.keras_legacy.read import read
from tests.port.keras_legacy.models import group, normal, save
from tests.port.keras_legacy.outcome import relative_error, reloaded

RANDOM = np.random.RandomState(3)


@keras.saving.register_keras_serializable(package="test_own_cells")
class Minimal(keras.layers.Layer):
    """y = x W + y' U, as in Keras 2's own tests."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")
        self.recurrent = self.add_weight(shape=(self.units, self.units), name="recurrent_kernel")

    def call(self, x: Any, states: list[Any], training: bool = False) -> tuple[Any, list[Any]]:
        y = ops.matmul(x, self.kernel) + ops.matmul(states[0], self.recurrent)
        return y, [y]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def steps(x: np.ndarray, w: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return every output (n, n_steps, units) of the cell above over x (n, n_steps, n_in)."""
    y, found = np.zeros((len(x), w.shape[1]), "float32"), []
    for t in range(x.shape[1]):
        y = x[:, t] @ w + y @ u
        found.append(y)
    return np.stack(found, 1)


def cell(units: int, kind: str = "MinimalRNNCell") -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": f"cell_{units}", "trainable": True, "units": units}}


def rnn(cells: list[dict[str, Any]], **flags: bool | int) -> dict[str, Any]:
    held = cells[0] if len(cells) == 1 else {"class_name": "StackedRNNCells", "config": {"cells": cells}}
    first = {"name": "rnn", "trainable": True, "batch_input_shape": [None, 4, 3], "dtype": "float32"}
    return {"class_name": "RNN", "config": {**first, "cell": held, **flags}}


def migrated(folder: Path, layer: dict[str, Any], arrays: list[np.ndarray], **replace: Any) -> Migrated:
    document = {"class_name": "Sequential", "config": {"name": "m", "layers": [layer]}}
    document |= {"keras_version": "2.2.4", "backend": "tensorflow"}
    named = group("rnn", **{f"kernel_{i}": one for i, one in enumerate(arrays)})
    return migrate(read(*save(folder, document, [named])), "tensorflow", replace=replace)


@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize("back", [True, False])
@pytest.mark.parametrize("units", [[2], [2, 5]])
def test_built_of_what_stands_in(units: list[int], back: bool, sequences: bool, tmp_path: Path) -> None:
    sizes = [3, *units]
    arrays = [normal(RANDOM, *shape) for n, m in zip(sizes, units, strict=False) for shape in ((n, m), (m, m))]
    layer = rnn([cell(n) for n in units], go_backwards=back, return_sequences=sequences)
    x = normal(RANDOM, 2, 4, 3)
    y = x[:, ::-1] if back else x
    for w, u in zip(arrays[::2], arrays[1::2], strict=True):
        y = steps(y, w, u)
    found = reloaded(migrated(tmp_path, layer, arrays, MinimalRNNCell=Minimal), tmp_path)([x])
    assert relative_error(found, [y if sequences else y[:, -1]]) < 1e-5


@pytest.mark.parametrize(
    ("layer", "given", "said"),
    [
        (rnn([cell(2)]), {}, r"layer rnn: an RNN of MinimalRNNCell .*--replace MinimalRNNCell=.*--replace rnn="),
        (rnn([cell(2), cell(2, "GRUCell")]), {"MinimalRNNCell": Minimal}, "an RNN of GRUCell"),
        (rnn([cell(2)]), {"MinimalRNNCell": lambda x: x}, "an RNN of MinimalRNNCell"),
        (rnn([cell(2)], return_state=True), {"MinimalRNNCell": Minimal}, "with return_state"),
        (rnn([cell(2)], num_constants=1), {"MinimalRNNCell": Minimal}, "with num_constants"),
    ],
)
def test_refused_by_name(layer: dict[str, Any], given: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        migrated(tmp_path, layer, [normal(RANDOM, 3, 2), normal(RANDOM, 2, 2)], **given)


def test_a_bidirectional_of_one_is_refused_by_name(tmp_path: Path) -> None:
    layer = {"class_name": "Bidirectional", "config": {"name": "both", "layer": rnn([cell(2)]), "merge_mode": "sum"}}
    with pytest.raises(InputError, match="layer both: a Bidirectional of an RNN with a cell of your own"):
        migrated(tmp_path, layer, [normal(RANDOM, 3, 2)] * 4, MinimalRNNCell=Minimal)
