"""What a dialect of Keras is to the rules, and which one a file is written in."""

import re
from dataclasses import dataclass
from typing import Any

from reprise_kit.compare.errors import InputError


@dataclass(frozen=True)
class Dialect:
    """What the rules must know of the Keras that wrote a file.

    `name`: as said to a person. `kernels_last`: kernels lie as (k1, k2, n_in, n_out) whatever the image's ordering.
    `sized`: a transposed convolution computes its output's size and records none. `masks_of_2`:
    masks as Keras 2 handed them on, see rules/masks.py. `bilinear_from_corner`: bilinear up-sampling
    starts at a corner, not at half a pixel. `oldest`: the version to take where none is
    recorded, () where that must be asked.
    """

    name: str
    kernels_last: bool = False
    sized: bool = False
    masks_of_2: bool = False
    bilinear_from_corner: bool = False
    oldest: tuple[int, ...] = ()


KERAS0 = Dialect("Keras 0.3", oldest=(0, 3))
KERAS1 = Dialect("Keras 1")
KERAS2 = Dialect("Keras 2", kernels_last=True, sized=True, masks_of_2=True, bilinear_from_corner=True, oldest=(2,))
TF_KERAS = Dialect("tf.keras", kernels_last=True, sized=True, masks_of_2=True, oldest=(2,))


def dialect_of(document: dict[str, Any], version: str | None) -> Dialect:
    """Return the dialect of an architecture: by the recorded version, else by words that only Keras 2 has."""
    if "class_name" not in document:
        return KERAS0
    if version is None:
        return KERAS2 if _KERAS2_WORDS.search(str(document)) else KERAS1
    numbers = [int(part) for part in re.findall(r"\d+", version)[:2]]
    if numbers[:1] in ([0], [1], []):
        return KERAS1
    if numbers[:1] != [2]:
        raise InputError(f"this file is of Keras {version[:20]}; Keras before 3 is read here")
    return TF_KERAS if "tf" in version or numbers >= [2, 4] else KERAS2


_KERAS2_WORDS = re.compile(r"'(kernel_size|kernel_initializer|recurrent_initializer|gamma_initializer|units|use_bias)'")
