"""Every known cause, injected into the port, is named; what is in no table is said to be unknown."""

import dataclasses
import json
from functools import partial
from itertools import permutations

import keras
import librosa
import numpy as np
import pytest
import scipy.signal
import soxr

import reprise_kit.port.audio.audioread214.described as described
import reprise_kit.port.audio.decode as decoding
import reprise_kit.port.audio.scipy017.resample as resampling
import reprise_kit.port.deepsound_crnn.pipeline as path
from reprise_kit.commands import comparing
from reprise_kit.compare import registry
from reprise_kit.compare.comparison import ClipComparison
from reprise_kit.compare.contract import Case
from reprise_kit.compare.diff import diff
from reprise_kit.compare.explain import explain
from reprise_kit.compare.input import Input
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.system import CLIPS
from reprise_kit.compare.trace import load
from reprise_kit.port.audio.scipy017 import spectrum
from reprise_kit.port.deepsound_crnn import causes

SYSTEM = registry.load("deepsound_crnn")
MP3, QUAD, LOFI = "metal_mono_cbr.mp3", "quad_4channels.wav", "lofi_8bit_11025.wav"
EVEN = "drums_mono_vbr.mp3"  # an even number of samples after resampling: there is a Nyquist bin
RECORDED = {name: load(SYSTEM.recorded / "theano" / name) for name in (MP3, QUAD, LOFI, EVEN)}


@pytest.fixture(scope="module")
def pipeline():
    return path.open_pipeline(SYSTEM.default_weights, "theano")


def explained(stage, array, clip=MP3, backend="theano", chosen=SYSTEM):
    """What is said of a candidate that has `array` at a stage and agrees everywhere else."""
    reference = RECORDED[clip]
    candidate = dataclasses.replace(reference, arrays={**reference.arrays, stage: array})
    verdicts = [diff(reference, candidate, SYSTEM.stages, mode) for mode in ("isolated", "chained")]
    result = ClipComparison(Input.open(CLIPS / clip), reference, candidate, *verdicts)
    return explain(result, candidate, Settings(chosen, None, backend))


def at(pipeline, stage, clip=MP3):
    """The port's array of a stage, from the recorded source."""
    source = next(s.source for s in SYSTEM.stages if s.name == stage)
    return pipeline.stage(stage, RECORDED[clip].arrays[source], RECORDED[clip].scalars)


def fitted(how):
    def resample(samples, rate):
        n_out = resampling.output_length(len(samples), rate)
        return librosa.util.fix_length(how(samples, rate, n_out), size=n_out).astype(np.float32), "another"

    return resample


def in_double(samples, **_):
    return np.fft.rfft(samples.astype(np.float64)), "double"


def nyquist_doubled(bins, n_in, n_out, real=spectrum.fit):
    made = real(bins, n_in, n_out)
    made[-1] *= 2
    return made


RESAMPLERS = {
    "a spectrum in double precision": (resampling, "forward", in_double),
    "the Nyquist bin doubled": (spectrum, "fit", nyquist_doubled),
    "the SciPy of today in float32": (path, "resample", fitted(lambda x, _, n: scipy.signal.resample(x, n))),
    "the SciPy of today in float64": (
        path,
        "resample",
        fitted(lambda x, _, n: scipy.signal.resample(np.float64(x), n)),
    ),
    "a polyphase filter as resampler": (path, "resample", fitted(lambda x, *_: scipy.signal.resample_poly(x, 1, 2))),
    "soxr HQ as resampler": (path, "resample", fitted(lambda x, r, _: soxr.resample(x, r, 22050, "HQ"))),
    "soxr VHQ as resampler": (path, "resample", fitted(lambda x, r, _: soxr.resample(x, r, 22050, "VHQ"))),
}


def by_librosa(y, transform=np.float64, power=2.0, htk=False, norm="slaney", log=np.log, **stft):
    """Another implementation of the same features; its defaults are the original's."""
    settings = {"window": "hann", "pad_mode": "reflect", **stft}
    if transform is np.float32:
        settings["window"] = np.float32(scipy.signal.get_window("hann", 2048))
    spectrum = np.abs(librosa.stft(y.astype(transform), n_fft=2048, hop_length=1024, **settings, dtype=np.complex64))
    bank = librosa.filters.mel(sr=22050, n_fft=2048, n_mels=128, htk=htk, norm=norm, dtype=np.float64)
    return log((bank @ (spectrum**power).astype(np.float64)).T)


FEATURES = {
    "zeros as padding": {"pad_mode": "constant"},
    "the edge value as padding": {"pad_mode": "edge"},
    "no padding": {"center": False},
    "a symmetric window": {"window": scipy.signal.windows.hann(2048, sym=True)},
    "a transform in single precision": {"transform": np.float32},
    "magnitude in place of power": {"power": 1.0},
    "mel filters of height 1": {"norm": None},
    "HTK's mel scale": {"htk": True},
    "HTK's mel scale and filters of height 1": {"htk": True, "norm": None},
    "a floor of 1e-6 under the power": {"log": lambda p: np.log(np.clip(p, 1e-6, None))},
    "a floor of 1e-10 under the power": {"log": lambda p: np.log(np.clip(p, 1e-10, None))},
    "1e-6 added to the power": {"log": lambda p: np.log(p + 1e-6)},
    "log(1 + power)": {"log": np.log1p},
    "log10": {"log": np.log10},
    "decibels": {"log": partial(librosa.power_to_db, top_db=None)},
    "decibels over 80 dB": {"log": partial(librosa.power_to_db, top_db=80.0)},
}
DECODED = {"the file decoded as it is meant": LOFI, "the channels that ffmpeg counts": QUAD}
NETWORK = {
    "zeros at both ends": ("convolution_2", "convolution_2", "padding", "same"),
    "Keras 3's hard_sigmoid": ("lstm_1", "lstm_1", "recurrent_activation", keras.activations.hard_sigmoid),
    "the logistic sigmoid": ("lstm_1", "lstm_1", "recurrent_activation", keras.activations.sigmoid),
    "sigmoid in place of softmax": ("step_probs", "output_realtime", "activation", keras.activations.sigmoid),
    "the maximum over time": ("clip_probs", "output_merged", "call", lambda x, **_: keras.ops.max(x, axis=1)),
    "the last step": ("clip_probs", "output_merged", "call", lambda x, **_: x[:, -1]),
}
GATE_ORDERS = ["".join(order) for order in permutations("ifco")][1:]


def test_every_cause_of_the_table_is_injected_below():
    injected = {*RESAMPLERS, *FEATURES, *DECODED, *NETWORK, "kernels reversed along time"}
    gates = [cause for cause in causes.CAUSES if "gates mixed up" in cause.name]
    assert len(gates) == len(GATE_ORDERS) == 23
    assert {cause.name for cause in causes.CAUSES if cause not in gates} == injected


@pytest.mark.parametrize("stage", causes.RULES)
def test_the_rules_give_the_original(stage):
    reference = RECORDED[MP3]
    source = next(s.source for s in SYSTEM.stages if s.name == stage)
    clip = CLIPS / MP3
    case = Case(stage, reference.arrays.get(source), reference.scalars, clip, SYSTEM.default_weights, "theano")
    candidate = dataclasses.replace(reference, arrays={**reference.arrays, stage: causes.RULES[stage](case)})
    assert all(diff(reference, candidate, SYSTEM.stages, "isolated"))


@pytest.mark.parametrize("name", DECODED)
def test_decoding(name, unboxed):
    clip = DECODED[name]
    with pytest.MonkeyPatch.context() as broken:  # of what made the candidate, not of the rules that explain it
        if name == "the channels that ffmpeg counts":
            broken.setattr(described, "counted_channels", lambda layout: 4)
        made = decoding.decode(CLIPS / clip, fix_quirks=clip == LOFI).native
    assert f"computes it with {name} (bit for bit)" in explained("native", made, clip)


@pytest.mark.parametrize("name", RESAMPLERS)
def test_resampling(name, pipeline, monkeypatch):
    monkeypatch.setattr(*RESAMPLERS[name])
    assert f"computes it with {name} (" in explained("samples", at(pipeline, "samples", EVEN), EVEN)


@pytest.mark.parametrize("name", FEATURES)
def test_features(name, pipeline, monkeypatch):
    clip = LOFI  # its upper bands hold nothing but rounding noise
    monkeypatch.setattr(path, "log_mel", partial(by_librosa, **FEATURES[name]))
    assert f"computes it with {name} (" in explained("log_mel", at(pipeline, "log_mel", clip), clip)


@pytest.mark.parametrize("name", NETWORK)
def test_layers(name, pipeline, monkeypatch):
    stage, layer, attribute, value = NETWORK[name]
    owner = pipeline.model.get_layer(layer)
    monkeypatch.setattr(getattr(owner, "cell", owner), attribute, value)
    assert f"computes it with {name} (" in explained(stage, at(pipeline, stage, QUAD), QUAD)


@pytest.mark.parametrize("stage", causes.CONVOLUTIONS)
def test_a_wrong_option_is_named_with_the_right_one(stage, pipeline):
    layer = pipeline.model.get_layer(stage)
    kept = layer.get_weights()
    layer.set_weights([kept[0][::-1], kept[1]])
    try:
        made = at(pipeline, stage)
    finally:
        layer.set_weights(kept)
    said = explained(stage, made, backend="tensorflow")
    assert "with kernels reversed along time it agrees to" in said
    assert "the checkpoint was saved under the other backend. Use --source-backend theano." in said
    # The same fault of the port's own, where the option is right.
    assert "the candidate computes it with kernels reversed along time" in explained(stage, made)


def test_gate_orders(pipeline):
    layer = pipeline.model.get_layer("lstm_1")
    kept = layer.get_weights()
    for order in GATE_ORDERS:
        pick = np.concatenate([np.arange(256) + 256 * "ifco".index(gate) for gate in order])
        layer.set_weights([array[..., pick] for array in kept])
        try:
            said = explained("lstm_1", at(pipeline, "lstm_1", QUAD), QUAD)
        finally:
            layer.set_weights(kept)
        wrong = ", ".join(f"{gate} for {role}" for role, gate in zip("ifco", order, strict=True) if gate != role)
        assert f"gates mixed up ({wrong})" in said


UNKNOWN = {
    "louder": ("samples", lambda x: x * np.float32(1.01)),
    "a filter's neighbours": ("convolution_1", lambda x: np.ascontiguousarray(np.roll(x, 1, axis=1))),
    "shuffled filters": ("convolution_3", lambda x: x[:, np.random.default_rng(0).permutation(x.shape[1])]),
    "louder features": ("log_mel", lambda x: x + 0.02),
    "reversed time": ("lstm_1", lambda x: np.ascontiguousarray(x[::-1])),
    "a step late": ("step_probs", lambda x: np.roll(x, 1, axis=0)),
    "another length": ("native", lambda x: x[1:]),
    "not a number": ("convolution_2", lambda x: x * np.float32("nan")),
}


@pytest.mark.parametrize("fault", UNKNOWN)
def test_what_is_in_no_table_is_said_to_be_unknown(fault):
    stage, change = UNKNOWN[fault]
    said = explained(stage, change(RECORDED[QUAD].arrays[stage]), QUAD)
    n_causes = sum(stage in cause.stages for cause in causes.CAUSES)
    assert n_causes > 0
    assert said.startswith(stage)
    assert said.endswith(f"; no known cause makes it vanish ({n_causes} tried)")


def test_agreement_needs_no_explanation_and_a_system_without_a_table_has_none():
    array = RECORDED[MP3].arrays["lstm_1"]
    assert explained("lstm_1", array) is None
    other = dataclasses.replace(SYSTEM, name="of_nobody", package="reprise_kit.port.of_nobody")
    assert explained("lstm_1", array + 1) is not None and explained("lstm_1", array + 1, chosen=other) is None


def test_the_command_says_why(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(path, "log_mel", partial(by_librosa, pad_mode="constant"))
    chosen = comparing.settings("deepsound_crnn", None, None)
    clip = CLIPS / "shortest.wav"
    assert comparing.compare([clip], "recorded", "port", tmp_path, chosen) == 1
    said = "the candidate computes it with zeros as padding"
    assert said in capsys.readouterr().out
    about = json.loads((tmp_path / "report.json").read_text())
    assert said in about["clips"][0]["explanation"]
    for kind in ("html", "md"):
        assert said in (tmp_path / f"report.{kind}").read_text()
