"""Python 2.7 and 3: build the network of one drawn graph in whatever Keras is installed.

A graph is plain JSON: kind ("functional" or "sequential"), inputs, layers by name, steps (which layer is called
on which tensors, giving which), outputs; `..draw` writes it. Nothing here decides anything.
"""

import copy

import functions
import keras
from keras import layers
from keras.models import Model, Sequential

BATCH = 4
OLD = keras.__version__.startswith("1.")


def network(graph):
    """Return the Keras model of a graph."""
    return _sequential(graph) if graph["kind"] == "sequential" else _functional(graph)


def value(drawn):
    """Return a setting: regularizers and constraints are written as {"$": [module, name, arguments]}."""
    if isinstance(drawn, dict) and "$" in drawn:
        module, name, arguments = drawn["$"]
        return getattr(getattr(keras, module), name)(*arguments)
    if isinstance(drawn, list):
        return tuple(value(part) for part in drawn)
    return str(drawn) if type(drawn).__name__ == "unicode" else drawn


def layer(spec, **more):
    """Return a new layer of a spec: class, args, and what it holds (inner, graph, function)."""
    args = {str(key): value(drawn) for key, drawn in spec["args"].items()}
    args.update(more)
    kind = spec["class"]
    if "graph" in spec:
        inner = network(spec["graph"])
        if args.get("name"):
            inner.name = args["name"]
        return inner
    if "cells" in spec:
        return layers.RNN([layer(cell) for cell in spec["cells"]], **args)
    if "inner" in spec:
        return getattr(layers, kind)(layer(spec["inner"]), **args)
    if "function" in spec:
        table = functions.ONE if kind == "Lambda" else functions.TWO
        args["mode" if kind == "Merge" else "function"] = table[spec["function"]]
    if "output_mask" in spec:
        args["output_mask"] = functions.MASKS[spec["output_mask"]]
    if kind == "PReLU" and "initial" in spec:
        args["init"] = spec["initial"]
    return getattr(layers, kind)(**args)


def _input(entry):
    kwargs = {"name": str(entry["name"]), "dtype": str(entry["dtype"])}
    if entry["batch"]:
        return layers.Input(batch_shape=tuple([BATCH] + entry["declared"]), **kwargs)
    return layers.Input(shape=tuple(entry["declared"]), **kwargs)


def _first_shape(entry):
    shape = tuple(entry["declared"])
    if entry["batch"]:
        return {"batch_input_shape": (BATCH,) + shape}
    return {"input_shape": shape}


def _sequential(graph):
    net = Sequential(name=graph["name"]) if graph.get("name") else Sequential()
    steps = list(graph["steps"])
    if graph.get("branches"):
        merge = graph["layers"][steps.pop(0)["layer"]]
        net.add(layer(merge, layers=[network(branch) for branch in graph["branches"]]))
    elif graph.get("input_layer"):
        entry = graph["inputs"][0]
        shape = {"batch_input_shape": tuple([BATCH if entry["batch"] else None] + entry["declared"])}
        if not OLD:
            shape["dtype"] = str(entry["dtype"])
        else:
            shape["input_dtype"] = str(entry["dtype"])
        net.add(layers.InputLayer(**shape))
    made = {}
    for place, step in enumerate(steps):
        name = step["layer"]
        first = place == 0 and not graph.get("branches") and not graph.get("input_layer")
        if name not in made:
            spec = graph["layers"][name]
            if first and "graph" not in spec:
                made[name] = _with_shape(spec, graph["inputs"][0])
            else:
                made[name] = layer(spec)
        net.add(made[name])
    return net


def _with_shape(spec, entry):
    """A first layer records the shape of what comes in; an Embedding's is decided by input_length."""
    if spec["class"] == "Embedding":
        if entry["batch"]:
            return layer(spec, batch_input_shape=(BATCH,) + tuple(entry["declared"]))
        if len(entry["declared"]) == 1 and entry["declared"][0] is not None:
            return layer(spec, input_length=entry["declared"][0])
        return layer(spec, input_shape=tuple(entry["declared"])) if len(entry["declared"]) > 1 else layer(spec)
    return layer(spec, **_first_shape(entry))


def _functional(graph):
    tensors = {entry["name"]: _input(entry) for entry in graph["inputs"]}
    made = {}
    for step in graph["steps"]:
        name = step["layer"]
        spec = graph["layers"][name]
        given = [tensors[source] for source in step["from"]]
        if spec["class"] == "Merge" and spec.get("as") == "function":
            out = _merge_function(spec, given)
        else:
            if name not in made:
                made[name] = layer(spec)
            out = made[name](given if len(given) > 1 else given[0])
        outs = out if isinstance(out, (list, tuple)) else [out]
        tensors.update(zip(step["to"], outs))
    ins = [tensors[entry["name"]] for entry in graph["inputs"]]
    outs = [tensors[name] for name in graph["outputs"]]
    ins, outs = (part[0] if len(part) == 1 else part for part in (ins, outs))
    name = {"name": str(graph["name"])} if graph.get("name") else {}
    return Model(input=ins, output=outs, **name) if OLD else Model(inputs=ins, outputs=outs, **name)


def _merge_function(spec, given):
    args = copy.copy(spec["args"])
    kwargs = {str(key): value(drawn) for key, drawn in args.items()}
    if "function" in spec:
        kwargs["mode"] = functions.TWO[spec["function"]]
    if "output_mask" in spec:
        kwargs["output_mask"] = functions.MASKS[spec["output_mask"]]
    return layers.merge(given, **kwargs)
