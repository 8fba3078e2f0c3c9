"""Which lines of the targets each test runs, and how long it takes: a plugin of pytest, by sys.settrace."""

import json
import re
import sys
import time
from collections import defaultdict
from pathlib import Path
from types import FrameType
from typing import Any

import pytest


class Lines:
    """Traces each test; only frames of the targets' files are followed line by line."""

    def __init__(self, root: Path, targets: tuple[str, ...], out: Path) -> None:
        """Trace files below `targets` of `root`; what was seen is written to `out` after each test."""
        self.root, self.out = str(root.resolve()) + "/", out
        self.targets = targets
        self.names: dict[str, str | None] = {}
        self.seen: dict[str, set[int]] = defaultdict(set)

    def target(self, filename: str) -> str | None:
        """The path of a target's file below the root, through the package's links; None of any other file."""
        if filename not in self.names:
            path = filename.replace("/reprise_kit/port/", "/port/").replace("/reprise_kit/compare/", "/compare/")
            short = path.removeprefix(self.root)
            self.names[filename] = short if path != short and short.startswith(self.targets) else None
        return self.names[filename]

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        """Follow a call into a target."""
        short = self.target(frame.f_code.co_filename)
        if short is None:
            return None
        lines = self.seen[short]
        lines.add(frame.f_lineno)

        def local(frame: FrameType, event: str, _: Any) -> Any:
            lines.add(frame.f_lineno)
            return local

        return local

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Of the models that many versions of Keras made, keep two a name: the first and the last version."""
        of_model: dict[str, list[pytest.Item]] = defaultdict(list)
        for item in items:
            of_model[re.sub(r"\[.*/", "[", item.nodeid)].append(item)
        items[:] = [item for same in of_model.values() for item in (same[:1] + same[1:][-1:])]

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        """Trace one test, set-up included."""
        self.seen = defaultdict(set)
        began = time.process_time()
        sys.settrace(self.trace)
        yield
        sys.settrace(None)
        row = {"test": item.nodeid, "seconds": round(time.process_time() - began, 3)}
        row["lines"] = {name: sorted(lines) for name, lines in self.seen.items()}
        with self.out.open("a") as file:
            file.write(json.dumps(row) + "\n")
