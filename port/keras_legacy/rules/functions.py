"""A program's own functions: Lambdas, and activations of its own. Their code is read, never run."""

from dataclasses import dataclass
from typing import Any

import keras

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import lambdas
from reprise_kit.port.keras_legacy.callees import known
from reprise_kit.port.keras_legacy.expression import Node as Expression
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, rule
from reprise_kit.port.keras_legacy.tree import Node

layers = keras.layers
# Same name and same function in Keras 1 and Keras 3.
STOCK_ACTIVATIONS = {"linear", "relu", "tanh", "sigmoid", "softplus", "softsign", "softmax", "elu"}

AS_IT_STANDS = {"Dense", "TimeDistributedDense", "Activation"}  # whose output is laid here as Keras laid it
ELEMENTWISE = {
    *("relu", "elu", "tanh", "sigmoid", "hard_sigmoid", "softplus", "softsign"),
    *("exp", "log", "abs", "square", "sqrt", "pow", "clip", "maximum", "minimum", "sign"),
}


@dataclass(frozen=True)
class Read:
    """An activation of the program's own, as its code reads; what it gives has the layer's name."""

    context: Context
    node: Node
    rule: lambdas.LambdaRule

    def __call__(self, x: Any) -> Any:
        """Return the expression on a tensor."""
        return _named(self.context, self.node, self.rule.apply(x, self.context.operations))


def own_activation(context: Context, node: Node) -> Apply | None:
    """Return what computes the activation of its own that a layer names: a person's function, or its code; or None."""
    name = node.config.get("activation")
    if not isinstance(name, str):
        return None
    given = context.given(name) if name in context.functions or name not in STOCK_ACTIVATIONS else None
    if given is not None or name not in context.functions:
        return given
    found = lambdas.recognise(context.functions[name])
    its = f"layer {node.name}: its activation {name[:80]} is the program's own function"
    if found is None:
        raise InputError(
            f"{its}, whose code is not one of the known shapes{lambdas.names_in(context.functions[name])}; give it "
            f"with --replace {name[:80]}=module:function"
        )
    if node.class_name not in AS_IT_STANDS and not is_elementwise(found.node):
        raise InputError(
            f"{its}, {found.text}, of more than each number by itself: a {node.class_name} lays it otherwise; give the "
            f"layer with --replace {node.name}=module:thing"
        )
    context.notes.append(f"layer {node.name}: the code of its activation {name} reads as {found.text}")
    return Read(context, node, found)


def acts_on_each_number(context: Context, node: Node) -> bool:
    """Return whether nothing that a layer computes with by code of the program's own looks at its input's axes."""
    code = context.functions.get(str(node.config.get("activation")))
    found = lambdas.recognise(code) if code else None
    return found is None or is_elementwise(found.node)


def is_elementwise(expression: Expression) -> bool:
    """Return whether each number of an expression hangs on the same number of its argument alone."""
    if expression.op == "call":
        name = (known(expression.args[0]) or "").rpartition(".")[2]
        parts = (*expression.args[1:], *(value for _, value in expression.keywords))
        return name in ELEMENTWISE and all(map(is_elementwise, parts))
    if expression.op in ("+", "-", "*", "/", "**", "negative"):
        return all(map(is_elementwise, expression.args))
    return expression.op in ("argument", "constant")


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
