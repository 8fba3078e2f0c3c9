"""What is written does all that a model does: predict, a fit step, a reload and every export, whatever the names."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.build import migrate
from reprise_kit.port.keras_legacy.migrate import Options, input_shape, migrate_files
from reprise_kit.port.keras_legacy.prepare import prepare
from reprise_kit.port.keras_legacy.rules.context import MAX_NAME, safe_name
from reprise_kit.port.keras_legacy.write import write
from tests.port.keras_legacy import models

RANDOM = np.random.RandomState(2)
NAMES = ["+1", "a b", "_x", "block/a", "schicht_ä", "", "n" * 300, "a.b", "-", "a_b", "tab\t", "{0}%s", "層"]


def named_net(names: list[str]) -> tuple[dict[str, Any], list[models.LayerWeights]]:
    """A functional model of dense layers 3 -> 3, one a name, twice used where it stands twice."""
    document = models.first(models.layer("InputLayer", "x y"), 3)
    document["inbound_nodes"] = []
    layers, last = [document], "x y"
    for name in names:
        layers.append({**models.layer("Dense", name, output_dim=3), "inbound_nodes": [[[last, 0, 0]]]})
        last = name
    places = {"input_layers": [["x y", 0, 0]], "output_layers": [[last, 0, 0]]}
    config = {"class_name": "Model", "config": {"name": "my model", "layers": layers, **places}}
    groups = [
        models.LayerWeights(name, [("p_W", models.normal(RANDOM, 3, 3) / 2), ("p_b", models.normal(RANDOM, 3))])
        for name in names
    ]
    return config, groups


def expected(groups: list[models.LayerWeights], x: np.ndarray) -> np.ndarray:
    for group in groups:
        x = x @ group.arrays[0][1] + group.arrays[1][1]
    return x


def test_names_that_break_predict_are_renamed_and_said(tmp_path: Path) -> None:
    names = [name for name in NAMES if name]
    config, groups = named_net(names)
    made = migrate(models.model(config, *groups), "theano")
    renamed = next(note for note in made.notes if note.startswith("renamed, old -> new"))
    assert "'+1' -> 'layer_1'" in renamed and "'a b' -> 'a_b'" in renamed and "'a_b' -> 'a_b_3'" in renamed
    assert set(made.outputs) == {"x y", *names}, "a recording is compared by the old names"
    made.model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    x = models.normal(RANDOM, 4, 3)
    assert np.allclose(again.predict(x, verbose=0), expected(groups, x), atol=1e-4)
    again.compile("sgd", "mse")
    again.fit(x, x, verbose=0)


@pytest.mark.parametrize("name", NAMES)
def test_a_safe_name(name: str) -> None:
    safe = safe_name(name)
    assert safe.isascii() and safe[0].isalnum() and 0 < len(safe) <= MAX_NAME and safe_name(safe) == safe
    assert not set(safe) & set("+ ./\\\t%{}")


@pytest.mark.parametrize("to", ["savedmodel", "tflite", "onnx", "weights"])
def test_every_export_of_odd_names_runs(to: str, tmp_path: Path) -> None:
    config, groups = named_net(["+1", "a b", "_x/y"])
    ending = {"savedmodel": "", "weights": ".weights.h5"}.get(to, f".{to}")
    assert write(migrate(models.model(config, *groups), "theano").model, tmp_path / f"m{ending}", to) == []
    assert (tmp_path / f"m{ending}").exists()


def test_what_does_not_run_is_not_written(tmp_path: Path) -> None:
    x = keras.Input((3,))
    model = keras.Model(x, keras.layers.Dense(2, name="+1")(x))
    with pytest.raises(InputError, match="does not run as --to keras, nothing is written"):
        write(model, tmp_path / "m.keras", "keras")
    assert list(tmp_path.iterdir()) == []


def test_open_lengths_are_found(tmp_path: Path) -> None:
    conv = models.layer("Convolution1D", "c", nb_filter=2, filter_length=60)
    arrays = models.group("c", W=models.normal(RANDOM, 60, 1, 3, 2), b=models.normal(RANDOM, 2))
    made = migrate(models.model(models.sequential(models.first(conv, None, 3)), arrays), "theano")
    assert write(made.model, tmp_path / "m.keras", "keras") == []


def test_a_tflite_file_says_that_it_needs_flex(tmp_path: Path) -> None:
    rnn = models.layer("SimpleRNN", "r", output_dim=2, return_sequences=True)
    arrays = models.group("r", W=models.normal(RANDOM, 3, 2), U=models.normal(RANDOM, 2, 2), b=models.normal(RANDOM, 2))
    made = migrate(models.model(models.sequential(models.first(rnn, 5, 3)), arrays), "theano")
    (note,) = write(made.model, tmp_path / "m.tflite", "tflite")
    assert "Flex delegate" in note and "FlexTensorList" in note


ATTENTION = """
import keras
from keras import ops

class Attention(keras.layers.Layer):
    def __init__(self, gain=1.0, **kwargs):
        super().__init__(**kwargs)
        self.gain = gain

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1],), name="w")

    def call(self, x):
        e = ops.exp(ops.tanh(ops.sum(x * self.w, axis=-1, keepdims=True)))
        return self.gain * ops.sum(x * e / ops.sum(e, axis=1, keepdims=True), axis=1)

    def get_config(self):
        return {**super().get_config(), "gain": self.gain}

def swish(x):
    return x * ops.sigmoid(x)
"""


@pytest.fixture
def own_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_code_of_a_test.py").write_text(ATTENTION)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def attention_files(folder: Path) -> tuple[tuple[Path, Path], np.ndarray, np.ndarray, np.ndarray]:
    own = models.first(models.layer("Attention", "att", gain=2.0, secret=1), 5, 3)
    w, kernel = models.normal(RANDOM, 3), models.normal(RANDOM, 3, 2)
    config = models.sequential(own, models.layer("Dense", "d", output_dim=2, bias=False, activation="swish"))
    files = models.save(folder, config, [models.group("att", w=w), models.group("d", W=kernel)])
    return files, w, kernel, models.normal(RANDOM, 4, 5, 3)


def test_your_own_layer_gets_its_weights(own_code: Path) -> None:
    files, w, kernel, x = attention_files(own_code)
    with pytest.raises(InputError, match=r"att: the class Attention .*--replace att=.*--replace Attention="):
        migrate_files(*files, own_code / "m.keras", Options())
    own = ("Attention=own_code_of_a_test:Attention", "swish=own_code_of_a_test:swish")
    with pytest.raises(InputError, match="'swish' is not one"):
        migrate_files(*files, own_code / "m.keras", Options(replace=own[:1], source_backend="theano"))
    with pytest.raises(InputError, match=r"att .Attention.: it has the weights .'att_w'., which a function"):
        function = "att=own_code_of_a_test:swish"
        migrate_files(*files, own_code / "m.keras", Options(replace=(function, own[1]), source_backend="theano"))
    report = migrate_files(*files, own_code / "m.keras", Options(replace=own, source_backend="theano"))
    assert any("needs own_code_of_a_test.Attention" in line for line in report.lines)
    import own_code_of_a_test

    custom = {"Attention": own_code_of_a_test.Attention}
    again = keras.saving.load_model(own_code / "m.keras", custom_objects=custom, safe_mode=True)
    e = np.exp(np.tanh((x * w).sum(-1, keepdims=True)))
    z = 2.0 * (x * e / e.sum(1, keepdims=True)).sum(1) @ kernel
    assert np.allclose(again.predict(x, verbose=0), z / (1 + np.exp(-z)), atol=1e-5)


def test_an_output_shape_may_be_said(tmp_path: Path) -> None:
    deconv = models.layer(
        *("Deconvolution2D", "up"),
        **{"nb_filter": 2, "nb_row": 3, "nb_col": 3, "subsample": [2, 2], "border_mode": "same", "dim_ordering": "tf"},
        output_shape=[None, 1, 1, 2],
    )
    arrays = models.group("up", W=models.normal(RANDOM, 3, 3, 1, 2), b=models.normal(RANDOM, 2))
    source = models.model(models.sequential(models.first(deconv, 4, 4, 1)), arrays, version="1.1.0")
    with pytest.raises(InputError, match="--output-shape up=ROWS,COLUMNS"):
        migrate(source, "tensorflow")
    assert migrate(source, "tensorflow", output_shapes={"up": (8, 7)}).model.output_shape == (None, 8, 7, 2)
    with pytest.raises(InputError, match=r"--output-shape down: .*\['up'\]"):
        migrate(source, "tensorflow", output_shapes={"down": (8, 7)})
    for bad in ("up", "up=8", "up=8,x", "=8,7"):
        with pytest.raises(InputError, match="LAYER=ROWS,COLUMNS"):
            Options(output_shape=(bad,)).settings()


def test_an_input_shape_that_the_file_left_out_may_be_said(tmp_path: Path) -> None:
    """Keras 2.2 and 2.3 write a Sequential without the InputLayer that it began with."""
    config, groups = models.dense_net(np.random.RandomState(0))
    first = config["config"][0]["config"]
    name, size = first["name"], first.pop("batch_input_shape")[1]
    path = models.save_whole(tmp_path / "w.h5", config, groups, version="1.2.2")
    out = tmp_path / "m.keras"
    with pytest.raises(InputError, match=rf"give the sizes of one input, as --input-shape {name}=28,28,1"):
        migrate_files(None, path, out, Options(source_backend="theano"))
    migrate_files(None, path, out, Options(source_backend="theano", input_shape=(f"{name}={size}",)))
    assert keras.saving.load_model(out).input_shape == (None, size)
    whole = models.model(models.sequential(models.first(models.layer("Flatten", "f"), 2, 3)))
    with pytest.raises(InputError, match=r"--input-shape g: no such layer; there are f"):
        prepare(whole, input_shapes={"g": (2, 3)})
    with pytest.raises(InputError, match=r"--input-shape f: the file records \[None, 2, 3\]"):
        prepare(whole, input_shapes={"f": (2, 3)})
    assert input_shape("a=b=3,-") == ("a=b", (3, None))
    for bad in ("f", "f=", "f=0", "f=2,", "f=2x3", "=2"):
        with pytest.raises(InputError, match="LAYER=SIZE,SIZE"):
            Options(input_shape=(bad,)).settings()


def test_a_custom_loss_is_no_hindrance(tmp_path: Path) -> None:
    path = models.save_whole(tmp_path / "w.h5", *models.dense_net(np.random.RandomState(0)), version="1.2.2")
    import h5py

    with h5py.File(path, "r+") as file:
        file.attrs["training_config"] = b'{"loss": "my_loss", "optimizer_config": {"class_name": "Mine", "config": {}}}'
    assert migrate_files(None, path, tmp_path / "m.keras", Options(source_backend="theano")).agrees


def test_a_refusal_starts_no_tensorflow(tmp_path: Path) -> None:
    config, groups = models.dense_net(np.random.RandomState(0))
    config["config"][0]["config"]["scale"] = 2.0
    architecture, weights = models.save(tmp_path, config, groups)
    program = (
        "import sys, time; from reprise_kit import cli\n"
        f"sys.argv = ['reprise', 'migrate', '--architecture', {str(architecture)!r}, '--weights', {str(weights)!r},"
        f" '-o', {str(tmp_path / 'm.keras')!r}]\n"
        "try: cli.main()\n"
        "except SystemExit as stop: print(stop.code, 'tensorflow' in sys.modules, time.process_time())"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    code, started, seconds = ran.stdout.split()
    assert (code, started) == ("2", "False") and "scale" in ran.stderr, ran.stderr
    assert float(seconds) < 0.7, f"{seconds} CPU seconds"
