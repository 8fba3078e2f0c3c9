"""Which dim_ordering a silent layer takes, and along which axis an old Dense added its bias."""

from typing import Any

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS1, KERAS2, TF_KERAS
from reprise_kit.port.keras_legacy.rules import ordering
from tests.port.keras_legacy.rules.parts import context, node


def silent(*recorded: str | None) -> Any:
    """A Sequential of paddings, of which those of None record no dim_ordering."""
    layers = [node("ZeroPadding2D", **({"dim_ordering": own} if own else {})) for own in recorded]
    for i, layer in enumerate(layers):
        layer.name = f"pad{i}"
    return node("Sequential", {}, *layers)


@pytest.mark.parametrize(
    ("recorded", "settled"),
    [
        (["th", None, "th"], {"pad1": "th"}),
        ([None, "tf", None, None], {"pad0": "tf", "pad2": "tf", "pad3": "tf"}),
        ([None, None], {}),
        (["th", None, "tf"], {}),
        (["th", None, None, "th", "tf"], {}),  # a model of both: no neighbour tells
        ([None, "th"], {"pad0": "th"}),
    ],
)
def test_silent_layers_go_by_their_neighbours(recorded: list[str | None], settled: dict[str, str]) -> None:
    root, found = silent(*recorded), context("theano")
    left = ordering.infer(found, root)
    by_name = {layer.name: found.inferred.get(id(layer)) for layer in root.children}
    assert {name: own for name, own in by_name.items() if own} == settled
    assert {layer.name for layer in left} == {f"pad{i}" for i, own in enumerate(recorded) if not own} - set(settled)
    said = [
        f"dim_ordering {own} taken from the layers beside them for {', '.join(settled)}" for own in settled.values()
    ]
    assert found.notes == said[:1]
    if left:
        ordering.settle(found, left, "tf")
        assert {found.ordering(layer) for layer in left} == {"tf"}
        assert "dim_ordering tf taken from the sizes that fit for pad" in found.notes[-1]


def test_what_is_said_needs_no_neighbours() -> None:
    root, found = silent("th", None), context("theano", dim_ordering="tf")
    assert ordering.infer(found, root) == [] and not found.inferred and not found.notes
    assert [found.ordering(layer) for layer in root.children] == ["th", "tf"]
    with pytest.raises(InputError, match="its dim_ordering is not recorded"):
        context().ordering(root.children[1])


def test_no_other_class_is_silent() -> None:
    root = node("Sequential", {}, node("Flatten"), node("Convolution2D", dim_ordering="th"))
    assert ordering.infer(context(), root) == []


SHAPES = {3: (1, 4, 5), 4: (1, 4, 6, 5), 5: (1, 4, 6, 7, 5)}


@pytest.mark.parametrize("rank", [3, 4, 5])
@pytest.mark.parametrize(
    ("settings", "units", "along_1"),
    [
        ({"dim_ordering": "th"}, 4, True),
        ({"dim_ordering": "tf"}, 4, False),
        ({"dim_ordering": "th"}, 3, False),  # which failed
        ({"dim_ordering": "th", "version": (2, 2, 1)}, 4, False),
        ({"dim_ordering": "th", "dialect": KERAS1}, 4, False),
        ({"dim_ordering": "th", "dialect": TF_KERAS}, 4, False),
        ({}, 4, False),
        ({"has_th": True}, 4, None),
        ({"has_th": True}, 3, False),
    ],
)
def test_the_bias_of_a_dense_before_keras_2_2_1(settings: Any, units: int, along_1: bool | None, rank: int) -> None:
    """K.bias_add with keras.json's channels_first (backend/*.py of Keras 2.0.0 to 2.2.0)."""
    found = context(**{"dialect": KERAS2, "version": (2, 2, 0), **settings})
    x = np.ones(SHAPES[rank])
    if along_1 is None:
        with pytest.raises(InputError, match="say it with --dim-ordering th or tf"):
            ordering.biased_along_1(found, node("Dense"), x, units)
    else:
        assert ordering.biased_along_1(found, node("Dense"), x, units) is along_1
        assert len(found.notes) == (settings == {})


def test_a_bias_of_one_number_or_of_a_row_lies_along_the_last_axis() -> None:
    found = context(dialect=KERAS2, version=(2, 0, 0), dim_ordering="th")
    assert not ordering.biased_along_1(found, node("Dense"), np.ones((1, 1, 5)), 1)
    assert not ordering.biased_along_1(found, node("Dense"), np.ones((1, 4)), 4)
    assert not ordering.biased_along_1(found, node("Dense"), np.ones((1, 4, 1, 1, 1, 5)), 4)
    by_default = context(dialect=KERAS2, version=(2, 0, 0))
    assert not ordering.biased_along_1(by_default, node("Dense"), np.ones((1, 3, 5)), 4) and not by_default.notes
