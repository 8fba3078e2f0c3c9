"""Repositories of our own making in the style of the time, from a git folder to their reports: nothing is given.

Each needs several kinds of fixes. Their environments are made from the package index and shared where they are equal.
"""

import dataclasses
import json
import shutil
import urllib.request
import wave
from pathlib import Path

import numpy as np
import pytest

from reprise_kit.apps.adopt import dated_index, environment, steps
from reprise_kit.apps.adopt.steps import Request, adopt
from reprise_kit.compare.errors import InputError
from tests.apps.adopt import repositories
from tests.apps.adopt.conftest import REPOSITORIES, Old
from tests.require import require

pytestmark = pytest.mark.usefixtures("bwrap", "online")
DAY = "2016-12-10"  # Keras 1.1.2, which takes TensorFlow where nothing says which
SAVED = {
    "image_cnn": "from model import get_model; get_model().save_weights('weights.h5')",
    "text_lstm": "from network import get_model; get_model().save_weights('names.h5')",
    "audio_merge": "from model import get_model; get_model().save_weights('birds.h5')",
    "notebook": "from train import get_model; get_model().save('iris.h5')",
    "flask_server": "from model import get_model; m = get_model(); m.save_weights('model.h5'); "
    "open('model.json', 'w').write(m.to_json())",
}
SAVED["python3_drive"] = SAVED["flask_server"]
CLIENT = """
import time, urllib.request
for i in range(60):
    try:
        for j in range(3):
            image = bytes(i * i * (j + 7) % 251 for i in range(144))
            print(urllib.request.urlopen('http://127.0.0.1:5000/predict', image).read())
        break
    except OSError:
        time.sleep(1)
"""


@pytest.fixture
def online() -> None:
    try:
        urllib.request.urlopen(dated_index.INDEX + "/keras/", timeout=20).close()
    except OSError as error:
        require("network", f"the package index does not answer: {error}")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Theano compiles a recurrent network's functions with g++ for a minute: for ours NumPy is quicker."""
    make = environment.make

    def without_compiler(*given: object) -> environment.Environment:
        made = make(*given)  # type: ignore[arg-type]
        flags = made.variables["THEANO_FLAGS"] + ",optimizer=fast_compile,cxx="
        return dataclasses.replace(made, variables=made.variables | {"THEANO_FLAGS": flags})

    monkeypatch.setattr(environment, "make", without_compiler)


def committed(old: Old, name: str, folder: Path) -> Path:
    """A repository with weights that its own code saved under the old Keras, committed on DAY."""
    made = old.repository(name, folder)
    if name in ("flask_server", "python3_drive"):
        shutil.copyfile(REPOSITORIES / "image_cnn" / "model.py", made / "model.py")
    if name in SAVED:
        old.run(SAVED[name], made)
    return repositories.make(made, {}, DAY)


def adopted(old: Old, name: str, folder: Path, stand_in: dict[str, str] | None = None, **more) -> tuple[int, Path, str]:
    source, said = committed(old, name, folder), []
    if stand_in is not None:
        repositories.write(folder / "stand-in", stand_in)
        more["stand_in"] = str(folder / "stand-in")
    code = adopt(Request(str(source), **more), folder / "out", said.append)
    print("\n".join(said))  # with the seconds of each step
    return code, folder / "out", "\n".join(said)


def report(out: Path) -> dict:
    return json.loads((out / "report.json").read_text())


def test_image_cnn(old: Old, tmp_path: Path) -> None:
    frames = {f"{name}.txt": "\n".join(" ".join(str(row * column % 251) for column in range(12)) for row in range(12))
              for name in ("a", "b")}  # fmt: skip
    code, out, said = adopted(old, "image_cnn", tmp_path, frames, entry="python2 predict.py a.txt b.txt")
    assert code == 0, said
    assert "h5py: stated nowhere" in said and "theano: stated nowhere" in said and "keras.json: theano, th" in said
    assert [m["captured"]["calls"] for m in report(out)["models"]] == [2]


def test_a_loop_that_never_ends(old: Old, tmp_path: Path) -> None:
    code, out, said = adopted(old, "rl_loop", tmp_path)
    assert code == 0, said
    assert "run: python dqn.py" in said and "run: enough predictions were recorded" in said
    assert "tensorflow" in said
    assert report(out)["models"][0]["captured"]["keras"] == "1.1.2"


@pytest.mark.usefixtures("quick")
def test_text_lstm(old: Old, tmp_path: Path) -> None:
    letters = "abcdefghijklmnopqrstuvwxyz.\n"
    code, out, said = adopted(old, "text_lstm", tmp_path, {"alphabet.txt": letters})
    assert code == 0, said
    assert "evidence: 2016-12-10, Python 2.7, Keras of that date, theano" in said  # by the names in names.h5
    assert "h5py: stated nowhere" in said and "theano: stated nowhere" in said
    (model,) = report(out)["models"]
    assert model["captured"]["calls"] == 4 and model["captured"]["keras"] == "1.1.2"
    assert any(row["name"] == "lstm_1" and row["alone"] for row in model["verifications"][0]["rows"])


def test_audio_cnn_with_merge(old: Old, tmp_path: Path) -> None:
    (tmp_path / "stand-in").mkdir()
    with wave.open(str(tmp_path / "stand-in" / "clip.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(np.random.default_rng(0).integers(-9000, 9000, 2000, dtype="<i2").tobytes())
    code, out, said = adopted(old, "audio_merge", tmp_path, {})
    assert code == 0, said
    assert "keras.json: theano, th" in said and "h5py: stated nowhere" in said
    (model,) = report(out)["models"]
    assert any(row["name"] == "merge_1" for row in model["verifications"][0]["rows"])


def test_notebook_only(old: Old, tmp_path: Path) -> None:
    code, out, said = adopted(old, "notebook", tmp_path)
    assert code == 0, said
    assert "run: python Iris.ipynb" in said and "h5py: stated nowhere" in said
    assert [m["captured"]["event"] for m in report(out)["models"]] == ["load_model iris.h5"]
    assert "Iris.ipynb.py" in (out / "Dockerfile").read_text()


def test_a_flask_server_and_a_double_of_its_client(old: Old, tmp_path: Path) -> None:
    entry = "python3 app.py & python3 client.py"
    code, out, said = adopted(old, "flask_server", tmp_path, {"client.py": CLIENT}, entry=entry, seconds=120)
    assert code == 0, said
    assert "Python 3.6 is here and 3.5 is not" in said and "h5py: stated nowhere" in said
    (model,) = report(out)["models"]  # once, though the debugger's reloader has it too
    assert model["captured"]["calls"] == 3


def test_a_python_3_program(old: Old, tmp_path: Path) -> None:
    rows = "\n".join(" ".join(str(12 * row + column) for column in range(12)) for row in range(12))
    frames = {"frames/0.txt": rows, "frames/1.txt": rows.replace("1", "2")}
    entry = "python drive.py model.json frames"  # its README says <model.json>, which is a file, and frames
    code, out, said = adopted(old, "python3_drive", tmp_path, frames)
    assert code == 0 and f"run: {entry}" in said, said
    assert "Python 3.6 is here and 3.5 is not" in said and "h5py: stated nowhere" in said
    assert report(out)["models"][0]["captured"]["calls"] == 2


def test_keras_of_before_0_3_is_refused_by_name(old: Old, tmp_path: Path) -> None:
    source = repositories.make(old.repository("keras0", tmp_path), {}, "2015-11-02")
    with pytest.raises(InputError, match=r"Keras 0\.2\.0 of 2015-11-02: older than 0\.3\.0"):
        adopt(Request(str(source)), tmp_path / "out", lambda line: None)
    assert not (tmp_path / "out" / steps.FILES["evidence"]).exists()
