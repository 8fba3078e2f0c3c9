"""The layers that every Keras from 1.0.6 to 2.3.1 has, and the settings of any."""

from typing import Any

from . import settings
from .settings import NAMES
from .shapes import permuted, reshaped
from .vocabulary import Kind

PLAIN: dict[str, list[Any]] = {"name": NAMES, "trainable": [False, True]}

# They put values elsewhere and change none.
MOVING = [
    Kind(
        "Reshape",
        (1, 2, 3),
        {"target_shape": ["$flat", "$split", "$join", "$open", "$turned"]},
        reshaped,
        ("target_shape",),
        PLAIN,
        resolve=settings.target_shape,
    ),
    Kind(
        "Permute",
        (2, 3),
        {"dims": ["$turned", "$rotated", "$swapped"]},
        permuted,
        ("dims",),
        PLAIN,
        resolve=settings.dims,
    ),
    Kind("RepeatVector", (1,), {"n": [1, 2, 4]}, lambda args, shape: [args["n"], *shape], ("n",), PLAIN),
    Kind("Masking", (2, 3), {"mask_value": [0.0, -1.0, 2]}, rare=PLAIN, masks="make", open=True),
]
