"""Which checkpoint answers, by one rule everywhere: the one given, else the original's, else the kit's own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.fetch import upstream_folder
from reprise_kit.compare.pins import refuse_altered_weights
from reprise_kit.compare.system import System
from reprise_kit.compare.walk import followed


@dataclass(frozen=True)
class Weights:
    """A checkpoint, the backend that it was saved under, and whose it is.

    origin: "given" by the person, "upstream" (the original's own) or "kit" (made by us: it has learnt nothing).
    """

    path: Path
    backend: str
    origin: Literal["given", "upstream", "kit"]

    @property
    def knows(self) -> bool:
        """Whether its answers can mean something: the kit's own weights were never taught."""
        return self.origin != "kit"

    def note(self, system: System) -> str | None:
        """What to say beside every answer, or None."""
        if self.knows:
            return None
        return f"the kit's own weights, which know no {_noun(system)} (reprise fetch {system.name})"


def find(
    system: System, given: Path | None = None, backend: str | None = None, upstream: Path | None = None
) -> Weights | None:
    """Return the checkpoint to use, or None where there is none.

    given: the person's own; raises InputError where it is no file, or where the original's is altered. backend: the
    one it was saved under, instead of the system's. upstream: the original's folder, instead of where `fetch` puts it.
    """
    chosen = backend or system.backend
    if given is not None:
        if not given.is_file():
            raise InputError(f"{given}: no such weights file; leave out --weights, or give a checkpoint that is there")
        own = followed(given) == (system.default_weights and followed(system.default_weights))
        return Weights(given, chosen, "kit" if own else "given")
    theirs = _of_upstream(system, upstream)
    if theirs is not None:
        return Weights(theirs, chosen, "upstream")
    own_file = system.default_weights
    return Weights(own_file, chosen, "kit") if own_file is not None and own_file.is_file() else None


def needed(
    system: System, given: Path | None = None, backend: str | None = None, upstream: Path | None = None
) -> Weights:
    """As `find`; raises InputError, with the command that brings it, where there is none."""
    found = find(system, given, backend, upstream)
    if found is None:
        raise InputError(f"{system.name}: no weights file here; give one with --weights, or {_remedy(system)}")
    return found


def _remedy(system: System) -> str:
    if system.file.upstream is not None:
        return f"get the original's with: reprise fetch {system.name}"
    if system.file.paper:
        return f"see docs/{system.name}.md: of a paper no weights were published"
    named = system.file.weights
    return f"put {named.path} into {system.folder}" if named else "name it in system.toml: [weights] path, backend"


def _of_upstream(system: System, upstream: Path | None) -> Path | None:
    """The original's checkpoint: in the system's own folder, or fetched; raises InputError on one that is altered."""
    pinned = system.file.weights
    if pinned is None:
        return None
    if (system.folder / pinned.path).is_file():
        return system.folder / pinned.path
    if system.file.upstream is None:
        return None
    folder = upstream or upstream_folder(system)
    refuse_altered_weights(system, folder)
    return folder / pinned.path if (folder / pinned.path).is_file() else None


def _noun(system: System) -> str:
    """What the labels are: the name of the answer's last axis."""
    return system.stages[-1].axes[-1].removeprefix("n_")
