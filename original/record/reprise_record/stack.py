"""Bringing up the old Keras: its backend, itself without a keras.json, its image ordering."""

import importlib
import logging
import os
import pkgutil
import re
import shutil
import sys
import tempfile

import numpy as np

from reprise_record.refusals import Refused, one_line

BACKENDS = ("theano", "tensorflow", "cntk")
ORDERINGS = {"th": "channels_first", "tf": "channels_last"}


def installed(name):
    return pkgutil.find_loader(name) is not None


def choose_backend(options, saved_under):
    """Return (backend, why)."""
    if options.tf_keras:
        return "tensorflow", "tf.keras"
    if options.backend:
        return options.backend, "--backend"
    if os.environ.get("KERAS_BACKEND"):
        return os.environ["KERAS_BACKEND"], "KERAS_BACKEND"
    here = [name for name in BACKENDS if installed(name)]
    if saved_under in here:
        return saved_under, "the weights were saved under it"
    if saved_under:
        raise Refused("these weights were saved under %s, which is not installed here; install it, or say --backend %s "
                      "to record what that makes of them" % (saved_under, here[0] if here else "NAME"))
    if not here:
        raise Refused("neither Theano nor TensorFlow nor CNTK is installed in %s" % sys.executable)
    return here[0], "installed, and the files name none"


def give_theano_a_blas():
    """Theano has convolutions of the same size only with a BLAS to link to: NumPy's wheel carries one.

    NumPy has it loaded when Theano's modules ask for it by name, so that they need no search path.
    """
    flags = [flag for flag in os.environ.get("THEANO_FLAGS", "").split(",") if flag]
    given = set(flag.split("=")[0] for flag in flags)
    flags += [flag for flag in ("floatX=float32", "device=cpu") if flag.split("=")[0] not in given]
    place = os.path.dirname(np.__file__)
    for folder in (os.path.join(place, ".libs"), place + ".libs"):
        found = [name for name in (os.listdir(folder) if os.path.isdir(folder) else []) if "openblas" in name]
        if found and "blas.ldflags" not in given:
            flags.append("blas.ldflags=-L%s -l:%s" % (folder, found[0]))
            break
    os.environ["THEANO_FLAGS"] = ",".join(flags)


def import_backend(backend):
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if backend == "theano":
        give_theano_a_blas()
    try:
        module = importlib.import_module(backend)
    except Exception as error:
        raise Refused("cannot import %s in %s (%s: %s)" % (
            backend, sys.executable, type(error).__name__, one_line(error)))
    if backend == "tensorflow" and not hasattr(module, "python"):
        module.python = type("python", (), {})
    if backend == "tensorflow" and not hasattr(module.python, "control_flow_ops"):  # Keras 1 looks it up there
        try:
            module.python.control_flow_ops = importlib.import_module("tensorflow.python.ops.control_flow_ops")
        except ImportError:
            pass
    return module


def import_keras(options):
    """Import Keras with an empty home folder: a keras.json there may be another Keras's."""
    kept = dict((name, os.environ.get(name)) for name in ("HOME", "USERPROFILE", "KERAS_HOME"))
    empty = tempfile.mkdtemp()
    try:
        os.environ.update(HOME=empty, USERPROFILE=empty, KERAS_HOME=os.path.join(empty, ".keras"))
        keras = importlib.import_module("tensorflow.keras" if options.tf_keras else "keras")
        for name in ("backend", "models", "layers"):
            importlib.import_module(keras.__name__ + "." + name)
    except Exception as error:
        raise Refused("cannot import Keras in %s (%s: %s)" % (sys.executable, type(error).__name__, one_line(error)))
    finally:
        for name, value in kept.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        shutil.rmtree(empty, ignore_errors=True)
    if keras.__version__ == "0.2.0":  # so 0.3.0 calls itself; the other has no backend, and ended above
        keras.__version__ = "0.3.0"
    if not (0, 3) <= version_of(keras) < (2, 4):
        raise Refused("this is Keras %s; known are 0.3 to 2.3, and tf.keras of TensorFlow 1.x" % keras.__version__)
    return keras


def version_of(keras):
    return tuple(int(part) for part in re.findall(r"\d+", keras.__version__)[:2])


def choose_ordering(options, keras, text):
    """Set the image ordering of layers that do not save theirs; return (ordering, why)."""
    backend = keras.backend
    newer = hasattr(backend, "set_image_data_format")
    if not newer and not hasattr(backend, "set_image_dim_ordering"):
        return None, "saved with each layer"
    key = r"""(?:dim_ordering|data_format)["']?:\s*["']?"""
    said = set(re.findall(key + r"(th|tf|channels_first|channels_last)\b", text))
    said = set(dict((v, k) for k, v in ORDERINGS.items()).get(word, word) for word in said)
    silent = re.search(r"(ZeroPadding|UpSampling|Cropping)[23]D", text) and not newer
    if options.image_ordering:
        ordering, why = options.image_ordering, "--image-ordering"
    elif len(said) == 1:
        ordering, why = said.pop(), "as the architecture says"
    elif said and silent:
        raise Refused("its layers name both image orderings, and some none: give --image-ordering th or tf")
    else:
        shown = backend.image_data_format() if newer else backend.image_dim_ordering()
        ordering, why = "th" if shown in ("th", "channels_first") else "tf", "the default of Keras " + keras.__version__
    if newer:
        backend.set_image_data_format(ORDERINGS[ordering])
    else:
        backend.set_image_dim_ordering(ordering)
    return ordering, why
