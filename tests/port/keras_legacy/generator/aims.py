"""What the next graph aims at: the items of the universe that no graph of a run has covered yet.

Every row of a run says what its graph aimed at, so that the tries of an item, and why it never came to be, are known.
"""

import json
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

from .coverage import Item, as_covered, covered, universe
from .drawing import Spec, Stack
from .rows import Row, rows

TRIES = 6  # of one item in one stack
FREE = 3  # every third graph is drawn without an aim


def aim_of(row: Row, stack: Stack) -> Item | None:
    """Return what a graph aimed at, as `covered` writes it; rows of the first runs went through the universe."""
    if "aim" in row:
        return tuple(row["aim"]) if row["aim"] else None
    targets = _targets(stack)
    return targets[row["number"] % len(targets)][0]


@cache
def _targets(stack: Stack) -> list[tuple[Item, Item]]:
    """Return the universe's items, each as `covered` writes it and as drawn."""
    return [(as_covered(item), item) for item in universe(stack)]


class Aims:
    """The items that are left, those tried least first; coverage is counted over all versions of Keras 1, or 2."""

    def __init__(self, out: Path) -> None:
        self._covered: dict[int, set[Item]] = defaultdict(set)
        self._tries: dict[str, Counter[Item]] = defaultdict(Counter)
        for folder in sorted(path.parent for path in out.glob("*/graphs.jsonl")):
            stack = Stack(*folder.name.split("-"))
            for number, row in rows(folder / "graphs.jsonl").items():
                path = folder / str(number) / "spec.json"
                self.made(stack, row, json.loads(path.read_text()) if "made" in row and path.exists() else {})

    def next(self, stack: Stack, number: int) -> Item | None:
        """Return an item as drawn; where nothing is left to try, the universe is gone through by number."""
        if number % FREE == FREE - 1:
            return None
        tries, seen, targets = self._tries[str(stack)], self._covered[stack.version[0]], _targets(stack)
        turned = targets[number % len(targets) :] + targets[: number % len(targets)]
        left = [pair for pair in turned if pair[0] not in seen and tries[pair[0]] < TRIES]
        return (min(left, key=lambda pair: tries[pair[0]]) if left else turned[0])[1]

    def made(self, stack: Stack, row: Row, spec: Spec) -> None:
        """Count a try, and what its graph covers if old Keras built it."""
        aim = aim_of(row, stack)
        if aim is not None:
            self._tries[str(stack)][aim] += 1
        if "made" in row and spec:
            self._covered[stack.version[0]] |= set(covered(spec["graph"]))
