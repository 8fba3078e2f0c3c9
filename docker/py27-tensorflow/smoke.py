"""Inside the image: versions, backend, float32, ffmpeg, and a forward pass that tells how the kernels run.

Fails with an assertion, or prints one line of JSON.
"""

from __future__ import print_function

import json
import subprocess

import shims

shims.apply()

import h5py
import keras
import librosa
import numpy as np
import scipy
import tensorflow
from keras import backend as K
from keras.layers import LSTM, Convolution1D, Input

VERSIONS = {"keras": "1.1.0", "librosa": "0.4.1", "scipy": "0.17.0", "h5py": "2.6.0"}
# TensorFlow and the numpy it goes with: 0.12 does not take the original's numpy.
PAIRS = {("0.10.0", "1.10.1"), ("0.12.1", "1.11.3")}


def plain_convolution(frames, kernel, bias):
    """What TensorFlow's Conv1D answers: kernels as stored, NOT flipped. (n, n_mels) -> (n - 4, n_filters)."""
    taps = kernel[:, 0]  # (length, n_mels, n_filters)
    n_out = len(frames) - len(taps) + 1
    return sum(np.dot(frames[k:k + n_out], tap) for k, tap in enumerate(taps)) + bias


def main():
    """Check everything; print what was found."""
    found = {m.__name__: m.__version__ for m in (keras, librosa, scipy, h5py)}
    assert found == VERSIONS, found
    assert (tensorflow.__version__, np.__version__) in PAIRS, (tensorflow.__version__, np.__version__)
    assert K.backend() == "tensorflow" and K.floatx() == "float32"
    ffmpeg = subprocess.check_output(["ffmpeg", "-version"]).split()[2]
    first = Input((None, 128))
    layer = Convolution1D(256, 5)
    convolved = layer(first)
    steps = LSTM(256, return_sequences=True)(convolved)
    frames = np.random.RandomState(0).normal(size=(60, 128))
    # Bare tensors, as a system written for Theano hands them over: the second shim's case.
    answer, states = (K.function([first, K.learning_phase()], out)([frames[None], 0])[0] for out in (convolved, steps))
    worst = np.abs(answer - plain_convolution(frames, *layer.get_weights())).max()
    assert worst < 1e-4, "TensorFlow's convolution is off by %g" % worst
    assert states.shape == (56, 256) and states.dtype == np.float32 and np.isfinite(states).all()
    print(json.dumps(dict(found, tensorflow=tensorflow.__version__, numpy=np.__version__, ffmpeg=ffmpeg,
                          backend="tensorflow", convolution_max_abs=float(worst)), sort_keys=True))


if __name__ == "__main__":
    main()
