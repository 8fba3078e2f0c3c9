"""An RNN of a person's own cells is refused by name, or built of what stands in for them."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.build import Migrated, migrate
from reprise_kit.port.keras_legacy.read import read
from tests.port.keras_legacy.models import group, normal, save
from tests.port.keras_legacy.outcome import relative_error, reloaded
from tests.port.keras_legacy.own_cells import CELLS, Minimal, WithConstant

RANDOM = np.random.RandomState(3)


def steps(x: np.ndarray, w: np.ndarray, u: np.ndarray, y: Any = 0.0, more: Any = 0.0) -> np.ndarray:
    """Return every output (n, n_steps, units) of Minimal over x (n, n_steps, n_in), from y on, with `more` a step."""
    y, found = np.zeros((len(x), w.shape[1]), "float32") + y, []
    for t in range(x.shape[1]):
        y = x[:, t] @ w + y @ u + more
        found.append(y)
    return np.stack(found, 1)


def cell(units: int, kind: str = "MinimalRNNCell") -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": f"cell_{units}", "trainable": True, "units": units}}


def rnn(cells: list[dict[str, Any]], **flags: bool | int) -> dict[str, Any]:
    held = cells[0] if len(cells) == 1 else {"class_name": "StackedRNNCells", "config": {"cells": cells}}
    first = {"name": "rnn", "trainable": True, "batch_input_shape": [None, 4, 3], "dtype": "float32"}
    return {"class_name": "RNN", "config": {**first, "cell": held, **flags}}


def migrated(folder: Path, layer: dict[str, Any], arrays: list[np.ndarray], **replace: Any) -> Migrated:
    document = layer
    if layer["class_name"] != "Model":
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


def called_on(layer: dict[str, Any], *sizes: tuple[int | None, ...]) -> dict[str, Any]:
    """A model of an RNN that is called on as many inputs."""
    names = [f"in_{i}" for i in range(len(sizes))]
    inputs = [
        {"class_name": "InputLayer", "name": name, "inbound_nodes": [],
         "config": {"name": name, "batch_input_shape": [None, *shape], "dtype": "float32", "sparse": False}}
        for name, shape in zip(names, sizes, strict=True)
    ]  # fmt: skip
    own = {**layer, "name": "rnn", "inbound_nodes": [[[name, 0, 0, {}] for name in names]]}
    own["config"].pop("batch_input_shape", None)
    ends = {"input_layers": [[name, 0, 0] for name in names], "output_layers": [["rnn", 0, 0]]}
    return {"class_name": "Model", "config": {"name": "m", "layers": [*inputs, own], **ends}}


def constant_arrays(sizes: list[int], constants: list[int]) -> list[np.ndarray]:
    """The weights of a stack of WithConstant: kernel, recurrent kernel, a kernel for each constant."""
    shapes = [shape for n, m in pairwise(sizes) for shape in ((n, m), (m, m), *((k, m) for k in constants))]
    return [normal(RANDOM, *shape) for shape in shapes]


@pytest.mark.parametrize("n_steps", [4, None])
@pytest.mark.parametrize("back", [True, False])
@pytest.mark.parametrize(("units", "with_state"), [([2], False), ([2], True), ([2, 5], False)])
@pytest.mark.parametrize("constants", [[3], [1, 4]])
def test_constants_and_states_are_handed_on(
    constants: list[int], units: list[int], with_state: bool, back: bool, n_steps: int | None, tmp_path: Path
) -> None:
    """y = x W + y' U + c V, the constants last among the inputs, as in Keras 2's own tests."""
    cells, arrays = [cell(n, "RNNCellWithConstants") for n in units], constant_arrays([3, *units], constants)
    layer = rnn(cells, go_backwards=back, return_sequences=True, num_constants=len(constants))
    shapes = [(n_steps, 3), *([(units[0],)] if with_state else []), *((k,) for k in constants)]
    x, *rest = given = [normal(RANDOM, 2, *(4 if size is None else size for size in shape)) for shape in shapes]
    y, each = (x[:, ::-1] if back else x), 2 + len(constants)
    for at in range(0, len(arrays), each):
        w, u, *vs = arrays[at : at + each]
        more = sum(c @ v for c, v in zip(rest[with_state:], vs, strict=True))
        y = steps(y, w, u, rest[0] if with_state else 0.0, more)
    made = migrated(tmp_path, called_on(layer, *shapes), arrays, RNNCellWithConstants=WithConstant)
    assert made.needs == ["reprise>WithConstants"]
    assert relative_error(reloaded(made, tmp_path)(given), [y]) < 1e-5


@pytest.mark.parametrize(
    ("kind", "sizes", "said"),
    [
        ("MinimalRNNCell", [(4, 3), (2,)], "Minimal.call takes no `constants`"),
        ("RNNCellWithConstants", [(4, 3), (2, 2)], "steps and constants of other axes"),
        ("RNNCellWithConstants", [(4, 3), (2,), (2,), (2,)], "with 2 states"),
    ],
)
def test_what_a_cell_is_not_handed(kind: str, sizes: Any, said: str, tmp_path: Path) -> None:
    document = called_on(rnn([cell(2, kind)], num_constants=1), *sizes)
    with pytest.raises(InputError, match=said):
        migrated(tmp_path, document, constant_arrays([3, 2], [2]), **CELLS)


@pytest.mark.parametrize(
    ("layer", "given", "said"),
    [
        (rnn([cell(2)]), {}, r"layer rnn: an RNN of MinimalRNNCell .*--replace MinimalRNNCell=.*--replace rnn="),
        (rnn([cell(2), cell(2, "GRUCell")]), {"MinimalRNNCell": Minimal}, "an RNN of GRUCell"),
        (rnn([cell(2)]), {"MinimalRNNCell": lambda x: x}, "an RNN of MinimalRNNCell"),
        (rnn([cell(2)], return_state=True), {"MinimalRNNCell": Minimal}, "with return_state"),
        (rnn([cell(2)], zero_output_for_mask=True), {"MinimalRNNCell": Minimal}, "with zero_output_for_mask"),
    ],
)
def test_refused_by_name(layer: dict[str, Any], given: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        migrated(tmp_path, layer, [normal(RANDOM, 3, 2), normal(RANDOM, 2, 2)], **given)


def test_a_bidirectional_of_one_is_refused_by_name(tmp_path: Path) -> None:
    layer = {"class_name": "Bidirectional", "config": {"name": "both", "layer": rnn([cell(2)]), "merge_mode": "sum"}}
    with pytest.raises(InputError, match="layer both: a Bidirectional of an RNN with a cell of your own"):
        migrated(tmp_path, layer, [normal(RANDOM, 3, 2)] * 4, MinimalRNNCell=Minimal)


def test_a_bidirectional_of_a_layer_of_ones_own_is_refused_by_its_name(tmp_path: Path) -> None:
    inner = {"class_name": "OwnGRU", "config": {"name": "own", "trainable": True, "units": 2}}
    config = {"name": "rnn", "layer": inner, "merge_mode": "concat", "batch_input_shape": [None, 4, 3]}
    layer = {"class_name": "Bidirectional", "config": config}
    with pytest.raises(InputError, match="layer rnn: Bidirectional around a OwnGRU"):
        migrated(tmp_path, layer, [normal(RANDOM, 3, 2), normal(RANDOM, 2, 2), normal(RANDOM, 2)] * 2)
