"""Python 3, beside a TensorFlow of 1.13 to 2.15: the models of py37/models_2.py and models_tf.py, made by tf.keras.

    python make_tf.py OUT [NAME ...]      (py27/make.py tells the layout of OUT; <version> is tf2.8.4)

TensorFlow up to 2.5 holds its Keras inside; later ones bring it as the package `keras`, which is the same code.
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
# oneDNN answers some poolings of 2.15.1 wrongly (a maximum of 3 x 3 windows is none of their values): plain kernels.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [os.path.join(HERE, os.pardir, folder) for folder in ("py37", "py27")]

import tensorflow as tf  # noqa: E402

if not tf.keras.layers.Layer.__module__.startswith("keras."):
    sys.modules["keras"] = tf.keras
    for name in ("activations", "backend", "layers", "models"):
        sys.modules["keras." + name] = getattr(tf.keras, name)

import make  # noqa: E402
import models_tf  # noqa: E402, F401

make.NAME = "tf" + tf.__version__
make.main(sys.argv[1], sys.argv[2:])
