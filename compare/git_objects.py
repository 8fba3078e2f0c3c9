"""Blobs of a git repository, by id: nothing of it is obeyed, and nothing outside it is read.

A repository's config can name programs that git runs (a promisor remote's `uploadpack` for one), its alternates and
links any folder of the machine. So git gets an empty repository of our own, whose objects folder links the packs and
the wanted loose objects of the source, and not its config, hooks, refs, replacements or alternates.
"""

import contextlib
import os
import re
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.walk import followed

SECONDS = 60  # of the clock and of the processor, for one question to git
MEMORY = 1 << 30  # bytes of git's address space: what a delta's base may inflate to is not ours to choose
BATCH, BATCH_BYTES = 1000, 64 << 20  # blobs that one git reads
HEADER = 80  # bytes before and after a blob in a batch, at most
POINTER_BYTES = 4096  # the longest `.git` file that is read
# Packs are mapped in pieces, so that one of many GB fits into MEMORY.
OPTIONS = ("-c", "core.packedGitWindowSize=16m", "-c", "core.packedGitLimit=128m")


@contextmanager
def open_blobs(folder: Path, wanted: Collection[str], largest: int) -> Iterator[Callable[[str], bytes | None]]:
    """Yield a function that returns the content of one of the `wanted` blobs, or None where the folder has it not.

    folder: a checkout, its git directory, a bare repository or a linked worktree; never a folder inside one.
    largest: bytes; the function raises InputError, before it reads, on a blob of more.
    """
    objects = objects_folder(folder)
    if objects is None or shutil.which("git") is None:
        yield lambda blob: None
        return
    with tempfile.TemporaryDirectory(prefix="reprise-git-") as home:
        link(objects, wanted, Path(home))
        yield lambda blob: _read(Path(home), blob, largest)


def objects_folder(folder: Path) -> Path | None:
    """Return where a repository keeps its objects, None for a folder that is none; raises InputError on a link out."""
    for place in (folder / ".git", folder):
        repository = common_folder(place)
        objects = repository / "objects"
        if objects.is_dir():
            if not followed(objects).is_relative_to(followed(repository)):
                raise InputError(f"{objects} is a link out of its repository: give the one that it leads to, --from")
            if place.is_dir() and not followed(place).is_relative_to(followed(folder)):
                raise InputError(f"{place} is a link out of the folder: give the repository it leads to, --from")
            return objects
    return None


def borrows(folder: Path) -> bool:
    """Say whether a repository keeps some of its objects in another one, where they are not read from."""
    objects = objects_folder(folder)
    return objects is not None and (objects / "info" / "alternates").exists()


def common_folder(place: Path) -> Path:
    """Return the repository that a git directory, or the `.git` file of a linked worktree, belongs to."""
    if not place.is_file():
        return place
    own = worktree_folder(place)
    return followed(own / first_line(own / "commondir"))


def worktree_folder(pointer: Path) -> Path:
    """Follow a linked worktree's `.git` file, only to a repository that names this worktree as one of its own."""
    target = Path(first_line(pointer).removeprefix("gitdir: "))
    administration = followed(pointer.parent / target)
    with contextlib.suppress(OSError):
        if followed(Path(first_line(administration / "gitdir"))) == followed(pointer):
            return administration
    raise InputError(f"{pointer} leads to {target}, which knows no such worktree: give that repository itself, --from")


def first_line(path: Path) -> str:
    """Return the first line of a small file of a repository's own, "" where there is none that can name a file."""
    if not path.is_file():  # a pipe would never end
        return ""
    with path.open("rb") as file:
        line = os.fsdecode(file.read(POINTER_BYTES)).split("\n", 1)[0]
    return "" if "\0" in line else line


def link(objects: Path, wanted: Collection[str], home: Path) -> None:
    """Make an empty repository at `home` with the source's packs and wanted loose objects, such as are plain files."""
    (home / "HEAD").write_text("ref: refs/heads/none\n")
    (home / "refs").mkdir()
    kept = home / "objects"
    (kept / "pack").mkdir(parents=True)
    packs = [p for p in (objects / "pack").glob("pack-*.*") if re.fullmatch(r"pack-[0-9a-f]{40}\.(pack|idx)", p.name)]
    for path in packs:
        _link_plain(path, kept / "pack" / path.name, objects)
    for blob in wanted:
        (kept / blob[:2]).mkdir(exist_ok=True)
        _link_plain(objects / blob[:2] / blob[2:], kept / blob[:2] / blob[2:], objects)


def _link_plain(path: Path, link: Path, objects: Path) -> None:
    real = followed(path)
    if real.is_file() and real.is_relative_to(followed(objects)):
        link.symlink_to(real)


def _read(home: Path, blob: str, largest: int) -> bytes | None:
    size = ask(home, largest, "cat-file", "-s", blob)
    if size is None:
        return None
    if int(size) > largest:
        raise InputError(f"git object {blob[:12]} has {int(size)} bytes; at most {largest} are read")
    return ask(home, int(size), "cat-file", "blob", blob)  # a header may lie


def read_all(home: Path, blobs: Sequence[tuple[str, int]]) -> Iterator[bytes | None]:
    """Yield the content of each blob, given as id and bytes; None where git cannot read it, or has another size.

    One process reads many: at thousands of files a process each takes minutes.
    """
    start = 0
    while start < len(blobs):
        end, total = start, 0
        while end < len(blobs) and end - start < BATCH and (end == start or total + blobs[end][1] <= BATCH_BYTES):
            total, end = total + blobs[end][1], end + 1
        yield from _batch(home, blobs[start:end], total)
        start = end


def _batch(home: Path, blobs: Sequence[tuple[str, int]], total: int) -> Iterator[bytes | None]:
    wanted = "".join(f"{blob}\n" for blob, _ in blobs).encode()
    said = memoryview(ask(home, total + HEADER * len(blobs), "cat-file", "--batch", given=wanted) or b"")
    for blob, size in blobs:
        head = f"{blob} blob {size}\n".encode()
        if said[: len(head)] == head:
            yield bytes(said[len(head) : len(head) + size])
            said = said[len(head) + size + 1 :]
        else:  # "ID missing", another size, or git failed: each by itself
            said = said[len(f"{blob} missing\n") :] if said[: len(blob) + 8] == f"{blob} missing".encode() else said[:0]
            yield ask(home, size, "cat-file", "blob", blob)


def ask(home: Path, largest: int, *words: str, given: bytes = b"") -> bytes | None:
    """Run git on our own empty repository, within limits; None where it fails. given: what it reads."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    variables |= {"GIT_DIR": str(home), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "HOME": str(home)}
    variables |= {"GIT_NO_LAZY_FETCH": "1", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_TERMINAL_PROMPT": "0"}
    # Its answer goes to a file, not a pipe: a file's size has a limit.
    with tempfile.TemporaryFile() as said, contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run(
            ["git", *OPTIONS, *words],
            cwd=home,
            env=variables,
            input=given,
            stdout=said,
            stderr=subprocess.DEVNULL,
            preexec_fn=partial(_limit, largest),
            timeout=SECONDS,
            check=False,
        )
        if done.returncode == 0:
            said.seek(0)
            return said.read()
    return None


def _limit(largest: int) -> None:
    for name, most in (("AS", MEMORY), ("CPU", SECONDS), ("FSIZE", largest), ("CORE", 0)):
        with contextlib.suppress(ValueError, OSError):  # a limit that is lower already, or that this machine lacks
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))
