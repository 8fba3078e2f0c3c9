"""Clips answered together get the answers they get alone."""

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.registry import load
from reprise_kit.port.deepsound_crnn import model as crnn
from reprise_kit.port.deepsound_crnn.pipeline import BATCH_FRAMES, Pipeline, batches, open_pipeline
from tests.apps.archive.test_archive import write_clip

SECONDS = (9.0, 1.8, 4.3, 1.7, 6.1)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return open_pipeline(load("deepsound_crnn").default_weights, "theano")


@pytest.fixture
def clips(tmp_path):
    paths = [tmp_path / f"{k}.wav" for k in range(len(SECONDS))]
    for k, path in enumerate(paths):
        write_clip(path, k, SECONDS[k])
    return paths


def test_clips_together_answer_as_each_alone(pipeline, clips, tmp_path):
    bad = tmp_path / "text.mp3"
    bad.write_text("not a song")
    answers = pipeline.predict_many([clips[0], bad, *clips[1:]])
    refused = answers.pop(1)
    assert isinstance(refused, InputError) and str(refused).startswith(f"{bad}: no audio file")
    for clip, together in zip(clips, answers, strict=True):
        alone = pipeline.predict(clip)
        assert together.step_probs.shape == alone.step_probs.shape
        np.testing.assert_allclose(together.step_probs, alone.step_probs, rtol=0, atol=1e-6)
        np.testing.assert_allclose(together.clip_probs, alone.clip_probs, rtol=0, atol=1e-6)
        assert (together.duration, together.notes) == (alone.duration, alone.notes)


def test_the_mean_and_the_steps_are_the_traced_ones(pipeline, clips):
    for clip in clips[:2]:
        answer, traced = pipeline.predict(clip), pipeline.trace(clip).arrays
        np.testing.assert_allclose(answer.step_probs, traced["step_probs"], rtol=0, atol=1e-6)
        np.testing.assert_allclose(answer.clip_probs, traced["clip_probs"], rtol=0, atol=1e-6)


def test_padding_in_front_would_be_caught(pipeline, clips, monkeypatch):
    real = pipeline._step_probs
    monkeypatch.setattr(pipeline, "_step_probs", lambda x: real(np.roll(x, x.shape[1] // 2, axis=1)))
    together = pipeline.predict_many(clips)
    monkeypatch.undo()
    assert np.abs(together[1].step_probs - pipeline.predict(clips[1]).step_probs).max() > 1e-3


def test_one_graph_serves_every_shape(pipeline, clips):
    pipeline.predict(clips[0])
    traced = pipeline._step_probs.experimental_get_tracing_count()
    pipeline.predict_many(clips)
    assert pipeline._step_probs.experimental_get_tracing_count() == traced == 1


def test_batches_hold_every_clip_once_and_no_more_than_fits():
    lengths = [36, 700, 650, BATCH_FRAMES, 2 * BATCH_FRAMES, 90, *[668] * 40]
    groups = batches(lengths)
    assert sorted(k for group in groups for k in group) == list(range(len(lengths)))
    for group in groups:
        longest = max(lengths[k] for k in group)
        assert len(group) == 1 or len(group) * longest <= BATCH_FRAMES
    assert len(groups) < 10
    assert batches([]) == []


@pytest.mark.parametrize(("frames", "steps"), [(0, 0), (35, 0), (36, 1), (43, 1), (44, 2), (668, 80)])
def test_steps(pipeline, frames, steps):
    assert crnn.steps(frames) == steps
    if steps:
        assert pipeline._step_probs(np.zeros((1, frames, crnn.N_MELS), np.float32)).shape[1] == steps
