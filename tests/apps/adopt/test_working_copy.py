"""The one copy that a repository's programs write into: put back as it was, and no more copied than was changed."""

import os
import shutil
from pathlib import Path

import pytest

from reprise_kit.apps.adopt.working_copy import WorkingCopy

FILES = {"a.py": "a", "data/big.csv": "b" * 999, "data/deep/c.txt": "c", "d.sh": "d"}


def listing(folder: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        text = path.readlink() if path.is_symlink() else path.read_text() if path.is_file() else None
        found[path.relative_to(folder).as_posix()] = (mode, text)
    return found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / name).write_text(text)
    (tmp_path / "source" / "link").symlink_to("data")
    (tmp_path / "source" / "empty").mkdir()
    return tmp_path / "source"


def grow(work: Path) -> None:
    (work / "data" / "new" / "deep").mkdir(parents=True)
    (work / "data" / "new" / "deep" / "x.txt").write_text("x")


def write_in_place(work: Path) -> None:
    """The same size and the same time of change."""
    before = (work / "a.py").stat()
    (work / "a.py").write_text("z")
    os.utime(work / "a.py", ns=(before.st_atime_ns, before.st_mtime_ns))


def swap(work: Path) -> None:
    (work / "d.sh").unlink()
    (work / "d.sh").mkdir()
    (work / "link").unlink()
    (work / "link").symlink_to("/etc")
    (work / "a.py").chmod(0o755)


def empty(work: Path) -> None:
    shutil.rmtree(work / "data")
    (work / "empty").rmdir()


@pytest.mark.parametrize("change", [grow, write_in_place, swap, empty, shutil.rmtree, lambda work: None])
def test_what_a_program_did_is_undone(source: Path, tmp_path: Path, change) -> None:
    copy, work, before = WorkingCopy(), tmp_path / "work", listing(source)
    for _ in range(3):
        copy.renew(source, work)
        assert listing(work) == before
        change(work)
    assert listing(source) == before


def test_only_what_changed_is_copied_again(source: Path, tmp_path: Path) -> None:
    copy, work = WorkingCopy(), tmp_path / "work"
    copy.renew(source, work)
    kept, changed = (work / "data" / "big.csv").stat().st_ino, (work / "a.py").stat().st_ino
    os.link(work / "a.py", tmp_path / "held")  # so that its number is not given again
    write_in_place(work)
    copy.renew(source, work)
    assert (work / "data" / "big.csv").stat().st_ino == kept and (work / "a.py").stat().st_ino != changed


def test_what_lay_there_before_is_no_copy_of_ours(source: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    grow(work)
    WorkingCopy().renew(source, work)
    assert listing(work) == listing(source)
