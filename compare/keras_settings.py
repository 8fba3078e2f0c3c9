"""What Keras is set to in a program that imports the kit: where it is not what the kit computes with, it is refused.

A command sets its own (`cli.py`). A library changes none of the program's, and would be wrong with others without a
word, or end far inside Keras.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from reprise_kit.compare.errors import InputError

WANTED = {
    "backend": "tensorflow",
    "floatx": "float32",
    "image_data_format": "channels_last",
    "epsilon": 1e-7,
    "dtype_policy": "float32",
}


@contextmanager
def imported() -> Iterator[None]:
    """Import what imports Keras; raises InputError where Keras cannot be imported with its settings. Also a decorator.

    The backend may be one that is not installed, or an old Keras's, such as theano.
    """
    try:
        yield
    except (ImportError, ValueError):
        config = sys.modules.get("keras.src.backend.config")
        if "keras" not in sys.modules and config is not None:
            _refuse("backend", config.backend())
        raise


def refuse_others() -> None:
    """Raise InputError where Keras, if it was imported, has another setting than the kit's."""
    if "keras" not in sys.modules:
        return
    import keras

    for name, wanted in WANTED.items():
        found = getattr(keras.config, name)()
        found = getattr(found, "name", found)
        if found != wanted:
            _refuse(name, found)


def _refuse(name: str, found: object) -> NoReturn:
    raise InputError(
        f"Keras has {name} {found} in this program, the kit computes with {WANTED[name]}: set KERAS_BACKEND=tensorflow "
        "and KERAS_HOME=/dev/null before Keras is imported, or use the command `reprise`, which has its own"
    ) from None
