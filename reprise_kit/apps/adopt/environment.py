"""The environment that the evidence asks for: resolved as on its date, locked with hashes, installed afresh."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """python: its interpreter. variables: what a run must set beside it, HOME among them (with .keras/keras.json).

    lock: OUT/environment.lock. notes: what was decided, a line each.
    """

    python: Path
    variables: dict[str, str]
    lock: Path
    notes: list[str] = field(default_factory=list)
