"""The CNN tagger against the real Keras 1.0.6 on Theano 0.8.2."""

import keras
import numpy as np
import pytest

from compare.verdict import first_difference
from port.choi import front_end
from port.choi.blocks import KERAS_106_THEANO, Statistics
from port.errors import InputError
from port.music_tagger_cnn import model as cnn
from port.music_tagger_cnn.pipeline import open_pipeline
from tests.port.choi import golden
from tests.shared import needs_shared

pytestmark = needs_shared

WEIGHTS = golden.DATA / "music_tagger_cnn_weights_theano.h5"
RAW = "music_tagger_cnn_layers_k1.0.6.npz"
STANDARDISED = "music_tagger_cnn_layers_standardised_input_k1.0.6.npz"
N_LAYERS = 23  # of the model's that have an output worth comparing: all but the input and five dropouts


def load(statistics: Statistics = KERAS_106_THEANO, backend: str = "theano") -> keras.Model:
    return cnn.load(WEIGHTS, backend, statistics)


@pytest.mark.parametrize(("name", "statistics"), [(RAW, KERAS_106_THEANO), (STANDARDISED, KERAS_106_THEANO)])
def test_every_layer_equals_the_original(name: str, statistics: Statistics) -> None:
    verdicts = golden.verdicts(load(statistics), name)
    assert len(verdicts) == N_LAYERS
    assert first_difference(verdicts) is None
    assert verdicts[-1].stage == "output"
    assert verdicts[-1].max_abs is not None and verdicts[-1].max_abs < 1e-5


def test_tensorflow_read_the_same_file_wrongly() -> None:
    """Keras 1.0.6 on TensorFlow took the standard deviation for a variance: a silent error, reproduced by its name."""
    as_it_ran = Statistics("variance", 1e-6)
    model = cnn.load(golden.DATA / "music_tagger_cnn_weights_tensorflow.h5", "tensorflow", as_it_ran)
    with np.load(golden.GOLDEN / "music_tagger_cnn_tensorflow.npz") as stored:
        for clip, tags in zip(golden.CLIPS, stored["probs_from_npy_single"], strict=True):
            np.testing.assert_allclose(model(golden.published(clip))[0], tags, rtol=0, atol=1e-5)
        right = load()(golden.published("cute"))[0]
        assert np.abs(right - stored["probs_from_npy_single"][0]).max() > 0.5


@pytest.mark.parametrize(("shift", "suffix"), [(0, ""), (front_end.AUTHORS_SHIFT, "_shift144")])
def test_from_the_mp3_as_the_original_with_scikits_samplerate(shift: int, suffix: str) -> None:
    pytest.importorskip("samplerate", reason="the package samplerate is not installed")
    pipeline = open_pipeline(WEIGHTS, "theano", resampler="sinc_best", window_shift=shift)
    with np.load(golden.GOLDEN / "music_tagger_cnn_theano.npz") as stored:
        for i, clip in enumerate(golden.CLIPS):
            traced = pipeline.trace(golden.song(clip)).arrays
            np.testing.assert_allclose(traced["tags"], stored[f"probs_from_mp3{suffix}"][i], rtol=0, atol=1e-5)


def test_the_resampler_moves_the_tags() -> None:
    """SciPy's resampler instead of libsamplerate: a hundredth, because this network is not saturated."""
    pipeline = open_pipeline(WEIGHTS, "theano")
    with np.load(golden.GOLDEN / "music_tagger_cnn_theano.npz") as stored:
        i = golden.CLIPS.index("actionable")
        tags = pipeline.predict(golden.song("actionable")).clip_probs
        assert 1e-3 < np.abs(tags - stored["probs_from_mp3"][i]).max() < 2e-2


def test_the_stored_statistics_are_of_standardised_input() -> None:
    """The evidence for the option: spread of the activations on real songs over the stored running_std."""
    model = load(KERAS_106_THEANO)
    for number in range(1, 5):
        assert golden.spread_over_stored(model, RAW, number) > 5
        assert golden.spread_over_stored(model, STANDARDISED, number) == pytest.approx(1, abs=0.1)


# Broken on purpose: `diff` names the layer that was broken, not the output.


def first(model: keras.Model, name: str = STANDARDISED) -> str | None:
    fault = first_difference(golden.verdicts(model, name))
    return None if fault is None else fault.stage


def test_kernels_not_flipped() -> None:
    assert first(load(KERAS_106_THEANO, backend="tensorflow")) == "conv1_slice"


def test_std_read_as_a_variance() -> None:
    assert first(load(Statistics("variance", 1e-6))) == "bn_0_freq"


def test_other_weights_are_refused() -> None:
    with pytest.raises(InputError, match="weights of another model, which differs in the layers"):
        cnn.load(golden.DATA / "music_tagger_crnn_weights_theano.h5", "theano")
