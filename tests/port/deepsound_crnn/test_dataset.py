import dataclasses
import errno
import os
import pickle
import resource
import shutil
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

from reprise_kit import cli as reprise
from reprise_kit.commands import training as training_commands
from reprise_kit.compare.atomic import claim_folder
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.system import ROOT
from reprise_kit.port.deepsound_crnn.training import dataset, pickle_arrays
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
    assert corpus.genres == dataset.GENRES
    assert corpus.labels.tolist() == sorted([*range(10), *range(10)])
    assert [fault.split(":")[0] for fault in corpus.faults] == ["jazz/jazz.00054.au"]
    assert all(Path(path).is_file() for path in corpus.paths)
    np.testing.assert_array_equal(corpus.x[3], dataset.features(Path(corpus.paths[3]))[0].astype(np.float32))


def test_a_cut_track_is_taken_with_a_note_that_a_second_run_still_knows(tmp_path):
    for genre, kept in (("jazz", 1.0), ("pop", 0.6)):
        path = tmp_path / "tracks" / genre / "one.wav"
        path.parent.mkdir(parents=True)
        with wave.open(str(path), "wb") as out:
            out.setparams((1, 2, 22_050, 0, "NONE", ""))
            out.writeframes(np.random.default_rng(0).integers(-9999, 9999, 60_000, dtype="<i2").tobytes())
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    first, again = (dataset.collect(tmp_path / "tracks", tmp_path / "parts") for _ in range(2))
    print(first.notes)
    assert len(first.x) == 2 and not first.faults
    assert [note.split(":")[0] for note in first.notes] == ["pop/one.wav"] and first.notes == again.notes


@pytest.mark.parametrize("workers", [2, 5])
def test_any_number_of_workers_gives_the_same_file(tracks, corpus, tmp_path, workers):
    other = dataset.collect(tracks, tmp_path / "parts", workers)
    for suffix in (".npz", ".tfrecord"):
        dataset.save(corpus, tmp_path / f"one{suffix}")
        dataset.save(other, tmp_path / f"several{suffix}")
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"several{suffix}").read_bytes()


def share_of_a_processor(file, parts):
    """Stand in for `dataset.part`: how much of a processor a worker takes for its two largest pieces of work."""
    samples = np.random.default_rng(0).normal(size=441_007).astype(np.float32)
    began, used = time.perf_counter(), time.process_time()
    for _ in range(20):
        dataset.log_mel(dataset.resample(samples, 44_100)[0])
    return str((time.process_time() - used) / (time.perf_counter() - began))


def test_a_worker_keeps_to_one_thread(tracks, tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "part", share_of_a_processor)
    (share,) = dataset._pooled([tracks], tmp_path, 1)
    assert float(share) < 1.1


def crashing(file, parts):
    """Stand in for `dataset.part`: a decoder that brings its process down."""
    if file.name == "metal.00001.au":
        os._exit(11)
    return dataset.part(file, parts)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_track_on_which_a_worker_dies_is_left_out(tracks, corpus, tmp_path, monkeypatch, workers):
    monkeypatch.setattr(dataset, "part", crashing)
    other = dataset.collect(tracks, tmp_path, workers)
    assert [fault.split(":")[0] for fault in other.faults] == ["jazz/jazz.00054.au", "metal/metal.00001.au"]
    kept = [not path.endswith("metal.00001.au") for path in corpus.paths]
    np.testing.assert_array_equal(other.x, corpus.x[kept])


def slow(file, parts):
    """Stand in for `dataset.part`: leaves time to stop a run."""
    time.sleep(0.1)
    return dataset.part(file, parts)


COMMAND = """
from reprise_kit.port.deepsound_crnn.training import dataset
from tests.port.deepsound_crnn.test_dataset import slow
dataset.part = slow
from reprise_kit import cli as reprise
reprise.main()
"""


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_run_leaves_no_process_and_goes_on_from_its_parts(tracks, corpus, tmp_path, stop):
    out = tmp_path / "data.tfrecord"
    run = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "dataset", str(tracks), "-o", str(out), "--workers", "2"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    parts = tmp_path / "data.tfrecord.parts"
    waiting(lambda: len(list(parts.glob("*.npy"))) >= 4 or run.poll() is not None)
    assert run.poll() is None, "it ended before it could be stopped"
    if stop == signal.SIGINT:  # as a terminal sends it, to all
        os.killpg(run.pid, stop)
    else:
        run.send_signal(stop)
    hint, said = run.communicate(timeout=60)
    assert hint == (b"the same command goes on from here\n" if stop == signal.SIGINT else b"")
    assert stop == signal.SIGKILL or said.split(b"\n") == [b"reprise: stopped", b""]
    waiting(lambda: not alive(run.pid))
    assert 4 <= len(list(parts.glob("*.npy"))) < 20 and not out.exists()
    training_commands.dataset(tracks, out, 2, None, lambda line: None)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    np.testing.assert_array_equal(dataset.load(out).x, corpus.x)


def waiting(for_what):
    deadline = time.monotonic() + 100
    while not for_what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_finished_part_is_not_computed_again(tracks, tmp_path, monkeypatch):
    track = tracks / "pop" / "pop.00001.au"
    first = dataset.part(track, tmp_path)
    monkeypatch.setattr(dataset, "features", None)  # would raise
    assert dataset.part(track, tmp_path) == first


def test_a_damaged_part_is_made_again(tracks, corpus, tmp_path):
    parts = claim_folder(tmp_path / "parts", "dataset")
    dataset.part(tracks / "blues" / "blues.00000.au", parts).write_bytes(b"")
    assert dataset.collect(tracks, parts).x.tobytes() == corpus.x.tobytes()


def test_a_full_disk_is_no_fault_of_the_track(tracks, tmp_path, monkeypatch):
    def full(path, array):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="No space left"):
        dataset.part(tracks / "pop" / "pop.00001.au", tmp_path)
    assert not list(tmp_path.iterdir())


def test_short_tracks_are_filled_with_silence_and_long_ones_cut():
    power = np.zeros((40, 128))
    assert np.all(dataset.framed(power, 50)[40:] == np.log(np.float32(1e-6)))
    assert np.all(dataset.framed(power, 50)[:40] == 0) and dataset.framed(power, 36).shape == (36, 128)


def same(one, other):
    arrays = ((one.x, other.x), (one.y, other.y))
    assert all((a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()) for a, b in arrays)
    assert (one.paths, one.genres, one.faults) == (other.paths, other.genres, other.faults)


@pytest.mark.parametrize("suffix", ["npz", "tfrecord", "pkl"])
def test_a_data_set_comes_back_as_it_was_written(corpus, tmp_path, suffix):
    dataset.save(corpus, tmp_path / f"data.{suffix}")
    read = dataset.load(tmp_path / f"data.{suffix}")
    same(read, dataclasses.replace(corpus, faults=()) if suffix == "pkl" else corpus)
    assert [path.name for path in tmp_path.iterdir()] == [f"data.{suffix}"]


@pytest.mark.parametrize("suffix", ["npz", "tfrecord"])
def test_any_name_genre_and_number_comes_back(tmp_path, suffix):
    x = np.array([-0.0, 1e-45, np.finfo(np.float32).max, -13.815511], np.float32).repeat(96).reshape(3, 1, 128)
    y = np.array([[0, 1], [1, 0], [0, 1]], np.float32)
    paths = ("/música/a.au", os.fsdecode(b"/m\xfasica/b.au"), "/日本/c d\n.au")
    odd = dataset.Corpus(x, y, paths, ("bossa nova", "åäö"), ("a: lost", "b: ünreadable"))
    dataset.save(odd, tmp_path / f"data.{suffix}")
    same(dataset.load(tmp_path / f"data.{suffix}"), odd)


def few(n_tracks=3, n_frames=2, faults=("pop/x.au: broken",)):
    x = np.random.default_rng(0).normal(size=(n_tracks, n_frames, 128)).astype(np.float32)
    y = np.eye(2, dtype=np.float32)[np.arange(n_tracks) % 2]
    return dataset.Corpus(x, y, tuple(f"/{i}.au" for i in range(n_tracks)), ("pop", "rock"), faults)


def test_tensorflow_reads_the_records_by_their_documented_features(tmp_path):
    corpus = few()
    dataset.save(corpus, tmp_path / "data.tfrecord")
    text, number = tf.string, tf.int64
    features = {name: tf.io.FixedLenFeature([], kind) for name, kind in
                (("x", text), ("label", number), ("genre", text), ("path", text))}  # fmt: skip
    features |= {"shape": tf.io.FixedLenFeature([2], number), "n_tracks": tf.io.VarLenFeature(number)}
    features |= {"genres": tf.io.VarLenFeature(text), "faults": tf.io.VarLenFeature(text)}
    raw = list(tf.data.TFRecordDataset(str(tmp_path / "data.tfrecord")))
    examples = [tf.io.parse_single_example(record, features) for record in raw]
    for i, example in enumerate(examples):
        x = tf.reshape(tf.io.decode_raw(example["x"], tf.float32, little_endian=True), example["shape"])
        assert x.numpy().tobytes() == corpus.x[i].tobytes()
        assert (example["label"], example["genre"]) == (i % 2, (b"pop", b"rock")[i % 2])
        assert example["path"] == corpus.paths[i].encode()
        whole = [example[name].values.numpy().tolist() for name in ("genres", "faults", "n_tracks")]
        assert whole == ([[b"pop", b"rock"], [b"pop/x.au: broken"], [3]] if i == 0 else [[], [], []])
    assert len(examples) == 3


def test_every_cut_and_every_changed_byte_of_records_is_an_input_error(tmp_path):
    # Faults longer than the tracks, so that the file's size alone does not tell that some are missing.
    dataset.save(few(n_frames=1, faults=("pop/x.au: broken",) * 200), tmp_path / "data.tfrecord")
    whole, other = (tmp_path / "data.tfrecord").read_bytes(), tmp_path / "other.tfrecord"
    size = len(whole)
    records = tf.data.TFRecordDataset(str(tmp_path / "data.tfrecord"))
    starts = np.cumsum([0] + [len(record.numpy()) + 16 for record in records])  # 16: lengths and checksums
    assert starts[-1] == size
    within_and_between = {*range(0, size, 101), *range(size - 20, size), *starts[:-1], *(starts[:-1] + 11)}
    for end in within_and_between:
        other.write_bytes(whole[:end])
        with pytest.raises(InputError, match=r"cut short|no track"):
            dataset.load(other)
    for at in range(0, size, 37):
        other.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(InputError, match="damaged"):
            dataset.load(other)
    other.write_bytes(whole + whole)
    with pytest.raises(InputError, match="more than the 3 tracks"):
        dataset.load(other)


def example(**changes):
    values = {"x": [bytes(2 * 128 * 4)], "shape": [2, 128], "label": [0], "genre": [b"pop"], "path": [b"/0.au"]}
    values |= {"genres": [b"pop", b"rock"], "faults": [], "n_tracks": [1]} | changes
    features = {name: feature(value) for name, value in values.items() if value is not None}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def feature(values):
    if not values:
        return tf.train.Feature()
    if isinstance(values[0], bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def write_records(path, *examples):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for raw in examples:
            writer.write(raw)


LATER = {"genres": [], "n_tracks": []}


@pytest.mark.parametrize(
    "examples, reason",
    [
        ([b"text of some other program"], "record 1 is not one of"),
        ([b""], "record 1 is not one of"),
        ([example(x=None)], "record 1 is not one of"),
        ([example(x=[7])], "record 1 is not one of"),
        ([example(shape=[256])], "record 1 is not one of"),
        ([example(n_tracks=None)], "does not say how many"),
        ([example(n_tracks=[2]), example(label=None, **LATER)], "record 2 is not one of"),
        ([example(shape=[3, 128])], "cut short"),
        ([example(shape=[4, 64])], "x .1, 4, 64. and y"),
        ([example(shape=[1, 128])], r"shape \(1, 128\) in 1024 bytes"),
        ([example(shape=[-2, -128])], "1 tracks of -2 x -128"),
        ([example(n_tracks=[10**12])], "cut short"),
        ([example(n_tracks=[0])], "0 tracks of"),
        ([example(n_tracks=[2]), example(x=[bytes(1536)], shape=[3, 128], **LATER)], r"shape \(3, 128\)"),
        ([example(n_tracks=[1]), example(**LATER)], "more than the 1 tracks"),
        ([example(n_tracks=[2]), example(label=[2], **LATER)], "label 2 for 'pop'"),
        ([example(label=[-1], genre=[b"rock"])], "label -1"),
        ([example(label=[1])], "label 1 for 'pop'"),
        ([example(genres=[])], "label 0 for 'pop'"),
        ([example(x=[np.full((2, 128), np.nan, "<f4").tobytes()])], "finite"),
    ],
)  # fmt: skip
def test_foreign_records_are_one_clear_line(tmp_path, examples, reason):
    write_records(tmp_path / "data.tfrecord", *examples)
    with pytest.raises(InputError, match=reason) as refused:
        dataset.load(tmp_path / "data.tfrecord")
    assert str(refused.value).startswith(str(tmp_path / "data.tfrecord")) and "\n" not in str(refused.value)


def test_the_records_of_these_tests_are_read_where_nothing_is_wrong(tmp_path):
    write_records(tmp_path / "data.tfrecord", example(n_tracks=[2]), example(label=[1], genre=[b"rock"], **LATER))
    assert dataset.load(tmp_path / "data.tfrecord").labels.tolist() == [0, 1]


@pytest.mark.parametrize("suffix", ["npz", "tfrecord", "pkl", "tfrecords"])
def test_no_file_is_an_input_error(tmp_path, suffix):
    with pytest.raises(InputError, match="no such file; make it with"):
        dataset.load(tmp_path / f"data.{suffix}")
    (tmp_path / f"other.{suffix}").write_bytes(b"")
    with pytest.raises(InputError):
        dataset.load(tmp_path / f"other.{suffix}")


def test_a_disk_that_is_full_leaves_what_was_there(tmp_path):
    dataset.save(few(1), tmp_path / "data.tfrecord")
    before = (tmp_path / "data.tfrecord").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(InputError, match="File too large"):
            dataset.save(few(300), tmp_path / "data.tfrecord")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"data.tfrecord": before}


def test_genres_that_are_not_one_hot_are_an_input_error(tmp_path):
    dataset.save(dataclasses.replace(few(), y=np.full((3, 2), 0.5, np.float32)), tmp_path / "data.npz")
    with pytest.raises(InputError, match="one-hot"):
        dataset.load(tmp_path / "data.npz")


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
    training_commands.dataset(tracks, tmp_path / "data.tfrecord", 1, None, said.append)
    assert said[0].startswith("left out: jazz/jazz.00054.au: no audio") and "20 tracks of 65 frames" in said[1]
    assert [path.name for path in tmp_path.iterdir()] == ["data.tfrecord"]


def test_a_corpus_that_cannot_be_trained_on_says_so(tracks, tmp_path):
    said: list[str] = []
    for genre in ("jazz", "pop"):
        shutil.copytree(tracks / genre, tmp_path / "two" / genre)
    training_commands.dataset(tmp_path / "two", tmp_path / "data.npz", 1, None, said.append)
    assert "2 genres" in said[1] and "takes 10 genres" in said[2]


def test_another_format_is_refused_before_the_work(tracks, tmp_path):
    with pytest.raises(InputError, match="a data set is a"):
        training_commands.dataset(tracks, tmp_path / "data.csv", 1, None, print)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["dataset", "train", "filters", "training-parity"])
def test_the_help_names_the_formats(command):
    shown = CliRunner().invoke(reprise.cli, [command, "--help"]).output
    assert all(form in shown for form in dataset.FORMATS)


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
