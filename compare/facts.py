"""The table of what goes wrong in environments of Keras' first years (original/eras/facts.toml), as typed rows."""

import datetime
import functools
import re
import tomllib
from typing import Literal

import msgspec
from packaging.specifiers import SpecifierSet

from reprise_kit.compare.system import ROOT, Row

TABLE = ROOT / "original" / "eras" / "facts.toml"


class Keras(Row, frozen=True):
    """Keras' releases with their days, and from which on it chose otherwise where nothing says which."""

    releases: list[tuple[str, datetime.date]]
    oldest: str
    own_until: str
    tensorflow_default: str
    tf_ordering_default: str


class Library(Row, frozen=True):
    """A package of the system, or one that no index serves, that a module needs."""

    module: str
    package: str


class Debian(Row, frozen=True):
    """Debian packages that a package of the index, or a module, needs beside it."""

    debian: list[str]
    package: str = ""
    module: str = ""


class Display(Row, frozen=True):
    """What shows that a program opens windows."""

    modules: list[str]
    calls: list[str]


class Release(Row, frozen=True):
    """Releases of a package that are taken whatever the date."""

    package: str
    reason: str
    only: list[str] = msgspec.field(default_factory=list)
    least: str | None = None


class Broken(Row, frozen=True):
    """Releases of a package that are there and do not work; `package` is its module, too."""

    package: str
    versions: list[str]
    reason: str


class Wheels(Row, frozen=True):
    """Packages that are taken as wheels only."""

    packages: list[str]


class Fits(Row, frozen=True):
    """Versions of a package that a Keras runs on; never: those that it does not, even where they are stated."""

    keras: str
    package: str
    spec: str
    never: str = ""


class Symptom(Row, frozen=True):
    """What an environment leads to, where everything that the row names holds."""

    symptom: str
    cause: str
    remedy: str
    python: str = ""
    keras: str = ""
    packages: dict[str, str] = msgspec.field(default_factory=dict)
    absent: list[str] = msgspec.field(default_factory=list)
    backend: str | None = None
    ordering: Literal["th", "tf", "newer"] | None = None
    system: str | None = None


class Rules(Row, frozen=True):
    """The whole table."""

    standard_2: list[str]
    keras: Keras
    modules: dict[str, str]
    rarer: dict[str, str]
    system: list[Library]
    debian: list[Debian]
    display: Display
    release: list[Release]
    broken: list[Broken]
    same: dict[str, str]
    wheels: Wheels
    fits: list[Fits]
    symptom: list[Symptom]


@functools.cache
def load() -> Rules:
    """Return the table."""
    return msgspec.convert(tomllib.loads(TABLE.read_text()), Rules)


def numbers(version: str) -> tuple[int, ...]:
    """Return a version as numbers, the first three: "1.10.0" is (1, 10, 0)."""
    return tuple(int(n) for n in re.findall(r"\d+", version)[:3])


def fits_of(version: str) -> list[Fits]:
    """Return what a Keras runs on, [] for "", which is none."""
    return [fit for fit in load().fits if version and SpecifierSet(fit.keras).contains(version)]


def need(version: str, package: str) -> str:
    """Return the versions of a package that a Keras runs on, "" where any may do."""
    return next((fit.spec for fit in fits_of(version) if fit.package == package), "")


def keras_of(day: str) -> str | None:
    """Return the newest Keras of an ISO day, None before the first."""
    found = [version for version, first in load().keras.releases if first.isoformat() <= day]
    return max(found, key=numbers) if found else None


def keras_day(version: str) -> str | None:
    """Return the ISO day of a Keras' first upload, None for one that the table lacks."""
    return next((first.isoformat() for name, first in load().keras.releases if name == version), None)
