"""Verdicts: another right program is not called wrong, a wrong model is, and what shows nothing is said to."""

import dataclasses
import math

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import build, migrate, verify
from reprise_kit.port.keras_legacy.migrate import Options, migrate_files
from tests.port.keras_legacy.layered import (
    FOLDER,
    LIVE,
    array_of,
    model_of,
    recorded,
    verdict,
    with_config,
    with_weights,
)

f4 = np.float32


def moved(recording, **arrays):
    """Return a recording with some layers' arrays in place of its own, and the outputs with `out_0`."""
    outputs = [arrays.pop("out_0")] if "out_0" in arrays else recording.outputs
    return dataclasses.replace(recording, outputs=outputs, layers={**recording.layers, **arrays})


@pytest.mark.parametrize("name", LIVE)
def test_what_the_old_stack_computed_agrees(name):
    found = verdict(model_of(name), recorded(LIVE[name]))
    assert found.agrees, list(found.lines())
    assert {d.name for d in found.layers} == {d.name for d in found.alone} == set(recorded(LIVE[name]).layers)
    assert found.conclusion == "agrees with the recording"


# Another right program: the same mathematics in float32, rounded elsewhere. Each is beyond the plain tolerance.


def other_logits(recording):
    """The sum of a Dense from the other end, its bias first: logits near 1,000 move by their own rounding."""
    model = model_of("logits")
    kernel, bias = array_of(model, "logits", "W"), array_of(model, "logits", "b")
    z = np.broadcast_to(bias, (4, 6)).astype(f4)
    for row in range(15, -1, -1):
        z = z + recording.inputs[0][:, row : row + 1] * kernel[row]
    e = np.exp(z - z.max(1, keepdims=True))
    p = e / e.sum(1, keepdims=True)
    return moved(recording, logits=z, classes=p, out_0=p)


def other_sign(recording):
    """sigmoid(z) as (tanh(z / 2) + 1) / 2: 2s - 1 near 0 is left with the rounding of 1."""
    model = model_of("cancel")
    z = recording.inputs[0] @ array_of(model, "half", "W") + array_of(model, "half", "b")
    s = ((np.tanh(z * f4(0.5)) + f4(1)) * f4(0.5)).astype(f4) + np.spacing(f4(0.5))
    y = f4(2) * s - f4(1)
    return moved(recording, half=s, signed=y, out_0=y)


def other_relu(recording):
    """Theano's relu, 0.5 (x + |x|), its two x computed apart: a dead unit is left with the rounding of x."""
    x = recording.layers["first_dead"]
    left = f4(0.5) * (x + np.abs(np.nextafter(x, f4(-np.inf))))
    assert 0 < np.abs(left).max() < 1e-5
    return moved(recording, relu_dead=left)


@pytest.mark.parametrize(
    ("name", "program", "touched"),
    [("logits", other_logits, "classes"), ("cancel", other_sign, "signed"), ("dead_branch", other_relu, "relu_dead")],
)
def test_another_right_program_is_not_called_wrong(name, program, touched):
    found = verdict(model_of(name), program(recorded(name)))
    (difference,) = [d for d in found.layers if d.name == touched]
    assert difference.max_rel > verify.TOLERANCE, "this shows nothing of floors"
    assert not found.differing, list(found.lines())


# Wrong models: which layer, alone, is named first. Small ones are near what single precision can tell.


def one_entry(by):
    def change(array):
        array.flat[array.size // 2] += by
        return array

    return change


FAULTS = {
    "kernel reversed": ("image", lambda m: with_weights(m, "conv_a", "W", lambda w: w[:, :, ::-1, ::-1]), "conv_a"),
    "second kernel reversed": ("image", lambda m: with_weights(m, "conv_b", "W", lambda w: w[:, :, ::-1]), "conv_b"),
    "kernel 1e-4 larger": ("image", lambda m: with_weights(m, "conv_b", "W", lambda w: w * 1.0001), "conv_b"),
    "one weight 1e-3 off": ("image", lambda m: with_weights(m, "conv_b", "W", one_entry(1e-3)), "conv_b"),
    "bias 1e-4 off": ("image", lambda m: with_weights(m, "conv_a", "b", one_entry(1e-4)), "conv_a"),
    "epsilon": ("image", lambda m: with_config(m, "normal", epsilon=1e-5), "normal"),
    "variance for std": ("image", lambda m: with_weights(m, "normal", "running_std", np.square), "normal"),
    "activation": ("image", lambda m: with_config(m, "relu_b", activation="softplus"), "relu_b"),
    "gates swapped": ("sequence", lambda m: swapped(m, "lstm_a", "W_i", "W_f"), "lstm_a"),
    "hard_sigmoid of Keras 3": ("sequence", lambda m: with_config(m, "lstm_b", inner_activation="sigmoid"), "lstm_b"),
    "recurrent kernel 1e-4 larger": (
        "sequence",
        lambda m: with_weights(m, "lstm_b", "U_c", lambda u: u * 1.001),
        "lstm_b",
    ),
    "logits 1e-3 off": ("logits", lambda m: with_weights(m, "logits", "W", one_entry(0.02)), "logits"),
    "2s - 1 one percent off": ("cancel", lambda m: with_weights(m, "half", "W", lambda w: w * 1.5), "half"),
    "a dead unit's bias": (
        "dead_branch",
        lambda m: with_weights(m, "first_dead", "b", lambda b: b * 1.0001),
        "first_dead",
    ),
}


def swapped(model, layer, one, other):
    first, second = array_of(model, layer, one), array_of(model, layer, other)
    return with_weights(with_weights(model, layer, one, lambda _: second), layer, other, lambda _: first)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_model_is_found_and_the_layer_named(fault):
    name, spoil, layer = FAULTS[fault]
    found = verdict(spoil(model_of(name)), recorded(LIVE.get(name, name)))
    assert found.conclusion == "does NOT agree with the recording", list(found.lines())
    wrong = [d.name for d in found.alone if not d.within(verify.TOLERANCE)]
    assert wrong[:1] == [layer], list(found.lines())


def test_a_fault_too_small_for_the_logits_shows_in_their_softmax():
    """5e-3 of 1,000 is within the relative tolerance; the softmax, whose floor is that of its logits, tells."""
    spoilt = with_weights(model_of("logits"), "logits", "b", one_entry(5e-3))
    found = verdict(spoilt, recorded("logits"))
    assert [d.name for d in found.differing if d.name == "classes"], list(found.lines())


def test_floors_are_of_the_size_of_rounding():
    """A floor that excused everything would pass the tests of right programs too."""
    from reprise_kit.port.keras_legacy import rounding

    for name in ("image", "sequence", "dead_branch"):
        wanted = recorded(LIVE.get(name, name))
        migrated = build.migrate(model_of(name), "theano")
        tensors = {key: migrated.outputs[key] for key in wanted.layers if key in migrated.outputs}
        graph = rounding.Graph(migrated.model, rounding.connected(migrated.model, tensors), wanted.layers)
        for isolated in (True, False):
            floors = graph.floors(wanted.inputs, isolated)
            values = graph.values(wanted.inputs, isolated)
            largest = max(np.abs(value).max() for value in values.values())
            assert floors and max(floors.values()) <= 30 * rounding.EPS * largest


def test_weights_are_as_they_were_after_the_floors():
    from reprise_kit.port.keras_legacy import rounding

    migrated = build.migrate(model_of("image"), "theano")
    before = [np.array(w) for w in migrated.model.get_weights()]
    rounding.Graph(migrated.model, {"out": migrated.model.outputs[0]}, {}).floors(recorded("image").inputs, False)
    assert all(np.array_equal(a, b) for a, b in zip(before, migrated.model.get_weights(), strict=True))


# What shows nothing.


def test_a_dead_recording_proves_nothing():
    found = verdict(model_of("dead"), recorded("dead"))
    assert not found.agrees and "the same for every sample: the recording proves nothing" in found.conclusion
    assert verdict(model_of("dead"), recorded("dead_live")).agrees


def test_a_dead_layer_is_named():
    found = verdict(model_of("dead_branch"), recorded("dead_branch"))
    assert not found.differing and not found.agrees
    assert found.blind == ["second_dead"] and "proves nothing of 1 layer (second_dead)" in found.conclusion
    # Indeed: whatever its kernel is, nothing recorded tells.
    other = with_weights(model_of("dead_branch"), "second_dead", "W", lambda w: w[..., ::-1] * 3)
    assert not verdict(other, recorded("dead_branch")).differing


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda a: a[:0], "empty"),
        (lambda a: np.full_like(a, np.nan), "NaN or infinity"),
        (lambda a: np.where(a > 0, f4(np.inf), a), "NaN or infinity"),
    ],
)
def test_an_empty_or_wild_recording_proves_nothing(spoil, said):
    wanted = recorded("image")
    spoilt = dataclasses.replace(wanted, inputs=[spoil(a) for a in wanted.inputs], outputs=list(wanted.outputs))
    found = verdict(model_of("image"), spoilt)
    assert not found.agrees and said in found.conclusion and "proves nothing" in found.conclusion
    right = dataclasses.replace(wanted, outputs=[spoil(a) for a in wanted.outputs])
    assert not verdict(model_of("image"), right).agrees


def test_one_sample_can_prove():
    wanted = recorded("image")
    one = dataclasses.replace(
        wanted,
        inputs=[a[:1] for a in wanted.inputs],
        outputs=[a[:1] for a in wanted.outputs],
        layers={name: a[:1] for name, a in wanted.layers.items()},
    )
    assert verdict(model_of("image"), one).agrees
    spoilt = with_weights(model_of("image"), "conv_a", "W", lambda w: w[:, :, ::-1, ::-1])
    assert verdict(spoilt, one).differing


def test_layers_without_a_partner_are_counted_and_named():
    wanted = moved(recorded("image"), other_1=np.ones((4, 2), f4), other_2=np.ones((4, 2), f4))
    found = verdict(model_of("image"), wanted)
    assert found.agrees and found.unpaired == ["other_1", "other_2"]
    assert "2 of 10 recorded layers have no partner: other_1, other_2" in list(found.lines())


def test_another_shape_is_an_infinite_difference():
    wanted = moved(recorded("image"), conv_a=recorded("image").layers["conv_a"][:, :2])
    (difference,) = verdict(model_of("image"), wanted).differing[:1]
    assert difference.name == "conv_a (4, 4, 8, 6) for (4, 2, 8, 6)" and difference.max_rel == math.inf


def test_the_recorded_inputs_must_fit():
    wanted = recorded("image")
    with pytest.raises(InputError, match=r"in_0 is \(4, 1, 8, 6\), it wants \(None, 2, 8, 6\)"):
        verdict(model_of("image"), dataclasses.replace(wanted, inputs=[wanted.inputs[0][:, :1]]))
    with pytest.raises(InputError, match="has 2 inputs, the model 1"):
        verdict(model_of("image"), dataclasses.replace(wanted, inputs=wanted.inputs * 2))


@pytest.mark.parametrize("tolerance", [math.nan, math.inf, 0.0, -1.0])
def test_a_tolerance_is_finite_and_above_0(tolerance, tmp_path):
    with pytest.raises(InputError, match="a finite number above 0"):
        migrate_files(None, FOLDER / "image.h5", tmp_path / "m.keras", Options(tolerance=tolerance))
    assert not list(tmp_path.iterdir())


def test_what_is_verified_is_the_written_file_through_predict(tmp_path, monkeypatch):
    """A fault in writing shows, although the built model is right."""
    golden, whole = FOLDER / "image.npz", FOLDER / "image.h5"
    write = migrate.write

    def spoilt(model, *arguments):
        before = model.get_weights()
        model.set_weights([w * 1.01 for w in before])
        notes = write(model, *arguments)
        model.set_weights(before)
        return notes

    assert migrate_files(None, whole, tmp_path / "a.keras", Options(), golden=golden).agrees
    monkeypatch.setattr(migrate, "write", spoilt)
    report = migrate_files(None, whole, tmp_path / "b.keras", Options(), golden=golden)
    assert [d.name for d in report.verdict.differing] == ["out_0"]
    assert report.explanation.startswith("the built model agrees: the fault is in the written file")
