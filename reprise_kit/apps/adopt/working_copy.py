"""A copy of a repository for programs to write into, one after another: each finds it as the repository has it."""

import os
import shutil
import stat
from pathlib import Path

Mark = tuple[int, int, int]  # inode, mode, and the time of the last change, which a program cannot set


class WorkingCopy:
    """One copy; what a program changed, added or removed in it is put back before the next, and only that."""

    def __init__(self) -> None:
        """Nothing is copied yet."""
        self._marks: dict[Path, Mark] = {}

    def renew(self, source: Path, folder: Path) -> None:
        """Make `folder` the same as `source`, which no program changes."""
        try:
            if self._marks and folder.is_dir():
                self._put_back(source, folder)
                return
        except OSError:  # as where a program took away the right to look
            pass
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder, symlinks=True)
        self._marks = _marks(folder)

    def _put_back(self, source: Path, folder: Path) -> None:
        for path, mark in _marks(folder).items():
            if mark != self._marks.get(path):
                _remove(folder / path)
        for path in self._marks:  # a folder comes before what is in it
            if not os.path.lexists(folder / path):
                _copy(source / path, folder / path)
                self._marks[path] = _mark(folder / path)


def _marks(folder: Path) -> dict[Path, Mark]:
    found = {}
    for root, folders, names in os.walk(folder, onerror=_raise):
        for name in (*folders, *names):
            path = Path(root, name)
            found[path.relative_to(folder)] = _mark(path)
    return found


def _raise(error: OSError) -> None:
    raise error


def _mark(path: Path) -> Mark:
    about = path.lstat()
    return about.st_ino, about.st_mode, 0 if stat.S_ISDIR(about.st_mode) else about.st_ctime_ns


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _copy(source: Path, path: Path) -> None:
    if source.is_symlink():
        path.symlink_to(source.readlink())
    elif source.is_dir():
        path.mkdir()
        shutil.copystat(source, path)
    else:
        shutil.copy2(source, path)
