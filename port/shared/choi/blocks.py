"""The building blocks of the taggers in Keras 3, and one rule per layer from a Keras-1 file to its weights.

Tensors are (batch, n_mels, n_frames, n_channels); the originals put the channels before the mels.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import convert, read

Arrays = Mapping[str, np.ndarray]
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


Rule = Callable[[Arrays, str], list[np.ndarray]]


def rules(n_blocks: int, statistics: Statistics) -> dict[str, Rule]:
    """Return the rules by layer name that both taggers share."""
    shared: dict[str, Rule] = {"bn_0_freq": statistics.rule, "output": dense}
    for i in range(1, n_blocks + 1):
        shared |= {f"conv{i}": convolution, f"bn{i}": statistics.rule}
    return shared


def set_weights(model: keras.Model, rules: Mapping[str, Rule], weights: Path, source_backend: str) -> None:
    """Fill a network from a Keras-1 file; raises InputError where a weight is left over, unset or of another shape."""
    stored = {layer.layer_name: layer.arrays for layer in read.weights(weights) if layer.arrays}
    if set(stored) != set(rules):
        odd = sorted(set(stored) ^ set(rules))
        raise InputError(
            f"{weights.name}: weights of another model, which differs in the layers {', '.join(odd[:4])}; "
            f"give a weights file of {model.name}"
        )
    for name, arrays in stored.items():
        roles = {_role(key, name): array for key, array in arrays}
        with fitting(weights, name):
            model.get_layer(name).set_weights(rules[name](roles, source_backend))


@contextmanager
def fitting(weights: Path, layer: str) -> Iterator[None]:
    """Turn what arrays of another name or shape make a layer raise into an InputError of one line."""
    try:
        yield
    except (KeyError, ValueError) as error:
        message = " ".join(str(error).split())[:160]
        raise InputError(f"{weights.name}: weights of another model, layer {layer} does not fit ({message})") from None


def _role(weight: str, layer: str) -> str:
    # conv1_W, and of TensorFlow conv1_W:0 or, made twice, conv1_W_1:0.
    return re.sub(r"_\d+$", "", weight.split(":")[0].removeprefix(f"{layer}_"))
