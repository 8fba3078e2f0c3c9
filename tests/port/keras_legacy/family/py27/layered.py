"""Python 2.7, beside a real Keras 1: small models with every layer's output recorded, for tests of verifying.

    PYTHONPATH=... python2.7 layered.py OUT     (the environment that run.py makes for 1.2.2-theano)

Each is OUT/NAME.h5, a whole model, and OUT/NAME.npz as original/record writes it. Weights are set here, seeded.
"""

from __future__ import print_function

import json
import os
import sys

import stack  # noqa: F401
import keras
import numpy as np
import theano
from keras import backend
from keras.layers import LSTM, Activation, BatchNormalization, Convolution2D, Dense, Flatten, Lambda, MaxPooling2D, Merge
from keras.models import Sequential


def conv(name, filters, shape=None):
    first = {"input_shape": shape} if shape else {}
    return Convolution2D(filters, 3, 3, border_mode="same", dim_ordering="th", name=name, **first)


def image_net():
    return Sequential([
        conv("conv_a", 4, (2, 8, 6)), BatchNormalization(axis=1, name="normal"), Activation("relu", name="relu_a"),
        MaxPooling2D((2, 2), dim_ordering="th", name="pool"), conv("conv_b", 3), Activation("relu", name="relu_b"),
        Flatten(name="flat"), Dense(5, activation="softmax", name="classes")])


def sequence_net():
    return Sequential([
        LSTM(6, return_sequences=True, input_shape=(7, 3), name="lstm_a"), LSTM(4, name="lstm_b"),
        Dense(3, activation="sigmoid", name="gate")])


def logits_net():
    """Logits near 1,000 that lie close together: their rounding is all that the softmax is uncertain of."""
    return Sequential([Dense(6, input_dim=16, name="logits"), Activation("softmax", name="classes")])


def cancel_net():
    """2s - 1 of s near 0.5: what is left is near the rounding of 1."""
    return Sequential([
        Dense(1, input_dim=5, activation="sigmoid", name="half"), Lambda(lambda x: 2.0 * x - 1.0, name="signed")])


def dead_branch_net():
    """Two convolutions in a row on either side of a sum; the second side is dead after its first."""
    def branch(side):
        return Sequential([
            conv("first_" + side, 3, (1, 6, 6)), Activation("relu", name="relu_" + side), conv("second_" + side, 2)])
    return Sequential([
        Merge([branch("live"), branch("dead")], mode="sum", name="sum"), Flatten(name="flat"), Dense(2, name="out")])


def dead_net():
    """Dead where inputs are N(0, 1), alive from 0 to 255: what networks for raw images often are."""
    return Sequential([
        conv("conv_a", 3, (1, 6, 6)), Activation("relu", name="relu_a"), Flatten(name="flat"), Dense(2, name="out")])


def set_weights(model, name, random):
    for layer in getattr(model, "flattened_layers", None) or model.layers:
        arrays = layer.get_weights()
        values = [random.standard_normal(a.shape) / max(1, np.prod(a.shape[1:]) if a.ndim > 2 else a.shape[0]) ** 0.5
                  for a in arrays]
        if isinstance(layer, BatchNormalization):
            values[0], values[3] = 1 + 0.1 * values[0], np.abs(values[3]) + 0.05
        if layer.name == "logits":
            values = [0.05 * values[0], 1000.0 + 2 * np.abs(values[1])]
        if layer.name == "half":
            values = [1e-4 * values[0], 1e-3 + 0 * values[1]]
        if layer.name == "first_dead":
            values[1] = -100.0 + 0 * values[1]
        if name == "dead" and layer.name == "conv_a":
            values[1] = -20.0 + 0 * values[1]
        layer.set_weights([v.astype("float32") for v in values])


def record(model, inputs):
    layers = getattr(model, "flattened_layers", None) or model.layers
    given = [inputs] * len(model.inputs)
    values = backend.function(model.inputs + [backend.learning_phase()], [l.output for l in layers])(given + [0])
    found = dict(("layer_" + layer.name, np.asarray(v)) for layer, v in zip(layers, values))
    found.update(("in_%d" % i, inputs) for i in range(len(given)))
    found["out_0"] = model.predict(given if len(given) > 1 else inputs, batch_size=len(inputs))
    found["provenance"] = np.array(json.dumps({
        "keras": keras.__version__, "backend": "theano", "backend_version": theano.__version__,
        "numpy": np.__version__, "python": sys.version.split()[0]}, sort_keys=True).encode("ascii"))
    return found


def main(out):
    made = [("image", image_net, 1.0), ("sequence", sequence_net, 1.0), ("logits", logits_net, 1.0),
            ("cancel", cancel_net, 1.0), ("dead_branch", dead_branch_net, 1.0), ("dead", dead_net, 1.0)]
    for place, (name, build, scale) in enumerate(made):
        random = np.random.RandomState(place)
        model = build()
        set_weights(model, name, random)
        model.compile("sgd", "mse")
        model.save(os.path.join(out, name + ".h5"))
        inputs = (scale * random.standard_normal((4,) + model.inputs[0]._keras_shape[1:])).astype("float32")
        np.savez_compressed(os.path.join(out, name + ".npz"), **record(model, inputs))
        if name == "dead":
            inputs = random.uniform(0, 255, inputs.shape).astype("float32")
            np.savez_compressed(os.path.join(out, "dead_live.npz"), **record(model, inputs))
        print(name)


if __name__ == "__main__":
    main(sys.argv[1])
