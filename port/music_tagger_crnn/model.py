"""The CRNN tagger in Keras 3, layer by layer and name by name as in the original.

(96 mels, 1366 frames) decibels -> zero padding in time -> normalisation per frame -> 4 x block -> GRU -> GRU -> 50
sigmoids; 396,786 weights. Source: music_tagger_crnn.py of the pinned commit (system.toml).
"""

from pathlib import Path

import keras

from reprise_kit.port.keras_legacy.fill import fill
from reprise_kit.port.keras_legacy.layers import hard_sigmoid_k1
from reprise_kit.port.shared.choi.blocks import (
    KERAS_110,
    TIME_AXIS,
    Statistics,
    batch_norm,
    block,
    gru,
    rules,
)
from reprise_kit.port.shared.choi.front_end import N_FRAMES, N_MELS
from reprise_kit.port.shared.choi.tags import TAGS

PADDING = 37  # frames of zeros on either side
FILTERS = (64, 128, 128, 128)
POOLS = ((2, 2), (3, 3), (4, 4), (4, 4))  # (mels, frames)
N_STEPS = 15
N_UNITS = 32  # of each GRU


def build(statistics: Statistics = KERAS_110) -> keras.Model:
    """Return the network, untrained: (batch, 96, 1366, 1) float32 to (batch, 50)."""
    x = inputs = keras.Input((N_MELS, N_FRAMES, 1), name="input")
    x = keras.layers.ZeroPadding2D((0, PADDING), name="zeropadding2d_1")(x)
    x = batch_norm(x, TIME_AXIS, "bn_0_freq", statistics)
    for number, (n_filters, pool) in enumerate(zip(FILTERS, POOLS, strict=True), 1):
        x = block(x, number, n_filters, pool, statistics, dropout=0.1)
    # One mel is left: (batch, 1, 15, 128) to (batch, 15, 128) needs no transposition with the channels last.
    x = keras.layers.Reshape((N_STEPS, FILTERS[-1]), name="reshape_1")(x)
    for name, sequences in (("gru1", True), ("gru2", False)):
        x = keras.layers.GRU(
            N_UNITS,
            return_sequences=sequences,
            reset_after=False,
            recurrent_activation=hard_sigmoid_k1,
            name=name,
        )(x)
    x = keras.layers.Dropout(0.3, name="dropout_1")(x)
    x = keras.layers.Dense(len(TAGS), activation="sigmoid", name="output")(x)
    return keras.Model(inputs, x, name="music_tagger_crnn")


def load(weights: Path, source_backend: str, statistics: Statistics = KERAS_110) -> keras.Model:
    """Return the network with the weights of a Keras-1 file saved under `source_backend`."""
    return fill(
        build(statistics), {**rules(len(FILTERS), statistics), "gru1": gru, "gru2": gru}, weights, source_backend
    )
