"""The network in Keras 3: samples -> mel decibels -> 5 x [convolution, normalisation, ELU, pooling] -> 50 sigmoids.

The five feature extractors are the means over what leaves each block, 32 values each; what leaves the fifth is one
value for each channel already. One file, the fifth extractor's, holds the others' weights too.
"""

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.port.compact_cnn.layers import ClipNormalization, KapreMelgram
from reprise_kit.port.keras_legacy import convert, read
from reprise_kit.port.keras_legacy.fill import fitting
from reprise_kit.port.shared.choi.tags import TAGS

SAMPLE_RATE = 12_000  # Hz
N_SAMPLES = 348_000  # 29 s
N_MELS = 96
N_FILTERS = 32
POOLS = ((2, 4), (3, 4), (2, 5), (2, 4), (4, 4))  # (mels, frames)
N_FEATURES = N_FILTERS * len(POOLS)  # 160


def build(theano: bool, head: bool = True) -> keras.Model:
    """Return the network, untrained: (batch, 348000) float32 to (batch, 50), without `head` to the fifth features."""
    x = inputs = keras.Input((N_SAMPLES,), name="input")
    x = KapreMelgram(N_MELS, theano, name="melgram")(x)
    for number, pool in enumerate(POOLS):
        x = keras.layers.Conv2D(N_FILTERS, 3, padding="same", name=f"convolution2d_{number + 1}")(x)
        x = ClipNormalization(name=f"batchnormalization_{number + 1}")(x)
        x = keras.layers.ELU(name=f"elu_{number + 1}")(x)
        x = keras.layers.MaxPooling2D(pool, name=f"block_{number}")(x)
    x = keras.layers.Flatten(name="flatten_1")(x)
    if head:
        x = keras.layers.Dense(len(TAGS), activation="sigmoid", name="dense_1")(x)
    return keras.Model(inputs, x, name="compact_cnn")


def load(weights: Path, source_backend: str) -> keras.Model:
    """Return the network with the weights of a layer-4 file; a _tensorflow file has no head, and none is made up.

    Raises InputError where the file is another model's or leaves a weight over or unset.
    """
    stored = {layer.layer_name: [array for _, array in layer.arrays] for layer in read.weights(weights) if layer.arrays}
    needed = {"melgram", "ConvBNEluDr"}
    if not needed <= set(stored) <= needed | {"dense_1"} or len(stored["ConvBNEluDr"]) != 6 * len(POOLS):
        raise InputError(f"{weights.name}: not a weights_layer4 file of compact_cnn; the other four files lack blocks")
    model = build(source_backend == "theano", "dense_1" in stored)
    for name, arrays in _by_layer(stored, source_backend).items():
        with fitting(weights, name):
            model.get_layer(name).set_weights(arrays)
    return model


def _by_layer(stored: Mapping[str, list[np.ndarray]], backend: str) -> dict[str, list[np.ndarray]]:
    # The group of the nested model lists W, b, gamma, beta of each block and then all stored means and deviations,
    # which this normalisation never uses.
    blocks = stored["ConvBNEluDr"]
    arrays = {name: stored[name] for name in ("melgram", "dense_1") if name in stored}
    for number in range(len(POOLS)):
        kernel, bias, gamma, beta = blocks[4 * number : 4 * number + 4]
        arrays[f"convolution2d_{number + 1}"] = [convert.conv2d_kernel(kernel, backend, "th"), bias]
        arrays[f"batchnormalization_{number + 1}"] = [gamma, beta]
    return arrays


def feature_extractor(model: keras.Model) -> keras.Model:
    """Return a model of the 160 features, from the first block's to the fifth's: (batch, 348000) to (batch, 160)."""
    means = [keras.ops.mean(model.get_layer(f"block_{number}").output, axis=(1, 2)) for number in range(len(POOLS))]
    return keras.Model(model.input, keras.ops.concatenate(means, axis=1))
