"""The network of 2018 against the real TensorFlow.js 4.22.0, its file format, and the browser's front end."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from reprise_kit.compare.diff import compare_arrays
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.stage import MODES, Stage, Tolerance
from reprise_kit.port.deepsound_cnn_2018 import front_end, model, tfjs
from reprise_kit.port.deepsound_cnn_2018.pipeline import Options, open_pipeline
from reprise_kit.port.shared.gtzan import GENRES
from tests.shared import SHARED, needs_shared

DATA = SHARED / "data/deepsound-2018"
SONGS = ("bensound-actionable", "bensound-cute", "bensound-dubstep", "bensound-thejazzpiano")


def log_mel(song: str) -> np.ndarray:
    with np.load(SHARED / f"golden/deepsound-2016/{song}.mp3.npz") as stored:
        return stored["log_mel"][None].astype(np.float32)


def verdict(network: object, song: str) -> object:
    """Compare a network's steps with TensorFlow.js', as `diff` does."""
    allowed = Tolerance(1e-5, 0.0, "acceptance")
    stage = Stage("step_probs", ("n_steps", "n_genres"), "float32", "", "", dict.fromkeys(MODES, allowed))
    with np.load(SHARED / "golden/deepsound-2018/tfjs_step_probs.npz") as stored:
        return compare_arrays(stage, "isolated", stored[song], np.asarray(network(log_mel(song), training=False))[0])


@needs_shared
@pytest.mark.parametrize("song", SONGS)
def test_every_step_equals_tensorflow_js(song: str) -> None:
    assert verdict(model.load(DATA / "model.json"), song)


@needs_shared
@pytest.mark.parametrize("suffix", model.SUFFIXES)
def test_flipped_kernels_are_seen(suffix: str) -> None:
    network = model.load(DATA / "model.json")
    layer = network.get_layer(f"convolution_{model.SUFFIXES.index(suffix) + 1}")
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel[::-1], bias])
    assert not verdict(network, SONGS[0])


@needs_shared
def test_another_epsilon_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "EPSILON", 1e-5)
    assert not verdict(model.load(DATA / "model.json"), SONGS[1])


@needs_shared
def test_the_softmax_came_after_the_mean_in_training() -> None:
    """Two clip answers: the softmax of the logits' mean, as trained, and the mean of the served steps."""
    network = model.load(DATA / "model.json")
    features = log_mel("bensound-dubstep")
    logits = keras.Model(network.input, network.get_layer("time_distributed").output)
    trained = model.clip_probs(np.asarray(logits(features, training=False))[0])
    served = np.asarray(network(features, training=False))[0].mean(axis=0)
    assert trained.sum() == pytest.approx(1)
    assert np.abs(trained - served).max() > 0.1


@needs_shared
def test_the_front_ends_hear_different_genres() -> None:
    """With the one that it was trained with the network hears rock, with the browser's hip-hop."""
    song = SHARED / "data/choi/clips/bensound-actionable.mp3"
    heard = {}
    for front in ("browser", "librosa"):
        pipeline = open_pipeline(DATA / "model.json", "tensorflow", Options(front=front))
        heard[front] = GENRES[int(pipeline.predict(song).clip_probs.argmax())]
    assert heard == {"browser": "hiphop", "librosa": "rock"}


# The file format.


def other_model(folder: Path, change: object) -> Path:
    shutil.copy(DATA / "group1-shard1of1", folder)
    document = json.loads((DATA / "model.json").read_text())
    change(document)  # type: ignore[operator]
    (folder / "model.json").write_text(json.dumps(document))
    return folder / "model.json"


def weights_of(document: dict) -> list:
    return document["weightsManifest"][0]["weights"]


@needs_shared
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["weightsManifest"][0].update(paths=["../group1-shard1of1"]), "not beside it"),
        (lambda d: d["weightsManifest"][0].update(paths=["other"]), "no such file"),
        (lambda d: weights_of(d).pop(), "bytes more"),
        (lambda d: weights_of(d).append(weights_of(d)[0]), "end inside"),
        (lambda d: weights_of(d)[0].update(dtype="int32"), "only float32"),
        (lambda d: weights_of(d)[0].update(name="other/gamma"), "another model"),
        (lambda d: weights_of(d)[0].update(shape=[16, 16]), "another model"),
        (lambda d: d["modelTopology"]["model_config"]["config"]["layers"].pop(), "another model"),
        (lambda d: d.pop("weightsManifest"), "not a TensorFlow.js layers model"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, change: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        model.load(other_model(tmp_path, change))


def test_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_bytes(b"\x89HDF\r\n")
    with pytest.raises(InputError, match=r"give its model\.json"):
        tfjs.read(tmp_path / "model.json")


@needs_shared
def test_theano_kernels_are_refused() -> None:
    with pytest.raises(InputError, match="TensorFlow's kernels"):
        open_pipeline(DATA / "model.json", "theano")


# The browser's front end, against sums done one by one.


@pytest.mark.parametrize("rate", [44_100, 48_000, 32_000, 96_000])
def test_downsampling_takes_means(rate: int) -> None:
    native = np.random.default_rng(1).uniform(-1, 1, 1003).astype(np.float32)
    made, ratio = front_end.resample(native, rate), rate / front_end.SAMPLE_RATE
    assert len(made) == 1 + int(np.ceil(len(native) * front_end.SAMPLE_RATE / rate * 1.01))
    for k in (0, 1, 7, 200):
        covered = np.clip(np.arange(1, 1004), k * ratio, (k + 1) * ratio) - np.clip(
            np.arange(1003), k * ratio, (k + 1) * ratio
        )
        assert made[k] == pytest.approx(float((covered * native).sum() / ratio), abs=1e-6)
    assert made[int(len(native) / ratio) - 1] != 0
    assert not made[int(len(native) / ratio + 1e-9) :].any()


def test_upsampling_draws_lines() -> None:
    native = np.arange(100, dtype=np.float32)
    made = front_end.resample(native, 11_025)
    np.testing.assert_allclose(made[:198], np.arange(198) / 2)
    assert not made[198:].any()


def test_at_22050_hz_nothing_is_resampled() -> None:
    native = np.ones(5, np.float32)
    assert front_end.resample(native, 22_050) is native


def test_the_logarithm_is_taken_twice() -> None:
    """A tone of power e^e in a band becomes 1, silence the floor of the second logarithm."""
    silence = front_end.log_log_mel(np.zeros(4096, np.float32))
    assert silence.shape == (3, 128)
    np.testing.assert_allclose(silence, np.log(1e-6), rtol=1e-6)
    noise = np.random.default_rng(0).normal(0, 0.3, 4096).astype(np.float32)
    frame = front_end.log_log_mel(noise)[0]
    spectrum = np.abs(np.fft.rfft(noise[:2048] * front_end.window()))[:1024] ** 2
    once = np.log(front_end.filter_bank() @ spectrum + np.exp(-10))
    np.testing.assert_allclose(frame, np.log(np.maximum(once, 1e-6)), atol=1e-3)


def test_the_filter_bank_assumes_twice_the_rate() -> None:
    bank = front_end.filter_bank()
    heard = np.flatnonzero(bank.any(axis=0)) * front_end.SAMPLE_RATE / front_end.N_FFT
    assert 140 < heard.min() < 170
    assert 3800 < heard.max() < 4000
    assert bank.max() == 1


def test_smoothing_looks_at_the_last_eleven_steps() -> None:
    steps = np.zeros((20, 2), np.float32)
    steps[5] = (1, 0.5)
    smoothed = front_end.smooth(steps)
    assert not smoothed[:5].any() and not smoothed[16:].any()
    assert smoothed[15, 0] == pytest.approx(0.11 / front_end.SMOOTHING.sum())
    assert smoothed[5, 0] == pytest.approx(1 / front_end.SMOOTHING[-6:].sum())
    np.testing.assert_allclose(smoothed[:, 1], smoothed[:, 0] / 2)
