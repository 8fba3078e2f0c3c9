"""What a command is run in - closed outputs, full ones, a user's settings, no home - changes no answer and no code."""

import importlib.util
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from reprise_kit.compare.system import ROOT
from tests.port.keras_legacy import models
from tests.require import require

KIT = [sys.executable, "-m", "reprise_kit"]
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def run(command, **options):
    options = {"env": BUFFERED, "stderr": subprocess.PIPE} | options
    return subprocess.run(list(map(str, command)), cwd=ROOT, text=True, check=False, **options)


@pytest.fixture
def model(tmp_path):
    config, groups = models.dense_net(np.random.RandomState(0))
    models.save_whole(tmp_path / "model.h5", config, groups, version="1.1.0")
    return tmp_path / "model.h5"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_changes_no_code(closed, model):
    for file, code in ((model, 0), (model.with_name("none.h5"), 2)):
        done = run(["bash", "-c", f'"$@" {closed}', "sh", *KIT, "inspect", file], stdout=subprocess.PIPE)
        assert done.returncode == code, done.stderr
        assert done.stderr.count("\n") == (code == 2 and "2>" not in closed), done.stderr
        assert ("parameters" in done.stdout) == (code == 0 and " >" not in f" {closed}".replace("2>", ""))


def test_no_file_is_taken_for_a_closed_stream(model, tmp_path):
    out = tmp_path / "out"
    command = [*KIT, "new-system", "one", "--to", out]
    assert run(["bash", "-c", '"$@" <&- >&- 2>&-', "sh", *command]).returncode == 0
    assert run([*KIT, "new-system", "two", "--to", out], stdout=subprocess.PIPE).returncode == 0
    one, two = ({p.name: p.read_bytes() for p in (out / name).glob("*.py")} for name in ("one", "two"))
    assert one and one == two


# A command that leaves what it prints to Python's buffer.
PRINTING = """
import sys
from reprise_kit import cli
from reprise_kit.__main__ import main
@cli.cli.command("words")
def words():
    print("some words")
@cli.cli.command("figure")
def figure():
    import matplotlib.pyplot  # as Keras does
    print("some words", matplotlib.get_configdir(), matplotlib.get_backend())
sys.argv = ["reprise", sys.argv[1]]
main()
"""


def test_what_a_full_disk_does_not_take_is_told():
    with Path("/dev/full").open("w") as full:
        done = run([sys.executable, "-c", PRINTING, "words"], stdout=full)
    assert (done.returncode, done.stderr) == (2, "reprise: No space left on device: while writing\n")


@pytest.mark.parametrize("word", ["words", "systems", "-h"])
def test_whoever_has_read_enough_is_no_difference(word):
    reading, writing = os.pipe()
    os.close(reading)
    done = run([sys.executable, "-c", PRINTING, word], stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.fixture
def old_settings(tmp_path):
    """What an old Keras left in a user's home, and her shell."""
    (tmp_path / "home" / ".keras").mkdir(parents=True)
    words = {"backend": "theano", "floatx": "float16", "image_data_format": "channels_first", "epsilon": 0.1}
    (tmp_path / "home" / ".keras" / "keras.json").write_text(json.dumps(words))
    return BUFFERED | {"HOME": str(tmp_path / "home"), "KERAS_BACKEND": "theano"}


def test_settings_of_an_old_keras_are_none_of_ours(model, old_settings, tmp_path):
    out, cache = tmp_path / "new.keras", {"REPRISE_CACHE": str(tmp_path / "cache")}
    command = [*KIT, "migrate", model, "--source-backend", "theano", "-o", out]
    done = run(command, env=old_settings | cache, stdout=subprocess.PIPE)
    assert done.returncode == 0, done.stderr
    kinds = set()
    with zipfile.ZipFile(out) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        file.visititems(lambda name, node: kinds.add(node.dtype) if isinstance(node, h5py.Dataset) else None)
    assert kinds == {np.dtype("float32")}
    assert [path.name for path in (tmp_path / "home" / ".keras").iterdir()] == ["keras.json"]


def test_doctor_tells_what_the_users_settings_are(old_settings):
    done = run([*KIT, "doctor", "--env", sys.executable], env=old_settings, stdout=subprocess.PIPE)
    assert "backend theano" in done.stdout, done.stderr


# As in a container that runs as a number.
UNKNOWN = """
import os, pwd, sys
def unknown(number): raise KeyError(number)
pwd.getpwuid = unknown
os.environ.pop("HOME", None)
sys.argv[0] = "reprise"
from reprise_kit.__main__ import main
main()
"""


def test_a_user_without_a_home_is_told_what_to_set(model, tmp_path):
    alone = {name: value for name, value in BUFFERED.items() if name not in ("HOME", "XDG_CACHE_HOME", "PYENV_ROOT")}
    program = [sys.executable, "-c", UNKNOWN]
    done = run([*program, "doctor"], env=alone, stdout=subprocess.PIPE)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "REPRISE_CACHE" in done.stderr, done.stderr
    assert run([*program, "inspect", model], env=alone, stdout=subprocess.PIPE).returncode == 0
    cached = alone | {"REPRISE_CACHE": str(tmp_path / "cache")}
    assert run([*program, "doctor"], env=cached, stdout=subprocess.PIPE).returncode == 0


@pytest.mark.parametrize("there", ["home", "cache", "nowhere"])
def test_figures_say_nothing_wherever_their_folders_cannot_be_written(there, tmp_path):
    home, cache = (str(tmp_path / name) if there == name else "/dev/null/none" for name in ("home", "cache"))
    theirs = {name: value for name, value in BUFFERED.items() if name not in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    odd = {"HOME": home, "REPRISE_CACHE": cache, "TMPDIR": str(tmp_path), "MPLBACKEND": "nonsense"}
    done = run([sys.executable, "-c", PRINTING, "figure"], env=theirs | odd, stdout=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    _, _, place, backend = done.stdout.split()
    expected = {"home": home, "cache": cache, "nowhere": str(tmp_path / "reprise-")}[there]
    assert place.startswith(expected) and backend == "Agg", done.stdout


# As in a container that is read only.
NOWHERE = """
import sys, tempfile
tempfile._candidate_tempdir_list = lambda: ["/dev/null/none"]
sys.argv[0] = "reprise"
from reprise_kit.__main__ import main
main()
"""


def test_where_no_folder_takes_temporary_files_the_rest_goes_on(model, tmp_path):
    program, out = [sys.executable, "-c", NOWHERE], tmp_path / "new.keras"
    assert run([*program, "inspect", model], stdout=subprocess.PIPE).returncode == 0
    done = run([*program, "migrate", model, "--source-backend", "theano", "-o", out])
    assert (done.returncode, done.stderr.count("\n")) == (2, 1) and "No usable temporary directory" in done.stderr


LIBRARY = """
import sys
import reprise_kit as reprise
try:
    if sys.argv[1] == "migrate":
        reprise.migrate(*sys.argv[2:], source_backend="theano")
    else:
        reprise.open_pipeline("deepsound_crnn")
except reprise.InputError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('{"floatx": "float16"}', "Keras has floatx float16 in this program"),
        ('{"image_data_format": "channels_first"}', "Keras has image_data_format channels_first in this program"),
        ('{"backend": "theano"}', "Keras has backend theano in this program"),
        ('{"backend": "jax"}', "Keras has backend jax in this program"),
    ],
)
@pytest.mark.parametrize("what", ["migrate", "open"])
def test_a_program_whose_keras_is_set_otherwise_is_told(what, settings, words, model, tmp_path):
    if "jax" in settings and importlib.util.find_spec("jax") is None:
        require("backend", "the package jax is not installed")
    (tmp_path / "keras.json").write_text(settings)
    odd = {name: value for name, value in BUFFERED.items() if name != "KERAS_BACKEND"} | {"KERAS_HOME": str(tmp_path)}
    out = tmp_path / "new.keras"
    done = run([sys.executable, "-c", LIBRARY, what, model, out], env=odd, stdout=subprocess.PIPE)
    assert done.stdout.startswith(words) and done.stdout.count("\n") == 1, done.stderr
    assert not out.exists()
