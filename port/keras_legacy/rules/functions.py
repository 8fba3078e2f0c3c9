"""A program's own functions: Lambdas, and activations of its own. Their code is read, never run."""

from typing import Any

import keras

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import lambdas
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, rule
from reprise_kit.port.keras_legacy.tree import Node

layers = keras.layers
# Same name and same function in Keras 1 and Keras 3.
STOCK_ACTIVATIONS = {"linear", "relu", "tanh", "sigmoid", "softplus", "softsign", "softmax", "elu"}


def own_activation(context: Context, node: Node) -> Any:
    """Return what computes the activation of its own that a layer names: a person's function, or its code; or None."""
    name = node.config.get("activation")
    if not isinstance(name, str):
        return None
    given = context.given(name) if name in context.functions or name not in STOCK_ACTIVATIONS else None
    if given is not None or name not in context.functions:
        return given
    found, short = lambdas.recognise(context.functions[name]), name[:80]
    if found is None:
        raise InputError(
            f"layer {node.name}: its activation {short} is the program's own function, whose code is not one of the "
            f"known shapes{lambdas.names_in(context.functions[name])}; give it with --replace {short}=module:function"
        )
    context.notes.append(f"layer {node.name}: the code of its activation {name} reads as {found.text}")
    return lambda x: _named(context, node, found.apply(x, context.operations))


@rule("Lambda")
def lambda_(context: Context, node: Node) -> Apply:
    """A function kept as marshalled bytecode: read as one of the common ones, never run."""
    found = lambdas.recognise(node.config)
    if found is None:
        raise InputError(
            f"layer {node.name}: a Lambda whose code is not one of the known shapes{lambdas.names_in(node.config)}, "
            f"and code in a file is never run; give the function with --replace {node.name}=module:function"
        )
    context.notes.append(f"layer {node.name}: the Lambda's bytecode reads as {found.text}")
    return lambda x: _named(context, node, found.apply(x, context.operations))


def _named(context: Context, node: Node, value: Any) -> Any:
    """Return the tensor, or the list of tensors, that a function gave, under the layer's name."""
    if isinstance(value, list):
        return [_named(context, node, one) for one in value]
    return layers.Activation("linear", name=context.name(node.name))(value)
