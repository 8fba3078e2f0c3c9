"""Layers beyond the memory there is are compared on some samples, outputs on all; what samples share is not cut."""

import dataclasses

import numpy as np
import pytest

from reprise_kit.port.keras_legacy import build, recording, verify
from tests.port.keras_legacy.layered import model_of, recorded, with_weights


@pytest.fixture(autouse=True)
def little(monkeypatch):
    monkeypatch.setattr(recording, "MOST", 1)


def test_it_is_said_and_agrees():
    found = verify.compare(build.migrate(model_of("image"), "theano"), recorded("image"))
    assert found.agrees and len(found.alone) == len(recorded("image").layers)
    assert "layers were compared on 2 of 4 samples, for want of memory" in list(found.lines())


def test_a_wrong_kernel_is_named():
    spoilt = with_weights(model_of("image"), "conv_a", "W", lambda w: w[:, :, ::-1, ::-1])
    found = verify.compare(build.migrate(spoilt, "theano"), recorded("image"))
    assert next(d.name for d in found.alone if not d.within(verify.TOLERANCE)) == "conv_a"


@pytest.mark.parametrize("sample", range(4))
def test_the_output_of_any_sample_counts(sample):
    whole, migrated = recorded("image"), build.migrate(model_of("image"), "theano")
    outputs = [whole.outputs[0].copy()]
    outputs[0][sample] += 1
    found = verify.compare(
        migrated, dataclasses.replace(whole, outputs=outputs), predict=lambda given: verify.run(migrated.model, given)
    )
    assert [d.name for d in found.differing] == ["out_0"]


@pytest.mark.parametrize("shared", [False, True])
def test_samples_that_depend_on_each_other_stay_together(shared):
    import keras

    clip = keras.Input((5,))
    mean = keras.layers.Lambda(lambda x: x - keras.ops.mean(x, axis=0 if shared else -1, keepdims=True))(clip)
    samples = np.random.RandomState(1).normal(size=(6, 5)).astype(np.float32)
    whole = recording.Recording([samples], [samples], {"layer": samples}, {})
    found = verify._fewer(keras.Model(clip, mean), whole)
    assert (found is whole) == shared
    assert shared or len(found.layers["layer"]) == 2


def test_they_are_spread_over_the_recording(monkeypatch):
    samples = np.zeros((12, 100), np.float32)
    whole = recording.Recording([samples], [samples], {"layer": samples}, {})
    monkeypatch.setattr(recording, "MOST", samples.nbytes // 3)
    assert recording.few(whole).tolist() == [0, 4, 7, 11]
    monkeypatch.setattr(recording, "MOST", samples.nbytes)
    assert recording.few(whole) is None
