"""ConvLSTM2D of one channel with strides, where its kernel has a single place: TensorFlow 2.20 reads beyond it."""

from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.build import migrate
from reprise_kit.port.keras_legacy.rules import convlstm
from tests.port.keras_legacy.models import first, group, layer, model, normal, sequential

RANDOM = np.random.RandomState(4)
N_STEPS, ROWS, FILTERS, KERNEL, STRIDES = 2, 10, 2, (3, 4), (1, 3)


def _source(columns: int, border_mode: str) -> Any:
    cell = {"activation": "tanh", "inner_activation": "sigmoid", "border_mode": border_mode, "dim_ordering": "tf"}
    sizes = {"nb_filter": FILTERS, "nb_row": KERNEL[0], "nb_col": KERNEL[1], "subsample": list(STRIDES)}
    config = sequential(first(layer("ConvLSTM2D", "c", **sizes, **cell), N_STEPS, ROWS, columns, 1))
    shapes = {"W": (*KERNEL, 1, FILTERS), "U": (*KERNEL, FILTERS, FILTERS), "b": (FILTERS,)}
    arrays = {f"{part}_{gate}": normal(RANDOM, *shapes[part]) for gate in "icfo" for part in "WUb"}
    return model(config, group("c", **arrays))


def _two_channels(made: Any, columns: int, padding: str) -> Any:
    """The same layer as Keras says it, on images with a second channel that is 0: not where TensorFlow errs."""
    kernel, *others = made.get_weights()
    cell = {"activation": "tanh", "recurrent_activation": "sigmoid", "strides": STRIDES, "padding": padding}
    same = keras.layers.ConvLSTM2D(FILTERS, KERNEL, **cell)
    x = keras.Input((N_STEPS, ROWS, columns, 2))
    other = keras.Model(x, same(x))
    other.set_weights([np.concatenate([kernel, np.zeros_like(kernel)], 2), *others])
    return other


CASES = [(4, "valid"), (2, "same")]


def _answers(columns: int, border_mode: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The migrated layer's answer, and the right one."""
    x = normal(RANDOM, 3, N_STEPS, ROWS, columns, 1)
    made = migrate(_source(columns, border_mode), "tensorflow").model
    expected = _two_channels(made, columns, border_mode).predict(np.concatenate([x, 0 * x], -1), verbose=0)
    return made.predict(x, verbose=0), expected


@pytest.mark.parametrize(("columns", "border_mode"), CASES)
def test_one_place(columns: int, border_mode: str) -> None:
    """Real Keras 2.2.4 on TensorFlow 1.15 agrees to 5e-7."""
    found, expected = _answers(columns, border_mode)
    assert np.allclose(found, expected, atol=1e-5)


def test_without_the_rule_one_place_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """By 1.1 to 1.4, relative, or not a number: what lies beyond the input is chance, and read by some processors."""
    monkeypatch.setattr(convlstm, "one_place", lambda *_: [])
    assert not all(np.allclose(*_answers(*case), atol=1e-2) for case in CASES * 3)


def test_sizes_that_differ_are_refused() -> None:
    stock = keras.layers.ConvLSTM2D(FILTERS, KERNEL, strides=STRIDES)
    node = type("Node", (), {"name": "c"})
    apply = convlstm._strided(node, stock, stock)
    apply(keras.Input((N_STEPS, ROWS, 4, 1)))
    with pytest.raises(InputError, match="layer c: it is shared by images"):
        apply(keras.Input((N_STEPS, ROWS, 9, 1)))
