"""Broken on purpose: each ends with the exit code that is due, and what is wrong is named."""

import dataclasses
import shutil
import subprocess
from pathlib import Path

import pytest

from reprise_kit.apps.adopt import evidence
from reprise_kit.apps.adopt.adopted import DIFFERS, PROVEN, STOPPED
from reprise_kit.apps.adopt.steps import Request, adopt
from reprise_kit.compare.errors import InputError
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
    subprocess.run([old.python, "-c", code], cwd=source, env=old.variables, check=True, capture_output=True)
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
