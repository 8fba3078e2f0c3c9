"""Names that Keras moved, met by code of the days before, under the spy."""

from pathlib import Path

from tests.apps.adopt.conftest import Old
from tests.apps.adopt.test_spy import spied


def test_what_keras_moved_is_where_it_was(old: Old, tmp_path: Path) -> None:
    for path, code in (
        ("keras/__init__.py", ""),
        ("keras/backend.py", "def normalize_data_format(value):\n    return value + ' of 2.2'\n"),
        ("keras/utils/__init__.py", ""),
        ("keras/utils/conv_utils.py", ""),
    ):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(code)
    code = "from keras.utils.conv_utils import normalize_data_format as moved\nprint(moved('that'))\n"
    done, _ = spied(old, tmp_path, code)
    assert done.stdout == "that of 2.2\n", done.stderr
    assert "which Keras 2.2 moved to keras.backend" in (tmp_path / "caught" / "notes.txt").read_text()
