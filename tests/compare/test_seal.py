"""A folder that is run later is what it was when it was made, or one file is named."""

import os

import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.seal import NAME, check_seal, is_sealed, seal


@pytest.fixture
def sealed(tmp_path):
    folder = tmp_path / "environment"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib/keras.py").write_text("version = 1\n")
    (folder / "lib/other.py").write_text("")
    (folder / "python").symlink_to("/usr/bin/python")
    assert not is_sealed(folder)
    seal(folder)
    return folder


def test_an_untouched_folder_passes(sealed):
    assert is_sealed(sealed)
    check_seal(sealed)
    (sealed / "lib/keras.py").touch()
    check_seal(sealed)


def alter(folder):
    (folder / "lib/keras.py").write_text("version = 2\n")


def add(folder):
    (folder / "lib/sitecustomize.py").write_text("")


def add_a_folder_by_a_link(folder):
    (folder / "lib/numpy").symlink_to(folder.parent)


def delete(folder):
    (folder / "lib/other.py").unlink()


def point_elsewhere(folder):
    (folder / "python").unlink()
    (folder / "python").symlink_to("/usr/bin/other")


def put_a_pipe(folder):
    (folder / "lib/keras.py").unlink()
    os.mkfifo(folder / "lib/keras.py")


def add_a_pipe(folder):
    os.mkfifo(folder / "lib/pipe.py")


@pytest.mark.parametrize(
    "change, said",
    [
        (alter, r"lib/keras\.py was altered"),
        (add, r"lib/sitecustomize\.py was added"),
        (add_a_folder_by_a_link, "lib/numpy was added"),
        (delete, r"lib/other\.py was deleted"),
        (point_elsewhere, "python was altered"),
        (put_a_pipe, r"lib/keras\.py was altered"),
        (add_a_pipe, r"lib/pipe\.py was added"),
    ],
)
def test_a_change_is_named_with_what_mends_it(sealed, change, said):
    change(sealed)
    with pytest.raises(InputError, match=f"{said} in .*delete the folder"):
        check_seal(sealed)


@pytest.mark.parametrize("content", ["", "[]", "{", '"x"'])
def test_a_broken_seal_is_one_line(sealed, content):
    (sealed / NAME).write_text(content)
    with pytest.raises(InputError, match="cannot be read; delete"):
        check_seal(sealed)
