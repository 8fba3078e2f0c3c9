"""Python 2.7 and 3: a long-lived process in the old stack; a graph a line in, what became of it a line out.

    python worker.py      {"spec": ..., "folder": ...}  ->  {"made": ...} or {"error": text, "at": build|run|save}
"""

import json
import os
import sys
import warnings

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # whatever Keras prints is no answer
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.simplefilter("ignore")
sys.setrecursionlimit(20000)
import stack  # noqa: E402,F401

import numpy as np  # noqa: E402
from keras import backend as K  # noqa: E402
from network import network  # noqa: E402
from record import BACKEND, Undecided, record  # noqa: E402


if BACKEND == "theano":
    from theano.sandbox.rng_mrg import MRG_RandomStreams

    # Random numbers are drawn in training only; seeding 15,360 streams in Python is most of a graph's time.
    MRG_RandomStreams.n_streams = lambda self, size: 1


def fresh():
    """Forget the last graph: a new TensorFlow session, names counted from one."""
    if BACKEND == "tensorflow":
        clear = getattr(K, "clear_session", clear_session)
        clear()
    if hasattr(K, "reset_uids"):
        K.reset_uids()


def clear_session():
    """What K.clear_session does in later versions: 1.0.6 has none."""
    import tensorflow as tf
    from keras.backend import tensorflow_backend

    tf.reset_default_graph()
    tensorflow_backend._SESSION = None
    tensorflow_backend._LEARNING_PHASE = tf.placeholder(dtype="uint8", name="keras_learning_phase")


def answer(task):
    """Build, run and save one graph."""
    at = "build"
    try:
        fresh()
        np.random.seed(task["spec"]["seed"] % 2 ** 32)
        if task["spec"].get("data_format"):
            K.set_image_data_format(task["spec"]["data_format"])
        net = network(task["spec"]["graph"])
        at = "run"
        return {"made": record(net, task["spec"], task["folder"])}
    except Undecided as error:
        return {"error": str(error), "at": "undecided"}
    except Exception as error:
        return {"error": ("%s: %s" % (type(error).__name__, error))[:300], "at": at}


if __name__ == "__main__":
    for line in iter(sys.stdin.readline, ""):
        answers.write(json.dumps(answer(json.loads(line))) + "\n")
        answers.flush()
