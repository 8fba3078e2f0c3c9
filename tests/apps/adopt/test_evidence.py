"""What small repositories of the era show: each conclusion, its reason, and what is refused."""

import ast
import errno
import importlib.util
import json
import os
import shutil
import subprocess

import h5py
import numpy as np
import pytest

from reprise_kit.apps.adopt import checkpoints, earlier, imports, repository, requirements, steps, telling
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
    assert any("newest commit is of 2017-05-06" in note for note in found.notes)


def test_another_entry_has_other_imports(tmp_path):
    folder = image(tmp_path)
    assert gather(folder, None, "python train.py").imports == ["keras", "lxml"]
    with pytest.raises(InputError, match="runs no Python file"):
        gather(folder, None, "python nowhere.py")


def test_what_trains_before_is_named_where_no_file_holds_the_weights(tmp_path):
    saves = IMAGE | {"train.py": IMAGE["train.py"] + "model.save_weights('weights/digits.h5')\n"}
    told = "to train before it: --entry 'python train.py && python predict.py one.png'"
    found = gather(make(tmp_path / "saves", saves))
    assert sum(told in line for line in found.disagreements) == 1
    assert gather(make(tmp_path / "not", IMAGE)).disagreements == []  # its training keeps nothing
    weights(tmp_path / "there" / "weights" / "digits.h5")
    assert gather(make(tmp_path / "there", saves)).disagreements == []


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


def test_a_model_that_names_its_keras_tells_the_day(tmp_path):
    """Its weights are not in git, and its README was touched years later."""
    config = {"class_name": "Sequential", "config": [], "keras_version": "1.0.4"}
    files = TEXT | {
        "readme.txt": "Words. Python 2.7\n",
        "requirements.txt": "numpy\n",
        "model.json": json.dumps(config),
    }
    found = gather(make(tmp_path / "words", files, "2016-07-12", {"readme.txt": "Words. Python 2.7. Now quicker\n"}))
    assert (found.date, found.keras_version) == ("2016-07-12", "1.0.4")
    assert found.why_date == "the commit that made model.json what it is"


def test_the_keras_that_a_person_names_is_taken(tmp_path):
    folder = make(tmp_path / "text", TEXT, "2016-12-01")
    older, newer = gather(folder, keras="1.1.0"), gather(folder, keras="2.0.3")
    assert (older.keras_version, older.date) == ("1.1.0", "2016-12-01")
    assert newer.keras_version == "2.0.3" and newer.date > "2017-04-07" and "--keras 2.0.3" in newer.why_date
    assert any("but --keras 2.0.3 is taken" in line for line in newer.disagreements)
    with pytest.raises(InputError, match=r"--keras '9\.9': no release of Keras .* allowed: .*1\.2\.2"):
        gather(folder, keras="9.9")


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
    other = "from torch.nn import Sequential\ndef build():\n    return Sequential()\n"
    assert "no entry point" in gather(make(tmp_path / "torch", {"nets.py": other})).refused[0]


def test_a_library_without_a_program_is_gone_on_with(tmp_path):
    library = "from keras.models import Sequential\ndef build():\n    return Sequential()\n"
    found = gather(make(tmp_path / "library", {"nets.py": library}))
    assert (found.entry_points, found.makers, found.refused) == ([], ["nets.py"], [])


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
        assert found.commit == first and not any("newest commit is of" in note for note in found.notes)
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


RUNS = "from keras.models import load_model\nload_model('m.h5').predict([0])\n"


@pytest.mark.parametrize(
    ("files", "version", "reason"),
    [
        ({"a.py": RUNS + "print('one', 2)\n"}, "3.5", "print(a, b)"),
        ({"a.py": RUNS + "open('x', encoding='utf-8')\n"}, "3.5", "open(encoding=)"),
        ({"a.py": RUNS, "Dockerfile": "RUN apt-get install python3-pip && pip3 install keras\n"}, "3.5", "Dockerfile"),
        ({"a.py": RUNS, "README.md": "    python2 a.py\n"}, "2.7", "README.md runs Python 2"),
        ({"a.py": RUNS, "README.md": "    python3 -m pip install keras\n"}, "3.5", "README.md runs Python 3"),
        ({"a.py": RUNS, "README.md": "https://x/tensorflow-1.2.0-cp27-none-any.whl"}, "2.7", "README.md runs Python 2"),
        ({"a.py": RUNS, "README.md": "https://x/tensorflow-1.2.0-py3-none-any.whl"}, "3.5", "README.md runs Python 3"),
        ({"a.py": RUNS, "README.md": "https://x/six-1.0-py2.py3-none-any.whl"}, "2.7", "nothing tells"),
        ({"a.py": RUNS, "__pycache__/a.cpython-36.pyc": ""}, "3.6", "compiled by Python 3.6"),
        (
            {"a.py": RUNS, "n.ipynb": '{"cells": [], "metadata": {"language_info": {"version": "3.6.1"}}}'},
            "3.6",
            "kernel",
        ),
        (
            {f"{n}.ipynb": '{"cells": [], "metadata": {"language_info": {"version": "2.7.6"}}}' for n in range(5)}
            | {"a.py": "import pathlib\n" + RUNS},
            "3.5",
            "imports pathlib",
        ),
        ({f"{n}.pyc": "" for n in range(5)} | {"a.py": RUNS, "README.md": "Python 3.6, `pip3 install`"}, "3.6", "3.6"),
        ({"a.py": RUNS + "print('one')\n"}, "2.7", "nothing tells"),
    ],
)
def test_signs_of_an_interpreter(tmp_path, files, version, reason):
    found = gather(make(tmp_path / "signs", files))
    assert found.python == version and any(reason in line for line in found.why["python"]), found.why


def test_why_nothing_can_be_parsed_is_said(monkeypatch, tmp_path):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(imports, "run_program", full)
    with pytest.raises(InputError, match=r"cannot parse the repository's Python \(No space left on device\)"):
        gather(make(tmp_path / "full", {"a.py": RUNS}))


def test_prose_is_no_command_and_a_placeholder_comes_last(tmp_path):
    readme = "Run python a.py or docker run x.\n\n    $ python a.py <file>\n\nor `python a.py one.png`.\n"
    found = gather(make(tmp_path / "prose", {"a.py": RUNS, "README.md": readme}))
    assert found.entry_points == ["python a.py one.png", "python a.py <file>"]


def test_a_module_found_through_sys_path_is_the_repository_s(tmp_path):
    files = {"a.py": "import sys\nsys.path.append('src')\nimport textgrid\n" + RUNS, "src/textgrid.py": "import six\n"}
    assert gather(make(tmp_path / "paths", files)).imports == ["keras", "six"]


def test_a_folder_beside_a_script_is_its_own_package_without_an_init(tmp_path):
    """What an index has under that name would be found before it."""
    code = "import keras, lib.data, models, skimage.io\nfrom lib.nets.first import net\nkeras.predict(1)\n"
    files = {"gan/run.py": code, "gan/lib/data.py": "import lib.other, six\n", "gan/lib/nets/first.py": "net = 1\n"}
    files["gan/skimage/io.py"] = ""  # what is installed comes first
    assert gather(make(tmp_path / "gan", files)).imports == ["keras", "models", "six", "skimage"]


def test_a_conda_file_with_tags_of_python_s_own_is_read_by_its_lines(tmp_path):
    text = "channels: !!python/tuple\n- defaults\ndependencies:\n- conda-forge::numpy=1.11.2=py35_0\n"
    found = gather(make(tmp_path / "conda", {"a.py": RUNS, "environment.yml": text}))
    assert [(r.name, r.spec, r.binding) for r in found.requirements] == [("numpy", "==1.11.2", False)]


def test_a_program_for_keras_2_beside_a_checkpoint_of_before(tmp_path):
    folder = tmp_path / "newer"
    weights(folder / "m.h5")
    later = {"a.py": "from keras.layers import Conv2D\n" + RUNS + "x.fit(epochs=3)\n"}
    found = gather(make(folder, {"a.py": RUNS}, "2016-10-02", later))
    assert found.date == "2017-05-06" and "written for Keras 2" in found.why_date
    assert any("before Keras 2" in line for line in found.disagreements)


def test_without_git_the_version_in_a_file_dates_it(tmp_path):
    weights(tmp_path / "m.h5", ":0", "1.1.0", {"class_name": "Sequential", "config": []})
    write(tmp_path, {"a.py": RUNS})
    found = gather(tmp_path)
    assert (found.date, found.commit, found.keras_version) == ("2016-10-31", None, "1.1.0")


def test_a_version_in_prose_counts_where_it_is_the_only_one(tmp_path):
    text = "use keras == 1.0.6 for this, and 1.2 >= keras > 1.0.6 for that; numpy 1.11.2"
    found, _ = requirements.stated({"README.md": text})
    assert [(row.name, row.spec) for row in found] == [("numpy", "==1.11.2")]


@pytest.mark.parametrize("version", ["2.7", "3.6"])
def test_the_python_that_marshalled_a_lambda_decides(version, tmp_path):
    """Its byte code runs in no other, whatever the README says."""
    interpreter = find_interpreter(version)
    if interpreter is None:
        require(f"python{version.replace('.', '')}", f"no Python {version} found")
    code = (
        "import json, marshal; f = lambda x: x / 127.5 - 1.0\n"
        "print(json.dumps(marshal.dumps(f.__code__).decode('raw_unicode_escape')))"
    )
    done = subprocess.run([str(interpreter), "-c", code], capture_output=True, text=True, check=True)
    layer = {"class_name": "Lambda", "config": {"function": [json.loads(done.stdout), None, None]}}
    repository = make(tmp_path / "r", {"a.py": RUNS, "README.md": "made with python 3.5 and python 3.5"})
    weights(repository / "m.h5", config={"class_name": "Sequential", "config": [layer]})
    git(repository, "2016-10-02", "add", "-A")
    git(repository, "2016-10-02", "commit", "-q", "-m", "weights")
    found = gather(repository)
    assert found.python == version and f"a Lambda in m.h5 was marshalled by Python {version}" in found.why["python"]


@pytest.mark.parametrize(("shape", "ordering"), [((64, 3, 5, 5), "th"), ((5, 5, 3, 64), "tf")])
def test_the_kernels_of_a_file_show_the_ordering(shape, ordering, tmp_path):
    """Of weights alone nothing else does, and Keras of that day would take tf."""
    repository = make(tmp_path / "r", {"a.py": RUNS}, "2016-12-20")
    weights(repository / "m.h5")
    with h5py.File(repository / "m.h5", "a") as file:
        file["dense_1"].create_dataset("kernel", data=np.zeros(shape, np.float32))
    git(repository, "2016-12-20", "add", "-A")
    git(repository, "2016-12-20", "commit", "-q", "-m", "weights")
    assert gather(repository).dim_ordering == ordering


@pytest.mark.parametrize(
    ("code", "ordering"),
    [
        ("Convolution2D(4, 3, 3, input_shape=(28, 28, 1))\n", "tf"),
        ("input_shape = (X.shape[1], X.shape[2], 3)\n", "tf"),
        ("if a:\n    input_shape = (3, r, c)\nelse:\n    self.img_shape = (r, c, 3)\n", "th"),  # as its README says
        ("K.set_image_dim_ordering('th')\nConvolution2D(4, 3, 3, input_shape=(28, 28, 1))\n", "th"),
        ("A(input_shape=(28, 28, 1))\nB(input_shape=(1, 28, 28))\n", "th"),  # both are shown: what is said decides
        ("", "th"),
    ],
)
def test_the_shapes_of_the_code_count_before_what_its_readme_says(code, ordering, tmp_path):
    says = 'Set "image_dim_ordering": "th" in ~/.keras/keras.json.\n'
    assert gather(make(tmp_path / "r", {"a.py": RUNS + code, "README.md": says})).dim_ordering == ordering


@pytest.mark.parametrize(
    ("code", "day", "version"),
    [
        ("from keras.layers.core import Dense, LambdaMerge\n", "2016-04-20", "0.3.3"),
        ("from keras.layers.containers import Sequential\n", "2016-09-20", "0.3.3"),
        ("from keras.layers.core import Merge\n", "2017-06-13", "1.2.2"),
        ("from keras.layers import Merge\n", "2017-06-13", None),  # Keras 2 had it there until 2.2
        ("from keras.utils.visualize_util import plot\n", "2018-01-01", "1.2.2"),
        (
            "try:\n from keras.layers.core import Merge\nexcept ImportError:\n from keras.layers.merge import Add\n",
            "2017-06-13",
            None,
        ),
        ("from nets import LambdaMerge\n", "2016-04-20", None),  # somebody's own
        ("from keras.layers.core import LambdaMerge\n", "2016-02-20", None),  # the day is of that Keras already
        ("from keras import backend as K\nK.set_image_dim_ordering('th')\n", "2019-10-01", "2.2.4"),
        ("import keras\nkeras.backend.set_image_dim_ordering('th')\n", "2019-10-01", "2.2.4"),
        ("import keras.layers.core as core\nprint(core.Merge)\n", "2017-06-13", "1.2.2"),
        ("from keras.layers import merge\nmerge([1], mode='concat')\n", "2018-08-24", "2.1.6"),
        ("from keras.layers import merge\nmerge.Concatenate()\n", "2018-08-24", None),
        ("K = object()\nK.set_image_dim_ordering('th')\n", "2019-10-01", None),  # somebody's own
    ],
)
def test_a_name_that_keras_dropped_tells_an_older_keras(code, day, version, tmp_path):
    runs = "from keras.models import Sequential\nSequential().predict([0])\n"
    found = gather(make(tmp_path / "r", {"a.py": code + runs}, day))
    assert found.keras_version == version
    assert (version is None) or f"which Keras {version} has and " in found.why["keras_version"][0]


def test_the_form_of_a_file_counts_before_the_code(tmp_path):
    old = {"m.json": '{"name": "Sequential", "layers": [{"name": "Dense"}]}'}
    files = {"a.py": "from keras.layers.wrappers import TimeDistributed\n" + RUNS}
    assert gather(make(tmp_path / "code", files, "2016-02-20")).keras_version == "1.0.7"  # load_model
    assert gather(make(tmp_path / "file", files | old, "2016-02-20")).keras_version == "0.3.2"


def test_the_code_counts_before_a_version_that_is_stated(tmp_path):
    files = {"a.py": "from keras.layers.core import Merge\n" + RUNS, "requirements.txt": "Keras==2.0.4\n"}
    found = gather(make(tmp_path / "r", files, "2017-06-13"))
    assert found.keras_version == "1.2.2"
    assert any("states Keras 2.0.4, but the program uses keras.layers.core.Merge" in d for d in found.disagreements)


@pytest.mark.parametrize(
    ("file", "text", "version", "why"),
    [
        ("README.md", "Needs Keras 2.0 and TensorFlow.", "2.0.9", "states Keras 2.0.*: 2.0.9 is taken"),
        ("README.md", "Needs Keras version 2.0+", None, "nothing states it"),
        ("README.md", "Keras 2.0.4", "2.0.4", "states Keras 2.0.4"),
        ("README.md", "Works with Keras v. 2.0.4.", "2.0.4", "states Keras 2.0.4"),
        ("README.md", "- **[Keras](https://keras.io/)** (version 2.0.4)", "2.0.4", "states Keras 2.0.4"),
        ("README.md", "Keras: 2.0.4", "2.0.4", "states Keras 2.0.4"),
        ("requirements.txt", "keras==2.0\n", "2.0.0", "states Keras 2.0: 2.0.0 is taken"),  # as pip reads it
        ("requirements.txt", "keras<2\n", "1.2.2", "states Keras <2: 1.2.2 is taken"),
        ("requirements.txt", "keras>=1.2\n", None, "nothing states it"),  # says no more than the day does
        ("requirements.txt", "keras>=2.2\n", "2.2.0", "states Keras >=2.2: 2.2.0 is taken"),  # the first after the day
        ("requirements.txt", "keras==7\n", None, "nothing states it"),
        ("requirements.txt", "tensorflow==1.2\n", "2.1.2", "on which Keras 2.1.6, the newest of 2018-05-02, does not"),
        ("requirements.txt", "tensorflow-gpu==0.12.1\n", "1.2.2", "states TensorFlow 0.12.1"),
        ("requirements.txt", "tensorflow==1.8\n", None, "nothing states it"),
        ("requirements.txt", "tensorflow==1.2\ntheano\n", "2.1.2", "states TensorFlow 1.2"),
        ("README.md", "TensorFlow 1.2 or higher", None, "nothing states it"),
    ],
)
def test_what_is_stated_tells_the_release_of_the_day(file, text, version, why, tmp_path):
    found = gather(make(tmp_path / "r", {"a.py": RUNS, file: text}, "2018-05-02"))
    assert found.keras_version == version
    assert why in found.why["keras_version"][0]


def test_a_keras_of_before_the_first_that_is_known_is_refused_as_it_is_stated(tmp_path):
    files = {"a.py": RUNS, "README.md": "This works with Keras v. 0.1.0, later ones may not.\n"}
    (line,) = gather(make(tmp_path / "r", files, "2018-05-02")).refused
    assert line.startswith("Keras 0.1.0 of 2018-05-02: older than 0.3.0")


def test_what_runs_on_theano_asks_nothing_of_its_tensorflow(tmp_path):
    files = {"a.py": "import theano\n" + RUNS, "requirements.txt": "tensorflow==1.2\ntheano\n"}
    assert gather(make(tmp_path / "r", files, "2018-05-02")).keras_version is None


@pytest.mark.parametrize(
    ("day", "version"), [("2015-11-10", "0.3.0"), ("2016-02-20", "0.3.2"), ("2016-06-01", "0.3.3")]
)
def test_a_form_of_before_1_0_is_of_the_keras_of_its_day(day, version, tmp_path):
    old = {"name": "Sequential", "layers": [{"name": "Dense", "output_dim": 2}]}
    found = gather(make(tmp_path / "r", {"a.py": RUNS, "model.json": json.dumps(old)}, day))
    assert found.keras_version == version


def test_a_backend_that_the_entry_point_sets_is_the_one(tmp_path):
    repository = make(tmp_path / "r", {"a.py": RUNS})
    weights(repository / "m.h5", suffix=":0")
    assert gather(repository).backend == "tensorflow"
    assert gather(repository, entry="KERAS_BACKEND=theano python a.py").backend == "theano"


PARSER = """
parser = argparse.ArgumentParser()
parser.add_argument('model', type=str, help='a definition')
parser.add_argument('-i', '--image', required=True)
parser.add_argument('--speed', default=3)
parser.add_argument('folder', nargs='?', default='out')
parser.add_argument('-v', action='store_true')
"""


@pytest.mark.parametrize("of", [lambda: None, find_interpreter])
def test_arguments_that_a_program_must_be_given_are_read_by_both_pythons(of):
    found = imports.parse({"drive.py": PARSER}, of())["drive.py"]
    assert found.error is None and found.arguments == [("model", "a definition", ""), ("--image", "", "")]


@pytest.mark.parametrize("of", [lambda: None, find_interpreter])
@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("model = load_model(sys.argv[2])\nn = int(argv[1])", [("n", "", "1"), ("model", "", "")]),
        ("print(sys.argv[1])", [("argument", "", "")]),
        ("if len(sys.argv) > 1:\n    image = sys.argv[1]", []),
        ("print(sys.argv[0], sys.argv[1:])", []),
        ("parser.add_argument('--image')\nprint(sys.argv[1])", []),
        ("image, size = sys.argv[1:]", [("image", "", ""), ("size", "", "")]),
        ("script, image = sys.argv", [("image", "", "")]),
        ("a, b = sys.argv[n:]", []),
    ],
)
def test_arguments_that_it_reads_without_a_parser_are_known(of, code: str, wanted: list):
    found = imports.parse({"drive.py": code}, of())["drive.py"]
    assert found.error is None and found.arguments == wanted


@pytest.mark.parametrize("of", [lambda: None, find_interpreter])
def test_text_that_only_python_holds_is_text(of) -> None:
    """Halves of a pair of UTF-16, as in the ranges of a tokenizer, are no JSON; pairs are."""
    code = 'import re\nR = re.compile(u"[\\ud800-\\udbff]")\nS = u"\\U0001f600"\n'
    found = imports.parse({"a.py": code}, of())["a.py"]
    assert "[?-?]" in found.strings and "\U0001f600" in found.strings


def test_a_source_whose_name_is_no_utf_8_is_gone_on_with(tmp_path):
    request = steps.Request(str(make(tmp_path / os.fsdecode(b"caf\xe9"), TEXT, "2016-12-01")), until="evidence")
    told: list[str] = []
    for _ in range(2):
        assert steps.adopt(request, tmp_path / "out", told.append) == 0
    assert told[-1].startswith("evidence: done before")


def test_names_that_are_no_utf_8_end_nothing(tmp_path):
    folder = make(tmp_path / os.fsdecode(b"caf\xe9"), TEXT, "2016-12-01")
    (folder / os.fsdecode(b"caf\xe9.py")).write_text("import keras\n")
    (folder / "line\nend.py").write_text("x = 1\n")
    (folder / os.fsdecode(b"link\xe9")).symlink_to("/etc/passwd")
    found = gather(folder)
    found.save(tmp_path / "evidence.json")
    assert found.source.endswith("caf\\xe9") and any(note.startswith("link\\xe9 is a link out") for note in found.notes)


def test_a_package_below_a_folder_of_sources_is_the_repositorys_own():
    sources = {
        "src/game/run.py": "import sys\nfrom game import manager\n",
        "src/game/manager.py": "from .net import Net\n",
        "src/game/net.py": "import keras\n",
        "src/game/__init__.py": "",
    }
    modules = imports.parse(sources)
    assert imports.program("src/game/run.py", modules) == [
        "src/game/run.py", "src/game/__init__.py", "src/game/manager.py", "src/game/net.py",
    ]  # fmt: skip
    assert imports.foreign(sources, modules, {"src"}, {"sys"}) == ["keras"]


def test_a_folder_that_is_larger_than_a_repository_is_not_copied(tmp_path):
    folder = make(tmp_path / "digits", IMAGE)
    os.truncate(folder / "README.md", 1 << 40)  # takes no room, and its copy would
    shutil.rmtree(folder / ".git")
    with pytest.raises(InputError, match=r"MB of files, .* the largest is README\.md"):
        gather(folder)


@pytest.mark.parametrize("wrapped", [True, False])
def test_an_architecture_is_told_with_and_without_its_class(tmp_path, wrapped):
    bare = {"name": "game_model", "layers": [], "input_layers": [], "output_layers": []}
    config = {"class_name": "Model", "config": bare, "keras_version": "2.0.8"} if wrapped else bare
    write(tmp_path, {"model.json": json.dumps(config), "package.json": '{"name": "game", "layers": 3}'})
    found = checkpoints.architectures(tmp_path, ["model.json", "package.json"])
    assert [(one.path, one.version) for one in found] == [("model.json", "2.0.8" if wrapped else None)]


def test_a_program_of_the_stand_in_is_an_entry_point(tmp_path):
    library = make(tmp_path / "library", {"net.py": "import keras\ndef net():\n    return keras.models.Model()\n"})
    write(tmp_path / "mine", {"demo.py": "import six, net\nnet.net().predict([0])\n"})
    found = gather(library, entry="python demo.py", stand_in=str(tmp_path / "mine"))
    assert found.entry_points[0] == "python demo.py" and found.imports == ["keras", "six"]
    with pytest.raises(InputError, match="runs no Python file"):
        gather(library, entry="python demo.py")


def test_a_mistyped_source_or_stand_in_takes_no_folder(tmp_path):
    out, source = tmp_path / "out", tmp_path / "repository"
    with pytest.raises(InputError, match="no such folder"):
        steps.adopt(steps.Request(str(tmp_path / "mistyped"), until="evidence"), out, print)
    assert not out.exists()
    source.mkdir()
    (source / "requirements.txt").write_text("keras==1.2.2\n")
    (source / "predict.py").write_text("from keras.models import load_model\nload_model('m.h5').predict(1)\n")
    with pytest.raises(InputError, match="--stand-in"):
        steps.adopt(steps.Request(str(source), stand_in=str(tmp_path / "none"), until="evidence"), out, print)
    assert not out.exists()
    assert steps.adopt(steps.Request(str(source), until="evidence"), out, print) == 0
    with pytest.raises(InputError, match="holds the adoption of"):
        steps.adopt(steps.Request(str(tmp_path), until="evidence"), out, print)
    (out / "adopt.json").write_text("{")
    with pytest.raises(InputError, match="another folder with -o"):
        steps.adopt(steps.Request(str(source), until="evidence"), out, print)


def test_a_checkpoint_that_was_only_moved_is_as_old_as_it_was(tmp_path):
    weights(tmp_path / "nets" / "model.h5")
    folder = make(tmp_path / "nets", {"a.py": RUNS}, "2016-10-02")
    (folder / "v1").mkdir()
    (folder / "model.h5").rename(folder / "v1" / "model.h5")
    git(folder, "2024-03-25", "add", "-A")
    git(folder, "2024-03-25", "commit", "-q", "-m", "tidied up")
    found = gather(folder)
    assert (found.checkpoints, found.date) == (["v1/model.h5"], "2016-10-02")


def test_an_architecture_without_weights_of_a_keras_that_lacks_what_the_code_imports_is_left(tmp_path):
    """Code that went to Keras 2, and the JSON of Keras 1.0.4 of its first days beside it."""
    old = {"m.json": '{"class_name": "Sequential", "config": [], "keras_version": "1.0.4"}'}
    runs = "from keras.models import Sequential\nSequential().predict([0])\n"
    new = {"a.py": "from keras.layers import Conv2DTranspose\n" + runs}
    assert gather(make(tmp_path / "new", old | new, "2018-06-01")).keras_version is None
    assert gather(make(tmp_path / "old", old | {"a.py": runs}, "2018-06-01")).keras_version == "1.0.4"
    folder = tmp_path / "weights"
    weights(folder / "m.h5")
    assert gather(make(folder, old | new, "2018-06-01")).keras_version == "1.0.4", "the files can be opened in it"


@pytest.mark.parametrize("line", ["from keras.initializers import normal", "from keras import initializers"])
def test_code_that_only_keras_2_runs_is_believed_before_an_older_architecture(tmp_path, line):
    config = {"class_name": "Sequential", "config": [{"dim_ordering": "th"}], "keras_version": "1.0.4"}
    files = {
        "model.json": json.dumps(config),
        "README.md": "Keras 1.0\n",
        "run.py": "import keras\nkeras.x.predict(1)\n",
    }
    code = f"{line}\nimport keras\nConvolution2D(4, 3, 3, border_mode='same').predict(1)\n"
    found = gather(make(tmp_path / "mixed", files, "2016-07-12", {"run.py": code}))
    assert (found.date, found.keras_version, found.dim_ordering) == ("2017-05-06", None, "tf")
    assert any("keras.initializers" in line for line in found.disagreements)
    runs = {"run.py": "from keras.models import Sequential\nSequential().predict([0])\n"}
    older = gather(make(tmp_path / "older", files | runs, "2016-07-12", {"notes.txt": "later"}))
    assert (older.date, older.keras_version, older.dim_ordering) == ("2016-07-12", "1.0.4", "th")


def test_weights_that_this_copy_lacks_date_it_and_prose_does_not(tmp_path):
    folder = tmp_path / "digits"
    (folder / "weights").mkdir(parents=True)
    (folder / "weights" / "digits.h5").write_bytes(b"large")
    make(folder, IMAGE, "2016-08-20", {"README.md": IMAGE["README.md"] + "Since 2017 there is a film of it.\n"})
    (folder / "weights" / "digits.h5").unlink()
    found = gather(folder)
    assert found.date == "2016-08-20" and "weights/digits.h5" in found.why_date and "lacks" in found.why_date
    git(folder, "2017-05-07", "commit", "-qam", "the weights lie elsewhere")
    found = gather(folder)
    assert found.date == "2016-08-20" and "newest commit of predict.py" in found.why_date


def test_what_makes_the_model_is_of_the_program_where_its_file_is_not_here(tmp_path):
    ask = "from keras.models import load_model\nload_model('net.h5').predict([0])\n"
    train = "import pandas\n" + IMAGE["net.py"] + "build().fit(pandas.read_csv('data.csv'))\n"
    files = {"predict.py": ask, "train.py": train}
    found = gather(make(tmp_path / "without", files))
    assert (found.entry_points[0], found.builders) == ("python predict.py", ["python train.py"])
    assert "pandas" in found.imports
    weights(tmp_path / "with" / "net.h5")
    found = gather(make(tmp_path / "with", files))
    assert found.builders == [] and "pandas" not in found.imports


def test_a_data_set_is_not_opened_and_a_readme_of_an_old_mac_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(telling, "MANY", 3)
    files = {f"set/{n}.txt": "x" for n in range(5)} | {
        "notes.txt": "x",
        "README.md": "Run\r\r    python a.py one.png\r",
    }
    folder = make(tmp_path / "many", {"a.py": RUNS, **files})
    (folder / "set" / "5.txt").write_text("not committed")
    from_folder = gather(folder)
    assert from_folder.entry_points == ["python a.py one.png"]
    assert "4 further files .txt were not opened: so many of a kind are data" in from_folder.notes
    for way in (folder, folder / ".git"):
        read = repository.checkout(way, None, empty(tmp_path / f"of-{way.name}"), telling.paths)
        assert {"notes.txt", "set/0.txt", "set/1.txt", "a.py", "README.md"} <= set(read.here())
        assert "set/4.txt" in read.unread and "set/4.txt" in read.paths() and "set/4.txt" not in read.here()


def empty(folder):
    folder.mkdir()
    return folder


def test_a_repository_that_left_keras_is_taken_as_it_was_before(tmp_path):
    left = {"predict.py": "from tensorflow.keras.models import load_model\nload_model('m.h5').predict([[0]])\n"}
    folder = make(
        tmp_path / "digits", {**IMAGE, "old.txt": "by hand"}, "2016-08-20", {**left, "train.py": "", "net.py": ""}
    )
    asked = (None, None, None, None)
    found = earlier.gather(str(folder), *asked)
    first = git(folder, "2016-08-20", "rev-parse", "HEAD~1")
    assert (found.earlier, found.commit, found.date) == (first, first, "2016-08-20") and not found.refused
    assert found.disagreements[0].startswith("python predict.py one.png: takes Keras from TensorFlow")
    assert f"{first[:10]} of 2016-08-20, which has Keras, is taken; --commit takes another" in found.disagreements[0]
    head = git(folder, "2016-08-20", "rev-parse", "HEAD")
    assert earlier.gather(str(folder), head, None, None, None).refused, "a commit that is given is not left"
    never = make(tmp_path / "never", left, "2016-08-20", {"notes.txt": "later"})
    assert "takes Keras from TensorFlow" in earlier.gather(str(never), *asked).refused[0]
    adoption = steps.Adoption(steps.Request(str(folder)), tmp_path / "out", lambda line: None)
    adoption._step_evidence()
    assert "Sequential" in (adoption._source() / "net.py").read_text(), "what is run is of the same commit"


@pytest.mark.parametrize(
    ("day", "line", "left"),
    [
        ("2021-03-01", "from keras.src.saving import register_keras_serializable", True),
        ("2021-03-01", "from keras.layers import Dense", True),
        ("2019-03-01", "from keras.layers import Dense", False),
        ("2019-03-01", "from keras.callbacks import Callback", True),
        ("2019-03-01", "import keras\nkeras.Model", False),
        ("2021-03-01", "from keras.layers import Dense  # keras==2.3.1", False),
    ],
)
def test_the_keras_beside_tensorflows_is_the_old_one_only_where_it_was(tmp_path, day, line, left):
    """From Keras 2.4 on there is one Keras, and Keras 3 has a module `keras.src`."""
    both = f"{line}\nfrom tensorflow.keras.models import load_model\nload_model('m.h5').predict([[0]])\n"
    new = {"predict.py": both, "train.py": "", "net.py": ""}
    new |= {"requirements.txt": "keras==2.3.1\n"} if "==" in line else {}
    folder = make(tmp_path / "digits", {**IMAGE, "old.txt": "by hand"}, "2016-08-20", {"notes.txt": "x"})
    for path, text in new.items():
        (folder / path).write_text(text)
    git(folder, day, "add", "-A")
    git(folder, day, "commit", "-qm", "later")
    found = earlier.gather(str(folder), None, None, None, None)
    before = git(folder, day, "rev-parse", "HEAD~1")
    assert (found.earlier, found.refused) == (before if left else None, [])


def test_a_file_is_walked_a_few_times_however_deep_it_is(monkeypatch):
    """A repository may carry a library of 600 files: what is read of each costs about what parsing it costs."""
    spec = importlib.util.spec_from_file_location("parsed", imports.PROBE)
    parsed = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(parsed)
    text = "import sys\nname = int(sys.argv[1])\n" + "x = f" + "(f" * 60 + ")" * 60 + "\n"
    text += "def f():\n" + "".join(f"{'    ' * k}if x:\n" for k in range(1, 60)) + "    " * 60 + "x = 1\n"
    nodes = sum(1 for _ in ast.walk(ast.parse(text)))
    visited, walk = [], ast.walk

    def counted(node):
        for each in walk(node):
            visited.append(each)
            yield each

    monkeypatch.setattr(ast, "walk", counted)
    assert parsed.described(text)["arguments"] == [["name", "", "1"]]
    assert len(visited) < 6 * nodes


def test_what_its_makers_test_and_document_with_is_not_what_the_program_needs(tmp_path):
    files = {
        ".travis.yml": "env:\n- KERAS_BACKEND=theano\n- KERAS_BACKEND=tensorflow\n- pip install pep8 numpy keras\n",
        "docs/requirements.txt": "mkdocs\n",
        "requirements-dev.txt": "pytest==3.0\n",
        "README.md": "pip install h5py keras\n\n    python predict.py one.png\n",
        "requirements.txt": "Keras==1.0.7\nh5py==2.6.0\nscipy\n",
    }
    found = gather(make(tmp_path / "digits", {**IMAGE, **files}, "2016-12-20"))
    assert {row.name: row.spec for row in found.requirements if row.binding} == {
        "Keras": "==1.0.7", "h5py": "==2.6.0", "scipy": ""}  # fmt: skip
    assert {row.name for row in found.requirements if not row.binding} == {"mkdocs", "pytest", "pep8", "numpy"}
    assert found.keras_version == "1.0.7", "the README's bare name does not hide the version"
    assert not any("sets the backend" in line for line in found.why["backend"] + found.disagreements)


def test_a_copy_of_a_library_is_no_program_of_the_repositorys(tmp_path):
    library = {
        "Theano-master/setup.py": "install_requires=['sphinx']\n",
        "Theano-master/theano/__init__.py": "import pycuda\nif __name__ == '__main__':\n    predict(load_weights())\n",
        "Theano-master/README.md": "    python theano/__init__.py\n",
    }
    program = {"predict.py": "import sys\nsys.path.append('.')\nimport theano\n" + IMAGE["predict.py"]}
    found = gather(make(tmp_path / "digits", {**IMAGE, **program, **library}, "2016-10-02"))
    assert found.imports == ["keras", "numpy", "theano"] and found.requirements == []
    assert not any("Theano" in entry for entry in found.entry_points)
    assert any("Theano-master/ is a copy of theano" in note for note in found.notes)


@pytest.mark.parametrize(("day", "version"), [("2018-12-31", "2.7"), ("2019-01-01", "3.6")])
def test_where_nothing_tells_the_python_the_day_does(day, version, tmp_path):
    found = gather(make(tmp_path / "r", {"a.py": "from keras.models import load_model\nload_model('m.h5')\n"}, day))
    assert found.python == version and "nothing tells Python 2 from 3" in found.why["python"][0]
