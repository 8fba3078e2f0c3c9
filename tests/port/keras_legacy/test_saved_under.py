"""What a recording may decide: a backend only where one reading fits and the other does not."""

import dataclasses

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import recording, saved_under
from reprise_kit.port.keras_legacy.migrate import Options, migrate_files
from reprise_kit.port.keras_legacy.read import LayerWeights
from tests.port.keras_legacy import models
from tests.port.keras_legacy.layered import FOLDER, array_of, model_of, recorded, with_weights
from tests.shared import SHARED, needs_shared

CASES = SHARED / "cases"


def renamed(model, suffix):
    """Return a model whose arrays carry TensorFlow's suffix, or, with `mixed`, only the first of each layer."""
    groups = []
    for g in model.weights:
        names = [name + (":0" if suffix == "all" or i == 0 else "") for i, (name, _) in enumerate(g.arrays)]
        groups.append(LayerWeights(g.layer_name, list(zip(names, (array for _, array in g.arrays), strict=True))))
    return dataclasses.replace(model, weights=groups)


def without(wanted, **changes):
    return dataclasses.replace(wanted, **{"provenance": {}, **changes})


def test_a_live_recording_decides():
    found = saved_under.decide(renamed(model_of("dead"), "mixed"), "auto", without(recorded("dead_live")))
    assert (found.backend, found.sure) == ("theano", "certain, by the recording")


@pytest.mark.parametrize("suffix", ["", "all"])
def test_a_dead_recording_does_not_override_the_names(suffix):
    model = renamed(model_of("dead"), suffix) if suffix else model_of("dead")
    found = saved_under.decide(model, "auto", without(recorded("dead")))
    assert found.backend == ("tensorflow" if suffix else "theano") and found.sure.startswith("by names")
    assert any("the recording proves nothing" in line for line in found.lines)


def test_two_readings_that_fit_name_no_backend():
    """One recorded sample of zeros: every kernel gives the bias."""
    wanted = recorded("dead_live")
    zeros = [np.zeros((1, 1, 6, 6), np.float32)]
    bias = array_of(model_of("dead"), "out", "b")[None]
    fits = without(wanted, inputs=zeros, outputs=[bias], layers={})
    found = saved_under.from_recording(model_of("dead"), fits, 1e-5)
    assert found.backend is None and "this recording cannot tell the backend" in found.lines[-1]
    with pytest.raises(InputError, match="undecided"):
        saved_under.decide(renamed(model_of("dead"), "mixed"), "auto", fits)


def test_inputs_alone_name_no_backend():
    for name in ("dead", "dead_live"):
        found = saved_under.from_recording(model_of("dead"), without(recorded(name), outputs=[], layers={}), 1e-5)
        assert found.backend is None and "decides nothing" in found.lines[-1]


@pytest.mark.parametrize("name", ["sequence", "logits"])
def test_either_where_there_are_no_kernels_to_reverse(name):
    for wanted in (None, recorded(name)):
        found = saved_under.decide(model_of(name), "auto", wanted)
        assert found.either and found.conclusion == "read as saved under either backend (certain)"


def test_either_where_the_kernels_are_symmetric():
    def symmetric(kernel):
        return (kernel + kernel[:, :, ::-1, ::-1]) / 2

    model = with_weights(model_of("dead"), "conv_a", "W", symmetric)
    assert saved_under.decide(renamed(model, "mixed"), "auto", None).either
    assert not saved_under.decide(model_of("dead"), "auto", None).either


def test_the_provenance_settles_what_nothing_else_does():
    model = renamed(model_of("dead"), "mixed")
    found = saved_under.decide(model, "auto", recorded("dead"))
    assert found.backend == "theano" and "provenance" in found.sure
    assert "the recording says that it ran under theano 0.9.0, Keras 1.2.2" in found.lines
    with pytest.raises(InputError, match="undecided"):
        saved_under.decide(model, "auto", without(recorded("dead")))


def test_names_and_recording_that_contradict_each_other_are_a_question():
    """A file of TensorFlow, recorded under Theano: Keras 1 loads it as it is, and computes nonsense."""
    model = renamed(model_of("dead"), "all")
    with pytest.raises(InputError) as caught:
        saved_under.decide(model, "auto", recorded("dead_live"))
    for said in ("the weight names say tensorflow", "fits theano only", "contradiction", "--source-backend"):
        assert said in str(caught.value)
    dead = saved_under.decide(model, "auto", recorded("dead"))
    assert dead.backend == "tensorflow" and any(line.startswith("contradiction") for line in dead.lines)


def test_the_recording_s_keras_version_is_used_where_the_files_record_none(tmp_path):
    normal = models.layer("BatchNormalization", "bn", mode=0, axis=-1, epsilon=1e-3)
    config = models.sequential(models.first(normal, 3))
    ones = np.ones(3, np.float32)
    group = models.group("bn", gamma=ones, beta=0 * ones, running_mean=0 * ones, running_std=2 * ones)
    files = models.save(tmp_path, config, [group])
    with pytest.raises(InputError, match="--keras-version"):
        migrate_files(*files, tmp_path / "m.keras", Options())
    x = models.normal(np.random.RandomState(0), 4, 3)
    y = (x / np.sqrt(np.float32(2.001))).astype(np.float32)
    golden = tmp_path / "golden.npz"
    np.savez(golden, in_0=x, out_0=y, provenance=np.array(b'{"keras": "1.2.2", "backend": "theano"}'))
    report = migrate_files(*files, tmp_path / "m.keras", Options(), golden=golden)
    assert report.agrees and any("Keras version 1.2.2: the recording's" in line for line in report.lines)


def test_a_failed_verification_of_a_dead_recording_advises_nothing(tmp_path):
    report = migrate_files(None, FOLDER / "dead.h5", tmp_path / "m.keras", Options(), golden=FOLDER / "dead.npz")
    assert not report.agrees and not report.explanation
    assert list(report.verdict.lines()) == [report.verdict.nothing]


@needs_shared
def test_the_strangers_dead_model():
    from reprise_kit.port.keras_legacy.read import read

    folder = CASES / "migrate" / "dead_theano"
    model = read(folder / "m.json", folder / "w.h5")
    assert saved_under.decide(model, "auto", recording.load(folder / "golden.npz")).backend == "theano"
    assert saved_under.decide(model, "auto", recording.load(folder / "inputs_only.npz")).backend == "theano"
    live = saved_under.decide(model, "auto", recording.load(folder / "live.npz"))
    assert (live.backend, live.sure) == ("theano", "certain, by the recording")


@needs_shared
@pytest.mark.parametrize(("golden", "agrees"), [("golden", False), ("live", True)])
def test_the_strangers_dead_model_migrates(golden, agrees, tmp_path):
    folder = CASES / "migrate" / "dead_theano"
    files = folder / "m.json", folder / "w.h5", tmp_path / "m.keras"
    report = migrate_files(*files, Options(), golden=folder / f"{golden}.npz")
    assert report.agrees == agrees and (tmp_path / "m.keras").exists()


@needs_shared
def test_the_strangers_cancellation(tmp_path):
    folder = CASES / "migrate" / "cancel"
    report = migrate_files(None, folder / "whole.h5", tmp_path / "m.keras", Options(), golden=folder / "golden.npz")
    assert report.agrees, list(report.verdict.lines())
    assert max(d.max_rel for d in report.verdict.outputs) > 1e-5
