"""Build every model of one version of Keras 1 or 2 and backend, and record files, inputs and real outputs.

    KERAS_BACKEND=theano python2.7 make.py OUT [NAME ...]

Writes OUT/<version>-<backend>/<model>/: model.json, model.yaml, weights.h5, whole.h5 (where the version can),
golden.npz with in_0.., out_0.. (float32; tokens int32; the whole batch is one prediction, so the batch size is
in_0's first axis) and OUT/<version>-<backend>/index.json: what was made, and what Keras itself refused and why.
"""

import json
import os
import shutil
import sys
import traceback
import zlib

import stack  # noqa: F401

sys.setrecursionlimit(20000)

import keras  # noqa: E402
import numpy as np  # noqa: E402
import yaml  # noqa: E402
from keras import backend as K  # noqa: E402

if keras.__version__ < "2":
    import models_conv  # noqa: F401
    import models_core
    import models_graph  # noqa: F401
    import models_rules  # noqa: F401
else:
    import models_2  # noqa: F401
    import models_core

import models_lambdas  # noqa: E402,F401

NAME = keras.__version__
BATCH = 4
TOKENS = 11


def weight_value(name, shape, random):
    """Values at which a mistake shows: running statistics away from 0 and 1, gains near 1, others spread."""
    base = name.split(":")[0].rsplit("_", 1)[0] if name.split(":")[0][-1:].isdigit() else name.split(":")[0]
    if base.endswith(("running_std", "running_variance", "moving_variance")):
        return random.uniform(0.3, 2.5, shape)
    if base.endswith("gamma"):
        return random.uniform(0.5, 1.5, shape)
    if len(shape) < 2:
        return random.normal(0, 0.4, shape)
    fan_in = np.prod(shape[:-1])
    return random.normal(0, max(0.15, min(0.6, 1.5 / np.sqrt(fan_in))), shape)


def set_weights(net, random):
    for weight in net.trainable_weights + net.non_trainable_weights:
        shape = K.get_value(weight).shape
        K.set_value(weight, weight_value(weight.name, shape, random).astype("float32"))


def sample(tensor, masking, random, place=0, tokens=False):
    """Values for one input; what is padded differs from row to row and, by `place`, from input to input."""
    shape = K.int_shape(tensor) if hasattr(K, "int_shape") else tensor._keras_shape
    shape = [BATCH] + [6 if size is None else size for size in shape[1:]]
    if tokens or "int" in K.dtype(tensor):
        numbers = random.randint(1, TOKENS, shape)
        for row in range(BATCH):  # trailing, leading and inner zeros
            if row and len(shape) > 1:
                numbers[row, [slice(-row, None), slice(0, 2), slice(2, 3)][(row + place) % 3]] = 0
        return numbers.astype("int32")
    values = random.normal(0, 1, shape).astype("float32")
    if masking is not None:
        for row in range(1, BATCH):
            values[row, [slice(-row, None), slice(0, 2), slice(2, 3)][(row + place) % 3]] = masking
    return values


def inputs_of(net, random):
    values = [layer.mask_value for layer in all_layers(net) if type(layer).__name__ == "Masking"]
    masking = values[0] if values else None
    tokens = type(net.layers[0]).__name__ == "Embedding"  # whose input tf.keras says is of floats
    return [sample(t, masking, random, place, tokens) for place, t in enumerate(net.inputs)]


def all_layers(net):
    found = []
    for layer in getattr(net, "layers", None) or []:
        found.append(layer)
        found.extend(all_layers(layer))
        for inner in ("layer", "forward_layer", "backward_layer"):
            if getattr(layer, inner, None) is not None:
                found.append(getattr(layer, inner))
                found.extend(all_layers(getattr(layer, inner)))
    return found


def train(net, inputs, optimizer):
    net.compile(optimizer, "mse")
    targets = [np.zeros_like(out) for out in predict(net, inputs)]
    net.train_on_batch(inputs if len(inputs) > 1 else inputs[0], targets if len(targets) > 1 else targets[0])


def predict(net, inputs):
    outputs = net.predict(inputs if len(inputs) > 1 else inputs[0], batch_size=BATCH)
    return outputs if isinstance(outputs, list) else [outputs]


def save(net, folder, trained):
    forms = []
    with open(os.path.join(folder, "model.json"), "w") as stream:
        stream.write(net.to_json())
    net.save_weights(os.path.join(folder, "weights.h5"), overwrite=True)
    forms.append("json")
    try:
        text = net.to_yaml()
        with open(os.path.join(folder, "model.yaml"), "w") as stream:
            stream.write(text)
        forms.append("yaml")
    except Exception as error:
        print("    no yaml: %r" % error)
    if trained:  # texts that hold a text: both seen in the wild
        with open(os.path.join(folder, "twice.json"), "w") as stream:
            json.dump(net.to_json(), stream)
        if "yaml" in forms:
            with open(os.path.join(folder, "twice.yaml"), "w") as stream:
                yaml.dump(net.to_yaml(), stream)
    if hasattr(net, "save"):
        try:
            if not trained:
                net.compile("sgd", "mse")
            net.save(os.path.join(folder, "whole.h5"))
            forms.append("whole")
        except Exception as error:
            print("    no whole: %r" % error)
            if os.path.exists(os.path.join(folder, "whole.h5")):
                os.remove(os.path.join(folder, "whole.h5"))
    return forms


def make(name, build, folder):
    seed = zlib.crc32(name.encode()) & 0x7FFFFFFF
    random = np.random.RandomState(seed)
    np.random.seed(seed)
    if hasattr(K, "clear_session") and K.backend() == "tensorflow":
        K.clear_session()
    if hasattr(K, "reset_uids"):
        K.reset_uids()
    net = build()
    optimizer = getattr(net, "trained_with", None)
    inputs = inputs_of(net, random)
    if optimizer:
        train(net, inputs, optimizer)
    if not getattr(net, "as_made", False):
        set_weights(net, random)
    net.reset_states()
    outputs = predict(net, inputs)
    for out in outputs:
        if not np.isfinite(out).all():
            raise ValueError("the original's own output is not finite")
    os.makedirs(folder)
    arrays = {"in_%d" % i: a for i, a in enumerate(inputs)}
    arrays.update({"out_%d" % i: np.asarray(a, "float32") for i, a in enumerate(outputs)})
    np.savez(os.path.join(folder, "golden.npz"), **arrays)
    classes = sorted({type(l).__name__ for l in all_layers(net)} - {"InputLayer"})
    return {"classes": classes, "forms": save(net, folder, optimizer), "weights": net.count_params(),
            "shapes": {k: list(v.shape) for k, v in arrays.items()}}


def main(out, names):
    backend = K.backend()
    root = os.path.join(out, "%s-%s" % (NAME, backend))
    index_path = os.path.join(root, "index.json")
    index = {"keras": keras.__version__, "backend": backend, "numpy": np.__version__, "batch": BATCH,
             "made": {}, "refused": {}}
    index[backend] = __import__(backend).__version__
    if names and os.path.exists(index_path):
        index = json.load(open(index_path))
    for name, build in models_core.MODELS:
        if names and name not in names:
            continue
        folder = os.path.join(root, name)
        shutil.rmtree(folder, ignore_errors=True)
        index["made"].pop(name, None)
        index["refused"].pop(name, None)
        try:
            index["made"][name] = make(name, build, folder)
        except Exception as error:
            shutil.rmtree(folder, ignore_errors=True)
            index["refused"][name] = ("%s: %s" % (type(error).__name__, error))[:300]
            if os.environ.get("VERBOSE"):
                traceback.print_exc()
        print("%s %s" % ("made   " if name in index["made"] else "refused", name))
        sys.stdout.flush()
    json.dump(index, open(index_path, "w"), indent=1, sort_keys=True)
    print("%d made, %d refused" % (len(index["made"]), len(index["refused"])))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
