"""A folder for uploads that is emptied whatever happens: after a kill, by the next server."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reprise_kit.compare.lock import try_lock

PREFIX, LOCK = "reprise-demo-", "lock"


@contextmanager
def spool() -> Iterator[Path]:
    """Make the folder, locked while this process lives, and remove it; before, those of servers that were killed."""
    _remove_abandoned(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        lock = try_lock(Path(folder) / LOCK)
        clips = Path(folder) / "clips"
        clips.mkdir()
        try:
            yield clips
        finally:
            if lock is not None:
                os.close(lock)


def _remove_abandoned(parent: Path) -> None:
    """Remove folders of this user's that hold our lock, held by nobody, and nothing but what `spool` makes."""
    for folder in parent.glob(f"{PREFIX}*"):
        if folder.is_symlink() or not (folder / LOCK).is_file() or folder.stat().st_uid != os.getuid():
            continue
        if {path.name for path in folder.iterdir()} - {LOCK, "clips"}:
            continue
        lock = try_lock(folder / LOCK)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
