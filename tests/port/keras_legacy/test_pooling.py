"""Same-padded means of TensorFlow: right by their definition, and never left to a stock layer that pads unevenly."""

import itertools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from reprise_kit.port.keras_legacy.build import Migrated, migrate
from reprise_kit.port.keras_legacy.read import LayerWeights
from reprise_kit.port.keras_legacy.rules import pooling
from tests.port.keras_legacy.models import first, group, layer, model, normal, sequential
from tests.port.keras_legacy.outcome import TOLERANCE, relative_error, reloaded

# sizes, window, steps: padded evenly, unevenly, unevenly along one axis alone, not at all; windows beyond the input
CASES = [
    ((6,), (3,), (2,)),
    ((7,), (3,), (2,)),
    ((5,), (4,), (1,)),
    ((2,), (7,), (2,)),
    ((5, 7), (3, 3), (2, 2)),
    ((6, 7), (2, 3), (2, 2)),
    ((6, 7), (3, 3), (2, 2)),
    ((4, 5), (2, 5), (1, 3)),
    ((4, 5, 6), (3, 2, 3), (2, 2, 2)),
    ((3, 3, 3), (2, 3, 1), (1, 2, 2)),
]


def mean_of_windows(x: np.ndarray, window: tuple[int, ...], steps: tuple[int, ...]) -> np.ndarray:
    """Return the mean of what each window holds of x (n, sizes..., d); windows lie as TensorFlow's "same" puts them."""
    places = []
    for n, k, s in zip(x.shape[1:-1], window, steps, strict=True):
        count = -(-n // s)
        before = max((count - 1) * s + k - n, 0) // 2
        places.append([slice(max(i * s - before, 0), i * s - before + k) for i in range(count)])
    axes, counts = tuple(range(1, x.ndim - 1)), [len(one) for one in places]
    means = [x[(slice(None), *at)].mean(axes) for at in itertools.product(*places)]
    return np.stack(means, 1).reshape(len(x), *counts, x.shape[-1])


def same_mean(window: tuple[int, ...], steps: tuple[int, ...], *sizes: int | None) -> Migrated:
    """Migrate a Keras-1 model of one same-padded mean over two channels."""
    if len(window) == 1:
        own: dict[str, Any] = {"pool_length": window[0], "stride": steps[0]}
    else:
        own = {"pool_size": list(window), "strides": list(steps), "dim_ordering": "tf"}
    pool = layer(f"AveragePooling{len(window)}D", "mean", border_mode="same", **own)
    return migrate(model(sequential(first(pool, *sizes, 2))), "tensorflow")


def drawn(*sizes: int) -> np.ndarray:
    return np.random.RandomState(0).normal(1, 1, (2, *sizes, 2)).astype("float32")


def uneven(made: keras.Model) -> list[str]:
    """Return the stock means whose padding is uneven, or hangs on an open size."""
    found = [one for one in made.layers if type(one).__name__.startswith("Average") and one.padding == "same"]
    axes = {one.name: zip(one.input.shape[1:-1], one.pool_size, one.strides, strict=True) for one in found}
    pads = {name: [pooling.same_padding(*axis) for axis in sizes] for name, sizes in axes.items()}
    return [name for name, all_of in pads.items() if any(pad is None or pad[0] != pad[1] for pad in all_of)]


@pytest.mark.parametrize(("sizes", "window", "steps"), CASES)
def test_is_the_mean_of_what_is_there(sizes: tuple[int, ...], window: tuple[int, ...], steps: tuple[int, ...]) -> None:
    made, x = same_mean(window, steps, *sizes), drawn(*sizes)
    assert relative_error(made.model(x), [mean_of_windows(x, window, steps)]) < TOLERANCE
    assert not made.needs and not uneven(made.model)


@pytest.mark.parametrize(("sizes", "window", "steps"), CASES)
def test_open_sizes(sizes: tuple[int, ...], window: tuple[int, ...], steps: tuple[int, ...], tmp_path: Path) -> None:
    made = same_mean(window, steps, *(None for _ in sizes))
    hangs = any(k > 1 and s > 1 for k, s in zip(window, steps, strict=True))
    assert made.needs == (["reprise>SameMean"] if hangs else []) and not uneven(made.model)
    again = reloaded(made, tmp_path)
    for wider in (0, 1):
        x = drawn(*(n + wider for n in sizes))
        assert relative_error(again([x]), [mean_of_windows(x, window, steps)]) < TOLERANCE


def shared_by(sizes: list[int], shared: dict[str, Any], *groups: LayerWeights) -> Migrated:
    """Migrate a model of one layer that takes an input of each of these sizes."""
    inputs = [first(layer("InputLayer", f"in{n}"), n, 2) for n in sizes]
    for one in inputs:
        one["inbound_nodes"] = []
    shared["inbound_nodes"] = [[[one["name"], 0, 0]] for one in inputs]
    ends = {
        "input_layers": [[one["name"], 0, 0] for one in inputs],
        "output_layers": [[shared["name"], i, 0] for i in range(len(inputs))],
    }
    config = {"class_name": "Model", "config": {"name": "m", "layers": [*inputs, shared], **ends}}
    return migrate(model(config, *groups), "tensorflow")


def test_a_shared_mean_goes_by_each_size() -> None:
    """Its windows lie elsewhere in an input of 6 places than in one of 5."""
    made = shared_by([6, 5], layer("AveragePooling1D", "mean", pool_length=3, stride=2, border_mode="same"))
    xs = [drawn(6), drawn(5)]
    assert relative_error(made.model(xs), [mean_of_windows(x, (3,), (2,)) for x in xs]) < TOLERANCE
    assert not uneven(made.model)


def test_a_shared_convolution_goes_by_each_size() -> None:
    """Old TensorFlow's windows that lie far apart begin 1 place into an input of 7 here, and 0 into one of 5."""
    settings = {"nb_filter": 2, "filter_length": 1, "subsample_length": 4, "border_mode": "same"}
    w = normal(np.random.RandomState(1), 1, 1, 2, 2)
    made = shared_by([7, 5], layer("Convolution1D", "conv", **settings), group("conv", W=w, b=np.zeros(2, "float32")))
    xs, begins = [drawn(7), drawn(5)], (1, 0)
    windows = [x[:, begin::4][:, :2] @ w[0, 0] for x, begin in zip(xs, begins, strict=True)]
    assert relative_error(made.model(xs), windows) < TOLERANCE


def test_a_stock_layer_would_be_uneven() -> None:
    """The check above sees what it is for."""
    x = keras.Input((6, 2))
    assert uneven(keras.Model(x, keras.layers.AveragePooling1D(3, 2, "same", name="mean")(x))) == ["mean"]
