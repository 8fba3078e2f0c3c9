"""A model of Keras 0.3, which has no calls."""

import numpy as np

from reprise_record.network import Source, listed


def numbered(layers):
    """Return (name, layer): Keras 0.3 names none; each gets its place, from 1, as `reprise migrate` names it."""
    return [("%s_%d" % (getattr(layer, "name", None) or type(layer).__name__.lower(), i + 1), layer)
            for i, layer in enumerate(layers)]


def taken(layer):
    """The shape that a first layer takes; an Embedding says its number of rows in the place of its steps."""
    shape = layer.input_shape
    return (shape[0], layer.input_length) if type(layer).__name__ == "Embedding" else shape


class OldNetwork(object):
    """A model of Keras 0.3: Sequential, or Graph with named inputs and outputs; layers are called once."""

    def __init__(self, keras, model):
        self.backend, self.model = keras.backend, model
        if hasattr(model, "input_order"):
            firsts, names = [model.inputs[name] for name in model.input_order], list(model.input_order)
            self.outputs = [model.outputs[name].get_output(False) for name in model.output_order]
            self.members = [(name, model.nodes[name]) for name in sorted(model.nodes)]
            self.tensors = [layer.input for layer in firsts]
        else:
            self.tensors = listed(model.get_input(False))
            firsts, names = self.firsts(model.layers[0]), ["input_%d" % i for i in range(len(self.tensors))]
            self.outputs = [model.get_output(False)]
            self.members = numbered(model.layers)
        self.sources = [Source(name, taken(layer), "int" in str(tensor.dtype), self.readers(layer))
                        for name, layer, tensor in zip(names, firsts, self.tensors)]
        self.functions = {}

    def firsts(self, layer):
        inner = getattr(layer, "layers", None)
        if type(layer).__name__ == "Merge":
            return [first for branch in inner for first in self.firsts(branch)]
        return self.firsts(inner[0]) if inner else [layer]

    def readers(self, layer):
        after = [other for other in self.every(self.model) if getattr(other, "previous", None) is layer]
        return [layer] + after

    def every(self, layer):
        inner = getattr(layer, "layers", None) or list(getattr(layer, "nodes", {}).values())
        return [layer] + [deeper for other in inner for deeper in self.every(other)]

    def run(self, key, inputs, tensors):
        if key not in self.functions:
            self.functions[key] = self.backend.function(self.tensors, tensors)
        for layer in self.every(self.model):
            if getattr(layer, "stateful", False) and hasattr(layer, "reset_states"):
                layer.reset_states()
        return [np.asarray(value) for value in self.functions[key](inputs)]

    def predict(self, inputs):
        return self.run("outputs", inputs, self.outputs)

    def layers(self, inputs):
        members = [(name, layer.get_output(False)) for name, layer in self.members]
        members = [(name, tensor) for name, tensor in members if not isinstance(tensor, dict)]
        values = self.run("layers", inputs, [tensor for _, tensor in members])
        return dict(("layer_" + name, value) for (name, _), value in zip(members, values))

    def inbound(self):
        return {}
