"""Weights to train from: Keras 1.1.0's own initialisation under its own names, and their way into the network."""

from collections.abc import Mapping

import keras
import numpy as np

from reprise_kit.port.audio.librosa041.mel import N_MELS
from reprise_kit.port.deepsound_crnn import model as crnn
from reprise_kit.port.keras_legacy import training
from reprise_kit.port.keras_legacy.fill import by_role


def keras1_weights(seed: int) -> dict[str, np.ndarray]:
    """Return new weights as Keras 1.1.0 draws them, by `LAYER/NAME` (`lstm_1/lstm_1_W_i`); no kernel is reversed."""
    random = np.random.RandomState(seed)
    weights: dict[str, np.ndarray] = {}
    n_in = N_MELS
    for i in range(1, crnn.N_CONVOLUTIONS + 1):
        layer = f"convolution_{i}"
        kernel = training.uniform(random, (crnn.FILTER_LENGTH, 1, n_in, crnn.N_FILTERS))
        weights |= {f"{layer}/{layer}_W": kernel, f"{layer}/{layer}_b": np.zeros(crnn.N_FILTERS, np.float32)}
        n_in = crnn.N_FILTERS
    lstm = training.lstm_start(random, n_in, crnn.N_UNITS)
    weights |= {f"lstm_1/lstm_1_{role}": array for role, array in lstm.items()}
    dense = training.glorot_uniform(random, (crnn.N_UNITS, crnn.N_GENRES))
    bias = np.zeros(crnn.N_GENRES, np.float32)
    return weights | {"timedistributed_1/dense_1_W": dense, "timedistributed_1/dense_1_b": bias}


def converted(weights: Mapping[str, np.ndarray], source_backend: str) -> dict[str, np.ndarray]:
    """Return Keras-1 weights as the port's, by `LAYER/VARIABLE`; raises KeyError where one is missing or left over."""
    by_layer: dict[str, list[tuple[str, np.ndarray]]] = {layer: [] for layer in crnn.RULES}
    for name, array in weights.items():
        by_layer[name.split("/")[0]].append((name, array))
    arrays: dict[str, np.ndarray] = {}
    for layer, rule in crnn.RULES.items():
        values = rule(by_role(by_layer[layer]), source_backend)
        names = ("kernel", "bias") if len(values) == 2 else ("kernel", "recurrent_kernel", "bias")
        arrays |= {f"{layer}/{name}": value for name, value in zip(names, values, strict=True)}
    return arrays


def set_weights(network: keras.Model, arrays: Mapping[str, np.ndarray]) -> None:
    """Give a network all its weights, by `LAYER/VARIABLE`."""
    for layer in crnn.RULES:
        named = {name: array for name, array in arrays.items() if name.startswith(f"{layer}/")}
        network.get_layer(layer).set_weights(list(named.values()))


def weights_of(network: keras.Model) -> dict[str, np.ndarray]:
    """Return a copy of a network's weights by `LAYER/VARIABLE`."""
    arrays = {}
    for layer in crnn.RULES:
        for variable in network.get_layer(layer).weights:
            arrays[f"{layer}/{variable.name}"] = np.asarray(variable).copy()
    return arrays
