"""What a vocabulary of layers is: one `Kind` a class, its settings and their values as data, and how they are drawn.

A value may be a label ("$half") that `resolve` turns into a number once the shape is known; coverage counts labels.
"""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .shapes import Args, Shape, ShapeRule, same

Version = tuple[int, ...]
# TensorFlow's names of variables; a layer without variables may be called anything.
SCOPE = r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*"
UNRECORDED = ("UpSampling", "ZeroPadding", "Cropping", "Spatial")  # these do not save their ordering: one a graph
WEIGHTLESS = ("Activation", "Dropout", "Flatten", "Reshape", "Permute", "RepeatVector", "Masking", "LeakyReLU")
Resolve = Callable[[dict[str, Any], Shape, random.Random], dict[str, Any] | None]


@dataclass(frozen=True)
class Kind:
    """A legacy layer class: the ranks it takes (samples' axis aside), its settings, what it does with a mask.

    `needs`: settings always written. `rare`: settings that change nothing in a prediction, drawn seldom.
    `masks`: "pass", "drop" or "refuse". `open`: whether it may stand on an axis of undeclared size.
    `since`, `until`: the versions that have it; `only`: settings that only some have: (first, last, backend or "").
    """

    name: str
    takes: tuple[int, ...]
    options: Mapping[str, list[Any]]
    shape: ShapeRule = same
    needs: tuple[str, ...] = ()
    rare: Mapping[str, list[Any]] = field(default_factory=dict)
    masks: str = "refuse"
    open: bool = False
    since: Version = (0,)
    until: Version = (9,)
    only: Mapping[str, tuple[Version, Version, str]] = field(default_factory=dict)
    resolve: Resolve | None = None
    dtype: str = "float32"
    backend: str = ""

    def keys(self, version: Version, backend: str) -> dict[str, list[Any]]:
        """Return the settings that this version on this backend has."""
        found = {}
        for key, values in {**self.options, **self.rare}.items():
            low, high, only = self.only.get(key, ((0,), (9,), ""))
            if low <= version <= high and only in ("", backend):
                found[key] = values
        if backend == "tensorflow" and (version >= (2,) or self.name not in WEIGHTLESS):
            found["name"] = [name for name in found["name"] if re.fullmatch(SCOPE, name)]
        if "full" in found.get("border_mode", ()) and (backend == "tensorflow" or version < (1, 2)):
            found["border_mode"] = ["valid", "same"]
        return found

    def exists(self, version: Version, backend: str) -> bool:
        """Return whether a version on a backend has the class."""
        return self.since <= version <= self.until and self.backend in ("", backend)


def label(value: Any) -> str:
    """Return a value's name in the coverage: short, one line."""
    if isinstance(value, dict) and "$" in value:
        return str(value["$"][1])
    return str(value).replace(" ", "")


def draw_settings(
    kind: Kind, version: Version, backend: str, rng: random.Random, forced: Mapping[str, Any], ordering: str
) -> dict[str, Any]:
    """Return drawn settings (labels unresolved): needed ones always, common ones mostly, rare ones seldom."""
    drawn = {}
    for key, values in kind.keys(version, backend).items():
        if key in forced:
            drawn[key] = forced[key]
        elif key in ("dim_ordering", "data_format"):  # always written: the default hangs on a person's keras.json
            drawn[key] = ordering if kind.name.startswith(UNRECORDED) or rng.random() < 0.85 else rng.choice(values)
        elif key in kind.needs or rng.random() < (0.08 if key in kind.rare else 0.5):
            drawn[key] = rng.choice(values)
    return drawn


def settle(kind: Kind, drawn: Mapping[str, Any], shape: Shape, rng: random.Random) -> tuple[Args, Shape] | None:
    """Return (arguments, output shape), or None if these settings do not fit the shape."""
    args: dict[str, Any] | None = dict(drawn)
    if kind.resolve is not None:
        args = kind.resolve(dict(drawn), shape, rng)
    if args is None:
        return None
    out = kind.shape(args, shape)
    return None if out is None or min(out, default=0) < 1 or len(out) > 4 else (args, out)


def orderings(graph: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Return the orderings of a graph's layers: of those that do not record theirs, and of the others."""
    silent: set[str] = set()
    others: set[str] = set()
    parts = [spec["graph"] for spec in graph["layers"].values() if "graph" in spec] + graph.get("branches", [])
    for spec in graph["layers"].values():
        while "inner" in spec:
            spec = spec["inner"]
            parts += [spec["graph"]] if "graph" in spec else []
        ordering = spec["args"].get("dim_ordering")
        if ordering:
            (silent if spec["class"].startswith(UNRECORDED) else others).add(ordering)
    for part in parts:
        found = orderings(part)
        silent, others = silent | found[0], others | found[1]
    return silent, others
