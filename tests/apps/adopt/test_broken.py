"""Broken on purpose: each ends with the exit code that is due, and what is wrong is named."""

import dataclasses
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from reprise_kit.apps.adopt import evidence
from reprise_kit.apps.adopt.adopted import DIFFERS, PROVEN, STOPPED
from reprise_kit.apps.adopt.run import SPY
from reprise_kit.apps.adopt.steps import Request, adopt
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.seal import check_seal
from tests.apps.adopt.conftest import Old
from tests.apps.adopt.test_steps import given, images, quiet, report

pytestmark = pytest.mark.usefixtures("bwrap", "given")
__all__ = ["given", "images"]  # fixtures
ENTRY = "python predict.py 0.txt 1.txt"


def test_a_backend_that_is_not_there_is_named(old: Old, images: Path, tmp_path: Path) -> None:
    source = old.repository("image_cnn", tmp_path, weights=True)
    request = Request(str(source), entry=f"KERAS_BACKEND=tensorflow {ENTRY}", stand_in=str(images))
    with pytest.raises(InputError, match=r"^run: .*No module named tensorflow"):
        adopt(request, tmp_path / "out", quiet)


def test_another_backend_than_the_files_show_is_named(
    old: Old, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program runs on Theano; that its file is TensorFlow's is said, though the migrated model does as it ran."""
    source, gather = old.repository("image_cnn", tmp_path, weights=True), evidence.gather
    of_tensorflow = {"backend": "tensorflow", "why": {"backend": ["weights.h5 says so"]}}
    monkeypatch.setattr(evidence, "gather", lambda *asked: dataclasses.replace(gather(*asked), **of_tensorflow))
    assert adopt(Request(str(source), entry=ENTRY, stand_in=str(images)), tmp_path / "out", quiet) == PROVEN
    (line,) = [check for check in report(tmp_path / "out")["checks"] if "ran on theano" in check]
    assert "the files are of tensorflow (weights.h5 says so)" in line


def test_a_checkpoint_of_another_commit_is_refused(old: Old, images: Path, tmp_path: Path) -> None:
    """Keras on Theano takes weights of another size in silence: the program runs, and nothing is called proven."""
    source = old.repository("image_cnn", tmp_path)
    code = (
        "import model; m = model.get_model(); from keras.models import Sequential; from keras.layers import *\n"
        "o = Sequential([Convolution2D(6, 3, 3, input_shape=(1, 12, 12)), Activation('relu'), MaxPooling2D((2, 2)), "
        "Dropout(0.25), Flatten(), Dense(5), Activation('softmax')]); o.save_weights('weights.h5')"
    )
    old.run(code, source)
    code = adopt(Request(str(source), entry=ENTRY, stand_in=str(images)), tmp_path / "out", quiet)
    said = (tmp_path / "out" / "report.md").read_text()
    assert code == STOPPED and "the file's is (6, 1, 3, 3): these weights belong to another architecture" in said, said


def test_a_patched_keras_in_the_repository_is_named(old: Old, images: Path, tmp_path: Path) -> None:
    source = old.repository("image_cnn", tmp_path, weights=True)
    (keras,) = old.python.parent.parent.glob("lib/python2.7/site-packages/keras")
    shutil.copytree(keras, source / "keras", ignore=shutil.ignore_patterns("*.pyc"))
    core = source / "keras" / "layers" / "core.py"
    text = core.read_text()
    assert "output = K.dot(x, self.W)" in text
    core.write_text(text.replace("output = K.dot(x, self.W)", "output = K.dot(x, self.W) * 1.5"))
    assert adopt(Request(str(source), entry=ENTRY, stand_in=str(images)), tmp_path / "out", quiet) == DIFFERS
    said = (tmp_path / "out" / "report.md").read_text()
    assert "the Keras that ran is the repository's own, /adopted/keras" in said and "DIFFERS" in said


def looked_at(*folders: Path) -> dict[str, tuple[int, ...]]:
    """Every file, folder and link below: its mode, size and when it was written or made."""
    found = [path for folder in folders for path in [folder, *folder.rglob("*")]]
    states = {str(path): path.lstat() for path in found}
    return {name: (state.st_mode, state.st_size, state.st_mtime_ns, state.st_ino) for name, state in states.items()}


def test_a_hostile_program_is_proven_and_nothing_outside_its_box_changed(
    old: Old, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reassigns builtins, forks, threads, ends by os._exit, and does what it can to those outside."""
    source, person = old.repository("hostile", tmp_path), tmp_path / "person"
    (person / ".ssh").mkdir(parents=True)
    (person / ".ssh" / "id").write_text("secret")
    monkeypatch.setenv("TOKEN", "secret")
    environment = old.python.parent.parent
    victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)", "stay-alive"])
    try:
        with socket.create_server(("0.0.0.0", 0)) as server:
            server.settimeout(0.1)
            (source / "victims.txt").write_text(f"{person} {source} {server.getsockname()[1]} {victim.pid}")
            kept = looked_at(person, source, SPY)
            entry = "python sabotage.py; python main.py"
            code = adopt(Request(str(source), entry=entry), tmp_path / "out", quiet)
            with pytest.raises(TimeoutError):
                server.accept()
        assert victim.poll() is None
    finally:
        victim.kill()
        victim.wait()
    log = (tmp_path / "out" / "run.log").read_text()
    assert "WORKED" not in log and log.count(" failed ") == 27, log
    assert "reassigned (5, 3)" in log and "own error" in log, "it was itself to its end"
    assert code == PROVEN, (tmp_path / "out" / "report.md").read_text()
    assert looked_at(person, source, SPY) == kept
    check_seal(environment)
    assert not [place for place in ("/", "/etc", "/usr/local", "/sys") if Path(place, "stolen").exists()]
    assert "sleep 98765" not in subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True).stdout
    said = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert b"secret" not in said
