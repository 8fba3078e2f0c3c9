"""The network of 2018 on sound that arrives in parts, against its whole-file answer."""

from functools import cache

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.decode import Decoded, decode
from reprise_kit.port.deepsound_cnn_2018.live import LiveNetwork, LiveRecogniser
from reprise_kit.port.deepsound_cnn_2018.pipeline import Options, Pipeline, open_pipeline
from tests.shared import SHARED, needs_shared

WEIGHTS = SHARED / "data/deepsound-2018/model.json"
CLIPS = SHARED / "data/choi/clips"
SONGS = ("bensound-actionable", "bensound-cute", "bensound-dubstep", "bensound-thejazzpiano")
SAME_GENRE = 0.98  # of the steps; measured: 1.0, 1.0, 1.0, 1.0


@cache
def pipeline() -> Pipeline:
    return open_pipeline(WEIGHTS, "tensorflow", Options(front="librosa"))


def listened(decoded: Decoded, edges: list[int]) -> np.ndarray:
    recogniser = LiveRecogniser(LiveNetwork(pipeline().model), decoded.rate)
    parts = [recogniser.push(part).step_probs for part in np.split(decoded.native, edges)]
    return np.concatenate([*parts, recogniser.finish().step_probs])


@needs_shared
@pytest.mark.parametrize("n_parts", [1, 7, 40])
def test_with_the_same_samples_it_is_the_whole_answer(n_parts: int) -> None:
    """Whatever the parts: smoothing looks back past them."""
    rng = np.random.default_rng(n_parts)
    native = (np.sin(np.cumsum(rng.normal(0, 0.02, 22_050 * 12))) * 0.5).astype(np.float32)
    decoded = Decoded(native, 22_050, ())
    edges = sorted(rng.integers(0, len(native), n_parts - 1))
    whole = pipeline().recognise(decoded).step_probs
    live = listened(decoded, edges)
    assert whole is not None and live.shape == whole.shape and len(live) > 20
    np.testing.assert_allclose(live, whole, atol=1e-5, rtol=0)


@needs_shared
@pytest.mark.parametrize("song", SONGS)
def test_on_songs_it_names_the_same_genre(song: str) -> None:
    decoded = decode(CLIPS / f"{song}.mp3")
    whole = pipeline().recognise(decoded).step_probs
    live = listened(decoded, list(range(1 << 16, len(decoded.native), 1 << 16)))
    assert whole is not None and live.shape == whole.shape
    assert (live.argmax(axis=1) == whole.argmax(axis=1)).mean() >= SAME_GENRE


@needs_shared
def test_decoded_sound_is_answered_as_its_file() -> None:
    song = CLIPS / "bensound-cute.mp3"
    file, sound = pipeline().predict(song), pipeline().recognise(decode(song))
    np.testing.assert_array_equal(sound.step_probs, file.step_probs)
    np.testing.assert_array_equal(sound.clip_probs, file.clip_probs)
    assert (sound.duration, sound.notes) == (file.duration, file.notes)
    with pytest.raises(InputError, match="first channel"):
        open_pipeline(WEIGHTS, "tensorflow").recognise(decode(song))
