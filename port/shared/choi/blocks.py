"""The building blocks of the taggers in Keras 3, and one rule per layer from a Keras-1 file to its weights.

Tensors are (batch, n_mels, n_frames, n_channels); the originals put the channels before the mels.
"""

from dataclasses import dataclass

import keras
import numpy as np

from reprise_kit.port.keras_legacy import convert
from reprise_kit.port.keras_legacy.fill import Arrays, Rule

TIME_AXIS, CHANNEL_AXIS = 2, 3


@dataclass(frozen=True)
class Statistics:
    """How a Keras version read `running_std`: as a "std" or a "variance", and with which epsilon.

    Keras 1.0.6 on Theano: std, 1e-6. 1.1.0: variance, 1e-5. The file is the same; only the version tells.
    """

    reading: str
    epsilon: float

    @property
    def keras_epsilon(self) -> float:
        """Return what the Keras 3 layer is built with: nothing where the epsilon went into the variance."""
        return self.epsilon if self.reading == "variance" else 0.0

    def rule(self, arrays: Arrays, backend: str) -> list[np.ndarray]:
        """Return gamma, beta, moving mean and moving variance."""
        variance, _ = convert.moving_variance(arrays["running_std"], self.reading, self.epsilon)
        return [arrays["gamma"], arrays["beta"], arrays["running_mean"], variance]


KERAS_106_THEANO = Statistics("std", 1e-6)
KERAS_110 = Statistics("variance", 1e-5)


def batch_norm(x: keras.KerasTensor, axis: int, name: str, statistics: Statistics) -> keras.KerasTensor:
    """Normalise along `axis` by stored statistics."""
    return keras.layers.BatchNormalization(axis=axis, epsilon=statistics.keras_epsilon, name=name)(x)


def block(
    x: keras.KerasTensor, number: int, n_filters: int, pool: tuple[int, int], statistics: Statistics, dropout: float
) -> keras.KerasTensor:
    """Convolution 3 x 3 of the same size -> batch normalisation -> ELU -> max-pooling -> dropout (in training)."""
    x = keras.layers.Conv2D(n_filters, 3, padding="same", name=f"conv{number}")(x)
    x = batch_norm(x, CHANNEL_AXIS, f"bn{number}", statistics)
    x = keras.layers.ELU(name=f"elu_{number}")(x)
    x = keras.layers.MaxPooling2D(pool, name=f"pool{number}")(x)
    return keras.layers.Dropout(dropout, name=f"dropout{number}")(x)


def convolution(arrays: Arrays, backend: str) -> list[np.ndarray]:
    """Return kernel and bias; kernels are (n_out, n_in, 3, 3), under Theano reversed."""
    return [convert.conv2d_kernel(arrays["W"], backend, "th"), arrays["b"]]


def gru(arrays: Arrays, backend: str) -> list[np.ndarray]:
    """Return a GRU's three arrays; the layer has the old hard_sigmoid itself."""
    return convert.gru_gates(arrays, hard=False)


def dense(arrays: Arrays, backend: str) -> list[np.ndarray]:
    """Return kernel and bias."""
    return [arrays["W"], arrays["b"]]


def rules(n_blocks: int, statistics: Statistics) -> dict[str, Rule]:
    """Return the rules by layer name that both taggers share."""
    shared: dict[str, Rule] = {"bn_0_freq": statistics.rule, "output": dense}
    for i in range(1, n_blocks + 1):
        shared |= {f"conv{i}": convolution, f"bn{i}": statistics.rule}
    return shared
