"""The CRNN tagger against the real Keras 1.1.0 and 1.0.6 on Theano 0.8.2, and its README's own numbers."""

import keras
import numpy as np
import pytest

from compare.system import ROOT
from compare.verdict import first_difference
from port.choi import front_end
from port.choi.blocks import KERAS_106_THEANO, KERAS_110, Statistics
from port.choi.tags import TAGS
from port.errors import InputError
from port.keras1 import convert
from port.music_tagger_crnn import model as crnn
from port.music_tagger_crnn.pipeline import open_pipeline
from tests.port.choi import golden
from tests.shared import needs_shared

pytestmark = needs_shared

WEIGHTS = golden.DATA / "music_tagger_crnn_weights_theano.h5"
RAW = "music_tagger_crnn_layers_k1.1.0.npz"
STANDARDISED = "music_tagger_crnn_layers_standardised_input_k1.0.6.npz"
N_LAYERS = 22  # of the model's that have an output worth comparing: all but the input and five dropouts

# Upstream's README, section Result: the ten strongest tags of each song.
README = {
    "cute": "jazz .444 instrumental .151 folk .103 Hip-Hop .103 ambient .077 guitar .068 rock .058 acoustic .054 "
    "experimental .051 electronic .042",
    "actionable": "jazz .416 instrumental .181 Hip-Hop .085 folk .085 rock .081 ambient .068 guitar .062 "
    "Progressive_rock .048 experimental .046 acoustic .046",
    "dubstep": "Hip-Hop .245 rock .183 alternative .081 electronic .076 alternative_rock .053 metal .051 indie .028 "
    "instrumental .027 electronica .024 hard_rock .023",
    "thejazzpiano": "jazz .299 instrumental .174 electronic .089 ambient .061 chillout .052 rock .044 guitar .044 "
    "funk .033 chill .032 Progressive_rock .029",
}


def load(statistics: Statistics = KERAS_110, backend: str = "theano") -> keras.Model:
    return crnn.load(WEIGHTS, backend, statistics)


@pytest.mark.parametrize(("name", "statistics"), [(RAW, KERAS_110), (STANDARDISED, KERAS_106_THEANO)])
def test_every_layer_equals_the_original(name: str, statistics: Statistics) -> None:
    verdicts = golden.verdicts(load(statistics), name)
    assert len(verdicts) == N_LAYERS
    assert first_difference(verdicts) is None
    assert verdicts[-1].stage == "output"
    assert verdicts[-1].max_abs is not None and verdicts[-1].max_abs < 1e-5


def test_forty_values_of_the_readme() -> None:
    model, checked = load(), 0
    for clip, text in README.items():
        tags = dict(zip(TAGS, np.asarray(model(golden.published(clip), training=False))[0], strict=True))
        words = text.split()
        for tag, value in zip(words[::2], words[1::2], strict=True):
            assert f"{tags[tag.replace('_', ' ')]:.3f}" == f"0{value}", (clip, tag)
            checked += 1
    assert checked == 40


def test_tensorflow_weights() -> None:
    model = crnn.load(golden.DATA / "music_tagger_crnn_weights_tensorflow.h5", "tensorflow")
    with np.load(golden.GOLDEN / "music_tagger_crnn_tensorflow.npz") as stored:
        for clip, tags in zip(golden.CLIPS, stored["probs_from_npy_single"], strict=True):
            np.testing.assert_allclose(model(golden.published(clip))[0], tags, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("shift", "suffix"), [(0, ""), (front_end.AUTHORS_SHIFT, "_shift144")])
def test_from_the_mp3_as_the_original_with_scikits_samplerate(shift: int, suffix: str) -> None:
    pytest.importorskip("samplerate", reason="the package samplerate is not installed")
    pipeline = open_pipeline(WEIGHTS, "theano", resampler="sinc_best", window_shift=shift)
    with np.load(golden.GOLDEN / "music_tagger_crnn_theano.npz") as stored:
        for i, clip in enumerate(golden.CLIPS):
            traced = pipeline.trace(golden.song(clip)).arrays
            melgram = stored[f"melgram_from_mp3{suffix}"][i, 0]
            np.testing.assert_allclose(traced["melgram"], melgram, rtol=0, atol=1e-5)
            np.testing.assert_allclose(traced["tags"], stored[f"probs_from_mp3{suffix}"][i], rtol=0, atol=1e-5)


def test_the_resampler_is_what_moves_the_mel_spectrogram() -> None:
    """SciPy's resampler instead of libsamplerate: quiet bands move by decibels, the saturated tags hardly."""
    pipeline = open_pipeline(WEIGHTS, "theano")
    with np.load(golden.GOLDEN / "music_tagger_crnn_theano.npz") as stored:
        i = golden.CLIPS.index("actionable")
        traced = pipeline.trace(golden.song("actionable")).arrays
        assert 5 < np.abs(traced["melgram"] - stored["melgram_from_mp3"][i, 0]).max() < 40
        assert np.abs(traced["tags"] - stored["probs_from_mp3"][i]).max() < 1e-4


def test_the_authors_arrays_start_144_samples_later() -> None:
    pytest.importorskip("samplerate", reason="the package samplerate is not installed")
    stored = golden.published("cute")[0, :, :, 0]
    shifts = (0, front_end.AUTHORS_SHIFT)
    made = [open_pipeline(WEIGHTS, "theano", resampler="sinc_best", window_shift=s) for s in shifts]
    asis, shifted = (np.abs(p.trace(golden.song("cute")).arrays["melgram"] - stored).mean() for p in made)
    assert shifted < asis / 10


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


def test_variance_read_as_a_std() -> None:
    assert first(load(Statistics("std", 1e-5)), RAW) == "bn_0_freq"


def test_gates_swapped(monkeypatch: pytest.MonkeyPatch) -> None:
    swapped = {"z": "r", "r": "z", "h": "h"}

    def gates(arrays: dict[str, np.ndarray], hard: bool) -> list[np.ndarray]:
        return real({f"{role[0]}_{swapped[role[2]]}": array for role, array in arrays.items()}, hard)

    real = convert.gru_gates
    monkeypatch.setattr(convert, "gru_gates", gates)
    assert first(load(KERAS_106_THEANO)) == "gru1"


def test_keras_3_hard_sigmoid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crnn, "hard_sigmoid_k1", "hard_sigmoid")
    assert first(load(KERAS_106_THEANO)) == "gru1"


def test_padding_on_one_side(monkeypatch: pytest.MonkeyPatch) -> None:
    real = keras.layers.ZeroPadding2D
    monkeypatch.setattr(keras.layers, "ZeroPadding2D", lambda padding, name: real(((0, 0), (36, 38)), name=name))
    assert first(load(KERAS_106_THEANO)) == "zeropadding2d_1"


def test_a_small_change_that_raw_input_hides() -> None:
    """bn4's gamma + 1 %: less than 1e-6 in the tags of raw input, but seen at its layer."""
    models = load(), load()
    gamma, *others = models[1].get_layer("bn4").get_weights()
    models[1].get_layer("bn4").set_weights([gamma * np.float32(1.01), *others])
    entering = golden.network_input(RAW)
    right, broken = (np.asarray(m(entering, training=False)) for m in models)
    assert np.abs(right - broken).max() < 1e-6
    assert first(models[1], RAW) == "bn4"


def test_other_weights_are_refused() -> None:
    with pytest.raises(InputError, match="weights of another model, which differs in the layers"):
        crnn.load(golden.DATA / "music_tagger_cnn_weights_theano.h5", "theano")


def test_unknown_options_are_refused() -> None:
    with pytest.raises(InputError, match="network_input"):
        open_pipeline(WEIGHTS, "theano", network_input="log")
    with pytest.raises(InputError, match="resampler"):
        open_pipeline(WEIGHTS, "theano", resampler="kaiser").trace(golden.song("cute"))


def test_standardised_input_makes_sense_of_the_songs() -> None:
    """Read as a standard deviation and fed standardised decibels, the piano song is jazz first."""
    pipeline = open_pipeline(WEIGHTS, "theano", KERAS_106_THEANO, network_input="standardised")
    answer = pipeline.predict(golden.song("thejazzpiano"))
    assert TAGS[int(answer.clip_probs.argmax())] == "jazz"
    assert answer.notes[-1].startswith("only the middle 29.12 of ")


def test_standardised_silence_is_finite() -> None:
    pipeline = open_pipeline(WEIGHTS, "theano", KERAS_106_THEANO, network_input="standardised")
    answer = pipeline.predict(ROOT / "tests/clips/silence.wav")
    assert np.isfinite(answer.clip_probs).all()
    assert not front_end.standardised(np.full((96, 1366), -100.0)).any()
