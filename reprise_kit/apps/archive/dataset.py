"""What an archive's OUT holds: parts of two Parquet tables that are only ever added to, and what decides their rows.

    rows/  one row for each distinct clip, found by its sha256
        sha256        of the clip's bytes; null for a file that could not be opened
        path          the first file met with these bytes, relative to the source; bytes that are not UTF-8 as \\xff
        path_bytes    the same name as it is on the disk, null where `path` holds it exactly
        error         why it could not be read, null where it could
        duration      seconds
        label         the label with the highest clip probability
        clip_probs    (n_labels,) float32
        step_probs    (n_steps, n_labels) float32, null where the system answers once per clip
        step_seconds  length of a step
        notes         one line for each habit of the original, or of this port, that changed what was heard
        again         whether the next run tries it once more: memory ran out, a worker was lost, the file changed
    files/  one row for each file met, with its `path`, `path_bytes`, the clip's `sha256`, and a fingerprint of its
            place, time and size: a file whose fingerprint is there is not opened again
    job.json  system, labels, the weights' hash and the options, which are also in each part's metadata

A clip's row is written before its files' rows, each part whole or not at all: what a kill costs is what was answered
since the last part.
"""

import io
import json
import re
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from reprise_kit.apps.archive.digests import Digests
from reprise_kit.apps.archive.rows import FILES, ROWS, Row
from reprise_kit.apps.archive.stores import Store
from reprise_kit.compare.errors import InputError

JOB = "job.json"
HASH = "^[0-9a-f]{64}$"
TABLES = {"rows": ROWS, "files": FILES}

Unreadable = tuple[str, str, bool]  # path, reason, whether it is tried again


class Dataset:
    """The parts of an archive; one run at a time adds those that its `prefix` begins."""

    def __init__(self, store: Store, identity: dict[str, Any], prefix: str = "") -> None:
        """Use a store's parts; raises InputError where another job made them."""
        self.store, self.prefix = store, prefix
        self.identity = json.dumps(identity, sort_keys=True)
        self._check_job()
        self.answered = Digests()  # clips that have a row for good
        self.known = Digests()  # files of these clips
        self._next = {table: self._first_free(table) for table in ("rows", "files")}

    def take_up(self) -> None:
        """Learn what earlier runs answered for good; drop this prefix's rows that are to be tried again."""
        for name in self.store.names("rows"):
            self.answered.add_all(self._kept(name).drop_null())
        for name in self.store.names("files"):
            if (part := self._part(name, ["sha256", "fingerprint"])) is not None:
                part = part.drop_null()
                self.known.add_all(part.filter(self.answered.among(part["sha256"]))["fingerprint"])

    def add(self, rows: list[Row], files: list[Row]) -> None:
        """Write a part of each table that has rows."""
        for table, schema, added in (("rows", ROWS, rows), ("files", FILES, files)):
            if added:
                self._write(f"{table}/{self.prefix}{self._next[table]:06d}.parquet", added, schema)
                self._next[table] += 1

    def parts(self, table: str) -> Iterable[pa.Table]:
        """Yield the parts of a table, one in memory at a time."""
        for name in self.store.names(table):
            if (part := self._part(name)) is not None:
                yield part

    def unreadable(self) -> list[Unreadable]:
        """Return path, reason, and whether it is tried again, of the clips whose row has an error."""
        found: list[Unreadable] = []
        for name in self.store.names("rows"):
            part = self._part(name, ["path", "error", "again"])
            if part is not None:
                bad = part.filter(pc.is_valid(part["error"]))
                found += zip(*(bad[column].to_pylist() for column in ("path", "error", "again")), strict=True)
        return found

    def _check_job(self) -> None:
        try:
            found = self.store.read(JOB)
        except FileNotFoundError:
            self.store.write(JOB, self.identity.encode())
            return
        if found != self.identity.encode():
            raise InputError(
                "begun with other weights or options; finish it with those, name another place, or remove it"
            )

    def _first_free(self, table: str) -> int:
        numbers = [self._number(name) for name in self.store.names(table)]
        return max((number + 1 for number in numbers if number is not None), default=0)

    def _number(self, name: str) -> int | None:
        """The number of a part of this run's, None of any other file."""
        found = re.fullmatch(rf"{re.escape(self.prefix)}([0-9]{{6,12}})\.parquet", name.rpartition("/")[2])
        return int(found[1]) if found else None

    def _kept(self, name: str) -> pa.ChunkedArray:
        """Return the hashes of a part's rows that stand; where it is this run's, write it without the others."""
        part = self._part(name, ["sha256", "again"])
        if part is None:
            return pa.chunked_array([], pa.string())
        stands = pc.invert(pc.fill_null(part["again"], False))
        kept = part.filter(stands)["sha256"]
        if len(kept) < len(part) and self._number(name) is not None:
            whole = pq.read_table(io.BytesIO(self.store.read(name)))
            self.store.write(name, self._packed(whole.filter(stands)))
        return kept

    def _part(self, name: str, columns: list[str] | None = None) -> pa.Table | None:
        """Read a part; one that is damaged or of another form is set aside, and its clips answered again."""
        try:
            part = pq.read_table(io.BytesIO(self.store.read(name)), columns=columns)
            _check_form(part, TABLES[name.split("/")[0]], columns)
            return part
        except (pa.ArrowException, OSError, ValueError):
            self.store.set_aside(name)
            return None

    def _write(self, name: str, rows: list[Row], schema: pa.Schema) -> None:
        table = pa.Table.from_pylist(rows, schema.with_metadata({"reprise": self.identity}))
        self.store.write(name, self._packed(table))

    @staticmethod
    def _packed(table: pa.Table) -> bytes:
        content = io.BytesIO()
        pq.write_table(table, content, write_page_checksum=True)
        return content.getvalue()


def _check_form(part: pa.Table, schema: pa.Schema, columns: list[str] | None) -> None:
    """Raise ValueError where a part is not of its table's form: other columns, other types, hashes that are none."""
    if not part.schema.equals(pa.schema([schema.field(column) for column in columns or schema.names])):
        raise ValueError("other columns")
    if "sha256" in part.column_names and pc.any(pc.invert(pc.match_substring_regex(part["sha256"], HASH))).as_py():
        raise ValueError("hashes that are none")
