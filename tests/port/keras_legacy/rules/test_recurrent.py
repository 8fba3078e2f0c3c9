"""What the old recurrent layers did at masked steps, and which steps and arrays are whose."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS2
from reprise_kit.port.keras_legacy.rules import recurrent
from tests.port.keras_legacy.rules.parts import computed, context, node, numbers

N_IN, N_UNITS = 3, 2


def arrays(kind: str, prefix: str = "", seed: int = 0) -> dict[str, np.ndarray]:
    if kind == "SimpleRNN":
        shapes = {"W": (N_IN, N_UNITS), "U": (N_UNITS, N_UNITS), "b": (N_UNITS,)}
    else:
        of = {"W": (N_IN, N_UNITS), "U": (N_UNITS, N_UNITS), "b": (N_UNITS,)}
        shapes = {f"{part}_{gate}": of[part] for gate in ("zrh" if kind == "GRU" else "icfo") for part in "WUb"}
    return {prefix + role: numbers(*shape, seed=seed + i) for i, (role, shape) in enumerate(shapes.items())}


def steps(w: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """A SimpleRNN of tanh by its definition: (n, n_steps, n_in) -> (n, n_steps, n_units)."""
    h, found = np.zeros((len(x), N_UNITS)), []
    for step in x.transpose(1, 0, 2):
        h = np.tanh(step @ w["W"] + w["b"] + h @ w["U"])
        found.append(h)
    return np.stack(found, 1)


def simple(**config: Any) -> Any:
    return node("SimpleRNN", arrays("SimpleRNN"), output_dim=N_UNITS, activation="tanh", **config)


@pytest.mark.parametrize("backwards", [True, False])
@pytest.mark.parametrize("sequences", [True, False])
def test_a_simple_rnn_by_its_definition(sequences: bool, backwards: bool) -> None:
    x = numbers(2, 4, N_IN, seed=7)
    made = simple(return_sequences=sequences, go_backwards=backwards)
    wanted = steps(arrays("SimpleRNN"), x[:, ::-1] if backwards else x)
    np.testing.assert_allclose(computed(made, x), wanted if sequences else wanted[:, -1], atol=1e-5)


@pytest.mark.parametrize("backwards", [True, False])
@pytest.mark.parametrize("mode", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize("sequences", [True, False])
def test_both_ways_by_their_definition(sequences: bool, mode: str | None, backwards: bool) -> None:
    """The second pass reads the steps from the other end, and its outputs are put back in the steps' order."""
    sides = {**arrays("SimpleRNN", "forward_"), **arrays("SimpleRNN", "backward_", seed=5)}
    inner = simple(return_sequences=sequences, go_backwards=backwards)
    inner.weights = sides
    x = numbers(2, 4, N_IN, seed=7)
    there = x[:, ::-1] if backwards else x
    first = steps(arrays("SimpleRNN"), there)
    second = steps(arrays("SimpleRNN", seed=5), there[:, ::-1])
    y, back = (first, second[:, ::-1]) if sequences else (first[:, -1], second[:, -1])
    merged = {"concat": np.concatenate([y, back], -1), "sum": y + back, "mul": y * back, "ave": (y + back) / 2}
    found = computed(node("Bidirectional", {}, inner, merge_mode=mode), x)
    for one, wanted in zip(found if mode is None else [found], [merged[mode]] if mode else [y, back], strict=True):
        np.testing.assert_allclose(one, wanted, atol=1e-5)


MASK = np.array([[False, True, False], [True, True, False]])


@pytest.mark.parametrize(("backwards", "wanted"), [(False, [[0, 1, 1], [1, 1, 1]]), (True, [[0, 1, 1], [0, 1, 1]])])
@pytest.mark.parametrize("sequences", [True, False])
def test_steps_before_the_first_seen_repeat_the_initial_state(sequences: bool, backwards: bool, wanted: Any) -> None:
    y = np.ones((2, 3, 4) if sequences else (2, 4), "float32")
    state = np.full((2, 4), 7, "float32")
    found = np.asarray(recurrent._from_state(y, MASK, state, backwards))
    seen = np.array(wanted, bool)[:, :, None] if sequences else np.array(wanted, bool)[:, -1:]
    np.testing.assert_array_equal(found, np.broadcast_to(np.where(seen, 1, 7), y.shape))
    none = np.asarray(recurrent._from_state(y, np.zeros_like(MASK), state, backwards))
    np.testing.assert_array_equal(none, np.full_like(y, 7))


@pytest.mark.parametrize(
    ("backend", "settings", "config", "turned"),
    [
        ("tensorflow", {"version": (1, 1, 0), "legacy_bugs": "keep"}, {}, True),
        ("tensorflow", {"version": (1, 0, 8), "legacy_bugs": "keep"}, {}, True),
        ("tensorflow", {"version": (1, 1, 0), "legacy_bugs": "fix"}, {}, False),
        ("tensorflow", {"version": (1, 0, 7), "legacy_bugs": "keep"}, {}, False),
        ("tensorflow", {"version": (1, 2), "legacy_bugs": "keep"}, {}, False),
        ("tensorflow", {"version": (1, 1, 0), "legacy_bugs": "keep"}, {"unroll": True}, False),
        ("theano", {"version": (1, 1, 0), "legacy_bugs": "keep"}, {}, False),
        ("theano", {}, {}, False),
    ],
)
def test_the_mask_of_a_backward_pass(backend: str, settings: Any, config: Any, turned: bool) -> None:
    for made in (node("LSTM", **config), node("Bidirectional", {}, node("LSTM", **config))):
        found = np.asarray(recurrent._of_backward_pass(context(backend, **settings), made, MASK))
        np.testing.assert_array_equal(found, MASK[::-1, ::-1] if turned else MASK)
    with pytest.raises(InputError, match="a backward pass over masked steps on TensorFlow depends"):
        recurrent._of_backward_pass(context(), node("LSTM"), MASK)


@pytest.mark.parametrize(
    ("backend", "masked", "config", "kept", "from_state"),
    [
        ("tensorflow", True, {"stateful": True}, True, True),
        ("tensorflow", False, {"stateful": True}, False, True),
        ("tensorflow", True, {"stateful": True, "return_sequences": True}, False, True),
        ("tensorflow", True, {"stateful": True, "unroll": True}, False, False),
        ("tensorflow", True, {}, False, True),
        ("theano", True, {"stateful": True}, False, False),
    ],
)
def test_where_a_kept_state_shows(backend: str, masked: bool, config: Any, kept: bool, from_state: bool) -> None:
    found = context(backend, masked=masked)
    assert recurrent._gives_kept_state(found, node("LSTM", **config)) is kept
    assert recurrent._from_state_on(found, node("LSTM", **config)) is from_state


@pytest.mark.parametrize(("config", "words"), [
    ({"time_major": True}, "with time_major is not supported"), ({"num_constants": 1}, "with num_constants"),
    ({"zero_output_for_mask": True}, "with zero_output_for_mask"),
])  # fmt: skip
def test_settings_that_are_refused(config: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        computed(simple(**config), numbers(1, 2, N_IN), within=context(masked=True))
    plain = computed(simple(), numbers(1, 2, N_IN))
    if "zero_output_for_mask" in config:  # harmless where nothing is masked
        np.testing.assert_array_equal(computed(simple(**config), numbers(1, 2, N_IN)), plain)


@pytest.mark.parametrize(("kind", "activation", "wanted", "needs"), [
    ("LSTM", "hard_sigmoid", "hard_sigmoid_k1", True), ("LSTM", "tanh", "tanh", False),
    ("GRU", "hard_sigmoid", "hard_sigmoid", False), ("SimpleRNN", "hard_sigmoid", "hard_sigmoid", False),
])  # fmt: skip
def test_the_activation_of_a_cell(kind: str, activation: str, wanted: str, needs: bool) -> None:
    found = context()
    given = recurrent.cell_activation(found, node(kind, activation=activation))
    assert getattr(given, "__name__", given) == wanted and bool(found.needs) is needs


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.clip(0.2 * x + 0.5, 0, 1)


def test_a_gru_with_the_old_gates_by_its_definition() -> None:
    """recurrent.py of Keras 1: r acts on the state before its product."""
    w, x = arrays("GRU"), numbers(2, 3, N_IN, seed=3)
    made = node("GRU", w, output_dim=N_UNITS, activation="tanh", inner_activation="hard_sigmoid")
    h = np.zeros((2, N_UNITS))
    for step in x.transpose(1, 0, 2):
        z, r = (sigmoid(step @ w[f"W_{g}"] + w[f"b_{g}"] + h @ w[f"U_{g}"]) for g in "zr")
        h = z * h + (1 - z) * np.tanh(step @ w["W_h"] + w["b_h"] + (r * h) @ w["U_h"])
    np.testing.assert_allclose(computed(made, x), h, atol=1e-5)


@pytest.mark.parametrize("activation", ["tanh", "hard_sigmoid"])
def test_an_lstm_with_the_old_gates_by_its_definition(activation: str) -> None:
    w, x = arrays("LSTM"), numbers(2, 3, N_IN, seed=3)
    made = node("LSTM", w, output_dim=N_UNITS, activation=activation, inner_activation="hard_sigmoid")
    act = np.tanh if activation == "tanh" else sigmoid
    h = c = np.zeros((2, N_UNITS))
    for step in x.transpose(1, 0, 2):
        i, f, o = (sigmoid(step @ w[f"W_{g}"] + w[f"b_{g}"] + h @ w[f"U_{g}"]) for g in "ifo")
        c = f * c + i * act(step @ w["W_c"] + w["b_c"] + h @ w["U_c"])
        h = o * act(c)
    np.testing.assert_allclose(computed(made, x), h, atol=1e-5)


@pytest.mark.parametrize(("b", "of_cudnn"), [((8,), False), ((16,), True), ((2, 8), False), (None, False)])
def test_arrays_of_a_cudnn_layer(b: Any, of_cudnn: bool) -> None:
    given = {"W": np.zeros((3, 8)), "U": np.zeros((2, 8))} | ({} if b is None else {"b": np.zeros(b)})
    assert recurrent._of_cudnn(node("LSTM"), given) is of_cudnn
    assert not recurrent._of_cudnn(node("LSTM"), {"b": np.zeros(8)})


def test_arrays_that_a_file_lacks_are_named() -> None:
    lacking = arrays("SimpleRNN")
    del lacking["U"]
    with pytest.raises(InputError, match="the file holds no U"):
        computed(node("SimpleRNN", lacking, output_dim=N_UNITS, activation="tanh"), numbers(1, 2, N_IN))


@pytest.mark.parametrize(("kind", "inner", "config", "words"), [
    ("Bidirectional", "ConvLSTM2D", {}, "Bidirectional around a ConvLSTM2D"),
    ("Bidirectional", "LSTM", {"backward_layer": {}, "num_constants": 1}, "with a backward_layer or constants"),
    ("Bidirectional", "LSTM", {"backward_layer": {"a": 1}}, "with a backward_layer or constants"),
])  # fmt: skip
def test_wrappers_that_are_refused(kind: str, inner: str, config: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        computed(node(kind, {}, node(inner), merge_mode="sum", **config), numbers(1, 2, N_IN))


def test_masked_steps_of_a_stateful_sequence_are_refused() -> None:
    found, x = context(masked=True), keras.Input(batch_shape=(2, 3, N_IN))
    found.set_mask(x, keras.Input(batch_shape=(2, 3), dtype="bool"))
    with pytest.raises(InputError, match="a stateful sequence of masked steps"):
        recurrent.recurrent(found, simple(stateful=True, return_sequences=True))(x)


@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize("unroll", [True, False])
@pytest.mark.parametrize("backend", ["theano", "tensorflow"])
def test_initial_states_at_masked_first_steps(backend: str, unroll: bool, sequences: bool) -> None:
    """TensorFlow's loop repeats the state before it, the others give 0 until a step is seen."""
    found = context(backend, masked=True, version=(2, 2, 4), dialect=KERAS2)
    x, mask, state = ops.ones((1, 2, N_IN)), ops.convert_to_tensor([[False, False]]), ops.full((1, N_UNITS), 7.0)
    found.set_mask(x, mask)
    y = recurrent.recurrent(found, simple(return_sequences=sequences, unroll=unroll))([x, state])
    repeats = backend == "tensorflow" and not unroll
    np.testing.assert_array_equal(np.unique(y), [7 if repeats else 0])
