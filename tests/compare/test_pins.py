"""What is run is the pinned bytes and nothing beside them; whatever else lies in a folder is refused or left out."""

import os
import stat
from pathlib import Path

import pytest

from reprise_kit.compare import pins
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.pins import check, checked_copy, problem, read_inside
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.system import PinnedFile
from tests.pinned import FILES, with_contents, written

PLANTED = ("numpy.py", "sitecustomize.py", "common.pyc", "__pycache__/common.cpython-311.pyc", "models/__init__.py")


@pytest.fixture
def pinned():
    return with_contents()


@pytest.fixture
def folder(tmp_path):
    return written(tmp_path / "up")


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_copy_holds_the_pinned_files_and_nothing_else(pinned, folder):
    for name in PLANTED:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"raise SystemExit('planted')")
    with checked_copy(pinned, folder) as home:
        assert files(Path(home, "upstream")) == FILES
        assert stat.S_IMODE(Path(home).stat().st_mode) == 0o700
    assert not Path(home).exists()


def test_an_optional_file_may_be_missing(pinned, folder):
    (folder / "models/weights.h5").unlink()
    with checked_copy(pinned, folder) as home:
        assert set(files(Path(home, "upstream"))) == {"common.py", "models/model.yaml"}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("fault", ["altered", "missing", "link out", "pipe", "folder", "too large", "link in a circle"])
def test_whatever_is_not_the_pinned_file_is_refused_by_name(pinned, folder, tmp_path, monkeypatch, name, fault):
    path = folder / name
    path.unlink()
    if fault == "altered":
        path.write_bytes(FILES[name] + b" ")
    elif fault == "link out":
        (tmp_path / "outside").write_bytes(FILES[name])
        path.symlink_to(tmp_path / "outside")
    elif fault == "pipe":
        os.mkfifo(path)
    elif fault == "folder":
        path.mkdir()
    elif fault == "too large":
        with path.open("wb") as file:
            file.truncate(pins.LARGEST + 1)
    elif fault == "link in a circle":
        path.symlink_to(path)
    if fault == "missing" and name.endswith(".h5"):
        assert problem(pinned, folder) is None
        return
    with pytest.raises(InputError, match=name.replace(".", r"\.")) as refused:
        checked_copy(pinned, folder)
    assert str(refused.value) == problem(pinned, folder) and "\n" not in str(refused.value)
    assert name in (*check(pinned, folder).altered, *check(pinned, folder).missing)


def test_a_link_inside_the_folder_is_followed(pinned, folder):
    (folder / "common.py").rename(folder / "moved.py")
    (folder / "common.py").symlink_to("moved.py")
    assert check(pinned, folder).pinned
    assert read_inside(folder, "common.py") == FILES["common.py"]


def test_a_refused_copy_leaves_nothing(pinned, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(pins.tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    (folder / "models/model.yaml").write_bytes(b"")
    with pytest.raises(InputError, match=r"model\.yaml .* is altered"):
        checked_copy(pinned, folder)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_upstreams_weights_are_held_to_their_pin_and_others_are_the_users(pinned, folder, tmp_path):
    def weights(given=None):
        return Settings(pinned, given, "theano", folder).weights

    assert weights().path == folder / "models/weights.h5"
    for name in ("models/weights.h5", "models/model.yaml"):  # a checkpoint may be of several files
        (folder / name).write_bytes(b"altered")
        with pytest.raises(InputError, match=rf"{name} of deepsound_crnn is altered"):
            weights()
        (folder / name).write_bytes(FILES[name])
    (folder / "common.py").write_bytes(b"altered")
    assert weights().origin == "upstream"
    (folder / "models/weights.h5").write_bytes(b"altered")
    (tmp_path / "mine.h5").write_bytes(b"\x89HDF other")
    assert weights(tmp_path / "mine.h5").origin == "given"
    (folder / "models/weights.h5").unlink()
    assert weights().origin == "kit"


@pytest.mark.parametrize(
    "row", [{"path": "../x"}, {"path": "/etc/passwd"}, {"path": ""}, {"blob": "--batch"}, {"blob": "A" * 40}]
)
def test_a_pin_that_leads_elsewhere_is_refused(row):
    with pytest.raises(ValueError, match=r"wanted"):
        PinnedFile(**{"path": "common.py", "blob": "0" * 40} | row)


def test_another_user_may_read_the_copy_and_nobody_write_it(pinned, folder):
    """A container's user is another one."""
    with checked_copy(pinned, folder) as copy:
        modes = {path.is_dir(): stat.S_IMODE(path.stat().st_mode) for path in Path(copy, "upstream").rglob("*")}
        assert modes == {False: 0o644, True: 0o755} or modes == {False: 0o644}
        assert stat.S_IMODE(Path(copy, "upstream").stat().st_mode) == 0o755
