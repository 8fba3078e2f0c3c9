"""Nested and top-level models: from a tree of nodes to functional Keras 3 models."""

from typing import Any

import keras

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.config_keys import unknown_class
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS1
from reprise_kit.port.keras_legacy.rules.context import RULES, Apply, Context, Tensor, integer, naming, rule
from reprise_kit.port.keras_legacy.tree import CONTAINERS, Node

MAX_NESTING = 40
# What Keras 1 computed by the sizes that it was first built for.
_BY_SIZE = {"Cropping1D", "Cropping2D", "Cropping3D", "Reshape", "TimeDistributed", "Deconvolution2D"}
_BY_SIZE |= {"SimpleRNN", "LSTM", "GRU"}


def single(tensors: list[Tensor]) -> Any:
    """Return the tensor of a list of one, so that a model takes and gives an array and not a list."""
    return tensors[0] if len(tensors) == 1 else tensors


def inputs_of(context: Context, node: Node) -> list[Tensor]:
    """Return new keras.Inputs for every input of a model, in the model's order."""
    found = []
    for leaf in input_layers(node):
        with naming(leaf):
            found.append(_input(context, leaf))
    return found


def input_layers(node: Node) -> list[Node]:
    """Return the layers that record a model's inputs, in its order; one that two branches share counts once."""
    if node.class_name == "Model":
        by_name = {child.name: child for child in node.children}
        names = input_names(node)
        if unknown := [name for name in names if name not in by_name]:
            raise InputError(f"model {node.name}: its input comes from {unknown[0]!r}, which is no layer of it")
        return [by_name[name] for name in names]
    if node.class_name != "Sequential":
        return [node]
    if not node.children:
        raise InputError(f"model {node.name} has no layers")
    first = node.children[0]
    branches = first.children if first.class_name == "Merge" else [first]
    found = {id(leaf): leaf for branch in branches for leaf in input_layers(branch)}
    return list(found.values())


def input_names(node: Node) -> list[str]:
    """Return the names of a functional model's input layers.

    A layer that returned its input itself became, for Keras 1, the layer that the input comes from.
    """
    by_name = {child.name: child for child in node.children}
    names = []
    for entry in node.config["input_layers"]:
        name = str(entry[0])
        while name in by_name and in_place(by_name[name]) and by_name[name].inbound:
            name = by_name[name].inbound[0][0][0]
        names.append(name)
    return names


def in_place(node: Node) -> bool:
    """Return whether a layer of Keras 1 returned the tensor that it was given, or a Sequential of such layers did."""
    if node.class_name == "Sequential":
        return bool(node.children) and all(in_place(child) for child in node.children)
    if node.class_name in ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout"):
        return not 0.0 < float(node.config["p"]) < 1.0
    if node.class_name == "Lambda":
        from reprise_kit.port.keras_legacy import lambdas

        found = lambdas.recognise(node.config)
        return found is not None and found.name == "identity"
    linear = node.class_name == "Activation" and node.config.get("activation") == "linear"
    return linear or node.class_name in ("ActivityRegularization", "Layer")


def _input(context: Context, node: Node) -> Tensor:
    config = node.config
    shape = config.get("batch_input_shape")
    if shape is None and config.get("input_dim") is not None:
        length = config.get("input_length")
        recurrent = node.class_name not in ("Dense", "MaxoutDense", "Highway")
        shape = [None, length, config["input_dim"]] if recurrent else [None, config["input_dim"]]
    if not isinstance(shape, (list, tuple)) and node.class_name not in RULES and not context.replacement(node):
        raise unknown_class(node, context.dialect)
    if not isinstance(shape, (list, tuple)):
        raise InputError(
            f"layer {node.name}: the first layer of a model must record batch_input_shape; Keras 2.2 and 2.3 left it "
            f"out after an InputLayer: give the sizes of one input, as --input-shape {node.name}=28,28,1"
        )
    sizes = [None if size is None else integer(size, node, "batch_input_shape") for size in shape]
    dtype = str(config.get("input_dtype") or "float32")
    name = node.name if node.class_name == "InputLayer" else f"{node.name}_input"
    return keras.Input(
        batch_shape=sizes,
        dtype=dtype if dtype.startswith("int") else "float32",
        name=context.name(name),
        sparse=False,
    )


def outputs_of(context: Context, node: Node, inputs: list[Tensor], depth: int = 0) -> list[Tensor]:
    """Return a model's output tensors for given inputs; every layer is called here."""
    if depth > MAX_NESTING:
        raise InputError(f"models nested more than {MAX_NESTING} deep")
    if node.class_name == "Model":
        return _model_outputs(context, node, inputs)
    rest = node.children
    value = single(inputs)
    if rest and rest[0].class_name == "Merge" and rest[0].children:
        value = _merged(context, rest[0], inputs, depth)
        rest = rest[1:]
    for child in rest:
        value = context.call(child, value)
        record(context, child, value)
    return value if isinstance(value, list) else [value]


def _merged(context: Context, merge: Node, inputs: list[Tensor], depth: int) -> Tensor:
    """Return the output of a Merge that stands first in a Sequential and holds its branches."""
    leaves = {id(leaf): None for branch in merge.children for leaf in input_layers(branch)}
    given = dict(zip(leaves, inputs, strict=True))
    outputs = []
    for branch in merge.children:
        own = [given[id(leaf)] for leaf in input_layers(branch)]
        if branch.class_name in CONTAINERS:
            for output in outputs_of(context, branch, own, depth + 1):
                context.set_mask(output, None)  # Keras 1 hands no mask of a whole model to a Merge
                outputs.append(output)
        else:
            outputs.append(context.call(branch, own[0]))
            record(context, branch, outputs[-1])
    value = context.call(merge, outputs)
    record(context, merge, value)
    return value


def record(context: Context, node: Node, value: Any) -> None:
    """Remember a layer's output, in Keras 1's layout, under its Keras-1 name (the last call's, if shared)."""
    context.outputs[node.name] = value


def _model_outputs(context: Context, node: Node, inputs: list[Tensor]) -> list[Tensor]:
    """Call the layers of a functional model as soon as their sources are known."""
    done: dict[tuple[str, int, int], Tensor] = {}
    for name, tensor in zip(input_names(node), inputs, strict=True):
        done[name, 0, 0] = tensor
        context.outputs[name] = tensor
    starts = {child.name: _first_call(node, child) for child in node.children}
    pending = [(child, index) for child in node.children for index in range(len(child.inbound))]
    while pending:
        waiting = []
        for child, index in pending:
            sources = child.inbound[index]
            if all(source in done for source in sources):
                value = context.call(child, single([done[source] for source in sources]))
                record(context, child, value)
                for place, tensor in enumerate(value if isinstance(value, list) else [value]):
                    done[child.name, starts[child.name] + index, place] = tensor
            else:
                waiting.append((child, index))
        if len(waiting) == len(pending):
            names = sorted({child.name for child, _ in waiting})[:6]
            raise InputError(f"model {node.name}: the layers {names} wait for tensors that no layer makes")
        pending = waiting
    outputs = [(str(e[0]), int(e[1]), int(e[2])) for e in node.config["output_layers"]]
    missing = [key for key in outputs if key not in done]
    if missing:
        raise InputError(f"model {node.name}: no layer makes the output {missing[0]}")
    return [done[key] for key in outputs]


def _first_call(node: Node, child: Node) -> int:
    """Return the number of a layer's first call: 0, or 1 for a nested model, whose making counts as 0."""
    if child.class_name not in CONTAINERS:
        return 0
    uses = [source for other in node.children for call in other.inbound for source in call]
    uses += [(str(entry[0]), int(entry[1]), int(entry[2])) for entry in node.config["output_layers"]]
    return 0 if any(name == child.name and call == 0 for name, call, _ in uses) else 1


@rule("Sequential", "Model")
def nested(context: Context, node: Node) -> Apply:
    """A model used as a layer: its own functional model, called where the layer stands.

    Where there are masks its layers are laid flat into the model around it, so that masks pass in and out.
    """
    made: list[Any] = []

    def apply(x: Any) -> Any:
        tensors = x if isinstance(x, list) else [x]
        _check_sizes(context, node, tensors)
        if context.masked:
            return single(outputs_of(context, node, tensors))
        if not made:
            context.enter()
            inputs = [
                keras.Input(batch_shape=t.shape, dtype=t.dtype, name=context.name(f"{node.name}_in_{i}"))
                for i, t in enumerate(tensors)
            ]
            outputs = outputs_of(context, node, inputs)
            context.leave()
            made.append(keras.Model(single(inputs), single(outputs), name=context.name(node.name)))
        return made[0](single(tensors))

    return apply


def _check_sizes(context: Context, node: Node, tensors: list[Tensor]) -> None:
    """Refuse a model of other sizes than it is called on, where a layer of Keras 1 went by those of its own."""
    layers = [child for child in node.walk() if child.class_name in _BY_SIZE]
    if context.dialect is not KERAS1 or context.legacy_bugs == "fix" or not layers:
        return
    for leaf, x in zip(input_layers(node), tensors, strict=False):
        own: Any = leaf.config.get("batch_input_shape") if isinstance(leaf.config, dict) else None
        pairs = zip(own[1:], x.shape[1:], strict=False) if isinstance(own, (list, tuple)) else ()
        if any(None not in pair and pair[0] != pair[1] for pair in pairs):
            raise InputError(
                f"layer {layers[0].name}: Keras 1 went by the sizes that model {node.name} was made for, {own[1:]}, "
                f"not by those that it is called on, {list(x.shape[1:])}, which cannot be kept; say --legacy-bugs fix"
            )


@rule("InputLayer")
def input_layer(context: Context, node: Node) -> Apply:
    """An explicit input inside a Sequential: what comes in goes out."""
    return lambda x: x
