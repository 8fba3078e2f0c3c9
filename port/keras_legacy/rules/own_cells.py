"""An RNN of cells that a person defined: a file of Keras 2 names their classes and holds their weights, no code."""

import inspect
from typing import Any

import keras
from keras import ops

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.backend_functions import added
from reprise_kit.port.keras_legacy.layers import WithConstants
from reprise_kit.port.keras_legacy.rules import masks
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, integer, once, rule
from reprise_kit.port.keras_legacy.rules.replaced import stand_in
from reprise_kit.port.keras_legacy.rules.weights import loaded
from reprise_kit.port.keras_legacy.tree import Node

_FLAGS = ("return_sequences", "go_backwards", "stateful", "unroll")
_REFUSED = ("return_state", "time_major", "zero_output_for_mask")


@rule("RNN")
def rnn(context: Context, node: Node) -> Apply:
    """(n, n_steps, n_in) -> (n, n_steps, units) or, without return_sequences, (n, units).

    In a list with it, in this order: first states, (n, units) each, and `num_constants` constants, (n, size) each.
    """
    cells = _given(context, node)
    for key in _REFUSED:
        if node.config.get(key):
            raise InputError(f"layer {node.name}: an RNN with {key} is not supported; {whole(node.name)}")
    n_constants = integer(node.config.get("num_constants") or 0, node, "num_constants")

    def make(given: list[Any]) -> Apply:
        cell = cells[0] if len(cells) == 1 else keras.layers.StackedRNNCells(cells)
        if n_constants:
            cell = _handed_constants(context, node, cells, cell, [given[0], *given[-n_constants:]])
        flags = {key: bool(node.config.get(key)) for key in _FLAGS}
        layer = keras.layers.RNN(cell, name=context.name(node.name), **flags)
        call = loaded(layer, list(node.weights.values()), node)

        def apply(given: list[Any]) -> Any:
            end = len(given) - n_constants
            states = {"initial_state": given[1:end]} if end > 1 else {}
            return call(beside(given[0], given[end:]) if n_constants else given[0], **states)

        return apply

    layer = once(make)

    def apply(x: Any) -> Any:
        given = x if isinstance(x, list) else [x]
        _check(context, node, cells, given, n_constants)
        return layer(given)

    return apply


def beside(x: Any, constants: list[Any]) -> Any:
    """Return x (n, n_steps, n_in) with each of the constants (n, size) behind every step."""
    zeros = ops.zeros_like(x[:, :, :1])
    return ops.concatenate([x, *(added(ops, zeros, ops.expand_dims(one, 1)) for one in constants)], -1)


def _handed_constants(context: Context, node: Node, cells: list[Any], cell: Any, given: list[Any]) -> Any:
    """Return what hands the constants behind a step's input to a cell, or to a stack of cells."""
    for one in cells:
        if "constants" not in inspect.signature(one.call).parameters:
            raise InputError(
                f"layer {node.name}: {type(one).__name__}.call takes no `constants`, which the file gives it"
            )
    sizes = [one.shape[-1] for one in given]
    if None in sizes or [len(one.shape) for one in given] != [3, *(2 for _ in given[1:])]:
        raise InputError(f"layer {node.name}: an RNN of steps and constants of other axes; {whole(node.name)}")
    context.needs.add(f"reprise>{WithConstants.__name__}")
    return WithConstants(cell, sizes)


def _check(context: Context, node: Node, cells: list[Any], given: list[Any], n_constants: int) -> None:
    n_states = len(given) - 1 - n_constants
    held = cells[0].state_size
    wanted = len(held) if isinstance(held, (list, tuple)) else 1
    what = ""
    if masks.of_steps(context, node, given[0]) is not None:
        what = "on masked steps"
    elif n_states and (len(cells) > 1 or n_states != wanted):
        what = f"with {n_states} states"
    if what:
        raise InputError(f"layer {node.name}: an RNN of your own cell {what} is not supported; {whole(node.name)}")


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
