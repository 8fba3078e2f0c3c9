"""Inside an image: versions as locked, backend, float32, ffmpeg, and a forward pass of the layers of the era's systems.

The two convolutions tell how the backend runs its kernels: Theano flips them, TensorFlow does not. Run once at build,
this also fills Theano's compile cache. Fails with an assertion, or prints one line of JSON.
"""

from __future__ import print_function

import json
import os
import re
import subprocess
import time

BACKEND = os.environ["KERAS_BACKEND"]
if BACKEND == "tensorflow":
    import shims
    shims.apply()
    import tensorflow as engine
else:
    import theano as engine

import h5py
import keras
import librosa
import numpy as np
import scipy
from keras import backend as K
from keras.layers import (LSTM, Activation, BatchNormalization, Convolution1D, Convolution2D, Dense, Dropout, Flatten,
                          Input, Lambda, MaxPooling1D, MaxPooling2D, TimeDistributed)
from keras.layers.advanced_activations import ELU
from keras.models import Model
from scipy.signal import convolve2d, correlate2d

LOCK = "/locks/requirements.lock"
N_FRAMES, N_MELS, N_GENRES = 60, 128, 10
random = np.random.RandomState(0)


def versions():
    """Versions of what was imported, {name: version}; every one is the lock's."""
    with open(LOCK) as lock:
        lines = lock.read()
    # The second form is a wheel by its URL: tensorflow @ https://.../tensorflow-0.10.0-cp27-...
    locked = dict(re.findall(r"^([\w.-]+)==([^\s\\;]+)", lines, re.M))
    locked.update(re.findall(r"^([\w.-]+) @ \S+/[\w.]+-([\d.]+)-cp27", lines, re.M))
    found = dict((m.__name__, m.__version__) for m in (keras, librosa, np, scipy, h5py, engine))
    assert found == dict((name, locked[name]) for name in found), found
    return found


def crnn():
    """Every layer of the 2016 CRNN, untrained: (model, its input, outputs of the convolutions, LSTM, softmax, mean)."""
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


def convolution(frames, kernel, bias):
    """What Conv1D answers, (n_frames, n_mels) -> (n_frames - 4, n_filters): Theano runs kernels backwards in time."""
    if kernel.shape[-1] == 1:  # Keras 1.0 keeps (n_filters, n_mels, length, 1)
        kernel = kernel.transpose(2, 3, 1, 0)
    taps = kernel[:, 0]  # (length, n_mels, n_filters)
    taps = taps[::-1] if BACKEND == "theano" else taps
    n_out = len(frames) - len(taps) + 1
    return sum(np.dot(frames[k:k + n_out], tap) for k, tap in enumerate(taps)) + bias


def check_crnn():
    """Run the CRNN; return how far its first convolution is off."""
    model, first, outputs = crnn()
    frames = random.normal(size=(N_FRAMES, N_MELS))
    # One function per output, as upstream reads its layers: bare tensors, on TensorFlow the second shim's case.
    arrays = [K.function([first, K.learning_phase()], output)([frames[None], 0])[0] for output in outputs]
    states, steps, clip = arrays[-3:]
    assert states.dtype == np.float32 and states.shape[1] == 256 and np.isfinite(states).all()
    assert np.allclose(steps.sum(axis=1), 1) and np.allclose(clip, steps.mean(axis=0))
    return np.abs(arrays[0] - convolution(frames, *model.layers[1].get_weights())).max()


def check_tagger():
    """Run one block of the 2-D taggers and its tags; return how far its convolution is off."""
    first = Input((1, 24, 32))
    layer = Convolution2D(4, 3, 3, border_mode="same", dim_ordering="th")
    convolved = layer(first)
    activated = Dropout(0.5)(ELU()(BatchNormalization(axis=1)(convolved)))
    tags = Dense(50, activation="sigmoid")(Flatten()(MaxPooling2D((2, 4), dim_ordering="th")(activated)))
    image = random.normal(size=(24, 32))
    maps, probs = K.function([first, K.learning_phase()], [convolved, tags])([image[None, None], 0])
    assert probs.shape == (1, 50) and (probs > 0).all() and (probs < 1).all()
    kernels, bias = layer.get_weights()
    run = convolve2d if BACKEND == "theano" else correlate2d
    expected = np.array([run(image, kernel[0], "same") + b for kernel, b in zip(kernels, bias)])
    return np.abs(maps[0] - expected).max()


def main():
    """Check everything; print what was found."""
    started = time.time()
    found = versions()
    running = K.backend() if hasattr(K, "backend") else K._BACKEND  # Keras 1.0.6 has no function for it
    assert running == BACKEND and K.floatx() == "float32"
    if BACKEND == "theano":
        assert engine.config.floatX == "float32"
        assert engine.config.cxx, "no C++ compiler: first predictions would take minutes"
    ffmpeg = subprocess.check_output(["ffmpeg", "-version"]).split()[2]
    worst = max(check_crnn(), check_tagger())
    assert worst < 1e-4, "%s's convolution is off by %g" % (BACKEND, worst)
    print(json.dumps(dict(found, ffmpeg=ffmpeg, backend=BACKEND, convolution_max_abs=float(worst),
                          seconds=round(time.time() - started, 1)), sort_keys=True))


if __name__ == "__main__":
    main()
