"""An RNN of cells that a person defined: a file of Keras 2 names their classes and holds their weights, no code."""

from typing import Any

import keras

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.rules import masks
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, rule
from reprise_kit.port.keras_legacy.rules.replaced import stand_in
from reprise_kit.port.keras_legacy.rules.weights import loaded
from reprise_kit.port.keras_legacy.tree import Node

_FLAGS = ("return_sequences", "go_backwards", "stateful", "unroll")


@rule("RNN")
def rnn(context: Context, node: Node) -> Apply:
    """(n, n_steps, n_in) -> (n, n_steps, units) or, without return_sequences, (n, units)."""
    cells = _given(context, node)
    for key in ("num_constants", "return_state", "time_major", "zero_output_for_mask"):
        if node.config.get(key):
            raise InputError(f"layer {node.name}: an RNN with {key} is not supported; {whole(node.name)}")
    flags = {key: bool(node.config.get(key)) for key in _FLAGS}
    layer = keras.layers.RNN(cells if len(cells) > 1 else cells[0], name=context.name(node.name), **flags)
    call = loaded(layer, list(node.weights.values()), node)

    def apply(x: Any) -> Any:
        if isinstance(x, list) or masks.of_steps(context, node, x) is not None:
            what = "with states or constants" if isinstance(x, list) else "on masked steps"
            raise InputError(f"layer {node.name}: an RNN of your own cell {what} is not supported; {whole(node.name)}")
        return call(x)

    return apply


def of(config: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the documents of an RNN's cells."""
    cell = config.get("cell") or {}
    stacked = cell.get("class_name") == "StackedRNNCells"
    return list((cell.get("config") or {}).get("cells") or []) if stacked else [cell]


def whole(name: str) -> str:
    """Return how to give a layer that is not built."""
    return f"give the whole layer with --replace {name}=module:class"


def _given(context: Context, node: Node) -> list[Any]:
    """Return the cells made of the classes that were given for theirs, with the config keys that they take."""
    cells = [Node(str(one.get("class_name")), node.name, one.get("config") or {}) for one in of(node.config)]
    own = {cell.class_name: context.given(cell.class_name) for cell in cells}
    missing = [kind for kind, given in own.items() if not isinstance(given, type)]
    if missing:
        raise InputError(
            f"layer {node.name}: an RNN of {', '.join(missing)} is not supported; give a class that is a cell of "
            f"keras.layers.RNN with --replace {missing[0]}=module:class, or {whole(node.name)}"
        )
    return [stand_in(own[cell.class_name], context, cell) for cell in cells]
