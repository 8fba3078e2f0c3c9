"""An architecture and its weights in the words of Keras 1."""

from dataclasses import replace
from typing import Any

from reprise_kit.port.keras_legacy.dialects import keras0, keras2
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS0, KERAS1, Dialect


def translated(document: dict[str, Any], groups: list[Any], dialect: Dialect) -> tuple[dict[str, Any], list[Any]]:
    """Return an architecture and its groups of weights in Keras 1's words. Raises InputError, naming the layer."""
    if dialect is KERAS1:
        return document, groups
    if dialect is KERAS0:
        return keras0.architecture(document), groups

    renamed = [
        replace(group, arrays=[(keras2.weight_name(name), array) for name, array in group.arrays]) for group in groups
    ]
    return keras2.architecture(document, dialect), renamed
