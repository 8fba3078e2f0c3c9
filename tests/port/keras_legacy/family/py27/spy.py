"""Python 2.7, a pytest plugin: keep every model that a test of Keras compiles, runs or saves, with its real outputs; alike ones once.

    KERAS_BACKEND=theano SPY_OUT=OUT SPY_RECORD=original/record python2.7 -m pytest -p spy keras/tests

Writes OUT/<version>-<backend>/<number>_<test>/: model.json, weights.h5, golden.npz as original/record makes it, and
OUT/<version>-<backend>/skipped.txt: what could not be kept, and why. A test that takes longer than SPY_SECONDS
(default 60) is ended, and what it has built until then is kept.
"""

import os
import re
import shutil
import signal
import sys

import stack  # noqa: F401

sys.setrecursionlimit(20000)

import keras  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
from keras import backend as K  # noqa: E402
from keras import models  # noqa: E402

clear_session, K.clear_session = getattr(K, "clear_session", lambda: None), lambda: None  # the tests call it too soon
sys.path.insert(0, os.environ["SPY_RECORD"])
from reprise_record import command, network, refusals, runs, writing  # noqa: E402

ROOT = os.path.join(os.environ["SPY_OUT"], "%s-%s" % (keras.__version__, K._BACKEND))
seen = []
kept = set()


class Outputs(network.Network):
    """Only the outputs: compiling every layer's costs hours."""

    def layers(self, inputs):
        return {}


def watch(cls, method):
    original = getattr(cls, method)

    def watched(self, *args, **kwargs):
        if not any(self is other for other in seen):
            seen.append(self)
        return original(self, *args, **kwargs)

    setattr(cls, method, watched)


for _class in (models.Model, models.Sequential):
    for _method in ("compile", "predict", "predict_on_batch", "to_json"):
        if _method in _class.__dict__ or _class is models.Model:
            watch(_class, _method)


def keep(model, folder):
    text = model.to_json()
    plain = re.sub(r"_\d+", "", text)
    if plain in kept:  # tests build most models twice: as they are, and from their config
        return
    kept.add(plain)
    os.makedirs(folder)
    with open(os.path.join(folder, "model.json"), "w") as stream:
        stream.write(text)
    model.save_weights(os.path.join(folder, "weights.h5"), overwrite=True)
    options = command.parse(["--weights", "weights.h5", "--out", "golden.npz", "--size", "6"])
    network = Outputs(keras, model)
    run, why, _ = runs.run_scales(network, options)
    arrays = dict(("in_%d" % i, value) for i, value in enumerate(run.inputs))
    arrays.update(run.arrays())
    chosen = K._BACKEND, __import__(K._BACKEND), (K.image_dim_ordering(), "")
    options.weights = None
    arrays["provenance"] = np.array(writing.provenance(options, keras, chosen, network, run, why).encode("ascii"))
    writing.write(os.path.join(folder, "golden.npz"), arrays)


def harvest(test):
    made, seen[:] = seen[:], []
    inner = [id(model.model) for model in made if getattr(model, "model", None) is not None]
    for model in made:
        if id(model) in inner or not getattr(model, "outputs", None):
            continue
        number = len(os.listdir(ROOT))
        folder = os.path.join(ROOT, "%04d_%s" % (number, re.sub(r"\W", "_", test)))
        try:
            keep(model, folder)
        except Exception as error:
            shutil.rmtree(folder, ignore_errors=True)
            with open(os.path.join(ROOT, "skipped.txt"), "a") as stream:
                stream.write("%s: %s: %s\n" % (test, type(error).__name__, refusals.one_line(error)))
    seen[:] = []
    if K._BACKEND == "tensorflow":
        clear_session()


def end(number, frame):
    raise RuntimeError("longer than SPY_SECONDS")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    signal.signal(signal.SIGALRM, end)
    signal.alarm(int(os.environ.get("SPY_SECONDS", 60)))
    yield
    signal.alarm(0)
    ordering = K.image_dim_ordering()
    harvest(item.name)
    K.set_image_dim_ordering(ordering)


if not os.path.isdir(ROOT):
    os.makedirs(ROOT)
