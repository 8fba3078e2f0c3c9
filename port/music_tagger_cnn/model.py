"""The CNN tagger in Keras 3, layer by layer and name by name as in the original.

(96 mels, 1366 frames) decibels -> normalisation per frame -> 5 x block -> 256 features -> 50 sigmoids.
Source: music_tagger_cnn.py of the pinned commit (system.toml).
"""

from pathlib import Path

import keras

from reprise_kit.port.keras_legacy.fill import fill
from reprise_kit.port.shared.choi.blocks import (
    KERAS_106_THEANO,
    TIME_AXIS,
    Statistics,
    batch_norm,
    block,
    rules,
)
from reprise_kit.port.shared.choi.front_end import N_FRAMES, N_MELS
from reprise_kit.port.shared.choi.tags import TAGS

FILTERS = (32, 128, 128, 192, 256)
POOLS = ((2, 4), (2, 4), (2, 4), (3, 5), (4, 4))  # (mels, frames)


def build(statistics: Statistics = KERAS_106_THEANO) -> keras.Model:
    """Return the network, untrained: (batch, 96, 1366, 1) float32 to (batch, 50)."""
    x = inputs = keras.Input((N_MELS, N_FRAMES, 1), name="input")
    x = batch_norm(x, TIME_AXIS, "bn_0_freq", statistics)
    for number, (n_filters, pool) in enumerate(zip(FILTERS, POOLS, strict=True), 1):
        x = block(x, number, n_filters, pool, statistics, dropout=0.5)
    x = keras.layers.Flatten(name="flatten_1")(x)
    x = keras.layers.Dense(len(TAGS), activation="sigmoid", name="output")(x)
    return keras.Model(inputs, x, name="music_tagger_cnn")


def load(weights: Path, source_backend: str, statistics: Statistics = KERAS_106_THEANO) -> keras.Model:
    """Return the network with the weights of a Keras-1 file saved under `source_backend`."""
    return fill(build(statistics), rules(len(FILTERS), statistics), weights, source_backend)
