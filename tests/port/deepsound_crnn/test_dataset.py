import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from port.deepsound_crnn import dataset, pickle_arrays, training_commands
from port.errors import InputError
from tests.port.deepsound_crnn.make_corpus import make

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus") / "tracks"
    make(folder, 2)
    whole = (folder / "jazz" / "jazz.00001.au").read_bytes()
    # GTZAN's own jazz.00054 is such a file: a header, and no sound that can be read.
    (folder / "jazz" / "jazz.00054.au").write_bytes(whole[:10])
    return folder


@pytest.fixture(scope="module")
def corpus(tracks, tmp_path_factory):
    return dataset.collect(tracks, tmp_path_factory.mktemp("parts"))


def test_a_corpus_has_every_track_that_can_be_read_and_names_the_one_that_cannot(corpus):
    assert corpus.x.shape == (20, 65, 128) and corpus.x.dtype == np.float32
    assert corpus.genres == dataset.LABELS
    assert corpus.labels.tolist() == sorted([*range(10), *range(10)])
    assert [fault.split(":")[0] for fault in corpus.faults] == ["jazz/jazz.00054.au"]
    assert all(Path(path).is_file() for path in corpus.paths)
    np.testing.assert_array_equal(corpus.x[3], dataset.features(Path(corpus.paths[3])).astype(np.float32))


def test_several_processes_give_the_same_corpus(tracks, corpus, tmp_path):
    other = dataset.collect(tracks, tmp_path, workers=2)
    np.testing.assert_array_equal(other.x, corpus.x)
    assert (other.paths, other.faults) == (corpus.paths, corpus.faults)


def test_a_stopped_run_goes_on_from_its_parts(tracks, corpus, tmp_path, monkeypatch):
    computed, once = [], dataset.features

    def counted(path):
        if len(computed) == 7:
            raise KeyboardInterrupt
        computed.append(path)
        return once(path)

    monkeypatch.setattr(dataset, "features", counted)
    with pytest.raises(KeyboardInterrupt):
        dataset.collect(tracks, tmp_path)
    again: list[Path] = []
    monkeypatch.setattr(dataset, "features", lambda path: again.append(path) or once(path))
    np.testing.assert_array_equal(dataset.collect(tracks, tmp_path).x, corpus.x)
    assert len(again) == 14 and not set(again) & set(computed)  # 13 tracks and the faulty one


def test_short_tracks_are_filled_with_silence_and_long_ones_cut():
    power = np.zeros((40, 128))
    assert np.all(dataset.framed(power, 50)[40:] == np.log(np.float32(1e-6)))
    assert np.all(dataset.framed(power, 50)[:40] == 0) and dataset.framed(power, 36).shape == (36, 128)


@pytest.mark.parametrize("suffix", ["npz", "pkl"])
def test_a_data_set_comes_back_as_it_was_written(corpus, tmp_path, suffix):
    corpus.save(tmp_path / f"data.{suffix}")
    read = dataset.load(tmp_path / f"data.{suffix}")
    np.testing.assert_array_equal(read.x, corpus.x)
    np.testing.assert_array_equal(read.y, corpus.y)
    assert (read.paths, read.genres) == (corpus.paths, corpus.genres)


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_pickles_of_python_2_and_numpy_1_10_are_read(protocol):
    read = dataset.load(GOLDEN / f"protocol{protocol}.pkl")
    np.testing.assert_array_equal(read.x, np.random.RandomState(1).normal(size=(3, 2, 128)).astype(np.float32))
    np.testing.assert_array_equal(read.y, np.eye(3, 10, dtype=np.float32))
    assert read.paths[2] == "/música/track.00002.au"


class Program:
    def __init__(self, call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(5))
def test_a_pickle_that_is_a_program_is_refused_and_not_run(tmp_path, protocol):
    ran = tmp_path / "ran"
    evil = {"x": Program((os.mkdir, (str(ran),))), "y": 1, "track_paths": {}}
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(evil, protocol))
    with pytest.raises(InputError, match="it was not run"):
        dataset.load(tmp_path / "evil.pkl")
    assert not ran.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"\x80", b"I1\n", b"(((.", b"N.", b"cnumpy\ndtype\n(S'O'\nI0\nI1\ntR.", b"g7\n.", b"}N.",
     b"\x80\x02}(U\x01xK\x01u."],
)  # fmt: skip
def test_what_is_no_data_set_is_an_input_error(tmp_path, content):
    (tmp_path / "data.pkl").write_bytes(content)
    with pytest.raises(InputError):
        dataset.load(tmp_path / "data.pkl")


def test_every_cut_of_a_pickle_is_an_input_error(tmp_path):
    whole = (GOLDEN / "protocol2.pkl").read_bytes()
    for length in range(0, len(whole), 97):
        (tmp_path / "cut.pkl").write_bytes(whole[:length])
        with pytest.raises(InputError):
            dataset.load(tmp_path / "cut.pkl")


def test_only_numbers_are_written(tmp_path):
    with pytest.raises(InputError, match="only numbers"):
        pickle_arrays.write(tmp_path / "data.pkl", {"x": np.array(["text"])})


def test_the_command_reports_what_it_left_out_and_clears_its_parts(tracks, tmp_path):
    said: list[str] = []
    training_commands.dataset(tracks, tmp_path / "data.npz", 1, None, said.append)
    assert said[0].startswith("left out: jazz/jazz.00054.au:") and "20 tracks of 65 frames" in said[1]
    assert [path.name for path in tmp_path.iterdir()] == ["data.npz"]


@pytest.mark.parametrize("make_folder", [False, True])
def test_a_folder_without_tracks_is_an_input_error(tmp_path, make_folder):
    folder = tmp_path / "corpus"
    if make_folder:
        (folder / "blues").mkdir(parents=True)
    with pytest.raises(InputError, match="sub-folder for each genre"):
        dataset.collect(folder, tmp_path / "parts")


def test_one_genre_is_not_a_corpus(tracks, tmp_path):
    (tmp_path / "blues").mkdir()
    (tmp_path / "blues" / "one.au").write_bytes((tracks / "blues" / "blues.00000.au").read_bytes())
    with pytest.raises(InputError, match="at least 2 genres"):
        dataset.collect(tmp_path, tmp_path / "parts")
