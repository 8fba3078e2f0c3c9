"""The table of a run: right, silently wrong, refused by reason, crashed, not built by old Keras, coverage."""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from .coverage import Item, as_covered, covered, universe
from .drawing import Stack
from .rows import Row, rows


@dataclass
class Table:
    """What became of the graphs of one stack, and what they covered."""

    stack: Stack
    graphs: dict[int, Row]
    outcomes: dict[int, Row]
    covered: set[Item] = field(default_factory=set)

    def count(self, kind: str) -> int:
        """How many migrations ended so."""
        return sum(row["kind"] == kind for row in self.outcomes.values())


def tables(out: Path) -> list[Table]:
    """Read a run's folder."""
    found = []
    for folder in sorted(path.parent for path in out.glob("*/graphs.jsonl")):
        stack = Stack(*folder.name.split("-"))
        table = Table(stack, rows(folder / "graphs.jsonl"), rows(folder / "outcomes.jsonl"))
        for number, row in table.outcomes.items():
            if row["kind"] in ("right", "wrong"):
                table.covered |= set(covered(json.loads((folder / str(number) / "spec.json").read_text())["graph"]))
        found.append(table)
    return found


def reason(message: str) -> str:
    """Return a refusal without the names and numbers of its layer."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", message)
    text = re.sub(r"(layer|model|group) '?[\w+./ -]+?'?(?= \(|:|$| holds| lists)", r"\1 ...", text)
    text = re.sub(r"\[[^\]]*\]|\([^)]*\)", "(...)", text)
    return re.sub(r"-?\d+(\.\d+)?(e-?\d+)?", "N", text)[:150]


def missing(found: list[Table]) -> tuple[int, list[str]]:
    """Return how many items can be covered in these stacks together, and those that are not."""
    possible = {as_covered(item) for table in found for item in universe(table.stack)}
    left = possible - set().union(*(table.covered for table in found))
    return len(possible), sorted(" ".join(map(str, item)) for item in left)


def report(out: Path) -> str:
    """Return the tables as text."""
    found = tables(out)
    lines = [
        "| stack | graphs | right | silently wrong | crashed | refused | undecided | not built | worst right |",
        "|---" * 9 + "|",
        *(_line(str(table.stack), [table]) for table in found),
    ]
    dialects = {"Keras 1": [t for t in found if t.stack.version < (2,)]}
    dialects["Keras 2"] = [t for t in found if t.stack.version >= (2,)]
    for name, part in dialects.items():
        if part:
            lines.append(_line(f"all of {name}", part))
    for name, part in dialects.items():
        if part:
            total, left = missing(part)
            lines += ["", f"{name}: {total - len(left)} of {total} pairs covered ({1 - len(left) / total:.1%}); not:"]
            lines += [f"  {item}" for item in left]
    for title, kind in (
        ("refused", "refused"),
        ("crashed", "crashed"),
        ("silently wrong", "wrong"),
        ("undecided", "undecided"),
    ):
        lines += ["", f"{title}:", *_reasons(found, kind)]
    lines += ["", "not built by old Keras:", *_unbuilt(found)]
    return "\n".join(lines)


def _line(name: str, found: list[Table]) -> str:
    counts = [
        sum(table.count(kind) for table in found) for kind in ("right", "wrong", "crashed", "refused", "undecided")
    ]
    unbuilt = sum("error" in row for table in found for row in table.graphs.values())
    right = [row["error"] for table in found for row in table.outcomes.values() if row["kind"] == "right"]
    share = f" ({counts[3] / max(1, sum(counts[:4])):.1%})"
    cells = [
        name,
        sum(counts[:4]),
        *counts[:3],
        f"{counts[3]}{share}",
        counts[4],
        unbuilt,
        f"{max(right, default=0):.1e}",
    ]
    return f"| {' | '.join(map(str, cells))} |"


def _reasons(found: list[Table], kind: str) -> list[str]:
    groups: dict[str, list[str]] = {}
    for table in found:
        for number, row in table.outcomes.items():
            if row["kind"] == kind:
                text = reason(row["message"]) if kind != "wrong" else f"off by {row['error']:.0e}"
                groups.setdefault(text, []).append(f"{table.stack}/{number}")
    ordered = sorted(groups.items(), key=lambda pair: -len(pair[1]))
    return [f"  {len(places)} {text}: {', '.join(places[:4])}" for text, places in ordered]


def _unbuilt(found: list[Table]) -> list[str]:
    reasons = Counter(
        f"{row['at']}: {reason(row['error'].splitlines()[0])}"
        for table in found
        for row in table.graphs.values()
        if "error" in row
    )
    return [f"  {count} {text}" for text, count in reasons.most_common(40)]
