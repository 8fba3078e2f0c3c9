"""An architecture and its weights in the words of Keras 1, and the dialect that they were written in."""

import re
from dataclasses import replace
from typing import Any

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects import keras0, keras2
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS0, KERAS1, KERAS2, TF_KERAS, Dialect

Document = dict[str, Any]
_MODELS = ("Model", "Functional", "Sequential", "Graph")
_LIST = {"name", "layers", "build_input_shape"}
_GRAPH = {"layers", "input_layers", "output_layers"}
_KERAS2_WORDS = re.compile(r"'(kernel_size|kernel_initializer|recurrent_initializer|gamma_initializer|units|use_bias)'")


def translated(document: Document, groups: list[Any], version: str | None) -> tuple[Document, list[Any], Dialect]:
    """Return an architecture and its groups of weights in Keras 1's words, and the dialect that they came in.

    version: the recorded one, or None. Raises InputError, naming the layer.
    """
    dialect = _dialect(document, version)
    document = document if dialect is KERAS0 else _model_of_its_own(document)
    if dialect is KERAS1:
        return document, groups, dialect
    if dialect is KERAS0:
        return keras0.architecture(document), groups, dialect

    renamed = [
        replace(group, arrays=[(keras2.weight_name(name), array) for name, array in group.arrays]) for group in groups
    ]
    return keras2.architecture(document, dialect), renamed, dialect


def _model_of_its_own(document: Document) -> Document:
    """Return the document of a person's own subclass of Model or Sequential as one of those: it has their form.

    What such a class does beyond its layers no file holds; verifying against the original shows it.
    """
    config = document["config"] if isinstance(document.get("config"), (dict, list)) else {}
    if document["class_name"] in _MODELS:
        return document
    if isinstance(config, list) or {"layers"} <= set(config) <= _LIST:
        return {**document, "class_name": "Sequential"}
    return {**document, "class_name": "Model"} if set(config) >= _GRAPH else document


def _dialect(document: Document, version: str | None) -> Dialect:
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
