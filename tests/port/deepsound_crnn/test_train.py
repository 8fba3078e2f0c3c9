import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from reprise_kit.commands import training as training_commands
from reprise_kit.compare import training
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.system import ORIGINAL, ROOT
from reprise_kit.port.deepsound_crnn.train_trace import train_trace, under
from reprise_kit.port.deepsound_crnn.training import dataset, split, train
from reprise_kit.port.deepsound_crnn.training import initial_weights as start
from reprise_kit.port.deepsound_crnn.training import progress as training_progress
from reprise_kit.port.deepsound_crnn.training import report as training_report
from reprise_kit.port.deepsound_crnn.training.dataset import GENRES, Corpus
from reprise_kit.port.keras_legacy.training import RMSpropK1, TiedMaxPooling1D
from tests.port.deepsound_crnn.inputs import STRIDE, training_request

RECORDED = ORIGINAL / "deepsound_crnn" / "recorded" / "training" / "trace.npz"


@pytest.fixture(scope="module")
def original():
    with np.load(RECORDED, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def furthest(made, original):
    """Largest distance of losses (relative) and of recorded weights after each kept step."""
    apart = {"losses": np.abs(made["losses"] / original["losses"] - 1).max()}
    for step in (1, 10):
        names = [name for name in original if name.startswith(f"after_{step}/")]
        assert len(names) == 11  # arrays of the network
        apart[f"after_{step}"] = max(np.abs(made[name].ravel()[::STRIDE] - original[name]).max() for name in names)
    return apart


def test_the_port_learns_as_the_original_did(original):
    made = train_trace(training_request())
    np.testing.assert_array_equal(made["train_rows"], original["train_rows"])
    np.testing.assert_array_equal(made["val_rows"], original["val_rows"])
    np.testing.assert_array_equal(made["accuracies"], original["accuracies"])
    apart = furthest(made, original)
    assert apart["losses"] < 1e-4 and apart["after_1"] < 1e-5 and apart["after_10"] < 1e-4, apart


def test_keras_3_s_own_optimizer_is_told_apart(original):
    made = train_trace(training_request(), optimizer=keras.optimizers.RMSprop(1e-5))
    assert furthest(made, original)["after_10"] > 1e-4


def test_tensorflow_s_own_pooling_gradient_is_told_apart(original):
    made = train_trace(training_request(), tied_pooling=False)
    assert furthest(made, original)["after_1"] > 3e-5


def test_both_values_of_a_tied_pair_learn():
    # What Theano 0.8.2's gradient of Keras 1.1.0's MaxPooling1D gave for these nine values.
    x = tf.constant([1, 1, 2, 3, 0, 0, 5, 4, 7], tf.float32)[None, :, None]
    with tf.GradientTape() as tape:
        tape.watch(x)
        pooled = TiedMaxPooling1D()(x)
    assert pooled.numpy().ravel().tolist() == [1, 3, 0, 5]
    assert tape.gradient(pooled, x).numpy().ravel().tolist() == [1, 1, 0, 1, 1, 1, 1, 0, 0]


def test_rmsprop_adds_its_epsilon_after_the_root():
    weight = keras.Variable(np.zeros(3, np.float32))
    optimizer = RMSpropK1(0.5, epsilon=0.25)
    optimizer.build([weight])
    gradient = np.array([1.0, -4.0, 0.0], np.float32)
    for _ in range(2):
        optimizer.apply([tf.constant(gradient)], [weight])
    first = 0.5 * gradient / (np.sqrt(0.1 * gradient**2) + 0.25)
    second = 0.5 * gradient / (np.sqrt(0.19 * gradient**2) + 0.25)
    np.testing.assert_allclose(weight.numpy(), -(first + second), rtol=1e-6)


def test_new_weights_are_keras_1_s():
    made = start.keras1_weights(0)
    for name in ("convolution_1/convolution_1_W", "convolution_3/convolution_3_W"):
        assert 0.0499 < np.abs(made[name]).max() <= 0.05
    u = made["lstm_1/lstm_1_U_i"]
    np.testing.assert_allclose(u @ u.T, 1.21 * np.eye(256), atol=1e-5)
    assert np.all(made["lstm_1/lstm_1_b_f"] == 1) and np.all(made["lstm_1/lstm_1_b_i"] == 0)
    assert set(under({f"a/{n}": v for n, v in made.items()}, "a")) == {
        f"{layer}/{name}"
        for layer in ("convolution_1", "convolution_2", "convolution_3", "lstm_1", "timedistributed_1")
        for name in ("kernel", "bias", "recurrent_kernel")
        if name != "recurrent_kernel" or layer == "lstm_1"
    }


def test_no_artist_is_both_learned_from_and_asked_about():
    labels = np.repeat(np.arange(10), 30)
    artists = [f"{label} {i % 6}" for i, label in enumerate(labels)]
    parts = split.by_artist(labels, artists)
    heard = [{artists[row] for row in rows} for rows in (parts.train, parts.val, parts.test)]
    assert not heard[0] & heard[1] and not heard[0] & heard[2] and not heard[1] & heard[2]
    assert sorted(np.concatenate([parts.train, parts.val, parts.test])) == list(range(300))
    assert all(set(labels[rows]) == set(range(10)) for rows in (parts.train, parts.val, parts.test))


def test_too_few_tracks_or_artists_are_an_input_error():
    with pytest.raises(InputError, match="fewer than 5 tracks of pop, rock"):
        split.by_artist(np.array(["jazz"] * 5 + ["pop"] * 4 + ["rock"]), [""] * 10)
    labels = np.array(["jazz"] * 10 + ["pop"] * 10)
    artists = ["one"] * 10 + [f"player {i}" for i in range(10)]
    with pytest.raises(InputError, match="no track of jazz for the part"):
        split.by_artist(labels, artists)


def test_genres_by_name_are_split_as_by_number():
    labels = np.random.default_rng(3).permutation(np.repeat(np.arange(10), 20))
    artists = [f"{label} {i % 7}" for i, label in enumerate(labels)]
    one, other = split.by_artist(labels, artists), split.by_artist(np.array(GENRES)[labels], artists)
    assert all(np.array_equal(getattr(one, part), getattr(other, part)) for part in split.PARTS)


def test_a_published_split_leaves_out_what_it_does_not_name(tmp_path):
    table = tmp_path / "filtered.csv"
    table.write_text("track,part\na,train\nb,val\nc,test\n")
    parts = split.read_split(table, ["/x/c.au", "/x/faulty.au", "/x/a.wav", "/x/b.au"])
    assert [rows.tolist() for rows in (parts.train, parts.val, parts.test)] == [[2], [3], [0]]
    assert parts.how == "filtered.csv (1 tracks left out)"
    table.write_bytes("\ufefftrack,part\na,train\nb,val\nc,test\n".encode())  # as spreadsheets save it
    assert len(split.read_split(table, ["/x/a.au", "/x/b.au", "/x/c.au"]).test) == 1
    for content in (b"track,part\na,train\n", b"track,part\na,exam\n", b"name\na\n", b"", b"track,part\n\xff,val\n"):
        table.write_bytes(content)
        with pytest.raises(InputError):
            split.read_split(table, ["/x/a.au"])


def little(n_tracks: int = 60) -> Corpus:
    random = np.random.default_rng(0)
    labels = np.arange(n_tracks) % 10
    x = (random.normal(size=(n_tracks, 44, 128)) + labels[:, None, None]).astype(np.float32)
    return Corpus(x, np.eye(10, dtype=np.float32)[labels], tuple(map(str, range(n_tracks))), GENRES)


RUN = """
import sys, tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
from pathlib import Path
import numpy as np
from reprise_kit.port.deepsound_crnn.training import split
from reprise_kit.port.deepsound_crnn.training import initial_weights as start
from reprise_kit.port.deepsound_crnn.training import train
from tests.port.deepsound_crnn.test_train import little, HALVED
corpus = little()
parts = split.by_artist(corpus.labels, [""] * len(corpus.x))
model, history = train.train(corpus, parts, HALVED, Path(sys.argv[1]))
np.savez(Path(sys.argv[1]) / "final.npz", losses=[h["loss"] for h in history], **start.weights_of(model))
"""
# A patience and learning rate at which stopping and halving have something to remember over the kill.
HALVED = train.Recipe("honest", learning_rate=1e-3, epochs=4, patience=50)


def run(folder: Path) -> subprocess.Popen[bytes]:
    variables = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", RUN, str(folder)], cwd=ROOT, env=variables)


def test_a_run_killed_at_half_ends_in_the_same_weights(tmp_path):
    whole, halved = tmp_path / "whole", tmp_path / "halved"
    assert run(whole).wait(300) == 0
    killed = run(halved)
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and killed.poll() is None:
        state = halved / "state.json"
        if state.is_file() and len(json.loads(state.read_text())["history"]) >= 2:
            break
        time.sleep(0.01)
    assert killed.poll() is None, "it ended before it could be killed"
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (halved / "final.npz").exists()
    assert run(halved).wait(300) == 0
    with np.load(whole / "final.npz") as one, np.load(halved / "final.npz") as other:
        assert len(one.files) == 12
        for name in one.files:
            assert one[name].tobytes() == other[name].tobytes(), name


def test_a_folder_of_another_run_is_refused(tmp_path):
    corpus = little()
    parts = split.by_artist(corpus.labels, [""] * 60)
    recipe = dataclasses.replace(train.HONEST, epochs=1)
    train.train(corpus, parts, recipe, tmp_path)
    with pytest.raises(InputError, match="another recipe"):
        train.train(corpus, parts, dataclasses.replace(recipe, seed=1), tmp_path)
    assert list((tmp_path / "tensorboard").rglob("*events*"))


class Stopped(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations == 3:
            raise KeyboardInterrupt


def test_a_run_stopped_within_an_epoch_leaves_the_terminal_as_it_was_and_says_from_where_it_goes_on(tmp_path):
    corpus, said = little(), []
    parts = split.by_artist(corpus.labels, [""] * 60)
    recipe = dataclasses.replace(train.HONEST, epochs=2)
    with pytest.raises(KeyboardInterrupt), training_progress.Shown(said.append) as shown:
        train.train(corpus, parts, recipe, tmp_path, shown=[shown, Stopped()])
    assert shown.bar is None and [line.split(":")[0] for line in said] == ["epoch 1/2"]
    with training_progress.Shown(said.append) as shown:
        train.train(corpus, parts, recipe, tmp_path, shown=[shown])
    assert [line.split(":")[0] for line in said[1:]] == ["goes on after epoch 1", "epoch 2/2"]


def test_other_than_ten_genres_are_refused(tmp_path):
    corpus = dataclasses.replace(little(), genres=GENRES[:9])
    with pytest.raises(InputError, match="takes 10 genres"):
        train.train(corpus, split.by_artist(corpus.labels, [""] * 60), train.HONEST, tmp_path)


def test_fine_tuning_starts_from_the_checkpoint():
    fixture = ORIGINAL / "deepsound_crnn" / "recorded" / "fixture.h5"
    given = start.weights_of(train.crnn.load(fixture, "theano"))
    for recipe in (train.ORIGINAL, train.HONEST):
        begun = start.weights_of(train.network(recipe, fixture))
        assert all(np.array_equal(begun[name], given[name]) for name in given)


def test_the_original_s_recipe_is_the_original_s():
    network = train.network(train.ORIGINAL)
    assert type(network.optimizer) is RMSpropK1 and float(network.optimizer.learning_rate) == np.float32(1e-5)
    assert (train.ORIGINAL.epochs, train.BATCH, train.ORIGINAL.patience) == (100, 32, None)
    assert [layer.rate for layer in network.layers if isinstance(layer, keras.layers.Dropout)] == [0.5, 0.5]


def test_figures_and_pictures_of_a_report(tmp_path):
    labels, answers = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 1, 0])
    made = training_report.figures(labels, answers, ("a", "b", "c"))
    assert made["accuracy"] == 0.6 and made["confusion"] == [[1, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert made["genres"]["b"] == {"precision": pytest.approx(2 / 3), "recall": 1, "f1": 0.8, "tracks": 2}
    training_report.write(tmp_path, made, [{"loss": 2.0, "val_loss": 2.1}], {"recipe": "honest"})
    assert json.loads((tmp_path / "report.json").read_text())["accuracy"] == 0.6
    for name in ("confusion", "genres", "curves"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="no tracks"):
        training_report.figures(labels[:0], answers[:0], ("a", "b"))


def test_the_command_trains_by_the_original_s_recipe_and_goes_on(tmp_path):
    dataset.save(little(), tmp_path / "data.npz")
    arguments = (None, None, None, None, "theano")
    said: list[str] = []
    training_commands.train(tmp_path / "data.npz", tmp_path / "run", "original", 1, *arguments, said.append)
    assert "42 / 18 / 18 tracks" in said[0] and said[1].startswith("epoch 1/1: loss 2.")
    assert "after 1 epochs" in said[2] and len(said) == 3
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["recipe"]["learning_rate"] == 1e-5 and len(report["history"]) == 1
    assert keras.saving.load_model(tmp_path / "run" / "model.keras").output_shape == (None, 10)
    training_commands.train(tmp_path / "data.npz", tmp_path / "run", "original", 1, *arguments, said.append)
    assert said[-1] == said[2] and len(said) == 5  # nothing was left to learn
    with pytest.raises(InputError, match="--recipe honest"):
        artists = (None, tmp_path / "artists.csv", None, None, "theano")
        training_commands.train(tmp_path / "data.npz", tmp_path / "run", "original", 1, *artists, said.append)


@pytest.mark.parametrize("recipe", ["original", "honest"])
def test_records_train_as_arrays_do(tmp_path, recipe):
    runs = []
    for suffix in ("npz", "tfrecord"):
        dataset.save(little(), tmp_path / f"data.{suffix}")
        out = tmp_path / suffix
        training_commands.train(tmp_path / f"data.{suffix}", out, recipe, 2, 1, None, None, None, "theano", print)
        model, state = keras.saving.load_model(out / "model.keras"), (out / "state.json").read_text()
        runs.append((state, [array.tobytes() for array in start.weights_of(model).values()]))
    assert len(runs[0][1]) == 11 and runs[0] == runs[1]


def test_an_original_that_does_not_end_is_an_input_error(tmp_path, monkeypatch):
    def endless(settings, request, folder):
        raise subprocess.TimeoutExpired("python2.7", settings.time_limit)

    monkeypatch.setattr(training, "run_original", endless)
    dataset.save(little(), tmp_path / "data.npz")
    with pytest.raises(InputError, match="not done after 1260 s"):
        training_commands.training_parity(tmp_path / "data.npz", tmp_path / "out", 2, None, 7, print)


def test_records_go_into_training_parity_as_arrays_do(tmp_path, monkeypatch):
    asked = []

    def stopped(settings, request, folder):
        asked.append({name: (array.dtype, array.shape, array.tobytes()) for name, array in request.items()})
        raise InputError("no original here")

    monkeypatch.setattr(training, "run_original", stopped)
    for suffix in ("npz", "tfrecord"):
        dataset.save(little(), tmp_path / f"data.{suffix}")
        with pytest.raises(InputError, match="no original here"):
            training_commands.training_parity(tmp_path / f"data.{suffix}", tmp_path / "out", 2, None, 7, print)
    assert {"x", "y", "batches"} < set(asked[0]) and asked[0] == asked[1]
