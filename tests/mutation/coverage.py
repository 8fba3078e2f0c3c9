"""Which lines of the targets each test runs, and how long it takes: a plugin of pytest."""

import json
import os
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.mutation.lines import Lines


class Coverage:
    """Follows each test, set-up and the processes that it starts included."""

    def __init__(self, lines: Lines, out: Path) -> None:
        """Take the lines to follow; what was seen is written to `out` after each test."""
        self.lines, self.out = lines, out

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Of the models that many versions of Keras made, keep two a name: the first and the last version."""
        of_model: dict[str, list[pytest.Item]] = defaultdict(list)
        for item in items:
            of_model[re.sub(r"\[.*/", "[", item.nodeid)].append(item)
        items[:] = [item for same in of_model.values() for item in (same[:1] + same[1:][-1:])]

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        """Follow one test."""
        self.lines.take()
        began = sum(os.times()[:4])
        self.lines.follow()
        yield
        sys.settrace(None)
        row = {"test": item.nodeid, "seconds": round(sum(os.times()[:4]) - began, 3), "lines": self.lines.take()}
        with self.out.open("a") as file:
            file.write(json.dumps(row) + "\n")
