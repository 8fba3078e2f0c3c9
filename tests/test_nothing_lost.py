"""Every command that writes: nothing of the user's is removed for it, nothing half-written stays on a full disk."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from reprise_kit import cli
from reprise_kit.compare.system import CLIPS, ROOT
from reprise_kit.port.deepsound_crnn.training import dataset as data_set
from reprise_kit.port.deepsound_crnn.training.corpus import Corpus
from tests.port.dieleman_spotify_2014 import synthetic
from tests.port.keras_legacy import models

CLIP = CLIPS / "shortest.wav"
FORMATS = {"keras": ".keras", "weights": ".weights.h5", "savedmodel": "", "onnx": ".onnx", "tflite": ".tflite"}


@pytest.fixture
def run(monkeypatch, capfd):
    """The command line in this process: (exit code, what it said on standard error)."""
    before = signal.getsignal(signal.SIGTERM)

    def running(*words):
        monkeypatch.setattr(sys, "argv", ["reprise", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
            raise SystemExit(0)
        return ended.value.code, capfd.readouterr().err

    yield running
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def model(tmp_path):
    """A dense network of 0.4 MB: (model.json, weights.h5)."""
    random = np.random.RandomState(0)
    config = models.sequential(models.first(models.layer("Dense", "dense", output_dim=300), 300))
    arrays = [("dense_W", models.normal(random, 300, 300)), ("dense_b", models.normal(random, 300))]
    (tmp_path / "model").mkdir()
    return models.save(tmp_path / "model", config, [models.group("dense", **dict(arrays))])


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def users(tmp_path):
    """A folder of the user's."""
    folder = tmp_path / "users"
    (folder / "photos").mkdir(parents=True)
    (folder / "photos" / "cat.jpg").write_text("a cat")
    return folder


def folder_commands(model, users):
    data = users.parent / "data.npz"
    migrate = ["migrate", "--architecture", model[0], "--weights", model[1], "--source-backend", "theano"]
    return {
        "trace": ["trace", CLIP, "--out", users],
        "compare": ["compare", CLIP, "--out", users],
        "migrate": [*migrate, "--to", "savedmodel", "-o", users],
        "filters": ["filters", data, "-o", users],
        "train": ["train", data, "-o", users, "--epochs", 1],
        "training-parity": ["training-parity", data, "-o", users],
        "fetch": ["fetch", "deepsound_crnn", "--from", users.parent, "--out", users],
        "adopt": ["adopt", users.parent / "corpus", "-o", users],
        "dataset": ["dataset", users.parent / "corpus", "-o", users.with_suffix("")],
        "predict": ["predict", "--recursive", CLIPS, "--out", users],
    }


def corpus(folder):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(48, 64, 128)).astype(np.float32)
    texts = {
        "paths": np.array([str(CLIP)] * 48),
        "genres": np.array([f"g{i}" for i in range(10)]),
        "faults": np.array([], str),
    }
    np.savez(folder / "data.npz", x=x, y=np.eye(10, dtype=np.float32)[np.arange(48) % 10], **texts)
    for genre in ("one", "two"):
        (folder / "corpus" / genre).mkdir(parents=True)
        (folder / "corpus" / genre / "clip.wav").write_bytes(CLIP.read_bytes())


@pytest.mark.parametrize(
    "command", ["trace", "compare", "migrate", "filters", "train", "training-parity", "fetch", "dataset", "predict"]
)
def test_a_folder_of_the_users_is_refused_and_left(command, model, users, run, tmp_path):
    corpus(tmp_path)
    if command == "dataset":  # theirs is the folder of parts
        users = users.rename(users.with_name("users.npz.parts"))
    before = files(tmp_path)
    code, said = run(*folder_commands(model, users)[command])
    assert (code, said.count("\n")) == (2, 1), said
    assert "users" in said and "cat.jpg" in said
    assert files(tmp_path) == before


def test_what_is_read_is_not_written_over(model, run, tmp_path):
    migrate = ["migrate", "--architecture", model[0], "--weights", model[1], "--source-backend", "theano"]
    before = files(tmp_path)
    for words in (
        [*migrate, "--to", "weights", "-o", model[1]],
        [*migrate, "--verify", tmp_path / "model.keras", "-o", tmp_path / "model.keras"],
        ["trace", CLIP, "--given", tmp_path / "model", "--out", tmp_path / "model"],
        ["compare", CLIP, "--reference", tmp_path / "model", "--out", tmp_path],
    ):
        code, said = run(*words)
        assert (code, said.count("\n")) == (2, 1) and "which is read" in said, said
    assert files(tmp_path) == before


@pytest.mark.parametrize("small_disk", ["16k", "200k"], indirect=True)
@pytest.mark.parametrize("to", FORMATS)
def test_a_full_disk_leaves_nothing_of_a_migration(to, small_disk, model, run, tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    words = ["migrate", "--architecture", model[0], "--weights", model[1], "--source-backend", "theano"]
    code, said = run(*words, "--to", to, "-o", small_disk / f"far/away/model{FORMATS[to]}")
    assert code == 2 and said.splitlines()[-1].startswith("reprise: No space left on device"), said
    assert said.count("\n") == 1, said
    assert list(small_disk.iterdir()) == [] and list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("small_disk", ["16k"], indirect=True)
def test_a_full_disk_is_no_models_fault(small_disk, model, run):
    code, said = run("migrate", model[0].parent, "--source-backend", "theano", "-o", small_disk / "out")
    assert code == 2 and "reprise: No space left on device" in said, (code, said)
    assert list(small_disk.iterdir()) == []


def learning(folder):
    songs = ("--plays", "plays.tsv"), ("--songs", "songs.csv"), ("--audio", "")
    synthetic.corpus(folder)
    return ["--system", "dieleman_spotify_2014", *(word for key, name in songs for word in (key, folder / name))]


FILLING = {
    "dataset": lambda folder, disk: ["dataset", folder / "corpus", "-o", disk / "d.npz"],
    "archive": lambda folder, disk: ["predict", "--recursive", folder / "corpus", "--out", disk / "out"],
    "train": lambda folder, disk: ["train", folder / "data.npz", "-o", disk / "out", "--epochs", 1],
    "filters": lambda folder, disk: ["filters", folder / "data.npz", "-o", disk / "out"],
    "trace": lambda folder, disk: ["trace", CLIP, "--out", disk / "out"],
    "compare": lambda folder, disk: ["compare", CLIP, "--out", disk / "out"],
    "new-system": lambda folder, disk: ["new-system", "mine", "--to", disk],
    "features": lambda folder, disk: ["features", CLIP, "--weights", CLIP, "--out", disk / "f.npy"],
    "playlist": lambda folder, disk: ["playlist", CLIP, "--library", folder, "--weights", CLIP, "-o", disk / "out"],
    "training-parity": lambda folder, disk: ["training-parity", folder / "data.npz", "-o", disk / "out"],
    "recommender": lambda folder, disk: ["train", *learning(folder / "songs"), "-o", disk / "out"],
    "recommender's filters": lambda folder, disk: [
        *("filters", folder / "corpus", "--system", "dieleman_spotify_2014", "--weights", CLIP, "-o", disk / "out")
    ],
    "adopt": lambda folder, disk: ["adopt", folder / "code", "--entry", "python x.py", "-o", disk / "out"],
}
# A run's own: what is there when it is stopped and is used by the next one, never half a file.
GOES_ON = {".reprise.json", "job.json", "lock", "adopt.json", "lock-out"}
DISKS = {
    "features": ("4k",),
    "recommender's filters": ("4k",),
    "playlist": ("4k",),
    "adopt": ("4k",),
    "filters": ("8k", "64k"),
}
CASES = [(command, size) for command in FILLING for size in DISKS.get(command, ("8k",))]


@pytest.fixture
def quick(monkeypatch):
    """Answers of systems whose weights are not at hand: their writing is what is tested."""
    from reprise_kit.compare import training
    from reprise_kit.port.dieleman_spotify_2014 import filters, playlist, recommender
    from reprise_kit.port.transfer_learning_music import pipeline

    machine = type("Pipeline", (), {"features": lambda self, clip: np.ones(5000, np.float32)})
    monkeypatch.setattr(pipeline, "open_pipeline", lambda *_: machine())
    kernel = SimpleNamespace(kernel=np.random.default_rng(0).normal(size=(4, 128, 256)))
    network = SimpleNamespace(get_layer=lambda name: kernel)
    monkeypatch.setattr(recommender, "load", lambda path: SimpleNamespace(model=network))
    monkeypatch.setattr(filters, "excited", lambda *_: {})
    losses = {"losses": np.linspace(2, 1, 50)}
    monkeypatch.setattr(training, "run_original", lambda *_: losses)
    monkeypatch.setattr(training, "compare", lambda *_: training.Parity(losses, losses, []))
    monkeypatch.setattr(playlist, "of", lambda *_: [CLIP] * 500)


def elsewhere(*words, tmp):
    """The command line in a process of its own: TensorFlow holds its events' file open as long as that lives."""
    command = [sys.executable, "-m", "reprise_kit", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TMPDIR": str(tmp)}, check=False)
    return done.returncode, done.stderr


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("command", "small_disk"), CASES, indirect=["small_disk"])
def test_a_full_disk_leaves_only_what_the_next_run_goes_on_from(command, small_disk, run, tmp_path, monkeypatch):
    corpus(tmp_path)
    for folder in ("tmp", "code"):
        (tmp_path / folder).mkdir()
    (tmp_path / "code" / "x.py").write_text("import keras\n")
    (tmp_path / "code" / "requirements.txt").write_text("Keras==1.1.0\n")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    words = FILLING[command](tmp_path, small_disk)
    code, said = elsewhere(*words, tmp=tmp_path / "tmp") if command == "train" else run(*words)
    assert code == 2 and said.splitlines()[-1].startswith("reprise: No space left on device"), said
    left = {path.name for path in small_disk.rglob("*") if path.is_file() and "tensorboard" not in path.parts}
    assert left <= GOES_ON and list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("small_disk", ["200k"], indirect=True)
@pytest.mark.parametrize("suffix", data_set.FORMATS)
def test_a_full_disk_leaves_nothing_of_a_data_set(suffix, small_disk, run, tmp_path, monkeypatch):
    x, y = np.ones((40, 64, 128), np.float32), np.eye(10, dtype=np.float32)[np.arange(40) % 10]
    made = Corpus(x, y, tuple(map(str, range(40))), tuple(map(str, range(10))))
    monkeypatch.setattr(data_set, "collect", lambda *_: made)
    code, said = run("dataset", tmp_path, "-o", small_disk / f"d{suffix}")
    assert code == 2 and said.splitlines()[-1].startswith("reprise: No space left on device"), said
    assert {path.name for path in small_disk.rglob("*") if path.is_file()} <= GOES_ON


@pytest.mark.parametrize("small_disk", ["16k"], indirect=True)
def test_a_full_disk_ends_an_evaluation_without_half_a_feature(small_disk, run, tmp_path, monkeypatch):
    from reprise_kit.port.gwardys_2014 import extractors, spectrogram

    corpus(tmp_path)
    large = SimpleNamespace(
        of_grey=lambda _: dict.fromkeys(spectrogram.KINDS, np.random.default_rng(0).normal(size=4000))
    )
    monkeypatch.setattr(extractors, "load", lambda path: large)
    monkeypatch.setenv("REPRISE_CACHE", str(small_disk))
    code, said = run("evaluate", tmp_path / "corpus", "--folds", 2, "--weights", CLIP)
    assert code == 2 and said.splitlines()[-1].startswith("reprise: No space left on device"), said
    assert not [path for path in small_disk.rglob("*") if path.is_file()]


STOPPED = """
import os, signal, sys
from reprise_kit.compare import trace
save = trace.np.savez_compressed
def stopping(path, **arrays):
    save(path, **arrays)
    os.kill(os.getpid(), number)
number = int(sys.argv.pop())
trace.np.savez_compressed = stopping
from reprise_kit import cli
cli.main()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_while_writing_leaves_nothing(number, code, tmp_path):
    words = ["trace", CLIP, "--out", tmp_path / "far" / "out", int(number)]
    done = subprocess.run(
        [sys.executable, "-c", STOPPED, *map(str, words)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == code, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_command_that_writes_is_here():
    """A new command with --out must say what it does to what is there."""
    writing = {name for name, one in cli.cli.commands.items() if any(p.name == "out" for p in one.params)}
    model, users = (Path("model.json"), Path("weights.h5")), Path("users")
    # features writes a file; playlist wants a trained run first: tests/port/dieleman_spotify_2014 has its folder
    assert writing == {*folder_commands(model, users), "features", "playlist"}
    assert os.fspath(users) == "users"
