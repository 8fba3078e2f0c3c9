"""A repository's commits, read like its blobs: on an empty repository of our own, nothing of it is obeyed."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.git_objects import (
    ask,
    common_folder,
    first_line,
    link,
    objects_folder,
    read_all,
    worktree_folder,
)
from reprise_kit.compare.walk import followed

ID = re.compile(r"[0-9a-f]{40}")
PACKED_BYTES = 8 << 20  # the longest packed-refs that is read
SHALLOW_BYTES = 1 << 20

__all__ = ["ask", "head", "open_history", "read_all"]


@contextmanager
def open_history(folder: Path) -> Iterator[Path]:
    """Yield a repository of our own with every object of `folder`'s, to `ask`; it has no names, only ids.

    folder: a checkout, its git directory, a bare repository or a linked worktree. Raises InputError where it is none.
    """
    objects = objects_folder(folder)
    if objects is None:
        raise InputError(f"{folder}: no git repository")
    if shutil.which("git") is None:
        raise InputError(f"{folder}: git is not here to read its history; install it (apt-get install git)")
    with tempfile.TemporaryDirectory(prefix="reprise-git-") as name:
        loose = [p.parent.name + p.name for p in objects.glob("[0-9a-f][0-9a-f]/*")]
        link(objects, [sha for sha in loose if ID.fullmatch(sha)], Path(name))
        _keep_shallow(objects.parent / "shallow", Path(name, "shallow"))
        yield Path(name)


def _keep_shallow(source: Path, kept: Path) -> None:
    """A shallow clone lists the commits whose parents it lacks; without the list git would miss them."""
    ids = [line for line in _text(source, SHALLOW_BYTES).splitlines() if ID.fullmatch(line)]
    if ids:
        kept.write_text("\n".join(ids) + "\n")


def head(folder: Path) -> str:
    """Return the id of the commit that a repository's HEAD names, "" where there is none."""
    place = folder / ".git" if (folder / ".git").exists() else folder
    own = worktree_folder(place) if place.is_file() else place
    said = first_line(own / "HEAD")
    name = said.removeprefix("ref: ").strip()
    if name == said.strip():
        return name if ID.fullmatch(name) else ""
    if not re.fullmatch(r"refs/[^\s\0]+", name) or ".." in name:
        return ""
    common = common_folder(place)
    loose = first_line(common / name) if followed(common / name).is_relative_to(followed(common)) else ""
    packed = re.search(rf"^([0-9a-f]{{40}}) {re.escape(name)}$", _text(common / "packed-refs", PACKED_BYTES), re.M)
    found = loose.strip() or (packed[1] if packed else "")
    return found if ID.fullmatch(found) else ""


def _text(path: Path, largest: int) -> str:
    if not path.is_file() or path.stat().st_size > largest:
        return ""
    return path.read_text("ascii", "replace")
