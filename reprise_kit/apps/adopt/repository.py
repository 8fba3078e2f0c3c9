"""A stranger's repository as a plain folder at one commit, and on which day each of its files last changed.

Its own configuration, hooks and attributes are never obeyed: git works on an empty repository of ours that links the
source's objects. A URL is cloned by the user's git without a checkout, so that nothing of it runs.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path, PurePosixPath

from reprise_kit.compare import git_history, git_objects
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.programs import run_program
from reprise_kit.compare.shown import shown, utf8
from reprise_kit.compare.walk import followed, walk

URL = re.compile(r"(https|ssh|git)://[^\s]+|[\w.-]+@[\w.-]+:[\w./~-]+")
LARGEST = 512 << 20  # bytes of one file
LARGEST_ALL = 2 << 30  # bytes of all files of a commit
LARGEST_FOLDER = 16 << 30  # bytes of all files of a folder: data and weights may lie beside the code
LISTING = 64 << 20  # bytes of git's list of a commit's files
CLONE_SECONDS = 1800
MISSING = -1  # the size of an object that git cannot find
COMMIT = re.compile(r"[0-9a-f]{40}")

Choice = Callable[[list[str]], set[str]]  # of a repository's paths those whose content is wanted


@dataclass(frozen=True)
class Checkout:
    """folder: the files. commit: 40 hex digits, None without git. days: by path, the ISO day of its content.

    notes: what is not there as the repository has it (a missing object, a link that leads out), a line each.
    unread: paths of its plain files whose content was not wanted: they are not in the folder.
    """

    folder: Path
    commit: str | None
    days: dict[str, str]
    head_day: str | None
    notes: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def here(self) -> list[str]:
        """Return every plain file's path in the folder, sorted; a name that is no UTF-8 is the programs' affair."""
        found = (Path(met.path) for met in walk(self.folder) if isinstance(met, os.DirEntry) and not met.is_symlink())
        paths = (path.relative_to(self.folder).as_posix() for path in found if path.is_file())
        return sorted(path for path in paths if utf8(path)[1] is None)

    def paths(self) -> list[str]:
        """Return every plain file's path of the repository, sorted."""
        return sorted({*self.here(), *self.unread})


@dataclass(frozen=True)
class _Entry:
    mode: str
    blob: str
    size: int
    path: str


def checkout(source: Path | str, commit: str | None, folder: Path, wanted: Choice = set) -> Checkout:
    """Put the files of `source` into `folder`, an empty one.

    source: a folder, taken as it lies (with a commit: as of that), a git directory, or a URL. wanted: which of its
    plain files, by default each. Raises InputError where it is none of these or has no such commit.
    """
    if URL.fullmatch(str(source)):
        with at_hand(source) as clone:
            return _from_git(clone, commit, folder, wanted)
    source = Path(source)
    if not source.is_dir():
        raise InputError(f"{source}: no such folder; give a repository's folder, its git directory or its URL")
    if git_objects.objects_folder(source) is None:
        if commit:
            raise InputError(f"{source} has no git history, so no commit {commit}; leave --commit out")
        return Checkout(folder, None, {}, None, *_copied(source, folder, wanted))
    if commit or not any(p.name != ".git" for p in source.iterdir()) or (source / "HEAD").is_file():
        return _from_git(source, commit, folder, wanted)
    with git_history.open_history(source) as home:
        head, days, head_day = _dates(source, home, None)
    return Checkout(folder, head, days, head_day, *_copied(source, folder, wanted))


@contextmanager
def at_hand(source: Path | str) -> Iterator[Path]:
    """Yield a folder or git directory as it is, and a URL's clone, which is gone afterwards."""
    if not URL.fullmatch(str(source)):
        yield Path(source)
        return
    with tempfile.TemporaryDirectory(prefix="reprise-clone-") as clone:
        yield _cloned(str(source), Path(clone))


def lay_over(stand_in: Path, folder: Path) -> None:
    """Copy the files of a stand-in over a repository's; raises InputError where there is no such folder."""
    if not stand_in.is_dir():
        raise InputError(f"--stand-in {stand_in}: no such folder; its files are laid over the repository's")
    shutil.copytree(stand_in, folder, symlinks=True, dirs_exist_ok=True)


def _cloned(url: str, folder: Path) -> Path:
    """Clone with the user's git (its keys, its proxies), without a checkout and without the repository's submodules."""
    words = [
        "git",
        "clone",
        "--quiet",
        "--bare",
        "--no-recurse-submodules",
        "-c",
        "core.hooksPath=/dev/null",
        "--",
        url,
    ]
    variables = os.environ | {"GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1"}
    try:
        done = run_program([*words, folder / "repo"], CLONE_SECONDS, env=variables)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"{url}: cannot be cloned ({type(error).__name__}); give a folder with a copy of it") from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(f"{url}: cannot be cloned ({said}); give a folder with a copy of it")
    return folder / "repo"


def _copied(source: Path, folder: Path, wanted: Choice) -> tuple[list[str], list[str]]:
    """Copy a folder as it lies, without its git directory.

    Return a line for each thing that is left out, and the paths of the plain files that are not wanted.
    """
    notes, taken = [], []
    for met in walk(source, without=".git"):
        if isinstance(met, OSError):
            name = os.path.relpath(os.fsdecode(met.filename), source)
            notes.append(f"{shown(name)} cannot be listed ({met.strerror}): left out")
        elif met.name != ".git" and (met.is_symlink() or met.is_file()):
            taken.append(Path(met.path))
    _check_room(source, {path: path.lstat().st_size for path in taken}, folder)
    plain = {path.relative_to(source).as_posix(): path for path in taken if not path.is_symlink()}
    unread = plain.keys() - wanted(list(plain))
    skipped = {plain[path] for path in unread}
    taken = [path for path in taken if path not in skipped]
    for path in taken:
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target, follow_symlinks=False)
    return notes + _without_links_out(folder), sorted(path for path in unread if utf8(path)[1] is None)


def _without_links_out(folder: Path) -> list[str]:
    """Remove the links that lead out of a folder in which all of a repository is; return a line for each.

    Only then it is known where one leads: on its way may be another link, or an absolute name of where it lay before.
    """
    notes: list[str] = []
    links = [Path(met.path) for met in walk(folder) if isinstance(met, os.DirEntry) and met.is_symlink()]
    while out := [path for path in links if not followed(path).is_relative_to(followed(folder))]:
        for path in out:
            path.unlink()
            notes.append(f"{shown(path.relative_to(folder))} is a link out of the repository: left out")
        links = [path for path in links if path not in set(out)]
    return notes


def _check_room(source: Path, sizes: dict[Path, int], folder: Path) -> None:
    """Raise InputError where a copy of these files would be larger than a repository is, or than there is room for."""
    total, most = sum(sizes.values()), min(LARGEST_FOLDER, shutil.disk_usage(folder).free)
    if total > most:
        largest = max(sizes, key=lambda path: sizes[path])
        raise InputError(
            f"{source}: {total >> 20} MB of files, of which {most >> 20} can be copied; the largest is "
            f"{largest.relative_to(source)}; give a folder with what is needed, or --commit"
        )


def _from_git(source: Path, commit: str | None, folder: Path, wanted: Choice) -> Checkout:
    if git_objects.objects_folder(source) is None:
        raise InputError(f"{source}: no git repository; give a repository's folder, its git directory or its URL")
    with git_history.open_history(source) as home:
        sha, days, day = _dates(source, home, commit)
        notes, unread = _export(home, sha, folder, wanted)
    return Checkout(folder, sha, days, day, notes, unread)


def _dates(source: Path, home: Path, commit: str | None) -> tuple[str, dict[str, str], str]:
    """Return the commit's id, the day on which each path's content was first there, and the commit's own day."""
    wanted = commit or git_history.head(source)
    said = re.fullmatch(r"[0-9a-f]{4,40}", wanted) and git_history.ask(
        home, 4096, "rev-parse", "--verify", "--quiet", f"{wanted}^{{commit}}"
    )
    sha = said.decode().strip() if said else ""
    if not COMMIT.fullmatch(sha):
        tried = f"no commit {commit}" if commit else "no commit that HEAD names"
        raise InputError(f"{source}: {tried} in it; give --commit with one that `git log` there shows")
    # Newest first: \x01DAY, then for each path that a commit changed a word of modes and blobs, and the path.
    words = ["--no-renames", "--format=%x01%cs", "--raw", "--no-abbrev", "-z", "-m", "--first-parent"]
    log = git_history.ask(home, 4 * LISTING, "log", *words, sha)
    days, head_day = _days((log or b"").decode("utf-8", "replace").replace("\n", "\0").split("\0"))
    if not head_day:
        raise InputError(f"{source}: the history of {sha[:12]} cannot be read; give a whole clone")
    return sha, days, head_day


def _days(words: list[str]) -> tuple[dict[str, str], str]:
    """Return by path the day on which its content was first there, under whatever name, and the newest commit's day.

    A file that was only moved is as old as it was before; one that was deleted has no day.
    """
    blobs: dict[str, str] = {}
    first: dict[str, str] = {}
    day = head_day = ""
    for word, path in pairwise([*words, ""]):
        if word.startswith("\x01"):
            day = word[1:]
            head_day = head_day or day
        elif word.startswith(":"):
            blob = word.split()[3]
            blobs.setdefault(path, blob)
            first[blob] = day
    return {path: first[blob] for path, blob in blobs.items() if blob.strip("0")}, head_day


def _export(home: Path, sha: str, folder: Path, wanted: Choice) -> tuple[list[str], list[str]]:
    """Write a commit's files; return what is not there as it has it, and the plain files that are not wanted."""
    entries = list(_entries(home, sha))
    notes = [
        f"{shown(e.path)} is a submodule, which is another repository: left out" for e in entries if e.mode == "160000"
    ]
    notes += [f"{shown(e.path)} is not in this copy of the repository: left out" for e in entries if e.size < 0]
    notes += [f"{shown(e.path)} has {e.size} bytes, over {LARGEST}: left out" for e in entries if e.size > LARGEST]
    taken = [e for e in entries if e.mode != "160000" and 0 <= e.size <= LARGEST]
    if sum(e.size for e in taken) > LARGEST_ALL:
        raise InputError(
            f"commit {sha[:12]} has over {LARGEST_ALL >> 30} GB of files; give a folder with what is needed"
        )
    plain = {e.path for e in taken if e.mode != "120000"}
    unread = plain - wanted(sorted(plain))
    taken = [e for e in taken if e.path not in unread]
    taken.sort(key=lambda e: e.mode == "120000")  # links last: nothing is written through one
    contents = git_history.read_all(home, [(e.blob, e.size) for e in taken])
    for entry, content in zip(taken, contents, strict=True):
        notes += _write(content, entry, folder)
    return notes + _without_links_out(folder), sorted(path for path in unread if utf8(path)[1] is None)


def _entries(home: Path, sha: str) -> Iterator[_Entry]:
    listed = git_history.ask(home, LISTING, "ls-tree", "-r", "-l", "-z", "--full-tree", sha)
    if listed is None:
        raise InputError(f"commit {sha[:12]}: its files cannot be listed; give a whole clone")
    for line in filter(None, listed.decode("utf-8", "surrogateescape").split("\0")):
        head, path = line.split("\t", 1)
        mode, _, blob, size = head.split()
        parts = PurePosixPath(path).parts
        if path.startswith("/") or ".." in parts or any(part.lower() == ".git" for part in parts):
            raise InputError(f"commit {sha[:12]} has a file {path!r}, which would be written outside its folder")
        yield _Entry(mode, blob, int(size) if size.isdigit() else MISSING, path)


def _write(content: bytes | None, entry: _Entry, folder: Path) -> list[str]:
    path = folder / entry.path
    if content is None:
        return [f"{shown(entry.path)} cannot be read from the repository: left out"]
    path.parent.mkdir(parents=True, exist_ok=True)
    if entry.mode != "120000":
        path.write_bytes(content)
        path.chmod(0o755 if entry.mode == "100755" else 0o644)
        return []
    if b"\0" in content or not content:
        return [f"{shown(entry.path)} is a link to no name that a file can have: left out"]
    path.symlink_to(os.fsdecode(content))
    return []
