"""The network in Keras 3, layer by layer and name by name as in model.json.

(n_frames, 128) log-mel -> 3 x [convolution -> batch normalisation -> ReLU -> max-pooling] -> per-step softmax;
825,610 weights. In training the mean over time came before the softmax, in the browser there is no mean.
"""

from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.port.deepsound_cnn_2018 import tfjs
from reprise_kit.port.deepsound_cnn_2018.front_end import HOP, SAMPLE_RATE
from reprise_kit.port.keras_legacy.fill import fitting

N_MELS = 128
N_GENRES = 10
N_FILTERS = 256
FILTER_LENGTH = 5  # frames
POOL = 2
SUFFIXES = ("", "_1", "_2")  # of the three blocks' layers
EPSILON = 1e-3  # of the batch normalisation
MOMENTUM = 0.9
FRAMES_PER_STEP = POOL ** len(SUFFIXES)
MIN_FRAMES = 36  # for one step: ((1 * 2 + 4) * 2 + 4) * 2 + 4
ROLES = {
    "Conv1D": ("kernel", "bias"),
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "Dense": ("kernel", "bias"),
}


def build() -> keras.Model:
    """Return the network, untrained: (batch, n_frames, 128) float32 to (batch, n_steps, 10), any n_frames >= 36."""
    x = inputs = keras.Input((None, N_MELS), name="input")
    for number, suffix in enumerate(SUFFIXES, 1):
        x = keras.layers.Conv1D(N_FILTERS, FILTER_LENGTH, name=f"convolution_{number}")(x)
        x = keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=f"batch_normalization{suffix}")(x)
        x = keras.layers.Activation("relu", name=f"activation{suffix}")(x)
        x = keras.layers.MaxPooling1D(POOL, name=f"max_pooling1d{suffix}")(x)
        x = keras.layers.Dropout(0.5, name=f"dropout{suffix}")(x)
    x = keras.layers.Dense(N_GENRES, name="time_distributed")(x)
    x = keras.layers.Activation("softmax", name="output_realtime")(x)
    return keras.Model(inputs, x, name="deepsound_cnn_2018")


def frames(log_mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return log-mel (n_frames, 128) as it is; raises InputError on fewer frames than one step needs."""
    if len(log_mel) < MIN_FRAMES:
        seconds = MIN_FRAMES * HOP / SAMPLE_RATE
        raise InputError(
            f"too short, {len(log_mel)} frames of the {MIN_FRAMES} that one answer needs; give at least {seconds:.1f} s"
        )
    return log_mel


def load(path: Path) -> keras.Model:
    """Return the network with the weights of a TensorFlow.js model; raises InputError where it is another model's."""
    layers, arrays = tfjs.read(path)
    model = build()
    names = [layer.get("name") for layer in layers if isinstance(layer, dict)]
    if names != [layer.name for layer in model.layers]:
        raise InputError(f"{path}: another model, its layers are {', '.join(map(str, names[:4]))} ...")
    left = dict(arrays)
    for layer in model.layers:
        roles = ROLES.get(type(layer).__name__, ())
        with fitting(path, layer.name):
            layer.set_weights([left.pop(f"{layer.name}/{role}") for role in roles])
    if left:
        raise InputError(f"{path}: another model, nothing takes its weight {next(iter(left))}")
    return model


def clip_probs(logits: np.ndarray) -> np.ndarray:
    """Return the clip's answer as the network was trained: softmax of the mean over time of (n_steps, 10) logits.

    (10,) float32; the logits are what leaves the layer time_distributed.
    """
    return np.asarray(keras.ops.softmax(logits.mean(axis=0)))
