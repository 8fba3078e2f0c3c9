"""The recorder in the real old environments: Keras 0.3, 1.1 and 2.2, and its recordings through the migration."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from reprise_kit.compare import eras, python27
from reprise_kit.compare import npz
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.system import RECORDER
from reprise_kit.port.keras_legacy.migrate import Options, migrate_files
from tests.port.keras_legacy import models
from tests.require import require

CODE = Path(__file__).with_name("old_code")


class Old:
    """One old Keras: runs the recorder in its environment, in a folder of the test."""

    def __init__(self, keras: str, backend: str = "theano") -> None:
        self.era, self.backend = eras.choose(keras, backend), backend
        interpreter = self.era.interpreter()
        if interpreter is None:
            name = "python" + self.era.python[0].replace(".", "")
            require(name, f"no Python {' or '.join(self.era.python)} found (REPRISE_{name.upper()}, PATH, pyenv)")
        self.python = python27.environment(interpreter, eras.lock(self.era, keras))

    def run(
        self, folder: Path, *arguments: object, compiled: bool = False, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        private = python27.private_settings(folder / "settings", self.backend)
        del private["KERAS_BACKEND"]
        # Compiling each small operation costs minutes and changes nothing; only convolutions have no Python form.
        flags = private["THEANO_FLAGS"] + ",optimizer=fast_compile"
        private["THEANO_FLAGS"] = flags if compiled else flags + ",cxx="
        command = [str(self.python), str(RECORDER), *map(str, arguments)]
        env = {**private, "PYTHONPATH": str(CODE), **variables}
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=600, check=False)

    def record(self, folder: Path, *arguments: object, **variables: Any) -> tuple[dict[str, Any], dict[str, Any], str]:
        """Return the arrays, the provenance and what was printed."""
        done = self.run(folder, *arguments, "--layers", "--out", "golden.npz", **variables)
        assert done.returncode == 0, done.stderr[-2000:]
        arrays = npz.load(folder / "golden.npz")
        return arrays, json.loads(arrays.pop("provenance").item()), done.stdout

    def refuse(self, folder: Path, *arguments: object, **variables: str) -> str:
        """Return the one line of a refusal, which leaves no file."""
        done = self.run(folder, *arguments, "--out", "golden.npz", **variables)
        said = [line for line in done.stderr.splitlines() if line.startswith("record: ")]
        assert done.returncode == 2 and len(said) == 1 and "Traceback" not in done.stderr, done.stderr[-2000:]
        assert not list(folder.glob("golden*"))
        return said[0]


@pytest.fixture(scope="module")
def keras11() -> Old:
    return Old("1.1.0")


@pytest.fixture(scope="module")
def keras22() -> Old:
    return Old("2.2.4")


@pytest.fixture
def dense(tmp_path: Path) -> tuple[Path, Path]:
    return models.save(tmp_path, *models.dense_net(np.random.RandomState(0)))


def test_record_migrate_verify(keras11: Old, tmp_path: Path, dense: tuple[Path, Path]) -> None:
    arrays, about, _ = keras11.record(tmp_path, "--architecture", dense[0], "--weights", dense[1])
    assert (about["keras"], about["backend"], about["backend_version"]) == ("1.1.0", "theano", "0.8.2")
    assert about["scales"] == [["normal", 0, 4], ["unit", 4, 8], ["bytes", 8, 12]] and about["seed"] == 0
    assert arrays["in_0"].shape == (12, 3) and arrays["layer_zeta"].shape == (12, 4)
    assert arrays["in_0"][4:8].min() >= 0 and arrays["in_0"][4:8].max() <= 1 < arrays["in_0"][8:].max() <= 255
    report = migrate_files(*dense, tmp_path / "m.keras", Options(), golden=tmp_path / "golden.npz")
    compared = [*report.verdict.layers, *report.verdict.outputs]
    assert [d.name for d in compared] == ["zeta", "alpha", "out_0"]
    assert report.agrees and max(d.max_rel for d in compared) < 1e-6


def test_a_keras_that_builds_under_another_name(keras11: Old, tmp_path: Path, dense: tuple[Path, Path]) -> None:
    files = ["--architecture", dense[0], "--weights", dense[1]]
    plain, _, _ = keras11.record(tmp_path, *files)
    (tmp_path / "older").mkdir()
    arrays, _, _ = keras11.record(tmp_path / "older", *files, "--custom", "secret=before_102:secret")
    assert np.array_equal(arrays["out_0"], plain["out_0"])


def test_a_model_of_a_class_of_its_own_with_arrays_that_have_no_names(keras11: Old, tmp_path: Path) -> None:
    weights = save_weights(keras11, tmp_path, "import zoo; zoo.of_its_own_class().save_weights('weights.h5')")
    with h5py.File(weights) as file:
        names = [name.decode() for name in file["lstm"].attrs["weight_names"]]
    assert "param_0" in names and "lstm_b_i" in names, "Keras's own word for what has no name, beside names"
    keras11.record(tmp_path, "--from-code", "zoo:of_its_own_class")
    architecture = tmp_path / "golden.json"
    assert json.loads(architecture.read_text())["class_name"] == "OfItsOwn"
    report = migrate_files(architecture, weights, tmp_path / "m.keras", Options(), golden=tmp_path / "golden.npz")
    assert report.agrees and [d.name for d in report.verdict.layers] == ["words", "read", "lstm", "head"]
    with h5py.File(weights, "a") as file:
        swapped = {"lstm_b_i": "lstm_b_o", "lstm_b_o": "lstm_b_i"}
        file["lstm"].attrs["weight_names"] = [swapped.get(name, name).encode() for name in names]
    with pytest.raises(InputError, match="not those of its arrays"):
        migrate_files(architecture, weights, tmp_path / "m.keras", Options())


def test_models_within_a_model_have_the_names_of_their_file(keras11: Old, tmp_path: Path) -> None:
    """Built again, the one that is met first would be sequential_1, whatever the file calls it."""
    save = "import zoo; model = zoo.nested_against_their_numbers(); model.save_weights('weights.h5')"
    weights = save_weights(keras11, tmp_path, save + "; open('model.json', 'w').write(model.to_json())")
    arrays, _, _ = keras11.record(tmp_path, "--architecture", "model.json", "--weights", weights)
    assert (arrays["layer_sequential_1"].shape[1], arrays["layer_sequential_2"].shape[1]) == (2, 3)
    files = tmp_path / "model.json", weights, tmp_path / "m.keras"
    report = migrate_files(*files, Options(), golden=tmp_path / "golden.npz")
    assert report.agrees and len(report.verdict.layers) == 5


def test_given_inputs_are_the_ones_recorded(keras11: Old, tmp_path: Path, dense: tuple[Path, Path]) -> None:
    given = models.normal(np.random.RandomState(7), 2, 3)
    np.savez(tmp_path / "inputs.npz", in_0=given)
    done = keras11.run(
        tmp_path, "--architecture", dense[0], "--weights", dense[1], "--inputs", "inputs.npz", "--out", "g.npz"
    )
    assert done.returncode == 0, done.stderr
    arrays = npz.load(tmp_path / "g.npz")
    assert np.array_equal(arrays["in_0"], given)
    assert arrays["out_0"].shape == (2, 2) and not any(key.startswith("layer_") for key in arrays)


def test_a_merge_a_shared_layer_and_a_nested_model(keras11: Old, tmp_path: Path) -> None:
    arrays, about, said = keras11.record(tmp_path, "--from-code", "zoo:merged")
    calls = [arrays[f"node_{call}_0_shared"] for call in (0, 1)]
    assert np.allclose(arrays["layer_added"], sum(calls)) and not np.allclose(*calls)
    assert "layer_shared" not in arrays and arrays["out_0"].shape == (12, 2) and arrays["out_1"].shape == (12, 1)
    assert np.array_equal(arrays["layer_inner"], arrays["out_0"])
    assert about["inputs"] == ["left", "right"]
    assert about["inbound"]["shared"] == [[["left", 0, 0]], [["right", 0, 0]]]
    assert about["inbound"]["added"] == [[["shared", 0, 0], ["shared", 1, 0]]]
    assert "architecture: golden.json" in said
    assert json.loads((tmp_path / "golden.json").read_text())["class_name"] == "Model"


def test_a_convolution_finds_a_blas(keras11: Old, tmp_path: Path) -> None:
    arrays, _, _ = keras11.record(tmp_path, "--from-code", "zoo:convolved", compiled=True)
    image, kernel = arrays["in_0"][0, 0], np.arange(9.0).reshape(3, 3)[::-1, ::-1]  # Theano flips
    assert np.allclose(arrays["out_0"][0, 0, 0, 0], (image[:3, :3] * kernel).sum(), rtol=1e-4)


def test_padded_steps_are_among_the_inputs(keras11: Old, tmp_path: Path) -> None:
    arrays, about, _ = keras11.record(tmp_path, "--from-code", "zoo:masked")
    words, steps = arrays["in_0"], arrays["in_1"]
    assert words.dtype.kind == "i" and words.min() == 0 and words.max() < 7
    padded = (steps == -1).all(axis=-1)
    for block in (words == 0, padded):
        assert not block[0].any() and block[1, -1] and block[2, 0] and block[3, 2]
    assert [name for name, _, _ in about["scales"]] == ["normal", "unit", "bytes"] and not about["dead"]


@pytest.mark.parametrize(("code", "samples"), [("stateful", 2), ("batch_statistics", 4)])
def test_samples_that_depend_on_each_other_are_not_mixed(keras11: Old, tmp_path: Path, code: str, samples: int) -> None:
    arrays, about, said = keras11.record(tmp_path, "--from-code", f"zoo:{code}")
    assert len(about["scales"]) == 1 and about["kept"] == "fewest dead layers"
    assert all(len(array) == samples for array in arrays.values())
    assert "samples of one batch may depend on each other" in said


def test_what_lives_at_one_scale_only_is_recorded_there(keras11: Old, tmp_path: Path) -> None:
    arrays, about, said = keras11.record(tmp_path, "--from-code", "zoo:lived_in_bytes")
    assert not arrays["layer_gate"][:8].any() and arrays["layer_gate"][8:].any()
    assert about["dead"] == {} and "WARNING" not in said


def test_of_a_large_network_one_scale_at_which_it_lives_is_enough(keras11: Old, tmp_path: Path) -> None:
    arrays, about, said = keras11.record(tmp_path, "--from-code", "zoo:large")
    assert about["scales"] == [["bytes", 0, 4]] and about["kept"] == "large" and arrays["layer_gate"].shape == (4, 4)
    assert "its layers give 0 MB: only inputs of scale bytes are kept" in said


def test_scales_that_a_network_does_not_take_are_left_out(keras11: Old, tmp_path: Path) -> None:
    """And an input that says how long a sample is holds lengths, as CTC asks."""
    arrays, about, said = keras11.record(tmp_path, "--from-code", "zoo:choosy")
    assert [row[0] for row in about["scales"]] == ["unit", "bytes"]
    assert "at inputs of scale normal: the model does not take inputs of" in said
    assert (arrays["in_1"] == 2).all() and (arrays["in_2"] == 1).all()
    (tmp_path / "one").mkdir()
    arrays, _, _ = keras11.record(tmp_path / "one", "--from-code", "zoo:choosy", "--samples", "1")
    assert arrays["in_0"].shape == (4, 3), "two of each scale: of one alone Keras' CTC loses the axis"
    (tmp_path / "other").mkdir()
    assert "does not take inputs of" in keras11.refuse(tmp_path / "other", "--from-code", "zoo:choosiest")


def test_a_dead_network_is_said_to_decide_nothing(keras11: Old, tmp_path: Path) -> None:
    _, about, said = keras11.record(tmp_path, "--from-code", "zoo:dead")
    assert about["dead"] == {"layer_gate": "all zero", "layer_top": "all zero", "out_0": "all zero"}
    assert "dead: layer_gate is all zero" in said and "this recording decides nothing" in said


def test_scales_that_overflow_are_left_out(keras11: Old, tmp_path: Path) -> None:
    arrays, about, said = keras11.record(tmp_path, "--from-code", "zoo:overflowing")
    assert [name for name, _, _ in about["scales"]] == ["normal", "unit"]
    assert "at inputs of scale bytes" in said and np.isfinite(arrays["out_0"]).all()


def test_where_no_scale_gives_numbers_smaller_ones_are_tried(keras11: Old, tmp_path: Path) -> None:
    arrays, about, said = keras11.record(tmp_path, "--from-code", "zoo:exploding")
    assert about["scales"] == [["tiny", 0, 4]] and np.isfinite(arrays["out_0"]).all() and arrays["out_0"].any()
    assert "at inputs of scale small an output is not finite" in said


def test_an_architecture_that_cannot_be_saved_is_recorded_without(keras11: Old, tmp_path: Path) -> None:
    arrays, _, said = keras11.record(tmp_path, "--from-code", "zoo:unsaveable")
    saved = (tmp_path / "golden.json").is_file()
    assert arrays["layer_odd"].shape == (12, 2)
    assert saved != ("its architecture cannot be saved" in said)


def test_no_keras_json_is_followed(keras11: Old, tmp_path: Path, dense: tuple[Path, Path]) -> None:
    settings = tmp_path / "home" / ".keras" / "keras.json"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"backend": "jax", "image_data_format": "channels_first", "floatx": "float64"}')
    _, about, said = keras11.record(
        tmp_path, "--architecture", dense[0], "--weights", dense[1], HOME=str(settings.parents[1])
    )
    assert (about["backend"], about["floatx"], about["image_ordering"]) == ("theano", "float32", "tf")
    assert "the weights were saved under it" in said and "the default of Keras 1.1.0" in said


def test_a_whole_model_needs_nothing_of_its_training(keras11: Old, tmp_path: Path, dense: tuple[Path, Path]) -> None:
    architecture, weights = dense
    config = json.loads(architecture.read_text())
    config["config"][0]["config"].update(
        init="their_own", W_regularizer={"name": "TheirRegularizer", "l": 0.1}, b_constraint={"name": "TheirConstraint"}
    )
    training = {"loss": "their_loss", "metrics": ["their_metric"], "optimizer_config": {"class_name": "TheirOptimizer"}}
    with h5py.File(weights) as layers, h5py.File(tmp_path / "whole.h5", "w") as whole:
        group = whole.create_group("model_weights")
        group.attrs["layer_names"] = layers.attrs["layer_names"]
        for name in layers:
            layers.copy(name, group)
        whole.attrs["model_config"] = json.dumps(config).encode()
        whole.attrs["training_config"] = json.dumps(training).encode()
    plain, _, _ = keras11.record(tmp_path, "--architecture", architecture, "--weights", weights)
    arrays, _, _ = keras11.record(tmp_path, "--weights", "whole.h5")
    assert np.array_equal(arrays["out_0"], plain["out_0"])


def test_keras_2_on_python_3(keras22: Old, tmp_path: Path) -> None:
    arrays, about, _ = keras22.record(tmp_path, "--from-code", "zoo:modern")
    assert about["keras"] == "2.2.4" and about["python"].startswith("3.")
    assert np.allclose(arrays["layer_scaled"], 2 * arrays["layer_added"])
    again = tmp_path / "again"
    again.mkdir()
    # Its Python-3 Lambda, from the file that was saved.
    weights = save_weights(keras22, again)
    reloaded, _, _ = keras22.record(again, "--architecture", tmp_path / "golden.json", "--weights", weights)
    assert np.array_equal(reloaded["out_0"], arrays["out_0"])
    replaced, _, _ = keras22.record(
        again, "--architecture", tmp_path / "golden.json", "--weights", weights, "--custom", "scaled=zoo:secret"
    )
    assert np.allclose(replaced["layer_scaled"], 2 * replaced["layer_added"] + 1)


def test_a_sparse_input_and_one_that_has_its_value(tmp_path: Path) -> None:
    on_tensorflow = Old("2.2.4", "tensorflow")
    arrays, about, _ = on_tensorflow.record(tmp_path, "--from-code", "zoo:of_a_graph")
    assert about["inputs"] == ["samples", "edges"], "a call gives it no more"
    assert arrays["in_1"].shape == (4, 4) and 0 < (arrays["in_1"] == 0).sum() < 12
    assert np.allclose(arrays["out_0"], 5 * arrays["in_1"] @ arrays["in_0"], rtol=1e-4)
    assert np.array_equal(arrays["layer_mixed"], arrays["out_0"])


def test_a_lambda_that_closes_over_a_value_is_built_again(keras11: Old, tmp_path: Path) -> None:
    script = """
from keras.layers import Lambda
from keras.models import Sequential
def times(factor):
    return lambda x: x * factor
model = Sequential([Lambda(times(2.5), output_shape=(3,), input_shape=(3,))])
open('model.json', 'w').write(model.to_json())
model.save_weights('weights.h5')
"""
    save_weights(keras11, tmp_path, script)
    arrays, _, _ = keras11.record(
        tmp_path, "--architecture", "model.json", "--weights", "weights.h5", "--backend", "theano"
    )
    assert np.allclose(arrays["out_0"], 2.5 * arrays["in_0"])


def save_weights(old: Old, folder: Path, script: str = "import zoo; zoo.modern().save_weights('weights.h5')") -> Path:
    env = {**python27.private_settings(folder / "settings", old.backend), "PYTHONPATH": str(CODE)}
    subprocess.run([str(old.python), "-c", script], cwd=folder, env=env, check=True, capture_output=True)
    return folder / "weights.h5"


def test_a_lambda_of_another_python_is_named(keras11: Old, keras22: Old, tmp_path: Path) -> None:
    keras22.record(tmp_path, "--from-code", "zoo:modern")
    config = json.loads((tmp_path / "golden.json").read_text())
    scaled = next(layer for layer in config["config"]["layers"] if layer["name"] == "scaled")
    function = scaled["config"]["function"][0]
    model = {
        "class_name": "Sequential",
        "config": [
            {
                "class_name": "Lambda",
                "config": {
                    "name": "scaled", "function": function, "function_type": "lambda", "arguments": {},
                    "output_shape": None, "output_shape_type": "raw", "batch_input_shape": [None, 3],
                },
            }
        ],
    }  # fmt: skip
    place = tmp_path / "old"
    place.mkdir()
    (place / "model.json").write_text(json.dumps(model))
    with h5py.File(place / "weights.h5", "w") as file:
        group = file.create_group("scaled")
        group.attrs["weight_names"] = np.zeros(0, "S1")
        file.attrs["layer_names"] = [b"scaled"]
    arguments = ["--architecture", "model.json", "--weights", "weights.h5", "--backend", "theano"]
    assert "saved by another Python" in keras11.refuse(place, *arguments)
    arrays, _, _ = keras11.record(place, *arguments, "--custom", "scaled=zoo:secret")
    assert np.allclose(arrays["out_0"], 2 * arrays["in_0"] + 1)


def test_keras_03(tmp_path: Path) -> None:
    old = Old("0.3.3")
    layers = [
        {"name": "Dense", "custom_name": "dense", "input_shape": [3], "output_dim": 4, "activation": "relu"},
        {"name": "Dense", "custom_name": "dense", "output_dim": 2, "activation": "softmax"},
    ]
    (tmp_path / "model.json").write_text(json.dumps({"name": "Sequential", "layers": layers}))
    random = np.random.RandomState(0)
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file.attrs["nb_layers"] = 2
        for i, (rows, columns) in enumerate(((3, 4), (4, 2))):
            group = file.create_group(f"layer_{i}")
            group.attrs["nb_params"] = 2
            group["param_0"], group["param_1"] = models.normal(random, rows, columns), models.normal(random, columns)
    arrays, about, _ = old.record(tmp_path, "--architecture", "model.json", "--weights", "weights.h5")
    assert about["keras"] == "0.3.3" and about["image_ordering"] is None
    with h5py.File(tmp_path / "weights.h5") as file:
        wanted = np.maximum(arrays["in_0"] @ file["layer_0/param_0"][()] + file["layer_0/param_1"][()], 0)
    assert np.allclose(arrays["layer_dense_1"], wanted, rtol=1e-5, atol=1e-4)
    assert np.array_equal(arrays["layer_dense_2"], arrays["out_0"])


@pytest.mark.parametrize(("length", "steps"), [(None, 16), (7, 7)])
def test_keras_03_says_an_embeddings_rows_where_its_steps_stand(tmp_path: Path, length: int | None, steps: int) -> None:
    layer = {"name": "Embedding", "input_shape": [900], "input_dim": 900, "output_dim": 2, "input_length": length}
    (tmp_path / "model.json").write_text(json.dumps({"name": "Sequential", "layers": [layer]}))
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file.attrs["nb_layers"] = 1
        group = file.create_group("layer_0")
        group.attrs["nb_params"] = 1
        group["param_0"] = models.normal(np.random.RandomState(0), 900, 2)
    arrays, _, _ = Old("0.3.3").record(tmp_path, "--architecture", "model.json", "--weights", "weights.h5")
    assert arrays["in_0"].shape[1:] == (steps,)


def test_keras_03_forgets_how_many_steps_a_layer_takes(tmp_path: Path) -> None:
    """Given as input_shape it is saved there, and read from input_length."""
    layer = {"name": "LSTM", "input_shape": [5, 3], "input_dim": 3, "input_length": None, "output_dim": 4}
    (tmp_path / "model.json").write_text(json.dumps({"name": "Sequential", "layers": [layer]}))
    random = np.random.RandomState(0)
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file.attrs["nb_layers"] = 1
        group = file.create_group("layer_0")
        group.attrs["nb_params"] = 12
        for i, shape in enumerate([(3, 4), (4, 4), (4,)] * 4):
            group[f"param_{i}"] = models.normal(random, *shape)
    arrays, _, _ = Old("0.3.3").record(tmp_path, "--architecture", "model.json", "--weights", "weights.h5")
    assert arrays["in_0"].shape[1:] == (5, 3)


@pytest.mark.parametrize("has_backend", [True, False])
def test_keras_030_which_calls_itself_020_is_known_by_its_backend(tmp_path: Path, has_backend: bool) -> None:
    for name in ("__init__", "models", "layers") + ("backend",) * has_backend:
        (tmp_path / "keras").mkdir(exist_ok=True)
        (tmp_path / "keras" / f"{name}.py").write_text("__version__ = '0.2.0'\n" if name == "__init__" else "")
    code = "from reprise_record import stack; import argparse\n"
    code += "print(stack.import_keras(argparse.Namespace(tf_keras=False)).__version__)"
    spied = (
        "import sys; from reprise_spy import keeping; import keras.models, keras.layers\n"
        "if sys.argv[1] == 'True': import keras.backend\nprint(keeping.version())"
    )
    paths = [tmp_path, RECORDER, RECORDER.parents[1] / "reprise_kit/apps/adopt/spy"]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    done, seen = (
        subprocess.run([sys.executable, "-c", each, str(has_backend)], env=env, capture_output=True, text=True)
        for each in (code, spied)
    )
    assert (done.stdout.strip() == "0.3.0") is has_backend, done.stderr
    assert seen.stdout.strip() == ("0.3.0" if has_backend else "0.2.0"), seen.stderr


def test_bad_input_is_one_line(keras11: Old, tmp_path: Path, dense: tuple[Path, Path]) -> None:
    architecture, weights = dense
    (tmp_path / "text.h5").write_text("<html>not here</html>")
    config = json.loads(architecture.read_text())
    config["config"][0]["class_name"] = "TheirLayer"
    (tmp_path / "custom.json").write_text(json.dumps(config))
    np.savez(tmp_path / "few.npz", other=np.zeros(3))
    both = ["--architecture", architecture, "--weights", weights]
    said = {
        "no such file": ["--weights", "absent.h5"],
        "no HDF5 file": ["--weights", "text.h5"],
        "holds weights only": ["--weights", weights],
        "give its class with --custom": ["--architecture", "custom.json", "--weights", weights],
        "holds no in_0": [*both, "--inputs", "few.npz"],
        "not a Keras model": ["--from-code", "zoo:not_a_model"],
        "zoo:fails failed (KeyError: 'the settings file'; zoo.py:": ["--from-code", "zoo:fails"],
        "cannot get nowhere:build": ["--from-code", "nowhere:build"],
        "belong to another architecture": ["--from-code", "zoo:wider", "--weights", weights],
        "cannot import tensorflow": [*both, "--backend", "tensorflow"],
    }
    for words, arguments in said.items():
        assert words in keras11.refuse(tmp_path, *arguments), words


def test_an_answer_that_cannot_be_named_loses_nothing(keras11: Old, tmp_path: Path, dense: tuple[Path, Path]) -> None:
    (tmp_path / "golden.npz").mkdir()
    done = keras11.run(tmp_path, "--architecture", dense[0], "--weights", dense[1], "--out", "golden.npz")
    assert done.returncode == 2 and "cannot write golden.npz" in done.stderr
    assert os.listdir(tmp_path / "golden.npz") == [] and not list(tmp_path.glob("*.part*"))


@pytest.mark.parametrize("small_disk", ["4k"], indirect=True)
def test_a_full_disk_loses_nothing(keras11: Old, small_disk: Path, tmp_path: Path, dense: tuple[Path, Path]) -> None:
    (small_disk / "theirs").write_bytes(b"x" * 4096)
    out = small_disk / "golden.npz"
    done = keras11.run(tmp_path, "--architecture", dense[0], "--weights", dense[1], "--out", out)
    assert done.returncode == 2 and "No space left on device" in done.stderr
    assert os.listdir(small_disk) == ["theirs"] and (small_disk / "theirs").stat().st_size == 4096
