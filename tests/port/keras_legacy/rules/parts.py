"""What the tests of single rules begin with: a context, a node, and what a rule's layers make of an input."""

from typing import Any

import keras
import numpy as np

from reprise_kit.port.keras_legacy import build  # noqa: F401  (it imports every rule)
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS1
from reprise_kit.port.keras_legacy.rules.context import RULES, Context
from reprise_kit.port.keras_legacy.tree import Node


def context(backend: str = "tensorflow", **settings: Any) -> Context:
    return Context(backend, **{"dialect": KERAS1, **settings})


def node(class_name: str, weights: dict[str, np.ndarray] | None = None, *children: Node, **config: Any) -> Node:
    return Node(class_name, class_name.lower(), config, list(children), weights=weights or {})


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def computed(made: Node, *x: np.ndarray, within: Context | None = None, apply: Any = None) -> Any:
    """What the rule of a node makes of one input or of a list of several; samples are not counted."""
    given = [keras.Input(one.shape[1:], dtype=one.dtype) for one in x]
    apply = apply or RULES[made.class_name](within or context(), made)
    model = keras.Model(given, apply(given if len(given) > 1 else given[0]))
    found = model(list(x), training=False)
    return [np.asarray(one) for one in found] if isinstance(found, (list, tuple)) else np.asarray(found)
