"""A model of Keras 1.0 to 2.3: its inputs, outputs and the calls of its layers."""

import numpy as np


TOKENS_WITHOUT_EMBEDDING = 10  # whole numbers below this where an input is of whole numbers that no Embedding reads


def listed(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def shape_of(tensor):
    return getattr(tensor, "_keras_shape", None) or tuple(tensor.shape.as_list())


def fed_inputs(model):
    """Return the tensors that a call gives it: of Keras 2's Input(tensor=...) each has its value already."""
    return [tensor for tensor in listed(model.inputs) if getattr(tensor._keras_history[0], "is_placeholder", True)]


def sparse_matrix(value):
    from scipy.sparse import csr_matrix  # Keras has it only where a model takes one
    return csr_matrix(value)


def nodes_of(layer):
    return getattr(layer, "inbound_nodes", None) or getattr(layer, "_inbound_nodes", [])


class Source(object):
    """One input of a model: its shape, the rows of the Embedding that reads it, the value that stands for no step.

    is_sparse: whether it takes a sparse matrix; where its columns are left open it is a graph's, one for each sample.
    """

    def __init__(self, name, shape, whole, readers, is_sparse=False):
        self.name, self.shape, self.is_sparse = name, shape, is_sparse
        embeddings = [layer for layer in readers if type(layer).__name__ == "Embedding"]
        rows = [int(layer.input_dim) for layer in embeddings]
        self.rows = min(rows) if rows else TOKENS_WITHOUT_EMBEDDING if whole else None
        maskings = [layer.mask_value for layer in readers if type(layer).__name__ == "Masking"]
        self.padding = 0 if any(layer.mask_zero for layer in embeddings) else maskings[0] if maskings else None


class Network(object):
    """A model of Keras 1.0 to 2.3: its inputs, outputs and the calls of its layers."""

    def __init__(self, keras, model):
        self.backend, self.model = keras.backend, model
        self.calls = walk(model.outputs)
        tensors = fed_inputs(model)
        names = [name_of(tensor) for tensor in tensors]
        is_sparse = getattr(self.backend, "is_sparse", lambda tensor: False)
        self.sources = [Source(name, shape_of(tensor), "int" in str(self.backend.dtype(tensor)),
                               readers(self.calls, tensor), is_sparse(tensor)) for name, tensor in zip(names, tensors)]
        self.function = None

    def predict(self, inputs):
        self.reset()
        fed = self.fed(inputs)
        return listed(self.model.predict(fed if len(fed) > 1 else fed[0], batch_size=len(inputs[0])))

    def fed(self, inputs):
        """Return arrays as the model takes them: what is sparse there as a sparse matrix."""
        return [sparse_matrix(value) if source.is_sparse else value for source, value in zip(self.sources, inputs)]

    def reset(self):
        if getattr(self.model, "stateful", False):
            self.model.reset_states()

    def layers(self, inputs):
        """Return {layer_NAME or node_K_J_NAME: output}, not in training."""
        phase = self.backend.learning_phase()
        phases = [] if isinstance(phase, (int, bool)) else [phase]
        tensors = fed_inputs(self.model)  # TensorFlow 1.15 does not fetch what it is fed
        found = dict((key, inputs[i]) for key, t in self.named() for i, given in enumerate(tensors) if t is given)
        computed = [(key, tensor) for key, tensor in self.named() if key not in found]
        if self.function is None and computed:
            self.function = self.backend.function(tensors + phases, [tensor for _, tensor in computed])
        self.reset()
        values = self.function(self.fed(inputs) + [0] * len(phases)) if computed else []
        return dict(found, **dict((key, np.asarray(value)) for (key, _), value in zip(computed, values)))

    def named(self):
        found = []
        for layer, index, node in self.calls:
            tensors = listed(node.output_tensors)
            once = len(tensors) == 1 and sum(other is layer for other, _, _ in self.calls) == 1
            found += [("layer_%s" % layer.name if once else "node_%d_%d_%s" % (self.place(layer, index), j, layer.name),
                       tensor) for j, tensor in enumerate(tensors)]
        return found

    def place(self, layer, index):
        """Number the calls of a layer within this model."""
        return sorted(i for other, i, _ in self.calls if other is layer).index(index)

    def inbound(self):
        """Return {layer: for each call, [layer, call, output] of each of its inputs}."""
        found = {}
        for layer, _, node in sorted(self.calls, key=lambda call: call[1]):
            sources = zip(listed(node.inbound_layers), listed(node.node_indices), listed(node.tensor_indices))
            found.setdefault(layer.name, []).append(
                [[source.name, self.place(source, index), int(tensor)] for source, index, tensor in sources])
        return found


def name_of(tensor):
    return tensor._keras_history[0].name


def walk(outputs):
    """Return (layer, node index, node) of every call that the outputs depend on, inputs first."""
    calls, seen = [], set()
    stack = [(t._keras_history[0], t._keras_history[1], False) for t in reversed(listed(outputs))]
    while stack:
        layer, index, done = stack.pop()
        node = nodes_of(layer)[index]
        if done:
            calls.append((layer, index, node))
        elif (id(layer), index) not in seen:
            seen.add((id(layer), index))
            stack.append((layer, index, True))
            stack += [(source, i, False) for source, i in zip(listed(node.inbound_layers), listed(node.node_indices))]
    return calls


def readers(calls, tensor):
    """Return the layers that read a tensor, through layers without weights and into nested models and wrappers."""
    found = []
    for layer, _, node in calls:
        for i, source in enumerate(listed(node.input_tensors)):
            if source is not tensor or layer in found:
                continue
            inner = getattr(layer, "layer", None) or getattr(layer, "forward_layer", None) or layer
            if getattr(inner, "outputs", None) and getattr(inner, "layers", None):
                found += readers(walk(inner.outputs), listed(inner.inputs)[i])
                continue
            found.append(layer)
            if inner is not layer:
                found.append(inner)
            if not layer.get_weights():
                for output in listed(node.output_tensors):
                    found += readers(calls, output) if output is not tensor else []
    return found
