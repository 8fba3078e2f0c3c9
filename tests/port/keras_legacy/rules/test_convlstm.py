"""A ConvLSTM2D by its definition, on images of both orderings, and what is refused by name."""

from typing import Any

import keras
import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS1, KERAS2
from reprise_kit.port.keras_legacy.rules import convlstm
from tests.port.keras_legacy.rules.parts import computed, context, node, numbers

N_IN, N_OUT = 2, 3


def cell(kernel: tuple[int, int] = (3, 3), **config: Any) -> Any:
    """Kernels as TensorFlow keeps them, (k1, k2, n_in, n_out)."""
    shapes = {"W": (*kernel, N_IN, N_OUT), "U": (*kernel, N_OUT, N_OUT), "b": (N_OUT,)}
    parts = [(f"{part}_{gate}", shapes[part]) for gate in "icfo" for part in "WUb"]
    weights = {role: numbers(*shape, seed=i) * np.float32(0.4) for i, (role, shape) in enumerate(parts)}
    sizes = {"nb_filter": N_OUT, "nb_row": kernel[0], "nb_col": kernel[1], "border_mode": "same"}
    acts = {"activation": "tanh", "inner_activation": "hard_sigmoid", "dim_ordering": "tf"}
    return node("ConvLSTM2D", weights, **{**sizes, **acts, "subsample": [1, 1], **config})


def convolved(x: np.ndarray, w: np.ndarray, before: tuple[int, int]) -> np.ndarray:
    """As many places as there are, each window beginning `before` places in front; a correlation."""
    k1, k2 = w.shape[:2]
    x = np.pad(x, [(0, 0), (before[0], k1 - 1 - before[0]), (before[1], k2 - 1 - before[1]), (0, 0)])
    return np.einsum("nijckl,klco->nijo", np.lib.stride_tricks.sliding_window_view(x, (k1, k2), (1, 2)), w)


def states(w: dict[str, np.ndarray], x: np.ndarray, theano: bool = False, valid: bool = False) -> np.ndarray:
    """Theano turns its kernels round, and begins k // 2 places in front; TensorFlow (k - 1) // 2.

    valid: only the windows within the input; those of the states, which keep their size, are padded all the same.
    """
    found, k = [], w["W_i"].shape[:2]
    before = (k[0] // 2, k[1] // 2) if theano else ((k[0] - 1) // 2, (k[1] - 1) // 2)
    turned = {role: a[::-1, ::-1] if theano and role[0] in "WU" else a for role, a in w.items()}
    whole = tuple(slice(b, n - (k_ - 1 - b)) if valid else slice(None)
                  for b, n, k_ in zip(before, x.shape[2:4], k, strict=True))  # fmt: skip
    h = c = np.zeros((1, 1, 1, N_OUT))
    for step in x.swapaxes(0, 1):
        there = {g: convolved(step, turned[f"W_{g}"], before)[:, whole[0], whole[1]] for g in "icfo"}
        h = np.broadcast_to(h, (*there["i"].shape[:3], N_OUT))
        part = {g: there[g] + w[f"b_{g}"] + convolved(h, turned[f"U_{g}"], before) for g in "icfo"}
        i, f, o = (np.clip(0.2 * part[g] + 0.5, 0, 1) for g in "ifo")
        c = f * c + i * np.tanh(part["c"])
        h = o * np.tanh(c)
        found.append(h)
    return np.stack(found, 1)


@pytest.mark.parametrize(
    ("backend", "kernel"), [("tensorflow", (3, 3)), ("tensorflow", (2, 3)), ("theano", (3, 3)), ("theano", (2, 3)),
                            ("theano", (2, 4))]
)  # fmt: skip
@pytest.mark.parametrize(("mode", "sequences"), [("same", True), ("same", False), ("valid", True)])
@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_by_its_definition(backend: str, kernel: tuple[int, int], mode: str, sequences: bool, ordering: str) -> None:
    made = cell(kernel, return_sequences=sequences, dim_ordering=ordering, border_mode=mode)
    x = numbers(1, 2, 4, 5, N_IN, seed=50)
    wanted = states(made.weights, x, backend == "theano", mode == "valid")
    wanted = wanted if sequences else wanted[:, -1]
    if ordering == "th":
        made.weights = {r: a if r[0] == "b" else a.transpose(3, 2, 0, 1) for r, a in made.weights.items()}
        x, wanted = np.moveaxis(x, -1, 2), np.moveaxis(wanted, -1, -3)
    np.testing.assert_allclose(computed(made, x, within=context(backend)), wanted, atol=1e-5)


@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_states_are_given_in_the_images_ordering(ordering: str) -> None:
    made, found = cell(return_state=True, dim_ordering=ordering), context(dialect=KERAS2)
    x = numbers(1, 2, 4, 5, N_IN)
    outputs = computed(made, np.moveaxis(x, -1, 2) if ordering == "th" else x, within=found)
    assert [y.shape for y in outputs] == [(1, N_OUT, 4, 5) if ordering == "th" else (1, 4, 5, N_OUT)] * 3
    np.testing.assert_array_equal(outputs[0], outputs[1])
    with pytest.raises(InputError, match="a ConvLSTM2D with initial states"):
        convlstm._alone(made, [x, x])


@pytest.mark.parametrize(
    ("backend", "dialect", "config", "words"),
    [
        ("theano", KERAS1, {"subsample": [2, 1]}, "a same ConvLSTM2D on Theano with strides"),
        ("theano", KERAS1, {"subsample": [2, 1], "border_mode": "valid"}, None),
        ("theano", KERAS1, {"subsample": [1, 1]}, None),
        ("tensorflow", KERAS1, {"subsample": [1, 5]}, "a same ConvLSTM2D on TensorFlow with such strides"),
        ("tensorflow", KERAS1, {"subsample": [4, 4]}, None),
        ("tensorflow", KERAS2, {"subsample": [5, 5]}, None),
        ("tensorflow", KERAS1, {"subsample": [5, 5], "border_mode": "valid"}, None),
        ("theano", KERAS2, {"atrous_rate": [2, 1], "nb_row": 2}, "a dilated ConvLSTM2D on Theano with an even kernel"),
        ("theano", KERAS2, {"atrous_rate": [2, 1]}, None),
        ("theano", KERAS2, {"nb_row": 2}, None),
        ("tensorflow", KERAS2, {"atrous_rate": [2, 1], "nb_row": 2}, None),
    ],
)
def test_what_theano_did_otherwise_is_refused(backend: str, dialect: Any, config: Any, words: str | None) -> None:
    found = context(backend, dialect=dialect)
    if words:
        with pytest.raises(InputError, match=words):
            convlstm._check(found, cell(**config))
    else:
        convlstm._check(found, cell(**config))
        assert not found.notes


def test_a_subsample_that_keras_1_never_saved_is_said() -> None:
    made, found = cell(), context()
    del made.config["subsample"]
    convlstm._check(found, made)
    assert "does not save a ConvLSTM2D's subsample; taken as (1, 1)" in found.notes[0]
    assert convlstm._strides(made) == convlstm._rate(made) == (1, 1)


@pytest.mark.parametrize(("columns", "channels", "one"), [(4, 1, True), (6, 1, True), (7, 1, False), (4, 2, False)])
def test_a_stride_is_taken_away_only_where_there_is_one_place(columns: int, channels: int, one: bool) -> None:
    stock = keras.layers.ConvLSTM2D(2, (3, 4), strides=(1, 3), padding="valid")
    convlstm._strided(cell(), stock, stock)(keras.Input((2, 10, columns, channels)))
    assert tuple(stock.cell.strides) == ((1, 1) if one else (1, 3)) and stock.cell.padding == "valid"
