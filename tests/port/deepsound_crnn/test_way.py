"""A clip's samples go through the modules one after another, and into none that they have left."""

import sys
from itertools import groupby
from pathlib import Path
from types import FrameType

import numpy as np
import pytest

from reprise_kit.compare import registry
from reprise_kit.compare.system import CLIPS
from reprise_kit.port.audio.scipy017 import resample
from reprise_kit.port.deepsound_crnn import pipeline as path

SYSTEM = registry.load("deepsound_crnn")
CLIP = CLIPS / "prime_length.wav"
PORT = Path(path.__file__).parents[1]
LARGE = 1000  # elements of an array that is the clip in some form, not a table or a part of the network


@pytest.fixture(scope="module")
def pipeline():
    return path.open_pipeline(SYSTEM.default_weights, "theano")


def modules(pipeline, clip: Path) -> list[str]:
    """Modules of the port in which a function took the clip, as samples or later, in order."""
    seen: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        file = Path(frame.f_code.co_filename)
        if event == "call" and PORT in file.parents and any(map(is_clip, list(frame.f_locals.values()))):
            seen.append(str(file.relative_to(PORT)))

    decoded = pipeline._read(clip)
    pipeline._read = lambda _: decoded
    try:
        sys.setprofile(note)
        pipeline.trace(clip)
    finally:
        sys.setprofile(None)
        del pipeline._read
    return [module for module, _ in groupby(seen)]


def is_clip(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.size > LARGE


def test_forward_only(pipeline):
    assert modules(pipeline, CLIP) == [
        "audio/scipy017/resample.py",
        "audio/scipy017/spectrum.py",
        "audio/librosa041/mel.py",
        "deepsound_crnn/model.py",
    ]


def test_a_way_back_is_seen(pipeline, monkeypatch):
    def by_way_of_the_resampler(samples, real=path.log_mel):
        resample.has_silence(samples)
        return real(samples)

    monkeypatch.setattr(path, "log_mel", by_way_of_the_resampler)
    assert modules(pipeline, CLIP).count("audio/scipy017/resample.py") == 2
