"""A small archive as one Parquet file: its clips' rows, each with every file of the source that has its bytes."""

from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from reprise_kit.apps.archive.dataset import Dataset
from reprise_kit.apps.archive.rows import JOINED, Row, all_named, named
from reprise_kit.apps.archive.sources import Source
from reprise_kit.compare.atomic import atomic_file


def write(out: Path, dataset: Dataset, source: Source) -> None:
    """Write the rows of the clips that are in the source now, a part in memory at a time; columns as `rows.JOINED`."""
    left = _names(dataset, source)
    schema = JOINED.with_metadata({"reprise": dataset.identity})
    with atomic_file(out) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for part in dataset.parts("rows"):
            rows = [_joined(row, left) for row in part.to_pylist()]
            writer.write_table(pa.Table.from_pylist([row for row in rows if row["paths"]], schema))


def _names(dataset: Dataset, source: Source) -> dict[str, list[Row]]:
    """Return the files of each clip, in the order of the source; of one that did not open, under its own name."""
    keys: dict[tuple[str, bytes | None], str] = {}
    for part in dataset.parts("files"):
        keys |= {_name(file): file["sha256"] for file in part.select(["path", "path_bytes", "sha256"]).to_pylist()}
    found: dict[str, list[Row]] = defaultdict(list)
    for entry in source.entries():
        about = named(entry.name)
        found[keys.get(_name(about)) or about["path"]].append(about)
    return found


def _name(file: Row) -> tuple[str, bytes | None]:
    return file["path"], file["path_bytes"]


def _joined(row: Row, left: dict[str, list[Row]]) -> Row:
    return row | all_named(left.pop(row["sha256"] or row["path"], []))
