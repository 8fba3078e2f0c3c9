"""The commands: what they write, print and refuse, and the exit codes."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from reprise_kit.commands import migrating
from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import migrate, recording, saved_under
from reprise_kit.port.keras_legacy.inspect import inspect
from reprise_kit.port.keras_legacy.migrate import Options, migrate_files, replacement
from reprise_kit.port.keras_legacy.read import LayerWeights, read
from tests.port.keras_legacy import models

ROOT = Path(__file__).parents[3]


def conv_net(random: np.random.RandomState, suffix: str = "") -> tuple[dict[str, Any], list[LayerWeights]]:
    conv = {"nb_filter": 2, "nb_row": 3, "nb_col": 3, "dim_ordering": "th"}
    config = models.sequential(models.first(models.layer("Convolution2D", "conv", **conv), 1, 6, 5))
    arrays = [("conv_W", models.normal(random, 2, 1, 3, 3)), ("conv_b", models.normal(random, 2))]
    return config, [LayerWeights("conv", [(name + suffix, array) for name, array in arrays])]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return models.save(tmp_path, *conv_net(np.random.RandomState(0)))


@pytest.fixture
def golden(files: tuple[Path, Path], tmp_path: Path) -> Path:
    """What Theano computes: a true convolution, written out."""
    kernel, bias = (array for _, array in conv_net(np.random.RandomState(0))[1][0].arrays)
    x = models.normal(np.random.RandomState(1), 3, 1, 6, 5)
    windows = np.lib.stride_tricks.sliding_window_view(x[:, 0], (3, 3), (1, 2))
    out = np.einsum("nijkl,okl->noij", windows, kernel[:, 0, ::-1, ::-1]) + bias[:, None, None]
    path = tmp_path / "golden.npz"
    np.savez(path, in_0=x, out_0=out.astype(np.float32), layer_conv=out.astype(np.float32))
    return path


def run(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "reprise_kit", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_verify_agrees_and_names_the_layer(files: tuple[Path, Path], golden: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.keras"
    ran = run("migrate", "--architecture", files[0], "--weights", files[1], "-o", out, "--verify", golden)
    assert ran.returncode == 0, ran.stderr
    assert "read as saved under theano" in ran.stdout
    assert "conv: alone" in ran.stdout and "agrees with the recording" in ran.stdout
    assert keras.saving.load_model(out, safe_mode=True).input_shape == (None, 1, 6, 5)


def test_weights_of_a_training_that_failed_prove_nothing(
    files: tuple[Path, Path], golden: Path, tmp_path: Path
) -> None:
    with h5py.File(files[1], "r+") as file:
        found: list[h5py.Dataset] = []
        file.visititems(lambda _, one: found.append(one) if isinstance(one, h5py.Dataset) else None)
        found[0][...] = np.where(np.arange(found[0].size).reshape(found[0].shape) == 3, np.nan, found[0][()])
    options = Options(source_backend="theano")
    said = "NaN or infinity among these weights, as in the file: no answer of this model means anything"
    assert said in migrate_files(*files, tmp_path / "m.keras", options).lines[-1]
    report = migrate_files(*files, tmp_path / "m.keras", options, golden=golden)
    assert report.verdict is not None and not report.agrees and said in report.verdict.conclusion


def dies_in_native_code(*asked: Any) -> None:
    os.kill(os.getpid(), signal.SIGABRT)


def test_a_verification_that_kills_its_process_is_a_refusal(
    files: tuple[Path, Path], golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "migrate_files", dies_in_native_code)
    with pytest.raises(InputError, match=r"died \(SIGABRT\): nothing is proven"):
        migrating.migrate(*files, tmp_path / "m.keras", None, golden)


def test_the_wrong_backend_exits_1(files: tuple[Path, Path], golden: Path, tmp_path: Path) -> None:
    given = ["--architecture", files[0], "--weights", files[1], "-o", tmp_path / "m.keras", "--verify", golden]
    ran = run("migrate", *given, "--source-backend", "tensorflow")
    assert ran.returncode == 1
    assert "does NOT agree" in ran.stdout


def test_refusals_exit_2_on_one_line_and_write_nothing(files: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "m.keras"
    ran = run("migrate", "--weights", files[1], "-o", out)
    assert ran.returncode == 2
    assert len(ran.stderr.strip().splitlines()) == 1 and "--architecture" in ran.stderr
    assert not out.exists()


def test_whole_model_as_the_only_argument(tmp_path: Path) -> None:
    net = models.dense_net(np.random.RandomState(0))
    whole = models.save_whole(tmp_path / "whole.h5", *net)
    report = migrate_files(None, whole, tmp_path / "m.keras", Options())
    assert any("stock Keras 3" in line for line in report.lines)
    ran = run("migrate", whole, "-o", tmp_path / "n.keras")
    assert ran.returncode == 0 and (tmp_path / "n.keras").exists()


@pytest.mark.parametrize(("suffix", "backend"), [("", "theano"), (":0", "tensorflow")])
def test_names_are_evidence(suffix: str, backend: str, tmp_path: Path) -> None:
    model = read(*models.save(tmp_path, *conv_net(np.random.RandomState(0), suffix)))
    found = saved_under.decide(model, "auto", None)
    assert found.backend == backend
    assert "weight names end in ':0'" in found.lines[0]


def test_a_model_that_is_the_same_either_way_needs_no_evidence(tmp_path: Path) -> None:
    pool = models.first(models.layer("MaxPooling1D", "p", pool_length=2, stride=2, border_mode="valid"), 6, 3)
    found = saved_under.decide(models.model(models.sequential(pool)), "auto", None)
    assert found.sure == "certain"
    pool["config"]["border_mode"] = "same"
    with pytest.raises(InputError, match="undecided"):
        saved_under.decide(models.model(models.sequential(pool)), "auto", None)


def mixed(folder: Path) -> Path:
    config, (group,) = conv_net(np.random.RandomState(0))
    group.arrays[0] = ("conv_W:0", group.arrays[0][1])
    models.save(folder, config, [group])
    return folder


def test_undecided_is_refused_and_a_recording_decides(golden: Path, tmp_path: Path) -> None:
    folder = mixed(tmp_path)
    model = read(folder / "model.json", folder / "weights.h5")
    with pytest.raises(InputError, match="undecided"):
        saved_under.decide(model, "auto", None)
    with np.load(golden) as arrays:
        recorded = dict(arrays)
    found = saved_under.decide(model, "auto", recording.of(recorded))
    assert (found.backend, found.sure) == ("theano", "certain, by the recording")
    with pytest.raises(InputError, match="decides nothing"):
        saved_under.decide(model, "auto", recording.of({"in_0": recorded["in_0"]}))
    with pytest.raises(InputError, match="undecided"):
        saved_under.decide(model, "auto", recording.of({**recorded, "out_0": recorded["out_0"] + 1}))


@pytest.mark.parametrize("to", ["weights", "savedmodel", "tflite"])
def test_other_formats(files: tuple[Path, Path], golden: Path, tmp_path: Path, to: str) -> None:
    name = {"weights": "m.weights.h5", "savedmodel": "saved", "tflite": "m.tflite"}[to]
    migrate_files(*files, tmp_path / name, Options(to=to))
    with np.load(golden) as arrays:
        x, expected = arrays["in_0"], arrays["out_0"]
    found = {"weights": from_weights, "savedmodel": from_saved, "tflite": from_tflite}[to](tmp_path / name, files, x)
    assert np.abs(found - expected).max() < 1e-5


def from_weights(path: Path, files: tuple[Path, Path], x: np.ndarray) -> np.ndarray:
    from reprise_kit.port.keras_legacy.build import build

    model = build(read(*files), "tensorflow")
    model.load_weights(path)
    return np.asarray(model(x))


def from_saved(path: Path, files: tuple[Path, Path], x: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    return np.asarray(loaded.serve(x))


def from_tflite(path: Path, files: tuple[Path, Path], x: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(str(path))
    place = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(place, x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(place, x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_a_wrong_ending_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"must end in \.keras"):
        migrate_files(*files, tmp_path / "model.h5", Options())


def test_replace_stands_in_for_a_layer(tmp_path: Path) -> None:
    config, groups = models.dense_net(np.random.RandomState(0))
    config["config"].append(models.layer("Lambda", "secret", function="?", function_type="lambda"))
    files = models.save(tmp_path, config, groups)
    with pytest.raises(InputError, match="--replace secret="):
        migrate_files(*files, tmp_path / "m.keras", Options())
    report = migrate_files(*files, tmp_path / "m.keras", Options(replace=("secret=keras.ops:tanh",)))
    assert report.agrees and (tmp_path / "m.keras").exists()
    for bad in ("secret", "secret=keras.ops:no_such", "secret=no_such_module_here:f"):
        with pytest.raises(InputError, match="--replace"):
            migrate_files(*files, tmp_path / "m.keras", Options(replace=(bad,)))
    with pytest.raises(InputError, match=r"layer secret .* cannot be built: SystemExit"):
        migrate_files(*files, tmp_path / "m.keras", Options(replace=("secret=sys:exit",)))


@pytest.mark.parametrize("code", ["raise ValueError('no')", "raise SystemExit(0)", "def ("])
def test_a_replacement_that_cannot_be_imported_is_refused(code: str, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / f"own_{len(code)}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match="cannot be imported"):
        replacement(f"a=own_{len(code)}:thing")
    with pytest.raises(InputError, match=r"\.\.own:thing"):
        replacement("a=..own:thing")


def test_a_replacement_that_stands_in_for_nothing_is_said(files: tuple[Path, Path], tmp_path: Path) -> None:
    report = migrate_files(*files, tmp_path / "m.keras", Options(replace=("relu=keras.ops:tanh",)))
    assert any(line.startswith("--replace relu: stands in for nothing") for line in report.lines)


def test_inspect(files: tuple[Path, Path], tmp_path: Path) -> None:
    found = inspect(*files)
    assert [(row.name, row.parameters) for row in found.rows] == [("conv", 20)]
    assert any("theano" in fact for fact in found.facts)
    assert any("reversed" in risk for risk in found.risks)
    alone = inspect(files[1])
    assert "weights without an architecture" in alone.facts[0]
    whole = models.save_whole(tmp_path / "w.h5", *models.dense_net(np.random.RandomState(0)), version="1.1.0")
    ran = run("inspect", whole)
    assert ran.returncode == 0 and "Keras 1.1.0" in ran.stdout and "26 parameters" in ran.stdout
