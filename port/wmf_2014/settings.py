"""What a factorisation is told: a JSON file with every setting of benanne/wmf's own demo, and a seed."""

import math
from pathlib import Path
from typing import Literal

import msgspec

from reprise_kit.compare.errors import InputError

MOST_FACTORS = 1024


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings.

    confidence: "log", 1 + alpha log(1 + plays / epsilon), or "linear", 1 + alpha plays. factors: without the bias.
    penalty ("lambda" in the file): of squared factors, biases left out. iterations: each two half-iterations. init_std:
    of the songs' factors at the start. bias: a last column of biases. dtype: of the factors between half-iterations.
    """

    alpha: float
    epsilon: float
    factors: int
    iterations: int
    seed: int
    penalty: float = msgspec.field(name="lambda", default=1e-5)
    init_std: float = 0.01
    confidence: Literal["log", "linear"] = "log"
    bias: bool = False
    dtype: Literal["float16", "float32", "float64"] = "float32"

    def __post_init__(self) -> None:
        """Raise ValueError naming a setting out of bounds."""
        for name in ("alpha", "epsilon", "penalty", "init_std"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name} is {getattr(self, name)}: a finite number above 0 is wanted")
        for name, least, most in (("factors", 1, MOST_FACTORS), ("iterations", 1, 1000), ("seed", 0, 2**32 - 1)):
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} is {getattr(self, name)}: {least} to {most} are allowed")

    @property
    def columns(self) -> int:
        """Columns of a factor matrix."""
        return self.factors + self.bias


def load(path: Path) -> Settings:
    """Read settings; raises InputError naming the key that is unknown, missing or out of bounds."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Settings)
    except (msgspec.DecodeError, OSError) as error:
        raise InputError(f"{path}: no settings of wmf_2014: {' '.join(str(error).split())}") from None
