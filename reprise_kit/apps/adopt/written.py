"""How much a program writes into its folders and its log, all together: of one file the kernel bounds the size."""

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from reprise_kit.compare.walk import walk

BLOCK = 512  # bytes, of what stat calls a block


class Written:
    """What places hold beyond what they held; they are looked through only once their disk has lost `most` bytes."""

    def __init__(self, places: Sequence[Path], most: int) -> None:
        """Look at them as they are."""
        self.places, self.most = [place for place in places if place.exists()], most
        self.before, self.free = self._held(), self._free()

    def bytes(self) -> int:
        """Return what was written, 0 where that cannot be more than `most`."""
        free = self._free()
        if self.free - free <= self.most:
            return 0
        self.free = free + self.most // 2  # others wrote it, or the next half is looked at again
        return self._held() - self.before

    def _free(self) -> int:
        return min((shutil.disk_usage(place).free for place in self.places), default=0)

    def _held(self) -> int:
        return sum(map(_size, self.places))


def _size(place: Path) -> int:
    """Bytes on the disk of a file, or of all that is below a folder; what goes meanwhile is none."""
    sizes = 0
    for met in walk(place) if place.is_dir() else [place]:
        with suppress(OSError):
            if not isinstance(met, OSError):
                sizes += os.lstat(met).st_blocks * BLOCK
    return sizes
