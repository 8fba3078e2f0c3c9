"""The compact tagger against the real Keras 1.2.2 with kapre 0.0.3, on Theano 0.9.0 and on TensorFlow 0.12.1."""

import keras
import numpy as np
import pytest
from keras import ops

from reprise_kit.compare.diff import diff
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.stage import MODES, Stage, Tolerance
from reprise_kit.compare.trace import Trace
from reprise_kit.compare.verdict import Verdict, first_difference
from reprise_kit.port.compact_cnn import layers, model
from reprise_kit.port.compact_cnn.pipeline import open_pipeline
from tests.port.choi.golden import DATA, GOLDEN
from tests.shared import needs_shared

pytestmark = needs_shared

N_FEATURES = 32
# In dB, in units of the features, and as probabilities. The first features are means over the loudest values.
ALLOWED = {
    "theano": {"melgram": 5e-4, **{f"feature_{i}": 1e-5 for i in range(5)}, "tags": 1e-5},
    "tensorflow": {"melgram": 5e-4, **{f"feature_{i}": 4e-5 if i == 0 else 1e-5 for i in range(5)}},
}


def weights(backend: str, layer: int = 4):  # type: ignore[no-untyped-def]
    return DATA / f"compact_cnn_weights_layer{layer}_{backend}.hdf5"


def clip() -> np.ndarray:
    return np.load(DATA / "clips/1100103.clip.npy")[None]


def theirs(backend: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / f"compact_cnn_{backend}.npz") as stored:
        features = {f"feature_{i}": stored[f"feat_layer{i}"] for i in range(5)}
        return {"melgram": stored["melgram_layer"][0, 0], **features, "tags": stored["probs"][0]}


def ours(network: keras.Model, samples: np.ndarray) -> list[dict[str, np.ndarray]]:
    extractor = model.feature_extractor(network)
    melgram = network.get_layer("melgram").output
    tapped = keras.Model(network.input, [melgram, extractor(network.input), network.output])
    found = [np.asarray(output) for output in tapped(samples, training=False)]
    made = []
    for mels, features, tags in zip(*found, strict=True):
        split = features.reshape(5, N_FEATURES)
        made.append({"melgram": mels[..., 0], **{f"feature_{i}": split[i] for i in range(5)}, "tags": tags})
    return made


def verdicts(arrays: dict[str, np.ndarray], backend: str = "theano") -> list[Verdict]:
    stages = []
    for name, atol in ALLOWED[backend].items():
        axes = ("n_mels", "n_frames") if name == "melgram" else ("n",)
        allowed = dict.fromkeys(MODES, Tolerance(atol, 0.0, "float32"))
        stages.append(Stage(name, axes, "float32", "", "", allowed))
    sides = [Trace("", "", "", side) for side in (theirs(backend), arrays)]
    return diff(*sides, stages)


def first(network: keras.Model, backend: str = "theano") -> str | None:
    fault = first_difference(verdicts(ours(network, clip())[0], backend))
    return None if fault is None else fault.stage


@pytest.mark.parametrize("backend", ["theano", "tensorflow"])
def test_every_tap_equals_the_original(backend: str) -> None:
    found = verdicts(ours(model.load(weights(backend), backend), clip())[0], backend)
    assert len(found) == len(ALLOWED[backend])
    assert first_difference(found) is None


def test_the_160_features_in_both_orders() -> None:
    features = np.asarray(model.feature_extractor(model.load(weights("theano"), "theano"))(clip()))[0]
    with np.load(GOLDEN / "compact_cnn_theano.npz") as stored:
        np.testing.assert_allclose(features, stored["feat_concat_easy"], rtol=0, atol=1e-5)
        main = features.reshape(5, N_FEATURES)[::-1].reshape(-1)
        np.testing.assert_allclose(main, stored["feat_concat_main"], rtol=0, atol=1e-5)


def test_a_batch_answers_as_its_clips_do() -> None:
    network = model.load(weights("theano"), "theano")
    with np.load(GOLDEN / "compact_cnn_theano.npz") as stored:
        together = np.asarray(network(np.concatenate([clip(), stored["batch_x1"]]), training=False))
        np.testing.assert_allclose(together, stored["probs_single2"], rtol=0, atol=1e-5)
        assert np.abs(together - stored["probs_batch2"]).max() > 0.1  # what the original made of the batch


def test_one_file_holds_all_five_extractors() -> None:
    from reprise_kit.port.keras_legacy import read

    def arrays(layer: int) -> dict[str, np.ndarray]:
        return {name: array for group in read.weights(weights("theano", layer)) for name, array in group.arrays}

    whole = arrays(4)
    for layer in range(4):
        used = {n: a for n, a in arrays(layer).items() if "running" not in n and not n.startswith("dense")}
        assert len(used) == 3 + 4 * (layer + 1)
        assert all(np.array_equal(array, whole[name]) for name, array in used.items())


def test_the_stored_kernels_are_a_windowed_transform() -> None:
    network = model.load(weights("theano"), "theano")
    real, imaginary, _ = network.get_layer("melgram").get_weights()
    n = np.arange(512)
    phase = 2 * np.pi * np.outer(n, np.arange(257)) / 512
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * n / 512))[:, None]
    np.testing.assert_allclose(real[:, 0, 0], np.cos(phase) * hann, atol=1e-6)
    np.testing.assert_allclose(imaginary[:, 0, 0], np.sin(phase) * hann, atol=1e-6)


def test_mostly_silence_is_summed_in_double() -> None:
    """As a short clip followed by silence: float32 sums over 130,560 values were off by 8e-3 after the first block."""
    x = np.full((1, 96, 1360, 1), -80, np.float32)
    x[:, :, :200] = np.random.default_rng(0).normal(-30, 10, (1, 96, 200, 1))
    layer = layers.ClipNormalization()
    wide = x.astype(np.float64)
    expected = (wide - wide.mean()) / np.sqrt(wide.var() + 1e-3)
    np.testing.assert_allclose(layer(x), expected, rtol=0, atol=2e-6)


def test_a_file_without_a_head_gives_no_tags() -> None:
    pipeline = open_pipeline(weights("tensorflow"), "tensorflow")
    song = DATA / "clips/bensound-cute.mp3"
    with pytest.raises(InputError, match="no dense_1"):
        pipeline.predict(song)
    traced = pipeline.trace(song).arrays
    assert "tags" not in traced and traced["feature_4"].shape == (N_FEATURES,)


def test_a_lower_layers_file_is_refused() -> None:
    with pytest.raises(InputError, match="not a weights_layer4 file"):
        model.load(weights("theano", 2), "theano")


# Broken on purpose.


def test_convolution_kernels_not_flipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model.convert, "conv2d_kernel", lambda w, backend, order: np.transpose(w, (2, 3, 1, 0)))
    assert first(model.load(weights("theano"), "theano")) == "feature_0"


def test_tensorflows_padding_and_kernel_order() -> None:
    network = model.load(weights("theano"), "theano")
    network.get_layer("melgram").theano = False
    assert first(network) == "melgram"


def test_theanos_padding_and_kernel_order() -> None:
    network = model.load(weights("tensorflow"), "tensorflow")
    network.get_layer("melgram").theano = True
    assert first(network, "tensorflow") == "melgram"


def test_stored_statistics_instead_of_the_clips_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers.ClipNormalization, "call", lambda self, x: x / np.sqrt(1.001) * self.gamma + self.beta)
    assert first(model.load(weights("theano"), "theano")) == "feature_0"


def test_maximum_over_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a second, louder clip beside it, decibels below the batch's maximum are another clip's."""
    real = ops.max
    monkeypatch.setattr(layers.ops, "max", lambda x, axis, keepdims: real(x, keepdims=True))
    network = model.load(weights("theano"), "theano")
    alone, together = (ours(network, batch)[0] for batch in (clip(), np.concatenate([clip(), 4 * clip()])))
    assert first_difference(verdicts(alone)) is None
    fault = first_difference(verdicts(together))
    assert fault is not None and fault.stage == "melgram" and fault.max_abs is not None and fault.max_abs > 5
