"""The live original in Python 2.7: the same trace contract, and one clear line for whatever goes wrong.

Machines that cannot reach upstream run a stand-in of the same module surface on the real Keras 1.1.0, Theano and
librosa 0.4.1; with REPRISE_UPSTREAM=DIR the same tests run the real one.
"""

import math
import os
import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise_kit.compare.system import CLIPS as KIT_CLIPS
from reprise_kit.commands import comparing
from reprise_kit.compare import python27, registry, runners, system
from reprise_kit.compare.input import Input
from reprise_kit.compare.comparison import compare_clips
from reprise_kit.compare.runners import Settings
from reprise_kit.port.audio.scipy017.transform_time import largest_prime_factor
from reprise_kit.compare.system import ROOT
from reprise_kit.compare.errors import InputError
from tests.pinned import pinned_to
from tests.require import require

SYSTEM = registry.load("deepsound_crnn")
STAND_IN = ROOT / "tests/original/stand_in"
CLIPS = [KIT_CLIPS / n for n in ("metal_mono_cbr.mp3", "organ_48k.opus", "quad_4channels.wav")]


def test_the_port_agrees_with_the_live_original(live, tmp_path):
    port = runners.open_runner("port", Settings(SYSTEM, None, "theano", options={"decoder": "ffmpeg"}))
    results = compare_clips([Input.open(path) for path in CLIPS], SYSTEM.stages, live, port, tmp_path)
    assert len(results) == len(CLIPS)
    for result in results:
        assert result.agrees, (result.clip.path.name, result.fault)
        assert result.steps[0] == result.steps[1] > 0
        verdict = {v.stage: v for v in result.chained}["step_probs"]
        assert verdict.max_abs <= 5e-5
        print(f"{result.clip.path.name}: max |dp| {verdict.max_abs:.1e}, {result.steps[0]}/{result.steps[1]} steps")


def test_the_port_agrees_with_the_live_original_on_tensorflow(interpreter, upstream, pinned, tmp_path):
    live = runners.open_runner("python27", Settings(pinned, None, "tensorflow", upstream))
    port = runners.open_runner("port", Settings(SYSTEM, None, "tensorflow", options={"decoder": "ffmpeg"}))
    try:
        result = compare_clips([Input.open(CLIPS[0])], SYSTEM.stages, live, port, tmp_path)[0]
    finally:
        live.close()
    assert result.agrees, result.fault
    assert result.reference.provenance["packages"]["tensorflow"] == "0.12.1"


def test_names_in_any_letters_are_answered_and_refused_by_name(live, tmp_path):
    named, broken = tmp_path / "it's \"S\u00f6ng\".mp3", tmp_path / "kaputt \u00f6.mp3"
    shutil.copyfile(CLIPS[0], named)
    broken.write_bytes(b"no sound")
    plain, other = (live.trace(Input.open(path), SYSTEM.stages) for path in (CLIPS[0], named))
    np.testing.assert_array_equal(plain.arrays["step_probs"], other.arrays["step_probs"])
    with pytest.raises(InputError, match="kaputt \u00f6.mp3: the original failed on it"):
        live.trace(Input.open(broken), SYSTEM.stages)


def test_provenance_tells_what_decided_the_numbers(live, pinned):
    about = live.trace(Input.open(CLIPS[0]), SYSTEM.stages).provenance
    assert about["backend"] == "theano"
    assert about["decoder"].startswith("ffmpeg ")
    assert about["packages"]["Keras"] == "1.1.0"
    assert about["upstream_commit"] == pinned.upstream.commit


def test_a_length_that_takes_minutes_is_refused_at_once(live, tmp_path):
    path = tmp_path / "prime.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 44100, 0, "NONE", ""))
        file.writeframes(np.zeros(1_299_709, np.int16).tobytes())
    with pytest.raises(InputError, match=r"about \d+ minutes .*1299709"):
        live.trace(Input.open(path), SYSTEM.stages)


def test_a_hanging_original_is_ended_within_its_time(upstream, pinned):
    runner = runners.open_runner("python27", Settings(pinned, None, "theano", upstream, time_limit=0.2))
    with pytest.raises(InputError, match="gave no answer"):
        runner.trace(Input.open(CLIPS[0]), SYSTEM.stages)
    assert runner.process is None


def test_wrong_weights_are_one_line(upstream, pinned, tmp_path):
    wrong = tmp_path / "weights.h5"
    wrong.write_bytes(SYSTEM.default_weights.read_bytes()[:5000])
    runner = runners.open_runner("python27", Settings(pinned, wrong, "theano", upstream))
    with pytest.raises(InputError, match=r"weights\.h5: the original cannot load these weights"):
        runner.trace(Input.open(CLIPS[0]), SYSTEM.stages)


def test_an_upstream_that_answers_otherwise_is_caught(upstream, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(upstream, other)
    with (other / "genre_recognizer.py").open("a") as file:
        file.write(
            "\n_recognize = GenreRecognizer.recognize\n"
            "def altered(self, path):\n    probs, seconds = _recognize(self, path)\n"
            "    return probs[:, ::-1], seconds\n"
            "GenreRecognizer.recognize = altered\n"
        )
    runner = runners.open_runner("python27", Settings(pinned_to(other), None, "theano", other))
    try:
        with pytest.raises(InputError, match="not bit-equal to what recognize returned"):
            runner.trace(Input.open(CLIPS[2]), SYSTEM.stages)
    finally:
        runner.close()


def test_no_python27_is_said_with_its_remedy(monkeypatch):
    monkeypatch.setenv("REPRISE_PYTHON27", "/nonexistent/python2.7")
    runner = runners.open_runner("python27", Settings(SYSTEM, None, "theano"))
    assert "no Python 2.7 found" in runner.unavailable_reason()


@given(st.lists(st.sampled_from([2, 3, 5, 7, 409, 1193, 10007]), min_size=1, max_size=5))
def test_largest_prime_factor(primes):
    assert largest_prime_factor(math.prod(primes)) == max(primes)
