"""A person's own layer or function in place of a layer that has no rule; see --replace."""

import inspect
from typing import TYPE_CHECKING, Any

import keras

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.rules.weights import loaded
from reprise_kit.port.keras_legacy.tree import Node

if TYPE_CHECKING:
    from reprise_kit.port.keras_legacy.rules.context import Apply, Context, Rule


def replaced(own: Any) -> "Rule":
    """Return the rule of a person's own layer or function; one that takes `mask` is given the mask of its input."""

    def builder(context: "Context", node: Node) -> "Apply":
        function = stand_in(own, context, node)
        call: Any = loaded(function, list(node.weights.values()), node) if node.weights else function

        def apply(x: Any) -> Any:
            given = [context.mask(one) for one in (x if isinstance(x, list) else [x])]
            if _takes_mask(function):
                return call(x, mask=given if isinstance(x, list) else given[0])
            if any(mask is not None for mask in given):
                context.notes.append(f"layer {node.name}: its replacement takes no `mask`; it sees all steps alike")
            return call(x)

        return apply

    return builder


def stand_in(own: Any, context: "Context", node: Node) -> Any:
    """Return what to call for a layer: a function, or a layer made of a class with the config keys that it takes."""
    if not isinstance(own, type):
        if node.weights and not isinstance(own, keras.layers.Layer):
            raise InputError(
                f"layer {node.name} ({node.class_name}): it has the weights {list(node.weights)[:8]}, which a function "
                "cannot take; give a class of keras.layers.Layer that makes them in the same order"
            )
        return own
    if not issubclass(own, keras.layers.Layer):
        return own()
    context.notes.append(f"layer {node.name}: the file needs {own.__module__}.{own.__name__} when it is loaded")
    takes = set(inspect.signature(own).parameters) - {"self", "name", "trainable"}
    layer = own(**{key: value for key, value in node.config.items() if key in takes})
    layer.name = context.name(node.name)
    return layer


def _takes_mask(function: Any) -> bool:
    try:
        return "mask" in inspect.signature(getattr(function, "call", function)).parameters
    except (TypeError, ValueError):  # a function without a signature
        return False
