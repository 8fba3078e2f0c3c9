"""Every file below a folder: a folder that cannot be listed is met as its error, never passed over in silence."""

import os
from collections.abc import Iterator
from pathlib import Path


def followed(path: str | os.PathLike[str]) -> Path:
    """Return the absolute path that a path leads to; what stands behind links in a circle is left as it is.

    `Path.resolve` raises a RuntimeError on such links in Python 3.11 and 3.12.
    """
    return Path(os.path.realpath(path))


def at_home(path: str) -> Path:
    """Return a path that begins with ~ in that user's home folder, and as it is where nobody knows the user or that.

    `Path.home` and `Path.expanduser` raise a RuntimeError there, as in a container that runs as a number.
    """
    return Path(os.path.expanduser(path))  # noqa: PTH111


def walk(folder: str | os.PathLike[str], without: str = "") -> Iterator[os.DirEntry[str] | OSError]:
    """Yield what is below `folder` and no folder, depth first and by name; links are met and never followed.

    A folder's names are in memory while it is walked, and no stack is used up however deep they lie. An OSError is
    yielded in place of a folder that cannot be listed: it names that one. An entry's `is_file` may raise one too.
    without: the name of folders that are not looked into.
    """
    pending = [_inside(os.fspath(folder))]
    while pending:
        met = next(pending[-1], None)
        if met is None:
            pending.pop()
        elif isinstance(met, OSError) or not met.is_dir(follow_symlinks=False):
            yield met
        elif met.name != without:
            pending.append(_inside(met.path))


def _inside(folder: str) -> Iterator[os.DirEntry[str] | OSError]:
    try:
        with os.scandir(folder) as found:
            inside = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        yield error
        return
    yield from inside


def may_be_written(folder: Path) -> bool:
    """Whether a folder can be written into, or be made where there is none."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)
