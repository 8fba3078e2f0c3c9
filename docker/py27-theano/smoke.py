"""Inside the image: versions, backend, float32, ffmpeg, and a forward pass of the layers the era's systems use.

Run once at build, it also fills Theano's compile cache. Fails with an assertion, or prints one line of JSON.
"""

from __future__ import print_function

import json
import subprocess
import time

import h5py
import keras
import librosa
import numpy as np
import scipy
import theano
from keras import backend as K
from keras.layers import LSTM, Activation, Convolution1D, Dense, Dropout, Input, Lambda, MaxPooling1D, TimeDistributed
from keras.models import Model

VERSIONS = {"keras": "1.1.0", "theano": "0.8.2", "librosa": "0.4.1", "numpy": "1.10.1", "scipy": "0.17.0", "h5py": "2.6.0"}
N_FRAMES, N_MELS, N_GENRES = 60, 128, 10


def network():
    """Every layer of the 2016 CRNN, untrained; the first convolution's output is kept."""
    first = x = Input((None, N_MELS))
    outputs = []
    for _ in range(3):
        x = Convolution1D(256, 5)(x)
        outputs.append(x)
        x = MaxPooling1D(2)(Activation("relu")(x))
    x = LSTM(256, return_sequences=True)(Dropout(0.5)(x))
    outputs.append(x)
    x = Activation("softmax")(TimeDistributed(Dense(N_GENRES))(Dropout(0.5)(x)))
    outputs.append(x)
    outputs.append(Lambda(lambda probs: K.mean(probs, axis=1), lambda shape: (shape[0], shape[2]))(x))
    return Model(first, outputs[-1]), first, outputs


def flipped_convolution(frames, kernel, bias):
    """What Theano's Conv1D answers: kernels run backwards in time. (n_frames, n_mels) -> (n_frames - 4, n_filters)."""
    taps = kernel[::-1, 0]  # (length, n_mels, n_filters)
    n_out = len(frames) - len(taps) + 1
    return sum(np.dot(frames[k:k + n_out], tap) for k, tap in enumerate(taps)) + bias


def main():
    """Check everything; print what was found."""
    started = time.time()
    found = {m.__name__: m.__version__ for m in (keras, theano, librosa, np, scipy, h5py)}
    assert found == VERSIONS, found
    assert K.backend() == "theano" and K.floatx() == theano.config.floatX == "float32"
    assert theano.config.cxx, "no C++ compiler: first predictions would take minutes"
    ffmpeg = subprocess.check_output(["ffmpeg", "-version"]).split()[2]
    model, first, outputs = network()
    frames = np.random.RandomState(0).normal(size=(N_FRAMES, N_MELS))
    # One function per output, as upstream reads its layers (bare tensors: only Theano's backend takes them).
    arrays = [K.function([first, K.learning_phase()], output)([frames[None], 0])[0] for output in outputs]
    kernel, bias = model.layers[1].get_weights()
    worst = np.abs(arrays[0] - flipped_convolution(frames, kernel, bias)).max()
    assert worst < 1e-4, "Theano's convolution is off by %g" % worst
    assert arrays[-2].dtype == np.float32 and np.allclose(arrays[-2].sum(axis=1), 1)
    assert np.allclose(arrays[-1], arrays[-2].mean(axis=0))
    print(json.dumps(dict(found, ffmpeg=ffmpeg, backend="theano", convolution_max_abs=float(worst),
                          seconds=round(time.time() - started, 1)), sort_keys=True))


if __name__ == "__main__":
    main()
