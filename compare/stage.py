"""A stage: one named array on the data path, and how closely two sides must agree on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reprise_kit.compare.errors import InputError

MODES = ("isolated", "chained", "chained_redecoded")


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

    axes: names of the array's axes. source: the stage it is computed from ("clip" for the first). tolerances: one
    for each mode: `isolated` (the candidate is given the reference's own source array), `chained` (end to end) and
    `chained_redecoded` (end to end, where the two sides decoded a lossy codec with different decoders).
    """

    name: str
    axes: tuple[str, ...]
    dtype: str
    unit: str
    source: str
    tolerances: Mapping[str, Tolerance]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Stage":
        """Build a stage from a [[stage]] row; a missing tolerance or reason is an error of the kit."""
        tolerances = {}
        chained = row.get("chained")
        fallback = {"chained_redecoded": chained, "isolated": chained if row["source"] == "clip" else None}
        for mode in MODES:
            values = row.get(mode, fallback.get(mode))
            if not values or not str(values.get("reason", "")).strip():
                raise InputError(f"stage {row.get('name')}: no {mode} tolerance with a reason in system.toml")
            tolerances[mode] = Tolerance(
                float(values["atol"]), float(values["rtol"]), values["reason"], float(values.get("equal", 0.0))
            )
        return cls(row["name"], tuple(row["axes"]), row["dtype"], row["unit"], row["source"], tolerances)
