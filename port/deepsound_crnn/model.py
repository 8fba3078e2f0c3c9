"""The CRNN in Keras 3, layer by layer and name by name as in the original, with weights from a Keras-1 file.

(n_frames, n_mels) log-mel -> 3 x [convolution -> ReLU -> max-pooling] -> LSTM -> per-step softmax -> mean over time.
Source: the architecture file of the pinned commit (system.toml); 1,347,850 weights.
"""

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.librosa041.mel import HOP, N_MELS
from reprise_kit.port.audio.scipy017.resample import SAMPLE_RATE
from reprise_kit.port.keras_legacy import convert
from reprise_kit.port.keras_legacy.fill import Rule, fill
from reprise_kit.port.keras_legacy.layers import hard_sigmoid_k1

N_GENRES = 10
N_CONVOLUTIONS = 3
N_FILTERS = 256
FILTER_LENGTH = 5  # frames
POOL = 2
N_UNITS = 256  # of the LSTM
DROPOUT = 0.5  # in training only
FRAMES_PER_STEP = POOL**N_CONVOLUTIONS
STEP_SECONDS = FRAMES_PER_STEP * HOP / SAMPLE_RATE


def _frames_for_one_step() -> int:
    frames = 1
    for _ in range(N_CONVOLUTIONS):
        frames = frames * POOL + FILTER_LENGTH - 1
    return frames


MIN_FRAMES = _frames_for_one_step()  # 36


def frames(log_mel: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return log-mel (n_frames, 128) as the network takes it; raises InputError on fewer frames than one step needs."""
    if len(log_mel) < MIN_FRAMES:
        seconds = (MIN_FRAMES - 1) * HOP / SAMPLE_RATE
        raise InputError(
            f"too short, {len(log_mel)} frames of the {MIN_FRAMES} that one answer needs; give at least {seconds:.2f} s"
        )
    return log_mel.astype(np.float32)


def steps(n_frames: int) -> int:
    """Answers that the network gives on so many frames."""
    n_steps: int = max(0, (n_frames - MIN_FRAMES) // FRAMES_PER_STEP + 1)
    return n_steps


def build() -> keras.Model:
    """Return the network, untrained: (batch, n_frames, 128) float32 to (batch, 10), any n_frames >= 36."""
    x = inputs = keras.Input((None, N_MELS), name="input")
    for i in range(1, N_CONVOLUTIONS + 1):
        x = keras.layers.Conv1D(N_FILTERS, FILTER_LENGTH, name=f"convolution_{i}")(x)
        x = keras.layers.Activation("relu", name=f"activation_{i}")(x)
        x = keras.layers.MaxPooling1D(POOL, name=f"maxpooling1d_{i}")(x)
    x = keras.layers.Dropout(DROPOUT, name="dropout_1")(x)
    x = keras.layers.LSTM(N_UNITS, return_sequences=True, recurrent_activation=hard_sigmoid_k1, name="lstm_1")(x)
    x = keras.layers.Dropout(DROPOUT, name="dropout_2")(x)
    # Dense acts on every step as it is. TimeDistributed (Keras 3.15) would be silently wrong in a graph whose
    # number of steps is open.
    x = keras.layers.Dense(N_GENRES, name="timedistributed_1")(x)
    x = keras.layers.Activation("softmax", name="output_realtime")(x)
    x = keras.layers.GlobalAveragePooling1D(name="output_merged")(x)
    return keras.Model(inputs, x, name="deepsound_crnn")


def _convolution(arrays: Mapping[str, np.ndarray], backend: str) -> list[np.ndarray]:
    return [convert.conv1d_kernel(arrays["W"], backend, FILTER_LENGTH, N_FILTERS), arrays["b"]]


def _lstm(arrays: Mapping[str, np.ndarray], backend: str) -> list[np.ndarray]:
    # The gates keep their scale: the layer has the old hard_sigmoid itself.
    return convert.lstm_gates(arrays, hard=False)


def _dense(arrays: Mapping[str, np.ndarray], backend: str) -> list[np.ndarray]:
    return [arrays["W"], arrays["b"]]


RULES: dict[str, Rule] = {
    **{f"convolution_{i}": _convolution for i in range(1, N_CONVOLUTIONS + 1)},
    "lstm_1": _lstm,
    "timedistributed_1": _dense,
}


def load(weights: Path, source_backend: str) -> keras.Model:
    """Return the network with the weights of a Keras-1 file saved under `source_backend`.

    Raises InputError where the file is not HDF5, is another model's, or leaves a weight over or unset.
    """
    return fill(build(), RULES, weights, source_backend)
