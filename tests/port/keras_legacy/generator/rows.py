"""The rows of a run's files: one JSON object a line, each with the number of its graph."""

import json
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def rows(path: Path) -> dict[int, Row]:
    """Return the rows of a file by number; a row that was half written does not count."""
    found: dict[int, Row] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        found[row["number"]] = row
    return found


def forget(out: Path, kinds: set[str]) -> None:
    """Drop the outcomes of these kinds, so that they are migrated again; the old stacks' files stay."""
    for path in out.glob("*/outcomes.jsonl"):
        kept = [row for row in rows(path).values() if row["kind"] not in kinds]
        part = path.with_suffix(".part")
        part.write_text("".join(json.dumps(row) + "\n" for row in kept))
        part.replace(path)
