"""A system: what its system.toml pins (upstream, weights, environments, stages), typed and checked key by key."""

import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import msgspec

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.stage import Stage, StageRow

# What holds original/ and port/: the checkout, or the package in an installation.
ROOT = Path(__file__).resolve().parents[1]
ORIGINAL = ROOT / "original"
RECORDER = ORIGINAL / "record"
OTHERS = "reprise_systems"  # the package that systems from elsewhere are modules of
CLIPS = Path(__file__).absolute().parents[1] / "clips"

LARGEST = 16 << 20  # bytes of a system.toml; one of a thousand stages has half a million
MOST_PARTS = 10_000_000  # tomllib keeps every beginning of a dotted key: the square of its parts

Backend = Literal["theano", "tensorflow", "none"]  # none: no network, so that no order of its kernels matters


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of system.toml: every key is known, and of its type."""


class PinnedFile(Row, frozen=True):
    """A file of the upstream: its path there, its git blob id, and whether the code runs without it.

    url, commit: given where it is of another repository, one that upstream needs and no package index has.
    """

    path: str
    blob: str
    optional: bool = False
    note: str = ""
    url: str = ""
    commit: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError on a path that leads out of the upstream's folder, and on a blob that is no id."""
        parts = PurePosixPath(self.path).parts
        if not parts or self.path.startswith("/") or ".." in parts:
            raise ValueError(f"path {self.path!r}: a path inside the upstream is wanted")
        if not re.fullmatch("[0-9a-f]{40}", self.blob):
            raise ValueError(f"blob {self.blob!r} of {self.path}: git's id of the file is wanted, 40 hex digits")


class Upstream(Row, frozen=True):
    """Where the original is: a repository, a commit, and every file that is taken from it."""

    url: str
    commit: str
    files: tuple[PinnedFile, ...]


class PinnedWeights(Row, frozen=True):
    """The original's own checkpoint: a path in upstream, or in the system's folder; the backend it was saved under."""

    path: str
    backend: Backend


class Fixture(Row, frozen=True):
    """A checkpoint that the kit made itself and ships in the system's folder; it knows nothing."""

    weights: str


class Environment(Row, frozen=True):
    """An environment of the era: its hashed lock, its image, if any, its Keras backend and its Python."""

    requirements: str
    image: str = ""
    backend: Backend = "none"
    python: str = "2.7"


class Node(Row, frozen=True):
    """The packages of an original that is JavaScript: a package-lock.json."""

    lock: str


class Demo(Row, frozen=True):
    """What the demo is told: whether to offer this system first, what part of a sound it hears, pipeline's options."""

    recommended: bool = False
    hears: str = ""
    options: dict[str, Any] = {}


class SystemFile(Row, frozen=True):
    """All of a system.toml.

    paper: where it was published, where nothing but a paper was: there is no original to run, and no adapter.
    input: "sound", or "file" for anything else. suffixes: of the files that a folder of inputs holds, where not sound.
    labels: names of the answer's last axis. parity: the largest difference as last measured, in words.
    """

    title: str
    licence: str
    stage: tuple[StageRow, ...]
    labels: tuple[str, ...]
    paper: str = ""
    parity: str = "not measured"
    input: Literal["sound", "file"] = "sound"
    suffixes: tuple[str, ...] = ()
    upstream: Upstream | None = None
    weights: PinnedWeights | None = None
    fixture: Fixture | None = None
    environments: dict[str, Environment] = {}
    node: Node | None = None
    demo: Demo = Demo()


@dataclass(frozen=True)
class System:
    """One system: its name, its folder, the package that its modules are in, and its system.toml."""

    name: str
    folder: Path
    package: str
    file: SystemFile

    @property
    def title(self) -> str:
        """One line."""
        return self.file.title

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the answer's last axis."""
        return self.file.labels

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The stages in data order; raises InputError where one lacks a tolerance or its reason."""
        return tuple(Stage.from_row(row) for row in self.file.stage)

    @property
    def files(self) -> tuple[PinnedFile, ...]:
        """Every pinned file of the original."""
        return self.file.upstream.files if self.file.upstream else ()

    @property
    def upstream(self) -> Upstream:
        """Where the original is; raises InputError where the system names none."""
        if self.file.upstream is None:
            raise InputError(f"{self.name} names no upstream in its system.toml: there is nothing to fetch")
        return self.file.upstream

    @property
    def backend(self) -> str:
        """The backend that the original's checkpoint was saved under; TensorFlow's order where nothing is said."""
        return self.file.weights.backend if self.file.weights else "tensorflow"

    @property
    def recorded(self) -> Path:
        """Folder of the traces recorded from the real original."""
        return self.folder / "recorded"

    @property
    def inputs(self) -> Path:
        """Folder of the inputs to show it on: its own `inputs/`, else, for a system that hears, the kit's clips."""
        own = self.folder / "inputs"
        return own if own.is_dir() or self.file.input != "sound" else CLIPS

    @property
    def default_weights(self) -> Path | None:
        """The checkpoint that ships with the kit, where one does."""
        return self.folder / self.file.fixture.weights if self.file.fixture else None

    def path(self, name: str) -> Path:
        """Return a path that system.toml names: in the system's own folder, else one of the kit's."""
        own = self.folder / name
        return own if own.exists() else ROOT / name


def _text(path: Path) -> str:
    """Return the text of a system.toml; raises InputError on what tomllib's time and memory have no bound for."""
    if not path.is_file():
        raise InputError(f"{path}: cannot be read: no plain file")
    if path.stat().st_size > LARGEST:
        raise InputError(f"{path}: {path.stat().st_size} bytes; a description of a system has at most {LARGEST}")
    text = path.read_text("utf-8")
    if sum(line.count(".") ** 2 for line in text.splitlines()) > MOST_PARTS:
        raise InputError(f"{path}: cannot be read: keys of too many parts")
    return text


def read(folder: Path, name: str, package: str) -> System:
    """Read `folder`/system.toml; raises InputError with one line: which key is missing, unknown or of another type."""
    path = folder / "system.toml"
    try:
        row = tomllib.loads(_text(path))
        system = System(name, folder, package, msgspec.convert(row, SystemFile))
        names = [stage.name for stage in system.stages]
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise InputError(f"{path}: cannot be read: lists or tables too deep in each other") from None
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: {error} (the keys: docs/own-system.md)") from None
    for stage in system.stages:
        unknown = [one for one in stage.sources if one not in names[: names.index(stage.name)]]
        if stage.source != "clip" and (unknown or not stage.sources):
            raise InputError(f"{path}: stage {stage.name} comes from {(*unknown, '')[0]!r}, no stage before it")
    if not names or len(set(names)) < len(names):
        raise InputError(f"{path}: {'two stages of one name' if names else 'no [[stage]]'}: every stage has its own")
    return system
