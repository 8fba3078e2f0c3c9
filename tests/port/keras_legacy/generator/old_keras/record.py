"""Python 2.7 and 3: weights, live inputs, what real Keras answers to them, and every form of file it can save."""

import json
import os
import warnings

import keras
import numpy as np
from keras import backend as K
from network import BATCH, OLD

BACKEND = os.environ["KERAS_BACKEND"]
TOKENS = 9
TRIES = 4
# An output that moves by more than this under a change of the weights by float32's own rounding decides nothing.
ILL = 1e-4
SCALES = ("normal", "unit", "wide", "pixels")


class Undecided(Exception):
    """No weights and inputs were found on which this graph's outputs vary, are finite and are well conditioned."""


def weight_value(name, shape, random):
    """Values at which a mistake shows: running statistics away from 0 and 1, gains near 1, others spread."""
    base = name.split(":")[0]
    if any(word in base for word in ("running_std", "running_variance", "moving_variance")):
        return random.uniform(0.3, 2.5, shape)
    if base.endswith("gamma"):
        return random.uniform(0.5, 1.5, shape)
    if len(shape) < 2:
        return random.normal(0, 0.4, shape)
    return random.normal(0, max(0.15, min(0.6, 1.5 / np.sqrt(np.prod(shape[:-1])))), shape)


def draw_weights(net, random):
    """Return new values for every weight of the network, in its own order."""
    return [weight_value(w.name, shape_of(w), random).astype("float32") for w in weights_of(net)]


def shape_of(weight):
    """Without a run of the session."""
    return tuple(weight.get_shape().as_list()) if BACKEND == "tensorflow" else weight.get_value(borrow=True).shape


def weights_of(net):
    return net.trainable_weights + net.non_trainable_weights


def set_all(net, values):
    if BACKEND == "tensorflow":
        K.batch_set_value(list(zip(weights_of(net), values)))
    else:
        for weight, new in zip(weights_of(net), values):
            weight.set_value(new)


def sample(entry, scale, random):
    """Return one input (BATCH, ...): tokens for an integer input, else floats; padded steps where it is masked."""
    shape = [BATCH] + entry["shape"]
    if entry["dtype"] == "int32":
        values, pad = random.randint(1, TOKENS, shape).astype("int32"), 0
    else:
        values = {"normal": random.normal(0, 1, shape), "unit": random.uniform(0, 1, shape),
                  "wide": random.normal(0, 4, shape), "pixels": random.uniform(0, 255, shape)}[scale].astype("float32")
        pad = entry["pad"]
    if pad is not None and len(shape) > 1:
        for row in range(BATCH):  # trailing, leading and inner steps, other ones in every input; one row has none
            steps = [slice(-1 - random.randint(3), None), slice(0, 2), slice(2, 3), slice(0, 0)]
            values[row, steps[(row + random.randint(2)) % 4]] = pad
    return values


def predict(net, inputs):
    outputs = net.predict(inputs if len(inputs) > 1 else inputs[0], batch_size=BATCH)
    return [np.asarray(out, "float32") for out in (outputs if isinstance(outputs, list) else [outputs])]


def answers(net, sets):
    """Return the outputs of each set of inputs, from cleared states on."""
    net.reset_states()
    return [predict(net, inputs) for inputs in sets]


def live(net, graph, seed):
    """Return (input sets, output sets, noise of each output): weights are set so that the outputs vary."""
    reason = "nothing was tried"
    for attempt in range(TRIES):
        random = np.random.RandomState((seed + 7919 * attempt) % 2 ** 31)
        weights = draw_weights(net, random)
        other = SCALES[1 + random.randint(len(SCALES) - 1)]
        sets = [[sample(entry, scale, random) for entry in graph["inputs"]] for scale in ("normal", other)]
        shaken = [w * (1 + random.uniform(-1, 1, w.shape) * 1e-6).astype("float32") for w in weights]
        set_all(net, shaken)
        moved = answers(net, sets)
        set_all(net, weights)
        outs = answers(net, sets)
        kept, reason = usable(outs, moved)
        if 0 in kept:
            noise = [[float(np.abs(a - b).max()) if a.size else 0.0 for a, b in zip(outs[k], moved[k])] for k in kept]
            return [sets[k] for k in kept], [outs[k] for k in kept], noise
    raise Undecided(reason)


def usable(outs, moved):
    """Return the sets that decide something and why the last one left out does not."""
    kept, reason = [], ""
    for place, (out, shaken) in enumerate(zip(outs, moved)):
        why = [fault(a, b) for a, b in zip(out, shaken)]
        hard = [text for text in why if text not in ("", "dead")]
        if hard or all(why):
            reason = (hard or why)[0]
            if reason != "dead" or place == 0:
                break  # a stateful network goes on from what went before
        else:
            kept.append(place)
    return kept, reason


def fault(out, shaken):
    if not out.size:
        return "empty"
    if not np.isfinite(out).all():
        return "not finite"
    if np.ptp(out) == 0 or (out == out[:1]).all():
        return "dead"
    return "ill conditioned" if np.abs(out - shaken).max() > ILL * np.abs(out).max() else ""


def save(net, folder, trained):
    """Write every form of file that this Keras can write and return their names."""
    with open(os.path.join(folder, "model.json"), "w") as stream:
        stream.write(net.to_json())
    net.save_weights(os.path.join(folder, "weights.h5"), overwrite=True)
    forms = ["json"]
    for form, write in (("yaml", _yaml), ("whole", _whole)):
        try:
            write(net, folder, trained)
            forms.append(form)
        except Exception as error:  # some versions cannot: the other forms are there
            forms.append("no %s: %s" % (form, str(error)[:80]))
    return forms


def _yaml(net, folder, trained):
    text = net.to_yaml()
    with open(os.path.join(folder, "model.yaml"), "w") as stream:
        stream.write(text)


def _whole(net, folder, trained):
    path = os.path.join(folder, "whole.h5")
    try:
        if trained:
            net.compile("adam", "mse")
        net.save(path)
    except Exception:
        if os.path.exists(path):
            os.remove(path)
        raise


def record(net, spec, folder):
    """Record one network into `folder` and return what was made."""
    graph = spec["graph"]
    sets, outs, noise = live(net, graph, spec["seed"])
    os.makedirs(folder)
    for place, (inputs, outputs) in enumerate(zip(sets, outs)):
        arrays = {"in_%d" % i: a for i, a in enumerate(inputs)}
        arrays.update({"out_%d" % i: a for i, a in enumerate(outputs)})
        np.savez(os.path.join(folder, "golden%s.npz" % (place or "")), **arrays)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        forms = save(net, folder, spec.get("trained"))
    made = {"forms": forms, "noise": noise, "keras": keras.__version__, "backend": BACKEND}
    with open(os.path.join(folder, "spec.json"), "w") as stream:
        json.dump(dict(spec, made=made), stream)
    return made


assert OLD or keras.__version__.startswith("2.")
