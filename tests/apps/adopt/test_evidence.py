"""What small repositories of the era show: each conclusion, its reason, and what is refused."""

import os
import subprocess

import pytest

from reprise_kit.apps.adopt.evidence import gather, load
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.python27 import find_interpreter
from tests.apps.adopt.repositories import IMAGE, PYTHON_3, TEXT, git, make, weights, write
from tests.require import require


@pytest.fixture(autouse=True)
def python27():
    if find_interpreter() is None:
        require("python27", "no Python 2.7 to parse Python 2 with")


def image(tmp_path):
    folder = tmp_path / "digits"
    weights(folder / "weights" / "digits.h5")
    return make(folder, IMAGE, "2016-08-20", {"notes.txt": "later"})


def test_an_image_network_in_python_2(tmp_path):
    found = gather(image(tmp_path))
    assert (found.date, found.python, found.keras_version) == ("2016-08-20", "2.7", None)
    assert "weights/digits.h5" in found.why_date and "1.0.7 was the newest" in found.why["keras_version"][0]
    assert (found.backend, found.dim_ordering) == ("theano", "th")
    assert "':0'" in found.why["backend"][0] and "dim_ordering=th" in found.why["dim_ordering"][0]
    assert found.entry_points == ["python predict.py one.png", "python train.py"]
    assert found.imports == ["keras", "numpy"]  # not lxml, which only the training imports
    assert {"load_weights", "predict"} <= set(found.calls) and found.checkpoints == ["weights/digits.h5"]
    assert found.refused == [] and found.requirements == []
    assert any("code is of 2017-05-06" in note for note in found.notes)


def test_another_entry_has_other_imports(tmp_path):
    folder = image(tmp_path)
    assert gather(folder, None, "python train.py").imports == ["keras", "lxml"]
    with pytest.raises(InputError, match="runs no Python file"):
        gather(folder, None, "python nowhere.py")


def test_evidence_is_kept_and_read_back(tmp_path):
    found = gather(image(tmp_path))
    found.save(tmp_path / "evidence.json")
    assert load(tmp_path / "evidence.json") == found
    (tmp_path / "evidence.json").write_text("{}")
    with pytest.raises(InputError, match="no evidence"):
        load(tmp_path / "evidence.json")


def test_a_text_network_whose_file_contradicts_what_is_stated(tmp_path):
    folder = tmp_path / "words"
    config = {"class_name": "Sequential", "config": [], "keras_version": "1.1.2"}
    weights(folder / "model.h5", ":0", "1.1.2", config)
    found = gather(make(folder, TEXT, "2016-12-01"))
    assert found.keras_version == "1.1.2" and "model.h5 records" in found.why["keras_version"][0]
    assert any("states Keras 1.1.0" in line and "1.1.2 is taken" in line for line in found.disagreements)
    assert found.backend == "tensorflow" and found.python == "2.7" and found.imports == ["keras"]
    assert [(r.name, r.spec) for r in found.requirements] == [("Keras", "==1.1.0"), ("numpy", "")]
    assert sum("names a place to fetch from" in note for note in found.notes) == 2


def test_a_program_for_python_3(tmp_path):
    folder = tmp_path / "drive"
    config = {"class_name": "Model", "config": {"layers": [{"config": {"dim_ordering": "tf"}}]}}
    weights(folder / "model.h5", ":0", "1.2.0", config)
    found = gather(make(folder, PYTHON_3, "2017-01-05"))
    assert found.python == "3.5" and "does not parse as Python 2" in found.why["python"][0]
    assert (found.backend, found.dim_ordering, found.keras_version) == ("tensorflow", "tf", "1.2.0")
    assert found.imports == ["flask", "keras", "tensorflow"]
    stated = {r.name: (r.spec, r.binding) for r in found.requirements}
    assert stated == {"numpy": ("==1.11.2", False), "openssl": ("==1.0.2", False), "Flask": ("==0.11.1", True)}


def test_keras_0_is_refused_by_name(tmp_path):
    found = gather(make(tmp_path / "old", IMAGE, "2015-11-20"))
    assert len(found.refused) == 1 and "Keras 0.2.0" in found.refused[0] and "--commit" in found.refused[0]


def test_a_program_without_keras_and_a_repository_without_a_program_are_refused(tmp_path):
    new = make(tmp_path / "new", {"go.py": "from tensorflow.keras.models import load_model\nload_model('x')\n"})
    assert "tf.keras" in gather(new).refused[0]
    assert "no entry point" in gather(make(tmp_path / "none", {"README": "nothing"})).refused[0]


def test_a_wrong_checkpoint_backend_is_told(tmp_path):
    folder = tmp_path / "digits"
    weights(folder / "weights" / "digits.h5", ":0")
    found = gather(make(folder, IMAGE | {"keras.json": '{"backend": "theano", "image_dim_ordering": "th"}'}))
    assert found.backend == "tensorflow" and any("keras.json sets the backend theano" in d for d in found.disagreements)


def test_older_code_by_its_commit(tmp_path):
    folder = image(tmp_path)
    first = git(folder, "2017-05-06", "rev-list", "--max-parents=0", "HEAD")
    for commit in (first, first[:9]):
        found = gather(folder, commit)
        assert found.commit == first and not any("code is of" in note for note in found.notes)
    for nowhere in ("0" * 40, "--upload-pack=x", "master"):
        with pytest.raises(InputError, match="no commit"):
            gather(folder, nowhere)


def test_a_bare_repository_and_a_clone_say_the_same(tmp_path):
    folder = image(tmp_path)
    bare = tmp_path / "bare"
    subprocess.run(["git", "clone", "-q", "--bare", str(folder), str(bare)], check=True)
    one, two = gather(folder), gather(bare)
    assert (one.commit, one.date, one.imports, one.entry_points) == (
        two.commit,
        two.date,
        two.imports,
        two.entry_points,
    )


def test_nothing_of_a_repository_is_obeyed(tmp_path):
    """Its config names programs that git would run, its setup.py writes a file, a link leads out."""
    folder = tmp_path / "hostile"
    mark = tmp_path / "run"
    (tmp_path / "secret.py").write_text("import secret_package\n")
    weights(folder / "weights" / "digits.h5")
    write(folder, IMAGE | {"setup.py": f"open({str(mark)!r}, 'w')\nsetup(install_requires=['six==1.10.0'])\n"})
    (folder / "link.py").symlink_to(tmp_path / "secret.py")
    make(folder, {})
    (folder / ".git" / "config").write_text(
        f'[core]\n\tfsmonitor = "touch {mark}"\n\tpager = "touch {mark}"\n[alias]\n\tlog = "!touch {mark}"\n'
    )
    found = gather(folder)
    assert not mark.exists() and [(r.name, r.spec) for r in found.requirements] == [("six", "==1.10.0")]
    assert "secret_package" not in found.imports and any("link out of the repository" in note for note in found.notes)


@pytest.mark.parametrize("broken", ["truncated", "text", "source", "notebook"])
def test_broken_files_are_told_and_the_rest_is_read(tmp_path, broken):
    folder = image(tmp_path)
    path = folder / "weights" / "digits.h5"
    content = {"truncated": path.read_bytes()[:900], "text": b"version https://git-lfs.github.com/spec/v1\n"}
    if broken in content:
        path.write_bytes(content[broken])
    elif broken == "source":
        (folder / "bad.py").write_bytes(b"\xff\xfe(((" + os.urandom(50))
    else:
        (folder / "bad.ipynb").write_text('{"cells": 3}')
    found = gather(folder)
    assert found.python == "2.7" and found.entry_points[0] == "python predict.py one.png"
    if broken != "notebook":
        assert any("digits.h5" in note or "bad.py" in note for note in found.notes)


def test_what_is_no_repository(tmp_path):
    for source, said in ((tmp_path / "nowhere", "no such folder"), (tmp_path, "no git history and no Keras version")):
        with pytest.raises(InputError, match=said):
            gather(source)
    with pytest.raises(InputError, match="cannot be cloned"):
        gather("https://127.0.0.1:9/x/y.git")
