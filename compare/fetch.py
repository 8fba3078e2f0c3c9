"""Upstream's files at the pinned commit, every git blob id checked, in the user's cache."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from reprise_kit.compare.atomic import MARKER, atomic_folder
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.git_objects import borrows, open_blobs
from reprise_kit.compare.pins import LARGEST, Check, blob_id, check, read_inside, write
from reprise_kit.compare.system import PinnedFile, System

# Where a public repository's single files are served; the kit names upstream only by URL, commit and blob ids.
RAW = "https://raw.githubusercontent.com"

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def cache() -> Path:
    """Folder for what the kit fetches and builds: REPRISE_CACHE, or the user's own cache folder.

    Raises InputError where this user has no home folder, as one whom the machine does not know.
    """
    import platformdirs

    try:
        return Path(os.environ.get("REPRISE_CACHE") or platformdirs.user_cache_dir("reprise"))
    except RuntimeError:
        raise InputError("this user has no home folder; set HOME, or name a folder in REPRISE_CACHE") from None


def upstream_folder(system: System) -> Path:
    """Where a fetched upstream lives."""
    return cache() / "upstream" / system.name / system.upstream.commit


def fetch(system: System, sources: Sequence[Path] = (), out: Path | None = None) -> tuple[Path, Check]:
    """Bring upstream into `out` (default: the cache), from folders, git directories or, none given, the network.

    A system whose files come of several repositories takes a source for each.

    What is there already and pinned is not downloaded again. Returns the folder and what it lacks: only optional files
    can be missing. Raises InputError naming the first file that is missing, altered or not upstream's; then nothing is
    left behind.
    """
    folder = out or upstream_folder(system)
    if not sources and _complete(system, folder):
        return folder, check(system, folder)
    for source in sources:
        if not source.is_dir():
            raise InputError(f"{source}: no such folder; --from takes upstream's folder or its git directory")
    with _elsewhere(system, sources) as elsewhere, atomic_folder(folder, "fetch") as temporary:
        for file in system.files:
            content = _bring(system, file, sources or [folder], elsewhere)
            if content is not None:
                write(temporary, file, content)
    return folder, check(system, folder)


def _complete(system: System, folder: Path) -> bool:
    state = check(system, folder)
    here = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()} - {MARKER}
    return state.pinned and not state.missing_optional and here == {file.path for file in system.files}


@contextmanager
def _elsewhere(system: System, sources: Sequence[Path]) -> Iterator[Callable[[PinnedFile], bytes | None]]:
    """Yield what returns a file that lies in no folder as pinned: from their git objects, or the network."""
    if not sources:
        yield lambda file: _download(system, file)
        return
    with ExitStack() as stack:
        blobs = [stack.enter_context(open_blobs(one, {f.blob for f in system.files}, LARGEST)) for one in sources]
        yield lambda file: next((found for blob in blobs if (found := blob(file.blob)) is not None), None)


def _bring(
    system: System, file: PinnedFile, folders: Sequence[Path], elsewhere: Callable[[PinnedFile], bytes | None]
) -> bytes | None:
    contents = [read_inside(folder, file.path) for folder in folders]
    content = next((one for one in contents if one is not None and blob_id(one) == file.blob), None)
    if content is None:
        content = elsewhere(file) or next((one for one in contents if one is not None), None)
    if content is None and not file.optional:
        home = f"{file.url or system.upstream.url} at {(file.commit or system.upstream.commit)[:12]}"
        borrowed = "; it borrows objects of another repository: give that one" if any(map(borrows, folders)) else ""
        where = " or ".join(map(str, folders))
        raise InputError(f"{file.path} of {system.name} is not in {where}; it is a file of {home}{borrowed}")
    if content is not None and blob_id(content) != file.blob:
        raise InputError(
            f"{file.path} is not the pinned one: blob {blob_id(content)[:12]} instead of {file.blob[:12]}; "
            f"take commit {system.upstream.commit[:12]} of {system.upstream.url}"
        )
    return content


def _download(system: System, file: PinnedFile) -> bytes | None:
    import pooch

    pooch.get_logger().setLevel("WARNING")  # else two lines a file, with hashes that nobody is to use

    owner_and_name = (file.url or system.upstream.url).removeprefix("https://github.com/")
    url = f"{RAW}/{owner_and_name}/{file.commit or system.upstream.commit}/{file.path}"
    try:
        # A folder of its own: two runs at once would remove each other's.
        with tempfile.TemporaryDirectory(prefix="reprise-fetch-") as folder:
            return Path(pooch.retrieve(url, known_hash=None, path=folder, progressbar=False)).read_bytes()
    except Exception as error:  # whatever the network stack raises, the person needs the same one line
        if getattr(error, "errno", None) in DISK_FULL:
            raise
        if file.optional:
            return None
        raise InputError(
            f"{file.path}: cannot be downloaded from {system.upstream.url} ({type(error).__name__}); "
            f"offline, give a local copy: reprise fetch {system.name} --from FOLDER"
        ) from None
