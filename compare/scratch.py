"""A folder for the temporary files of a run, its libraries and children; what a killed run left, the next removes."""

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from reprise_kit.compare.lock import try_lock

LOCK = ".reprise-scratch"  # held while the run lives
NAME = re.compile(r"reprise-[0-9a-f]{10}")


@contextmanager
def scratch() -> Iterator[None]:
    """Have every temporary file made in a new folder, which goes in the end; those of killed runs go before."""
    try:
        parent, variable = tempfile.gettempdir(), os.environ.get("TMPDIR")
    except FileNotFoundError:  # no folder can be written, as in a container that is read only: what needs none goes on
        yield
        return
    _remove_abandoned(Path(parent))
    folder = Path(parent) / f"reprise-{secrets.token_hex(5)}"  # random: never the name of what is there
    try:
        with suppress(OSError):  # no room: then there is none for temporary files either
            _locked(folder)
            tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
        yield
    finally:
        tempfile.tempdir = parent
        _restore(variable)
        try:
            shutil.rmtree(folder, ignore_errors=True)
        finally:  # Ctrl-C, while it was removed
            shutil.rmtree(folder, ignore_errors=True)


def _locked(folder: Path) -> None:
    """Make a folder that is locked, and never let go, before anybody knows its name."""
    unnamed = folder.with_name(f"{folder.name}-new")
    unnamed.mkdir(mode=0o700)
    try:
        try_lock(unnamed / LOCK)
        unnamed.rename(folder)
    except BaseException:
        shutil.rmtree(unnamed, ignore_errors=True)
        raise


def outer() -> Path:
    """Return the folder for temporary files that outlive this run."""
    here = Path(tempfile.gettempdir())
    return here.parent if (here / LOCK).exists() else here


def leave(code: int) -> NoReturn:
    """End this process at once, without waiting for its threads, and without its temporary files."""
    with suppress(FileNotFoundError):  # there never was one
        here = Path(tempfile.gettempdir())
        if (here / LOCK).exists():
            shutil.rmtree(here, ignore_errors=True)
    os._exit(code)


def _restore(variable: str | None) -> None:
    if variable is None:
        os.environ.pop("TMPDIR", None)
    else:
        os.environ["TMPDIR"] = variable


def _remove_abandoned(parent: Path) -> None:
    """Remove folders of this user's that have our name and our lock, held by nobody."""
    for folder in parent.glob("reprise-*"):
        with suppress(OSError):  # gone meanwhile
            ours = NAME.fullmatch(folder.name) and not folder.is_symlink() and folder.stat().st_uid == os.geteuid()
            if not ours or not (folder / LOCK).is_file():
                continue
            lock = try_lock(folder / LOCK)
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)
