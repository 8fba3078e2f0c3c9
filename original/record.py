"""Record what a Keras-1 model computes, for `reprise migrate --verify`. Python 2.7, beside the old Keras.

    python record.py --architecture model.json --weights weights.h5 --out golden.npz
    python record.py --weights whole_model.h5 --inputs inputs.npz --layers --out golden.npz

Inputs are those of an .npz (in_0, in_1, ... in the model's order), or seeded random numbers in the model's
input shapes: whole numbers where an Embedding reads them, else normal. The whole batch is one predict call.
golden.npz holds in_*, out_* and, with --layers, layer_NAME of every layer called once; no pickles. This runs
the model's own code, Lambdas too: only record files that you trust. Arithmetic is Keras's own throughout.
"""

from __future__ import print_function

import argparse
import json
import os
import sys

import numpy as np


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", help="model.json or model.yaml; without it --weights is a whole model")
    parser.add_argument("--weights", required=True, help="weights.h5, or a whole model")
    parser.add_argument("--out", required=True, help="golden.npz")
    parser.add_argument("--inputs", help=".npz with in_0, in_1, ...")
    parser.add_argument("--samples", type=int, default=4, help="batch size of random inputs (default 4)")
    parser.add_argument("--size", type=int, default=16, help="length of axes that the model leaves open (default 16)")
    parser.add_argument("--seed", type=int, default=0, help="of random inputs (default 0)")
    parser.add_argument("--layers", action="store_true", help="record every layer's output too")
    parser.add_argument("--custom", action="append", default=[], metavar="NAME=MODULE:ATTRIBUTE",
                        help="a layer or function of your own that the model needs")
    return parser.parse_args(arguments)


def import_keras():
    """Import Keras; TensorFlow after 0.11 lacks one attribute that Keras 1 looks up."""
    sys.path.insert(0, os.getcwd())
    try:
        import tensorflow as tf
        from tensorflow.python.ops import control_flow_ops
        if not hasattr(tf, "python"):
            tf.python = type("python", (), {})
        if not hasattr(tf.python, "control_flow_ops"):
            tf.python.control_flow_ops = control_flow_ops
    except ImportError:
        pass
    import keras
    return keras


def custom_objects(pairs):
    found = {}
    for pair in pairs:
        name, target = pair.split("=", 1)
        module, attribute = target.split(":", 1)
        found[name] = getattr(__import__(module, fromlist=[attribute]), attribute)
    return found


def load_model(arguments):
    from keras import models
    custom = custom_objects(arguments.custom)
    if not arguments.architecture:
        return models.load_model(arguments.weights, custom_objects=custom)
    with open(arguments.architecture) as stream:
        text = stream.read()
    if arguments.architecture.endswith((".yaml", ".yml")):
        model = models.model_from_yaml(text, custom_objects=custom)
    else:
        if isinstance(json.loads(text), type(u"")):
            text = json.loads(text)  # encoded twice
        model = models.model_from_json(text, custom_objects=custom)
    model.load_weights(arguments.weights)
    return model


def all_layers(model):
    """Every layer, of nested models too."""
    for layer in getattr(model, "flattened_layers", None) or getattr(model, "layers", []):
        yield layer
        for inner in all_layers(layer):
            yield inner


def vocabulary(model, tensor):
    """The smallest number of rows of the Embeddings that read `tensor`, or None."""
    rows = []
    for layer in all_layers(model):
        if type(layer).__name__ == "Embedding":
            for node in layer.inbound_nodes:
                if any(source is tensor for source in node.input_tensors):
                    rows.append(int(layer.input_dim))
    return min(rows) if rows else None


def random_inputs(model, arguments):
    random = np.random.RandomState(arguments.seed)
    inputs = []
    for tensor in model.inputs:
        shape = tensor._keras_shape  # backend.int_shape came later
        sizes = [shape[0] or arguments.samples] + [size or arguments.size for size in shape[1:]]
        rows = vocabulary(model, tensor)
        if rows is not None:
            inputs.append(random.randint(0, rows, sizes).astype("int32"))
        else:
            inputs.append(random.standard_normal(sizes).astype("float32"))
    return inputs


def given_inputs(model, path):
    with np.load(path) as arrays:
        wanted = ["in_%d" % i for i in range(len(model.inputs))]
        missing = [key for key in wanted if key not in arrays.files]
        if missing:
            raise SystemExit("%s holds no %s; the model has %d inputs" % (path, missing[0], len(wanted)))
        return [arrays[key] for key in wanted]


def layer_outputs(model, inputs):
    """The output of every layer that is called once and gives one tensor, learning phase 0."""
    from keras import backend
    named = []
    for layer in getattr(model, "flattened_layers", None) or model.layers:
        nodes = [node for node in layer.inbound_nodes if node.output_tensors]
        if len(nodes) == 1 and len(nodes[0].output_tensors) == 1:
            named.append((layer.name, nodes[0].output_tensors[0]))
    tensors = [tensor for _, tensor in named]
    function = backend.function(model.inputs + [backend.learning_phase()], tensors)
    values = function(inputs + [0])
    return dict(("layer_" + name, np.asarray(value)) for (name, _), value in zip(named, values))


def provenance(keras, arguments):
    from keras import backend
    name = backend.backend() if hasattr(backend, "backend") else backend._BACKEND
    return json.dumps({
        "keras": keras.__version__, "backend": name, "backend_version": __import__(name).__version__,
        "numpy": np.__version__, "python": sys.version.split()[0], "seed": arguments.seed,
    }, sort_keys=True)


def main(arguments=None):
    arguments = parse(arguments)
    keras = import_keras()
    model = load_model(arguments)
    inputs = given_inputs(model, arguments.inputs) if arguments.inputs else random_inputs(model, arguments)
    outputs = model.predict(inputs if len(inputs) > 1 else inputs[0], batch_size=len(inputs[0]))
    outputs = outputs if isinstance(outputs, list) else [outputs]
    arrays = dict(("in_%d" % i, value) for i, value in enumerate(inputs))
    arrays.update(("out_%d" % i, value) for i, value in enumerate(outputs))
    if arguments.layers:
        arrays.update(layer_outputs(model, inputs))
    arrays["provenance"] = np.array(provenance(keras, arguments).encode("ascii"))
    temporary = arguments.out + ".part.npz"
    np.savez_compressed(temporary, **arrays)
    os.rename(temporary, arguments.out)
    print("recorded %s: %s" % (arguments.out, arrays["provenance"].item()))


if __name__ == "__main__":
    main()
