"""The port against the real original: recorded outputs on four songs, and the kit's own clips.

Then the port is broken on purpose, one fault at a time, and the harness must name the right stage first.
"""

import numpy as np
import pytest

import reprise_kit.port.audio.audioread214.described as described
import reprise_kit.port.audio.decode as decoding
import reprise_kit.port.audio.librosa041.mel as mel
import reprise_kit.port.audio.scipy017.resample as resampling
import reprise_kit.port.deepsound_crnn.model as crnn
import reprise_kit.port.deepsound_crnn.pipeline as path
from reprise_kit.commands import comparing
from reprise_kit.compare import registry, runners
from reprise_kit.compare.comparison import compare_clips
from reprise_kit.compare.input import Input, find
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.system import CLIPS
from reprise_kit.port.keras_legacy import convert
from tests.shared import SHARED, needs_shared

SYSTEM = registry.load("deepsound_crnn")
SONGS = ("bensound-actionable", "bensound-cute", "bensound-dubstep", "bensound-thejazzpiano")
WEIGHTS = SHARED / "golden/deepsound-2016/weights.h5"


@pytest.fixture(scope="module", params=["theano", "tensorflow"])
def song_pipeline(request):
    return path.open_pipeline(WEIGHTS, request.param)


@pytest.fixture(scope="module")
def pipeline():
    return path.open_pipeline(WEIGHTS, "theano")


def golden(song):
    with np.load(SHARED / f"golden/deepsound-2016/{song}.mp3.npz") as stored:
        return {name: stored[name] for name in stored.files}


@needs_shared
@pytest.mark.parametrize("song", SONGS)
def test_a_song_end_to_end(pipeline, song):
    expected, traced = golden(song), pipeline.trace(SHARED / f"data/choi/clips/{song}.mp3")
    got = traced.arrays
    off = np.abs(got["samples"] - expected["samples"]).max()
    equal = np.mean(got["samples"] == expected["samples"])
    dp = np.abs(got["step_probs"] - expected["step_probs"]).max()
    same = np.argmax(got["step_probs"], 1) == np.argmax(expected["step_probs"], 1)
    print(f"{song}: samples max {off:.1e}, {equal:.2%} bit-equal; step_probs max {dp:.1e}; {same.sum()}/{same.size}")
    assert traced.scalars["native_rate"] == expected["native_rate"]
    assert off <= 1e-7
    assert dp <= 5e-5
    assert same.all()
    assert traced.scalars["duration"] == pytest.approx(float(expected["duration"]), abs=1e-12)


@needs_shared
@pytest.mark.parametrize("song", SONGS)
def test_a_song_stage_by_stage(pipeline, song):
    expected = golden(song)
    assert np.abs(pipeline.stage("log_mel", expected["samples"], {}) - expected["log_mel"]).max() <= 1e-6
    if "samples_native" in expected:
        scalars = {"native_rate": int(expected["native_rate"])}
        off = np.abs(pipeline.stage("samples", expected["samples_native"], scalars) - expected["samples"]).max()
        assert off <= 1e-7
    for stage, source in (("convolution_2", "convolution_1"), ("convolution_3", "convolution_2")):
        if f"layer_{stage}" in expected:
            got = pipeline.stage(stage, expected[f"layer_{source}"], {})
            allowed = next(s for s in SYSTEM.stages if s.name == stage).tolerances["isolated"].atol
            assert np.abs(got - expected[f"layer_{stage}"]).max() <= allowed


@needs_shared
@pytest.mark.parametrize("song", SONGS)
def test_the_network_alone_with_either_kernel_order(song_pipeline, song):
    expected = golden(song)
    names = {"theano": "step_probs", "tensorflow": "tensorflow_step_probs"}
    wanted = expected[names[song_pipeline.source_backend]]
    got = song_pipeline._step_probs(expected["log_mel"][None].astype(np.float32))[0]
    assert np.abs(got - wanted).max() <= 5e-5
    # The check bites: the other backend's answers are nowhere near.
    other = expected[names["tensorflow" if song_pipeline.source_backend == "theano" else "theano"]]
    assert np.abs(got - other).max() > 0.5


def run(tmp_path, names, backend="theano", **settings):
    """Compare the recorded original with the port on some of the kit's clips."""
    clips = [Input.open(CLIPS / name) for name in names]
    recorded = runners.open_runner("recorded", Settings(SYSTEM, None, "theano"))
    candidate = runners.open_runner("port", Settings(SYSTEM, None, backend, options=settings))
    return compare_clips(clips, SYSTEM.stages, recorded, candidate, tmp_path)


def test_the_recorded_set_is_whole():
    clips = {p.name for p in find([CLIPS]).files}
    assert len(clips) >= 10
    assert {p.parent.name for p in (SYSTEM.recorded / "theano").glob("*/trace.npz")} == clips


def test_the_kits_clips_agree_at_every_stage(tmp_path):
    names = [p.name for p in find([CLIPS]).files]
    results = run(tmp_path, names)
    assert len(results) == len(names)
    for result in results:
        assert result.agrees, (result.clip.path.name, result.fault)
        assert len(result.isolated) == len(result.chained) == len(SYSTEM.stages) == 9
        assert result.steps[0] == result.steps[1] > 0
    smooth = {r.clip.path.name for r in results if r.candidate.provenance["resampler"] == resampling.SINGLE}
    assert {"drums_mono_vbr.mp3", "five_to_the_seventh.flac"} <= smooth
    for result in results:
        if result.clip.path.name in smooth:
            isolated = {v.stage: v for v in result.isolated}["samples"]
            assert isolated.max_abs == 0, "5-smooth lengths are bit-equal"


def swapped_gates(arrays, hard):
    i, f = ("b_i", "b_f"), ("U_i", "U_f")
    turned = dict(arrays)
    for one, other in (i, f, ("W_i", "W_f")):
        turned[one], turned[other] = arrays[other], arrays[one]
    return REAL_GATES(turned, hard)


REAL_GATES = convert.lstm_gates


def by_soxr(samples, rate, target=22050):
    import soxr

    n_out = resampling.output_length(len(samples), rate, target)
    return np.resize(soxr.resample(samples, rate, target, quality="VHQ"), n_out).astype(np.float32), "soxr VHQ"


def without_the_cast(samples, **_):
    return np.fft.rfft(samples.astype(np.float64)), "double"


MP3, QUAD, LOFI = "metal_mono_cbr.mp3", "quad_4channels.wav", "lofi_8bit_11025.wav"
FAULTS = {
    "kernels not flipped": (MP3, "convolution_1", "mismatch", None),
    "Keras 3's hard_sigmoid": (MP3, "lstm_1", "mismatch", (crnn, "hard_sigmoid_k1", "hard_sigmoid")),
    "swapped LSTM gates": (MP3, "lstm_1", "mismatch", (convert, "lstm_gates", swapped_gates)),
    "constant padding": (MP3, "log_mel", "mismatch", (mel, "PADDING", "constant")),
    "soxr": (MP3, "samples", "mismatch", (path, "resample", by_soxr)),
    "no complex64 cast": (MP3, "samples", "mismatch", (resampling, "forward", without_the_cast)),
    "channels as ffmpeg counts": (QUAD, "native", "shape", (described, "counted_channels", lambda layout: 4)),
    "8 bits read right": (LOFI, "native", "mismatch", "fix_quirks"),
    "a log floor": (
        "strings_96k.flac",
        "log_mel",
        "mismatch",
        (mel, "log_power", lambda power: np.log(np.maximum(power, 1e-6))),
    ),
    "NaN in a weight": (MP3, "convolution_2", "nonfinite", "nan"),
    "a stage left out": (MP3, "lstm_1", "missing", "left out"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_port_is_caught_at_the_right_stage(fault, tmp_path, monkeypatch, capsys, unboxed):
    name, stage, outcome, how = FAULTS[fault]
    backend = "tensorflow" if fault == "kernels not flipped" else "theano"
    if isinstance(how, tuple):
        monkeypatch.setattr(*how)
    elif how == "fix_quirks":
        monkeypatch.setattr(path.Pipeline, "_read", lambda self, clip: decoding.decode(clip, self.decoder, True))
    elif how == "nan":
        monkeypatch.setitem(crnn.RULES, "convolution_2", lambda a, b: [v * np.nan for v in crnn._convolution(a, b)])
    elif how == "left out":
        monkeypatch.setattr(path.Pipeline, "stage", without("lstm_1", path.Pipeline.stage))
    result = run(tmp_path, [name], backend)[0]
    assert not result.agrees
    assert (result.fault.stage, result.fault.outcome, result.fault.mode[:7]) == (
        stage,
        outcome,
        "chained" if stage == "native" else "isolate",
    )
    report = comparing.Report(SYSTEM, [result], ("the recorded original", "the port"), "theano")
    comparing.print_report(comparing.Console(width=200), report, [result])
    printed = capsys.readouterr().out
    assert f"first at stage {stage}" in printed
    assert f"first at stage {stage}" in report.html()
    assert "DIFFERS" in report.headline


def without(stage, real):
    return lambda self, name, source, scalars: None if name == stage else real(self, name, source, scalars)
