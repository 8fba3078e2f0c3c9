"""What becomes of a mask: the tables of masks.py's head, class by class, and the numbers of each merge."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS2, TF_KERAS
from reprise_kit.port.keras_legacy.rules import masks
from reprise_kit.port.keras_legacy.rules.context import Context
from reprise_kit.port.keras_legacy.tree import Node
from tests.port.keras_legacy.rules.parts import context, node

LEFT, RIGHT = np.array([[True, True, False]]), np.array([[True, False, False]])
ONE = {"version": (1, 2, 2)}
TWO = {"version": (2, 2, 4), "dialect": KERAS2}


def handed_on(found: Context, made: Node, *given: np.ndarray | None, channels: int = 2) -> Any:
    """The mask of a layer's output for inputs (1, 3, channels) with these masks."""
    inputs = [ops.ones((1, 3, channels)) for _ in given]
    for x, mask in zip(inputs, given, strict=True):
        found.set_mask(x, None if mask is None else ops.convert_to_tensor(mask))
    y = ops.zeros((1, 3, channels))
    masks.carry(found, made, inputs if len(inputs) > 1 else inputs[0], y)
    mask = found.mask(y)
    return mask if mask is None else np.asarray(mask)


KEPT = ("Activation", "BatchNormalization", "Dropout", "GaussianNoise", "PReLU", "TimeDistributed", "ELU", "SReLU")
REFUSED = ("Dense", "Flatten", "Reshape", "Lambda", "Convolution1D", "Permute")


@pytest.mark.parametrize("kind", [*KEPT, "Dense", "ReLU", "AlphaDropout", *REFUSED])
def test_what_keeps_a_mask(kind: str) -> None:
    made = node(kind)
    if kind in KEPT:
        assert np.array_equal(handed_on(context(**ONE), made, LEFT), LEFT)
    else:
        with pytest.raises(InputError, match=f"its input has masked steps, which Keras 1's {kind} refuses"):
            handed_on(context(**ONE), made, LEFT)
    if kind in KEPT or kind in ("Dense", "ReLU", "AlphaDropout"):
        assert np.array_equal(handed_on(context(**TWO), made, LEFT), LEFT)
    elif kind == "Lambda":
        assert handed_on(context(**TWO), made, LEFT) is None
    else:
        with pytest.raises(InputError, match=f"which Keras 2's {kind} refuses"):
            handed_on(context(**TWO), made, LEFT)
    assert handed_on(context(**ONE), made, None) is None


@pytest.mark.parametrize("kind", ["LayerNormalization", "UnitNormalization", "Attention", "AdditiveAttention"])
def test_what_keeps_a_mask_in_tf_keras(kind: str) -> None:
    found = context(version=(2, 15), dialect=TF_KERAS)
    assert np.array_equal(handed_on(found, node(kind), LEFT, RIGHT), LEFT)  # an attention's first input is its query
    with pytest.raises(InputError, match="a MultiHeadAttention on masked steps is not supported"):
        handed_on(found, node("MultiHeadAttention"), LEFT)


@pytest.mark.parametrize("kind", ["Dot", "GlobalAveragePooling1D"])
def test_what_ends_a_mask_in_keras_2(kind: str) -> None:
    assert handed_on(context(**TWO), node(kind), LEFT) is None


@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU", "Bidirectional"])
def test_recurrent_layers_keep_it_with_their_sequences(kind: str, sequences: bool) -> None:
    inner = [node("LSTM", return_sequences=sequences)] if kind == "Bidirectional" else []
    made = node(kind, {}, *inner, **({} if inner else {"return_sequences": sequences}))
    found = handed_on(context(**ONE), made, LEFT)
    assert np.array_equal(found, LEFT) if sequences else found is None


@pytest.mark.parametrize(("kind", "merge_mode", "masked"), [("LSTM", None, 1), ("Bidirectional", None, 2),
                                                            ("Bidirectional", "concat", 1)])  # fmt: skip
def test_states_are_not_masked(kind: str, merge_mode: str | None, masked: int) -> None:
    inner = [node("LSTM", return_sequences=True)] if kind == "Bidirectional" else []
    made, found = node(kind, {}, *inner, merge_mode=merge_mode, return_sequences=True), context(**ONE)
    x, outputs = ops.ones((1, 3, 2)), [ops.zeros((1, 3, 2)) for _ in range(4)]
    found.set_mask(x, ops.convert_to_tensor(LEFT))
    masks.carry(found, made, x, outputs)
    assert [found.mask(y) is not None for y in outputs] == [i < masked for i in range(4)]


@pytest.mark.parametrize("settings", [ONE, TWO])
@pytest.mark.parametrize("mode", ["sum", "mul", "ave", "max", "min", "sub", "dot", "cos"])
def test_merges_and_the_masks_that_there_are(mode: str, settings: dict[str, Any]) -> None:
    made = node("Merge", mode=mode)
    if mode in ("dot", "cos"):
        assert handed_on(context(**settings), made, LEFT, RIGHT) is None
    elif mode in ("sum", "mul", "ave") or settings is TWO:
        assert np.array_equal(handed_on(context(**settings), made, LEFT, RIGHT), LEFT & RIGHT)
        assert np.array_equal(handed_on(context(**settings), made, None, LEFT, RIGHT), LEFT & RIGHT)
        assert np.array_equal(handed_on(context(**settings), made, None, LEFT), LEFT)
        with pytest.raises(InputError, match="refuses these masked inputs"):
            handed_on(context(**settings), made, LEFT, RIGHT[0])
    else:
        with pytest.raises(InputError, match=f"Keras 1 refuses these masked inputs in a Merge by '{mode}'"):
            handed_on(context(**settings), made, LEFT, RIGHT)


@pytest.mark.parametrize(
    ("axis", "given", "channels", "wanted"),
    [
        ({}, (LEFT, RIGHT), 2, LEFT & RIGHT),
        ({"concat_axis": 2}, (LEFT, None), 2, LEFT),
        ({"concat_axis": 1}, (LEFT, RIGHT), 2, np.concatenate([LEFT, RIGHT], 1)),
        ({"concat_axis": -2}, (None, RIGHT), 1, np.concatenate([np.ones((1, 3), bool), RIGHT], 1)),
        ({"concat_axis": 1}, (None, RIGHT), 2, "masked and other inputs of 2 channels"),
        ({"concat_axis": 1}, (LEFT, RIGHT[0]), 2, r"masks with other axes than \(n, n_steps\)"),
    ],
)
def test_joined_masks(axis: Any, given: Any, channels: int, wanted: Any) -> None:
    made = node("Merge", mode="concat", **axis)
    if isinstance(wanted, str):
        with pytest.raises(InputError, match=wanted):
            handed_on(context(**ONE), made, *given, channels=channels)
    else:
        assert np.array_equal(handed_on(context(**ONE), made, *given, channels=channels), wanted)


def test_a_merge_by_a_function_has_no_mask_without_a_function_for_it() -> None:
    assert handed_on(context(**ONE), node("Merge", mode="f", mode_type="lambda"), LEFT, RIGHT) is None
    with pytest.raises(InputError, match="its output_mask function is not one of the known shapes"):
        handed_on(context(**ONE), node("Merge", mode="f", mode_type="lambda", output_mask="gibberish"), LEFT, RIGHT)


@pytest.mark.parametrize(
    ("made", "x", "wanted"),
    [
        (node("Embedding", mask_zero=True), [[1, 0, 2]], [[True, False, True]]),
        (node("Masking"), [[[0, 0], [0, 1], [2, 2]]], [[False, True, True]]),
        (node("Masking", mask_value=2.0), [[[0, 0], [0, 2], [2, 2]]], [[True, True, False]]),
    ],
)
def test_masks_are_made_of_the_input(made: Node, x: Any, wanted: Any) -> None:
    found, y = context(**ONE), ops.zeros((1, 3, 2))
    assert masks.makes(made)
    masks.carry(found, made, ops.convert_to_tensor(np.array(x, "float32")), y)
    assert np.asarray(found.mask(y)).tolist() == wanted
    assert not masks.makes(node("Embedding", mask_zero=False)) and not masks.makes(node("Dense", mask_zero=True))


def test_containers_keep_what_their_layers_made_and_a_convlstm_takes_none() -> None:
    assert handed_on(context(**ONE), node("Sequential"), LEFT) is None  # its own layers have set it
    with pytest.raises(InputError, match="a ConvLSTM2D on masked steps is not supported"):
        handed_on(context(**ONE), node("ConvLSTM2D"), LEFT)
    x, found = keras.Input((3, 2)), context(**ONE)
    assert masks.of_steps(found, node("LSTM"), x) is None
    found.set_mask(x, keras.Input((3,), dtype="bool"))
    assert masks.of_steps(found, node("LSTM"), x) is found.mask(x)
    found.set_mask(x, keras.Input((3, 2), dtype="bool"))
    with pytest.raises(InputError, match="a mask with 3 axes on its steps"):
        masks.of_steps(found, node("LSTM"), x)


@pytest.mark.parametrize("n", [1, 2])
def test_what_stands_in_for_a_layer_keeps_one_mask(n: int) -> None:
    found = handed_on(context(replace={"Dense": len}, **ONE), node("Dense"), *[LEFT] * n)
    assert np.array_equal(found, LEFT) if n == 1 else found is None
