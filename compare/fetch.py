"""Upstream's files at the pinned commit, every git blob id checked, in the user's cache."""

import errno
import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from reprise_kit.compare.atomic import atomic_folder
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.system import PinnedFile, System

# Where a public repository's single files are served; the kit names upstream only by URL, commit and blob ids.
RAW = "https://raw.githubusercontent.com"

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def cache() -> Path:
    """Folder for what the kit fetches and builds: REPRISE_CACHE, or the user's own cache folder."""
    import platformdirs

    return Path(os.environ.get("REPRISE_CACHE") or platformdirs.user_cache_dir("reprise"))


def upstream_folder(system: System) -> Path:
    """Where a fetched upstream lives."""
    return cache() / "upstream" / system.name / system.upstream.commit


def blob_id(content: bytes) -> str:
    """Return git's blob id of a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass(frozen=True)
class Check:
    """What a folder holds of a system's pinned files, by path."""

    altered: tuple[str, ...]
    missing: tuple[str, ...]
    missing_optional: tuple[str, ...]

    @property
    def pinned(self) -> bool:
        """True where every file the code needs is there and is the pinned one."""
        return not self.altered and not self.missing


def check(system: System, folder: Path) -> Check:
    """Compare a folder with a system's pins, blob by blob."""
    altered: list[str] = []
    missing: list[str] = []
    optional: list[str] = []
    for file in system.files:
        path = folder / file.path
        if not path.is_file():
            (optional if file.optional else missing).append(file.path)
        elif blob_id(path.read_bytes()) != file.blob:
            altered.append(file.path)
    return Check(tuple(altered), tuple(missing), tuple(optional))


def fetch(system: System, source: Path | None = None, out: Path | None = None) -> tuple[Path, Check]:
    """Bring upstream into `out` (default: the cache), from a folder, a git directory or the network.

    Returns the folder and what it lacks: only optional files can be missing. Raises InputError naming the first file
    that is missing or altered; then nothing is left behind.
    """
    folder = out or upstream_folder(system)
    if source is None and folder.is_dir():
        state = check(system, folder)
        if state.pinned and not state.missing_optional:
            return folder, state
    if source is not None and not source.is_dir():
        raise InputError(f"{source}: no such folder; --from takes upstream's folder or its git directory")
    with atomic_folder(folder, "fetch") as temporary:
        for file in system.files:
            content = _read(system, file, source)
            if content is None:
                if file.optional:
                    continue
                home = f"{file.url or system.upstream.url} at {(file.commit or system.upstream.commit)[:12]}"
                raise InputError(f"{file.path} of {system.name} is not in {source}; it is a file of {home}")
            if blob_id(content) != file.blob:
                raise InputError(
                    f"{file.path} is not the pinned one: blob {blob_id(content)[:12]} instead of {file.blob[:12]}; "
                    f"take commit {system.upstream.commit[:12]} of {system.upstream.url}"
                )
            path = temporary / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return folder, check(system, folder)


def _read(system: System, file: PinnedFile, source: Path | None) -> bytes | None:
    if source is None:
        return _download(system, file)
    if (source / file.path).is_file():
        return (source / file.path).read_bytes()
    return _git_blob(source, file)


def _git_blob(source: Path, file: PinnedFile) -> bytes | None:
    if shutil.which("git") is None:
        return None
    done = subprocess.run(["git", "-C", str(source), "cat-file", "blob", file.blob], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def _download(system: System, file: PinnedFile) -> bytes | None:
    import pooch

    pooch.get_logger().setLevel("WARNING")  # else two lines a file, with hashes that nobody is to use

    owner_and_name = (file.url or system.upstream.url).removeprefix("https://github.com/")
    url = f"{RAW}/{owner_and_name}/{file.commit or system.upstream.commit}/{file.path}"
    try:
        got = pooch.retrieve(url, known_hash=None, path=cache() / "downloads", progressbar=False)
        content = Path(got).read_bytes()
        Path(got).unlink()
        return content
    except Exception as error:  # whatever the network stack raises, the person needs the same one line
        if getattr(error, "errno", None) in DISK_FULL:
            raise
        if file.optional:
            return None
        raise InputError(
            f"{file.path}: cannot be downloaded from {system.upstream.url} ({type(error).__name__}); "
            f"offline, give a local copy: reprise fetch {system.name} --from FOLDER"
        ) from None
