"""Both taggers against the real Keras 1.0.6 and 1.1.0 on Theano 0.8.2, and the CRNN against its README's numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.system import ROOT
from reprise_kit.compare.verdict import first_difference
from reprise_kit.port.keras_legacy import convert
from reprise_kit.port.music_tagger_cnn import model as cnn
from reprise_kit.port.music_tagger_cnn.pipeline import open_pipeline as open_cnn
from reprise_kit.port.music_tagger_crnn import model as crnn
from reprise_kit.port.music_tagger_crnn.pipeline import open_pipeline as open_crnn
from reprise_kit.port.shared.choi import front_end
from reprise_kit.port.shared.choi.blocks import KERAS_106_THEANO, KERAS_110, Statistics
from reprise_kit.port.shared.choi.tagger import Options, TaggerPipeline
from reprise_kit.port.shared.choi.tags import TAGS
from tests.port.choi import golden
from tests.shared import needs_shared

AUTHORS_SHIFT = 144  # samples by which the windows of the author's published arrays start later (decoder delay)

pytestmark = needs_shared


@dataclass(frozen=True)
class Tagger:
    """One of the two. raw: what the original's layers gave for raw decibels, with `statistics`.

    n_layers: of those that have an output worth comparing, all but the input and five dropouts.
    """

    name: str
    model: ModuleType
    open: Callable[..., TaggerPipeline]
    raw: str
    statistics: Statistics
    n_layers: int

    @property
    def standardised(self) -> str:
        return f"{self.name}_layers_standardised_input_k1.0.6.npz"

    @property
    def weights(self) -> Path:
        return golden.DATA / f"{self.name}_weights_theano.h5"

    def load(self, statistics: Statistics | None = None, backend: str = "theano") -> keras.Model:
        return self.model.load(self.weights, backend, statistics or self.statistics)

    def first(self, model: keras.Model, recorded: str | None = None) -> str | None:
        """Name the first layer that differs, by default on standardised input."""
        fault = first_difference(golden.verdicts(model, recorded or self.standardised))
        return None if fault is None else fault.stage


CNN = Tagger("music_tagger_cnn", cnn, open_cnn, "music_tagger_cnn_layers_k1.0.6.npz", KERAS_106_THEANO, 23)
CRNN = Tagger("music_tagger_crnn", crnn, open_crnn, "music_tagger_crnn_layers_k1.1.0.npz", KERAS_110, 22)
both = pytest.mark.parametrize("tagger", [CNN, CRNN], ids=lambda tagger: tagger.name)

# The CRNN's README, section Result: the ten strongest tags of each song.
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


@both
@pytest.mark.parametrize("standardised", [False, True], ids=["raw", "standardised"])
def test_every_layer_equals_the_original(tagger: Tagger, standardised: bool) -> None:
    model = tagger.load(KERAS_106_THEANO) if standardised else tagger.load()
    verdicts = golden.verdicts(model, tagger.standardised if standardised else tagger.raw)
    assert len(verdicts) == tagger.n_layers
    assert first_difference(verdicts) is None
    assert verdicts[-1].stage == "output"
    assert verdicts[-1].max_abs is not None and verdicts[-1].max_abs < 1e-5


def test_forty_values_of_the_readme() -> None:
    model, checked = CRNN.load(), 0
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


def test_tensorflow_read_the_same_file_wrongly() -> None:
    """Keras 1.0.6 on TensorFlow took the standard deviation for a variance: a silent error, reproduced by its name."""
    as_it_ran = Statistics("variance", 1e-6)
    model = cnn.load(golden.DATA / "music_tagger_cnn_weights_tensorflow.h5", "tensorflow", as_it_ran)
    with np.load(golden.GOLDEN / "music_tagger_cnn_tensorflow.npz") as stored:
        for clip, tags in zip(golden.CLIPS, stored["probs_from_npy_single"], strict=True):
            np.testing.assert_allclose(model(golden.published(clip))[0], tags, rtol=0, atol=1e-5)
        right = CNN.load()(golden.published("cute"))[0]
        assert np.abs(right - stored["probs_from_npy_single"][0]).max() > 0.5


@both
@pytest.mark.parametrize(("shift", "suffix"), [(0, ""), (AUTHORS_SHIFT, "_shift144")])
def test_from_the_mp3_as_the_original_with_scikits_samplerate(tagger: Tagger, shift: int, suffix: str) -> None:
    pytest.importorskip("samplerate", reason="the package samplerate is not installed")
    pipeline = tagger.open(tagger.weights, "theano", Options(resampler="sinc_best", window_shift=shift))
    with np.load(golden.GOLDEN / "music_tagger_crnn_theano.npz") as stored:  # both have one audio_processor.py
        melgrams = stored[f"melgram_from_mp3{suffix}"][:, 0]
    with np.load(golden.GOLDEN / f"{tagger.name}_theano.npz") as stored:
        tags = stored[f"probs_from_mp3{suffix}"]
    for i, clip in enumerate(golden.CLIPS):
        traced = pipeline.trace(golden.song(clip)).arrays
        np.testing.assert_allclose(traced["melgram"], melgrams[i], rtol=0, atol=1e-5)
        np.testing.assert_allclose(traced["tags"], tags[i], rtol=0, atol=1e-5)


def test_the_resampler_is_what_moves_the_mel_spectrogram() -> None:
    """SciPy's resampler instead of libsamplerate: quiet bands move by decibels, the saturated tags hardly."""
    pipeline = open_crnn(CRNN.weights, "theano")
    with np.load(golden.GOLDEN / "music_tagger_crnn_theano.npz") as stored:
        i = golden.CLIPS.index("actionable")
        traced = pipeline.trace(golden.song("actionable")).arrays
        assert 5 < np.abs(traced["melgram"] - stored["melgram_from_mp3"][i, 0]).max() < 40
        assert np.abs(traced["tags"] - stored["probs_from_mp3"][i]).max() < 1e-4


def test_the_resampler_moves_the_tags() -> None:
    """SciPy's resampler instead of libsamplerate: a hundredth, because the CNN is not saturated."""
    pipeline = open_cnn(CNN.weights, "theano")
    with np.load(golden.GOLDEN / "music_tagger_cnn_theano.npz") as stored:
        i = golden.CLIPS.index("actionable")
        tags = pipeline.predict(golden.song("actionable")).clip_probs
        assert 1e-3 < np.abs(tags - stored["probs_from_mp3"][i]).max() < 2e-2


def test_the_authors_arrays_start_144_samples_later() -> None:
    pytest.importorskip("samplerate", reason="the package samplerate is not installed")
    stored = golden.published("cute")[0, :, :, 0]
    shifts = (0, AUTHORS_SHIFT)
    made = [open_crnn(CRNN.weights, "theano", Options(resampler="sinc_best", window_shift=s)) for s in shifts]
    asis, shifted = (np.abs(p.trace(golden.song("cute")).arrays["melgram"] - stored).mean() for p in made)
    assert shifted < asis / 10


@both
def test_the_stored_statistics_are_of_standardised_input(tagger: Tagger) -> None:
    """The evidence for the option: spread of the activations on real songs over the stored running_std."""
    model = tagger.load(KERAS_106_THEANO)
    for number in range(1, 5):
        assert golden.spread_over_stored(model, tagger.raw, number) > 5
        assert golden.spread_over_stored(model, tagger.standardised, number) == pytest.approx(1, abs=0.1)


# Broken on purpose: `diff` names the layer that was broken, not the output.


@both
def test_kernels_not_flipped(tagger: Tagger) -> None:
    assert tagger.first(tagger.load(KERAS_106_THEANO, backend="tensorflow")) == "conv1_slice"


@both
def test_std_read_as_a_variance(tagger: Tagger) -> None:
    assert tagger.first(tagger.load(Statistics("variance", 1e-6))) == "bn_0_freq"


def test_variance_read_as_a_std() -> None:
    assert CRNN.first(CRNN.load(Statistics("std", 1e-5)), CRNN.raw) == "bn_0_freq"


def test_gates_swapped(monkeypatch: pytest.MonkeyPatch) -> None:
    swapped = {"z": "r", "r": "z", "h": "h"}

    def gates(arrays: dict[str, np.ndarray], hard: bool) -> list[np.ndarray]:
        return real({f"{role[0]}_{swapped[role[2]]}": array for role, array in arrays.items()}, hard)

    real = convert.gru_gates
    monkeypatch.setattr(convert, "gru_gates", gates)
    assert CRNN.first(CRNN.load(KERAS_106_THEANO)) == "gru1"


def test_keras_3_hard_sigmoid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crnn, "hard_sigmoid_k1", "hard_sigmoid")
    assert CRNN.first(CRNN.load(KERAS_106_THEANO)) == "gru1"


def test_padding_on_one_side(monkeypatch: pytest.MonkeyPatch) -> None:
    real = keras.layers.ZeroPadding2D
    monkeypatch.setattr(keras.layers, "ZeroPadding2D", lambda padding, name: real(((0, 0), (36, 38)), name=name))
    assert CRNN.first(CRNN.load(KERAS_106_THEANO)) == "zeropadding2d_1"


def test_a_small_change_that_raw_input_hides() -> None:
    """bn4's gamma + 1 %: less than 1e-6 in the tags of raw input, but seen at its layer."""
    models = CRNN.load(), CRNN.load()
    gamma, *others = models[1].get_layer("bn4").get_weights()
    models[1].get_layer("bn4").set_weights([gamma * np.float32(1.01), *others])
    entering = golden.network_input(CRNN.raw)
    right, broken = (np.asarray(m(entering, training=False)) for m in models)
    assert np.abs(right - broken).max() < 1e-6
    assert CRNN.first(models[1], CRNN.raw) == "bn4"


@pytest.mark.parametrize(("tagger", "other"), [(CNN, CRNN), (CRNN, CNN)], ids=[CNN.name, CRNN.name])
def test_other_weights_are_refused(tagger: Tagger, other: Tagger) -> None:
    with pytest.raises(InputError, match="weights of another model, which differs in the layers"):
        tagger.model.load(other.weights, "theano")


def test_unknown_options_are_refused() -> None:
    with pytest.raises(InputError, match="network_input"):
        open_crnn(CRNN.weights, "theano", Options(network_input="log"))
    with pytest.raises(InputError, match="resampler"):
        open_crnn(CRNN.weights, "theano", Options(resampler="kaiser")).trace(golden.song("cute"))


def test_standardised_input_makes_sense_of_the_songs() -> None:
    """Read as a standard deviation and fed standardised decibels, the piano song is jazz first."""
    pipeline = open_crnn(CRNN.weights, "theano", Options(network_input="standardised"), KERAS_106_THEANO)
    answer = pipeline.predict(golden.song("thejazzpiano"))
    assert TAGS[int(answer.clip_probs.argmax())] == "jazz"
    assert answer.notes[-1].startswith("only the middle 29.12 of ")


def test_standardised_silence_is_finite() -> None:
    pipeline = open_crnn(CRNN.weights, "theano", Options(network_input="standardised"), KERAS_106_THEANO)
    answer = pipeline.predict(ROOT / "tests/clips/silence.wav")
    assert np.isfinite(answer.clip_probs).all()
    assert not front_end.standardised(np.full((96, 1366), -100.0)).any()
