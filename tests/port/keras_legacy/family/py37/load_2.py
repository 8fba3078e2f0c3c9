"""Python 3.7: what the Keras of this process makes of recorded models, a line {"folder", "kind", "error"} for each.

    KERAS_BACKEND=tensorflow python3.7 load_2.py FOLDER ...
"""

import json
import os
import sys

import numpy as np
from keras import backend as K
from keras.models import load_model, model_from_json

TOLERANCE = 1e-5


def whole(folder):
    return load_model(os.path.join(folder, "whole.h5"), compile=False)


def parts(folder):
    with open(os.path.join(folder, "model.json")) as stream:
        model = model_from_json(stream.read())
    model.load_weights(os.path.join(folder, "weights.h5"))
    return model


def error_of(folder, load):
    with np.load(os.path.join(folder, "golden.npz")) as arrays:
        inputs = [arrays["in_%d" % i] for i in range(sum(key.startswith("in_") for key in arrays))]
        expected = [arrays["out_%d" % i] for i in range(sum(key.startswith("out_") for key in arrays))]
    found = load(folder).predict(inputs if len(inputs) > 1 else inputs[0], batch_size=len(inputs[0]))
    found = found if isinstance(found, list) else [found]
    if [a.shape for a in found] != [a.shape for a in expected]:
        return float("inf")
    return max(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30) for a, b in zip(found, expected))


for folder in sys.argv[1:]:
    errors = []
    for load in (whole, parts):
        try:
            errors.append(float(error_of(folder, load)))
        except Exception:
            pass
    kind = "refused" if not errors else "right" if min(errors) <= TOLERANCE else "wrong"
    print(json.dumps({"folder": folder, "kind": kind, "error": min(errors) if errors else None}))
    sys.stdout.flush()
    K.clear_session() if K.backend() == "tensorflow" else None
