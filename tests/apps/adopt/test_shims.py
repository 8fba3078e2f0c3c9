"""Names that Keras moved, met by code of the days before, under the spy."""

from pathlib import Path

import pytest

from tests.apps.adopt.conftest import Old
from tests.apps.adopt.test_spy import spied


def written(folder: Path, files: dict[str, str]) -> None:
    for path, code in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(code)


def test_what_keras_moved_is_where_it_was(old: Old, tmp_path: Path) -> None:
    files = {
        "keras/__init__.py": "",
        "keras/backend.py": "def normalize_data_format(value):\n    return value + ' of 2.2'\n",
        "keras/utils/__init__.py": "",
        "keras/utils/conv_utils.py": "",
    }
    written(tmp_path, files)
    code = "from keras.utils.conv_utils import normalize_data_format as moved\nprint(moved('that'))\n"
    done, _ = spied(old, tmp_path, code)
    assert done.stdout == "that of 2.2\n", done.stderr
    assert "which Keras 2.2 moved to keras.backend" in (tmp_path / "caught" / "notes.txt").read_text()


def test_a_keras_that_never_had_it_is_left_alone(old: Old, tmp_path: Path) -> None:
    written(tmp_path, {f"keras/{path}": "" for path in ("__init__.py", "utils/__init__.py", "utils/conv_utils.py")})
    code = "import keras.utils.conv_utils as module\nprint(hasattr(module, 'normalize_data_format'))\n"
    done, _ = spied(old, tmp_path, code)
    assert done.stdout == "False\n", done.stderr
    assert not (tmp_path / "caught" / "notes.txt").exists()


@pytest.mark.parametrize(
    ("path", "library", "name"),
    [
        ("vis_utils", "def plot_model(model, to_file):\n    raise ImportError('no pydot')\n", "plot_model"),
        ("vis_utils", "def plot_model(model, to_file):\n    raise OSError('no graphviz')\n", "plot_model"),
        ("visualize_util", "import a_pydot_that_is_nowhere\n", "plot"),
    ],
)
def test_a_model_that_cannot_be_drawn_ends_nothing(
    old: Old, tmp_path: Path, path: str, library: str, name: str
) -> None:
    written(tmp_path, {"keras/__init__.py": "", "keras/utils/__init__.py": "", f"keras/utils/{path}.py": library})
    code = (
        f"import keras.utils.{path}\nfrom keras.utils.{path} import {name}\n"
        f"print({name}(None, to_file='model.png'), keras.utils.{path}.{name} is {name})\n"
    )
    done, _ = spied(old, tmp_path, code)
    assert done.stdout == "(None, True)\n", done.stderr
    assert "a model is not drawn: " in (tmp_path / "caught" / "notes.txt").read_text()


def test_a_module_of_keras_that_fails_otherwise_fails(old: Old, tmp_path: Path) -> None:
    written(tmp_path, {"keras/__init__.py": "", "keras/models.py": "import nowhere_at_all\n"})
    done, _ = spied(old, tmp_path, "import keras.models\n")
    assert done.returncode == 1 and "nowhere_at_all" in done.stderr


@pytest.mark.parametrize(("built", "path", "read"), [("1", "elephant.jpg", "(224, 224, 3)"), ("", "elephant.jpg", ""),
                                                     ("1", "program.py", "import")])  # fmt: skip
def test_a_picture_that_is_not_there_is_drawn_where_what_is_only_built_counts(
    old: Old, tmp_path: Path, built: str, path: str, read: str
) -> None:
    image = "class fromarray:\n    def __init__(self, array):\n        self.shape = array.shape\n"
    image += "    def save(self, path):\n        open(path, 'w').write(str(self.shape))\n"
    files = dict.fromkeys(("PIL/__init__.py", "keras/__init__.py", "keras/preprocessing/__init__.py"), "")
    files["keras/preprocessing/image.py"] = "def load_img(path):\n    return open(path).read()\n"
    written(tmp_path, files | {"PIL/Image.py": image})
    code = f"import numpy\nfrom keras.preprocessing.image import load_img\nprint(load_img({path!r})[:13])\n"
    done, _ = spied(old, tmp_path, code, REPRISE_SPY_BUILT=built)
    assert done.stdout.startswith(read) and bool(done.returncode) == (not read), done.stderr
    notes = tmp_path / "caught" / "notes.txt"
    assert (notes.exists() and "elephant.jpg is not there: a picture of ours" in notes.read_text()) == (read[:1] == "(")


@pytest.mark.parametrize(("says", "shape"), [("", "(512, 28, 28)"), ("# 60000 digits\n", "(60000, 28, 28)")])
def test_data_that_keras_0_3_downloads_is_drawn_too(old: Old, tmp_path: Path, says: str, shape: str) -> None:
    """Its `get_file` lay beside the data sets; all of them are drawn where the program counts on it."""
    fails = "def get_file(fname, origin):\n    raise Exception('URL fetch failure')\n"
    written(
        tmp_path, {"keras/__init__.py": "", "keras/datasets/__init__.py": "", "keras/datasets/data_utils.py": fails}
    )
    code = (
        "import gzip, pickle, numpy\nfrom keras.datasets.data_utils import get_file\n"
        "print(pickle.load(gzip.open(get_file('mnist.pkl.gz', 'http://127.0.0.1:9/')))[0][0].shape)\n"
    )
    done, _ = spied(old, tmp_path, says + code)
    assert done.stdout == f"{shape}\n", done.stderr
