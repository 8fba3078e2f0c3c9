"""Which lines ran, in this process and in all that it starts, boxes too: one byte a line, in memory that they share."""

import json
import mmap
import os
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

VARIABLE = "MUTATION_LINES"
# What the tree's reprise_kit/__init__.py ends with while lines are mapped: every process of the kit follows itself.
FOLLOWED = f"""
if "{VARIABLE}" in os.environ:
    from tests.mutation.lines import Lines
    Lines.of_parent().follow()
"""


class Lines:
    """The lines of some files, and which of them ran since they were last taken."""

    def __init__(self, root: Path, first: dict[str, int], marks: Path) -> None:
        """Take files below `root`, each with the place of its line 0 in the file `marks`, which is large enough."""
        self.root, self.first = str(root.resolve()) + "/", first
        self.names: dict[str, int | None] = {}
        with marks.open("r+b") as file:
            self.marks = mmap.mmap(file.fileno(), 0)

    @classmethod
    def made(cls, root: Path, sources: dict[str, str], folder: Path) -> "Lines":
        """Make the memory in a folder, and tell of it by the environment."""
        first, n = {}, 0
        for name in sorted(sources):
            first[name], n = n, n + sources[name].count("\n") + 2
        (folder / "marks").write_bytes(bytes(n))
        (folder / "first.json").write_text(json.dumps([str(root), first]))
        os.environ[VARIABLE] = str(folder)
        return cls.of_parent()

    @classmethod
    def of_parent(cls) -> "Lines":
        """Return what the environment tells of."""
        folder = Path(os.environ[VARIABLE])
        root, first = json.loads((folder / "first.json").read_text())
        return cls(Path(root), first, folder / "marks")

    def follow(self) -> None:
        """Mark the lines that this process runs from here on; only frames of the files are followed line by line."""
        threading.settrace(self._trace)
        sys.settrace(self._trace)

    def take(self) -> dict[str, list[int]]:
        """Return the lines that ran, by file, and forget them."""
        seen, self.marks[:] = self.marks[:], bytes(len(self.marks))
        ends = [*list(self.first.values())[1:], len(seen)]
        found = {
            name: [line for line in range(end - begin) if seen[begin + line]]
            for (name, begin), end in zip(self.first.items(), ends, strict=True)
        }
        return {name: lines for name, lines in found.items() if lines}

    def _place(self, filename: str) -> int | None:
        """Where a file's line 0 is marked, found through the package's links; None of any other file."""
        if filename not in self.names:
            path = filename.replace("/reprise_kit/port/", "/port/").replace("/reprise_kit/compare/", "/compare/")
            self.names[filename] = self.first.get(path.removeprefix(self.root))
        return self.names[filename]

    def _trace(self, frame: FrameType, _event: str, _: Any) -> Any:
        first, marks = self._place(frame.f_code.co_filename), self.marks
        if first is None:
            return None
        marks[first + frame.f_lineno] = 1

        def local(frame: FrameType, _event: str, _: Any) -> Any:
            marks[first + frame.f_lineno] = 1
            return local

        return local
