import hashlib
import json
from pathlib import Path

import keras
import numpy as np
import pytest

from reprise_kit.commands import training as training_commands
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.system import ORIGINAL
from reprise_kit.port.audio.librosa041.mel import log_mel
from reprise_kit.port.audio.numpy110.argpartition import largest
from reprise_kit.port.deepsound_crnn import model
from reprise_kit.port.deepsound_crnn.filters import page as filters_page
from reprise_kit.port.deepsound_crnn.filters import winners as filters
from reprise_kit.port.deepsound_crnn.training import dataset
from tests.port.deepsound_crnn.inputs import filters_corpus

FIXTURE = ORIGINAL / "deepsound_crnn" / "recorded" / "fixture.h5"
RECORDED = ORIGINAL / "deepsound_crnn" / "recorded" / "filters"
GOLDEN = Path(__file__).parent / "golden" / "argpartition.npz"


@pytest.fixture(scope="module")
def network():
    return model.load(FIXTURE, "theano")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return filters_corpus(tmp_path_factory.mktemp("filters"))


@pytest.fixture(scope="module")
def found(network, corpus):
    return list(filters.winners(network, corpus.x))


def test_the_largest_come_in_the_order_of_numpy_1_10():
    with np.load(GOLDEN) as golden:
        cases = [name.rsplit("_", 1) for name in golden.files if "_" in name]
        assert len(cases) == 12
        for name, count in cases:
            np.testing.assert_array_equal(largest(golden[name], int(count)), golden[f"{name}_{count}"])


def test_the_original_s_winners_win(found):
    with np.load(RECORDED / "trace.npz") as original:
        same = [
            (np.stack([won.tracks, won.frames], axis=-1) == original[f"winners_{won.layer}"]).all(axis=(1, 2))
            for won in found
        ]
    assert [len(layer) for layer in same] == [256, 256, 256]
    assert np.mean(np.concatenate(same)) >= 0.99


def test_the_original_s_wavs_are_written(found, corpus, tmp_path):
    list(filters.write_wavs(tmp_path, found, corpus.paths, filters.as_original))
    recorded = json.loads((RECORDED / "wavs.json").read_text())
    assert len(recorded) == 768
    same = [hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == sha for name, sha in recorded.items()]
    assert np.mean(same) >= 0.99


def test_a_broken_filter_does_not_win_the_same(network, corpus):
    broken = keras.models.clone_model(network)
    broken.set_weights([w[::-1] if w.ndim == 3 else w for w in network.get_weights()])
    won = next(iter(filters.winners(broken, corpus.x)))
    with np.load(RECORDED / "trace.npz") as original:
        theirs = original["winners_convolution_1"]
    assert (np.stack([won.tracks, won.frames], axis=-1) == theirs).all(axis=(1, 2)).mean() < 0.5


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_receptive_field_is_all_that_a_frame_depends_on(network, depth):
    part = keras.Model(network.input, network.get_layer(f"convolution_{depth}").output)
    samples = np.random.default_rng(0).normal(0, 0.1, 70_000).astype(np.float32)
    frame = 3
    first, last = filters.receptive_field(depth, frame)

    def answer(changed: slice | None) -> np.ndarray:
        other = samples.copy()
        if changed:
            other[changed] = 0.0
        return np.asarray(part(log_mel(other)[None].astype(np.float32)))[0, frame]

    kept = answer(None)
    # The transform shares rounding between all frames of a block, so that "does not depend" is not always bit for bit.
    np.testing.assert_allclose(answer(slice(last, None)), kept, atol=1e-4)
    np.testing.assert_allclose(answer(slice(0, first)), kept, atol=1e-4)
    assert np.abs(answer(slice(last - 400, last)) - kept).max() > 1e-4
    assert np.abs(answer(slice(first, first + 400)) - kept).max() > 1e-4


def test_the_original_cuts_late_and_short():
    assert [filters.as_original(depth, 5) for depth in (1, 2, 3)] == [(5120, 7172), (10240, 14348), (20480, 28700)]
    for depth in (1, 2, 3):
        (first, last), (start, stop) = filters.receptive_field(depth, 9), filters.as_original(depth, 9)
        assert start - first == 1024 and stop - start < (last - first) / 2


def test_silence_wins_without_a_sound(corpus):
    # Where every winner lies in a track's padding the original stops with an error.
    won = filters.Winners("convolution_1", np.zeros((1, 2), int), np.full((1, 2), 10**6))
    (number, samples), *rest = filters.sounds(won, corpus.paths, filters.as_original)
    assert (number, len(samples), rest) == (0, 0, [])


@pytest.mark.parametrize("count", [1, 3, 21])
def test_too_many_or_too_few_winners_are_refused(network, corpus, count):
    with pytest.raises(InputError, match="winners"):
        list(filters.winners(network, corpus.x, count))


def test_the_page_has_every_filter(found, corpus, tmp_path):
    few = [filters.Winners(won.layer, won.tracks[:3], won.frames[:3]) for won in found]
    filters_page.write(tmp_path, few, corpus, filters.receptive_field, "All that each filter heard.")
    page = (tmp_path / "index.html").read_text()
    for won in few:
        for number in range(3):
            for suffix in ("wav", "png"):
                assert f"{won.layer}/{number}.{suffix}" in page
                assert (tmp_path / won.layer / f"{number}.{suffix}").stat().st_size > 100


def test_a_folder_of_something_else_is_not_replaced(tmp_path):
    (tmp_path / "songs").mkdir()
    (tmp_path / "songs" / "mine.mp3").touch()
    with pytest.raises(InputError, match="would remove"):
        training_commands.filters(tmp_path / "x.npz", tmp_path / "songs", FIXTURE, "theano", 4, False, print)
    assert (tmp_path / "songs" / "mine.mp3").exists()


def test_records_give_the_same_winners_as_arrays(corpus, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(filters_page, "write", lambda folder, *given: written.append(given))
    for suffix in ("npz", "tfrecord"):
        dataset.save(corpus, tmp_path / f"data.{suffix}")
        training_commands.filters(tmp_path / f"data.{suffix}", tmp_path / suffix, FIXTURE, "theano", 4, True, print)
    (found, arrays, *how), (again, records, *same) = written
    assert how == same and (arrays.paths, arrays.genres) == (records.paths, records.genres)
    assert arrays.x.tobytes() == records.x.tobytes() and len(found) == 3
    for won, other in zip(found, again, strict=True):
        np.testing.assert_array_equal(won.tracks, other.tracks)
        np.testing.assert_array_equal(won.frames, other.frames)
