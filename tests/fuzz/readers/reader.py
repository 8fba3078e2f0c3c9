"""What fuzzing knows of a reader."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

Seeds = Sequence[Any]


@dataclass(frozen=True)
class Reader:
    """A reader of files that are not ours, and what it is given.

    share: of all inputs, beside the other readers' shares. seeds: makes what inputs are drawn from, in a folder that
    stays. put: writes an input, drawn from the seeds, into an empty folder and returns the path to read. ask: reads it,
    and goes on as the kit would. allowed: programs that it runs. heavy: needs TensorFlow.
    """

    name: str
    share: int
    seeds: Callable[[Path], Seeds]
    put: Callable[[Seeds, Random, Path], Path]
    ask: Callable[[Path], Any]
    allowed: tuple[str, ...] = ()
    heavy: bool = False

    @property
    def folder(self) -> str:
        """Name of a folder for its files."""
        return self.name.replace(" ", "-").replace(",", "").replace("'", "")
