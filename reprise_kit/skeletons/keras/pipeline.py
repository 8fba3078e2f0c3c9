"""The port: an old Keras network, read from its own files, behind a front end. Change `take_in` into your own.

The stages that leave a layer are named in system.toml (`layer = "..."`) and need no code.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reprise_kit.compare import registry
from reprise_kit.compare.contract import Traced
from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.pipeline import FrontEnd, LegacyKerasPipeline

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Options:
    """What a person may set, each with its default: nothing here."""


def take_in(path: Path) -> Traced:
    """Return `entering`, what enters the network, without a batch axis: here the array of a .npy file."""
    try:
        return Traced({"entering": np.load(path, allow_pickle=False)})
    except (OSError, EOFError, ValueError) as error:
        raise InputError(f"{path}: no array of numbers in a .npy file ({error})") from None


def open_pipeline(weights: Path, source_backend: str, options: Options) -> LegacyKerasPipeline:
    """Open the port."""
    architecture = next(iter(sorted(HERE.glob("model.[jy]*"))), None)  # none: the weights are a whole model
    return LegacyKerasPipeline(registry.load(HERE), architecture, weights, source_backend, FrontEnd(take_in))
