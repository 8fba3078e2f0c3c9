"""A stage: one named array on the data path, and how closely two sides must agree on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError

Array = NDArray[Any]
MODES = ("chained", "isolated", "chained_redecoded")


class ToleranceRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tolerance as system.toml writes it; see `Tolerance`."""

    atol: float
    rtol: float
    reason: str
    equal: float = 0.0


class StageRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A [[stage]] of system.toml; see `Stage`. layer: of a Keras model, for pipelines read from their table."""

    name: str
    axes: tuple[str, ...]
    dtype: str
    unit: str
    source: str | tuple[str, ...]
    isolated: ToleranceRow | None = None
    chained: ToleranceRow | None = None
    chained_redecoded: ToleranceRow | None = None
    layer: str = ""


@dataclass(frozen=True)
class Tolerance:
    """|candidate - reference| <= atol + rtol * |reference|, in the stage's unit, and the measured reason.

    equal: the least share of values that must be bit-equal, for stages whose rounding itself is the point.
    """

    atol: float
    rtol: float
    reason: str
    equal: float = 0.0


@dataclass(frozen=True)
class Stage:
    """A row of system.toml.

    axes: names of the array's axes. source: the stage it is computed from ("clip" for the first), or the stages, where
    it takes more than one array. tolerances: one
    for each mode: `isolated` (the candidate is given the reference's own source array), `chained` (end to end) and
    `chained_redecoded` (end to end, where the two sides decoded a lossy codec with different decoders).
    """

    name: str
    axes: tuple[str, ...]
    dtype: str
    unit: str
    source: str | tuple[str, ...]
    tolerances: Mapping[str, Tolerance]

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the stages that it is computed from."""
        return (self.source,) if isinstance(self.source, str) else self.source

    def taken(self, arrays: Mapping[str, Array]) -> Array | tuple[Array, ...] | None:
        """Return what its source stages left: an array, or one for each of several; None where one is missing."""
        if not arrays.keys() >= set(self.sources):
            return None
        return arrays[self.source] if isinstance(self.source, str) else tuple(arrays[name] for name in self.source)

    @classmethod
    def from_row(cls, row: StageRow) -> "Stage":
        """Build a stage from its row; raises InputError where a tolerance or its reason is missing.

        isolated may be left out by a stage that starts from the input, chained_redecoded by any: it is then `chained`.
        """
        isolated = row.isolated or (row.chained if row.source == "clip" else None)
        tolerances = {}
        for mode, values in zip(MODES, (row.chained, isolated, row.chained_redecoded or row.chained), strict=True):
            if values is None or not values.reason.strip():
                raise InputError(f"stage {row.name}: no {mode} tolerance with a reason")
            tolerances[mode] = Tolerance(values.atol, values.rtol, values.reason, values.equal)
        return cls(row.name, row.axes, row.dtype, row.unit, row.source, tolerances)
