"""reprise doctor: each error of the story is made to happen in a scratch environment, then explained in words."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from reprise_kit.compare import diagnosis, python27, registry
from reprise_kit.compare.diagnosis import Environment, explain, inspect
from reprise_kit.compare.doctor import _disk, doctor, rows
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.seal import check_seal
from reprise_kit.compare.system import ROOT
from tests.require import require

SYSTEM = registry.load("deepsound_crnn")
STAND_IN = ROOT / "tests/original/stand_in"
SHIMS = ROOT / "original/eras"
DROPOUT = "from keras.layers import Input, Dropout; Dropout(0.5)(Input((None, 8)))"
BARE_TENSOR = """
import sys; sys.path[:0] = [{shims!r}, {stand_in!r}]
from shims import control_flow_ops; control_flow_ops.apply()
import common, train_model
common.get_layer_output_function(train_model.build_model(), "output_realtime")
"""
ANSWER = """
import sys; sys.path[:0] = [{shims!r}, {stand_in!r}]
if {backend!r} == "tensorflow":
    import shims; shims.apply()
import numpy, common, train_model, make_model
model = train_model.build_model()
make_model.random_weights(model, 0)
batch = numpy.random.RandomState(1).normal(size=(1, 60, 128))
numpy.save({out!r}, common.get_layer_output_function(model, "output_realtime")(batch))
"""


@pytest.fixture(scope="session")
def interpreter():
    found = python27.find_interpreter()
    if found is None:
        require("python27", "no Python 2.7 found (REPRISE_PYTHON27, PATH, pyenv)")
    return found


@pytest.fixture(scope="session")
def environments(interpreter):
    """Interpreters of the locked environments, by backend."""
    return {
        name: python27.environment(interpreter, ROOT / row.requirements)
        for name, row in SYSTEM.file.environments.items()
    }


def run(python, code, backend, private, **variables):
    environment = python27.private_settings(private, backend) | variables
    return subprocess.run(
        [python, "-c", code], env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def last_line(done):
    assert done.returncode != 0
    return done.stderr.strip().splitlines()[-1]


def explained(python, backend, monkeypatch, capsys):
    """What `reprise doctor --env` prints about an environment; it must find something."""
    monkeypatch.setenv("KERAS_BACKEND", backend)
    assert doctor("deepsound_crnn", Path(python)) == 1
    return capsys.readouterr().out


def test_tensorflow_without_control_flow_ops(environments, tmp_path, monkeypatch, capsys):
    python = environments["tensorflow"]
    said = last_line(run(python, DROPOUT, "tensorflow", tmp_path))
    assert said == "AttributeError: 'module' object has no attribute 'control_flow_ops'"
    told = explained(python, "tensorflow", monkeypatch, capsys)
    assert "has no attribute 'control_flow_ops'" in told and "TensorFlow 0.12.1 no longer has" in told
    assert "KERAS_BACKEND=theano" in told


def test_bare_tensor_on_any_tensorflow(environments, tmp_path, monkeypatch, capsys):
    code = BARE_TENSOR.format(shims=str(SHIMS), stand_in=str(STAND_IN))
    said = last_line(run(environments["tensorflow"], code, "tensorflow", tmp_path))
    assert said.startswith("AssertionError: Output to a TensorFlow backend function should be a list or tuple")
    assert said in explained(environments["tensorflow"], "tensorflow", monkeypatch, capsys)


def test_theano_weights_on_tensorflow_are_silently_wrong(environments, tmp_path, monkeypatch, capsys):
    import numpy as np

    answers = {}
    for backend, python in environments.items():
        out = tmp_path / f"{backend}.npy"
        code = ANSWER.format(shims=str(SHIMS), stand_in=str(STAND_IN), backend=backend, out=str(out))
        # Without a compiler this small model is quicker on Theano.
        flags = f"floatX=float32,cxx=,base_compiledir={tmp_path}/compiled"
        done = run(python, code, backend, tmp_path / backend, THEANO_FLAGS=flags)
        assert done.returncode == 0, done.stderr
        answers[backend] = np.load(out)
    worst = np.abs(answers["theano"] - answers["tensorflow"]).max()
    print(f"the same weights on two backends, no error: max |dp| {worst:.3f}")
    assert worst > 1e-3
    told = explained(environments["tensorflow"], "tensorflow", monkeypatch, capsys)
    assert "no error: the answers are silently wrong" in told and "flips its kernels" in told


def test_a_wheel_that_pip_cannot_find(environments, tmp_path, monkeypatch, capsys):
    python = environments["theano"]
    command = [python, "-m", "pip", "download", "-q", "--no-deps", "-d", tmp_path, "tensorflow==0.10.0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "No matching distribution found for tensorflow==0.10.0" in last_line(done)
    assert last_line(run(python, "import keras", "tensorflow", tmp_path)) == "ImportError: No module named tensorflow"
    told = explained(python, "tensorflow", monkeypatch, capsys)
    assert "No matching distribution found for tensorflow==0.10.0" in told and "oldest is 0.12.0" in told


def test_joblib_too_new(environments, tmp_path, monkeypatch, capsys):
    python = environments["theano"]
    install = [python, "-m", "pip", "install", "-q", "--no-deps", "--target", tmp_path / "new", "joblib==0.12.5"]
    subprocess.run(install, capture_output=True, timeout=120, check=True)
    overlay = {"PYTHONPATH": str(tmp_path / "new")}
    said = last_line(run(python, "import librosa", "theano", tmp_path, **overlay))
    assert said == "TypeError: expected string or buffer"
    monkeypatch.setenv("PYTHONPATH", overlay["PYTHONPATH"])
    assert said in explained(python, "theano", monkeypatch, capsys)


def test_a_current_tensorflow(tmp_path, monkeypatch, capsys):
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", tmp_path, "Keras==1.1.0", "six"]
    subprocess.run(install, capture_output=True, timeout=120, check=True)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "KERAS_BACKEND": "tensorflow", "HOME": str(tmp_path)}
    command = [sys.executable, "-c", DROPOUT]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert "AttributeError: module 'tensorflow' has no attribute 'placeholder'" in last_line(done)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    told = explained(sys.executable, "tensorflow", monkeypatch, capsys)
    assert "has no attribute 'python', 'placeholder'" in told and "marshalled by Python 2.7" in told


def test_the_locked_theano_environment_is_clean_and_stays_sealed(environments, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    environment = inspect(environments["theano"])
    check_seal(environments["theano"].parent.parent)
    assert environment.packages["keras"] == "1.1.0" and environment.python == "2.7.18"
    assert explain(environment) == []


def made(**packages):
    names = {"h5py": "2.6.0"} | {name.replace("_", "."): version for name, version in packages.items()}
    settings = [names.pop("backend", "tensorflow"), names.pop("ordering", None)]
    return Environment(names.pop("python", "2.7.18"), names, *settings)


def test_tensorflow_010_is_explained_by_the_bare_tensor_and_the_kernels_only():
    symptoms = [f.symptom for f in explain(made(keras="1.1.0", tensorflow="0.10.0"), "deepsound_crnn")]
    assert len(symptoms) == 2
    assert symptoms[0].startswith("AssertionError") and symptoms[1].startswith("no error")


@pytest.mark.parametrize(
    ("packages", "word"),
    [
        ({"keras": "1.1.0", "theano": "1.0.5"}, "0.8.2"),
        ({"keras": "1.1.0", "theano": "0.8.2", "scikits_samplerate": "0.3.3"}, "scikits.samplerate"),
        ({"keras": "2.0.0", "theano": "0.8.2"}, "pins 1.1.0"),
        ({"theano": "0.8.2"}, "Keras is not installed"),
        ({"keras": "1.1.0"}, "install Theano==0.8.2"),
    ],
)
def test_other_environments(packages, word):
    findings = explain(made(backend="theano", **packages), "deepsound_crnn")
    assert len(findings) == 1 and word in f"{findings[0].cause} {findings[0].cure}"


@pytest.mark.parametrize(
    ("packages", "word"),
    [
        ({"keras": "2.2.4", "tensorflow": "1.15.5", "h5py": "3.1.0", "python": "3.7.16"}, "h5py==2.10.0"),
        ({"keras": "2.2.4", "tensorflow": "1.15.5", "pyyaml": "6.0", "python": "3.7.16"}, "PyYAML==5.3.1"),
        ({"keras": "2.2.4", "tensorflow": "1.15.5", "numpy": "1.24.1", "python": "3.7.16"}, "no attribute 'bool'"),
        ({"keras": "2.2.4", "tensorflow": "2.20.0", "python": "3.7.16"}, "1.15.5 for Keras 2.0"),
        ({"keras": "1.2.2", "theano": "0.9.0", "backend": "theano", "ordering": "tf"}, "image_dim_ordering"),
        ({"keras": "1.2.2", "theano": "0.9.0", "backend": "theano", "ordering": "newer"}, "left by Keras 2"),
        ({"keras": "1.0.7", "theano": "0.8.2", "backend": "theano", "python": "3.10.1"}, "marshal"),
    ],
)
def test_an_environment_is_judged_by_its_own_files(packages, word):
    findings = explain(made(**packages))
    assert len(findings) == 1, findings
    assert word in f"{findings[0].symptom} {findings[0].cause} {findings[0].cure}"


@pytest.mark.parametrize(
    "packages",
    [
        {"keras": "1.2.2", "tensorflow": "0.12.1", "ordering": "tf", "python": "3.6.15"},
        {"keras": "1.2.2", "theano": "0.9.0", "backend": "theano", "ordering": "th"},
        {"keras": "1.2.1", "theano": "0.8.2", "backend": "theano", "ordering": "th"},
        {"keras": "2.3.1", "tensorflow": "1.15.5", "python": "3.7.16", "ordering": "newer", "pyyaml": "5.3.1"},
        {"keras": "2.1.6", "theano": "1.0.5", "backend": "theano", "python": "3.7.16", "numpy": "1.18.5"},
    ],
)
def test_environments_that_record_models_are_clean(packages):
    assert explain(made(**packages)) == []


def test_settings_left_by_another_keras_are_read_but_not_for_the_kit_s_own(environments, monkeypatch, tmp_path):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text('{"image_data_format": "channels_last", "backend": "tensorflow"}')
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert inspect(Path(sys.executable)).ordering == "newer"
    assert explain(inspect(environments["theano"])) == []
    (tmp_path / ".keras" / "keras.json").write_text('["no object"]')
    assert inspect(Path(sys.executable)).ordering is None


def test_what_is_no_environment_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match=r"no Python in it|no such folder"):
            doctor("deepsound_crnn", path)
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(InputError, match="does not run"):
        diagnosis.inspect(broken)


@pytest.mark.parametrize("said", ["[]", "{}", '{"python": 1, "packages": [], "default_backend": {}}', "\\377\\376"])
def test_a_program_that_answers_like_no_python_is_refused(said, tmp_path):
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\nprintf '{said}'\n")
    program.chmod(0o755)
    with pytest.raises(InputError, match="does not run as a Python interpreter"):
        diagnosis.inspect(program)


@pytest.mark.parametrize("made", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.mkdir()])
def test_settings_that_are_no_file_are_none(made, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    diagnosis.settings_file().parent.mkdir()
    made(diagnosis.settings_file())
    assert diagnosis._settings() == {}


def test_an_environment_is_asked_without_a_trace(monkeypatch, tmp_path):
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    asked = tmp_path / "python"
    asked.write_text("""#!/bin/sh
echo "{\\"python\\": \\"$PYTHONDONTWRITEBYTECODE\\", \\"packages\\": {}, \\"default_backend\\": null}"
""")
    asked.chmod(0o755)
    assert inspect(asked).python == "1"


def test_a_bare_machine_learns_what_is_blocked_and_what_mends_it(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path))
    monkeypatch.delenv("REPRISE_PYTHON27", raising=False)
    found = {row.what: row for row in rows(SYSTEM)}
    for what in ("container engine", "Python 2.7", "ffmpeg program", "upstream", "trained weights"):
        assert not found[what].here and found[what].blocks and found[what].mend, found[what]
    assert doctor("deepsound_crnn", None) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "mend it with: pyenv install 2.7.18" in told and "blocks docker compose up" in told


def test_upstream_altered_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path))
    folder = tmp_path / "upstream" / SYSTEM.name / SYSTEM.upstream.commit
    folder.mkdir(parents=True)
    (folder / "common.py").write_text("altered")
    upstream = next(row for row in rows(SYSTEM) if row.what == "upstream")
    assert not upstream.here and upstream.found == "common.py altered"


@pytest.mark.parametrize(("free", "here", "words"), [(7.4e9, True, "7 GB free"), (5.6e9, False, "6 GB free")])
def test_a_full_disk_is_told_in_gigabytes(free, here, words, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=free))
    row = _disk()
    assert row.here is here and row.found.startswith(words) and "(6 GB)" in row.blocks
