"""A network of our own filled from a Keras-1 weights file, one rule a layer: for ports written by hand."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import read

Arrays = Mapping[str, np.ndarray]
Rule = Callable[[Arrays, str], list[np.ndarray]]  # a layer's arrays by role and the backend -> its weights in Keras 3

# convolution_1_W, lstm_1_U_i, bn_0_freq_running_mean; of TensorFlow conv1_W:0 or, made twice, conv1_W_1:0.
ROLE = re.compile(r"(?:^|_)((?:[WUb](?:_[a-z]+)?)|gamma|beta|running_mean|running_std)(?:_\d+)?(?::\d+)?$")


def by_role(arrays: Iterable[tuple[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return a layer's stored arrays by role: W, b, U_i, gamma, ...; a name without one stays as it is."""
    found = ((ROLE.search(name.rpartition("/")[2]), name, array) for name, array in arrays)
    return {role[1] if role else name: array for role, name, array in found}


def fill(model: keras.Model, rules: Mapping[str, Rule], weights: Path, source_backend: str) -> keras.Model:
    """Give `model` the weights of a Keras-1 file saved under `source_backend`, and return it.

    rules: by the name of each layer that has weights. Raises InputError where the file is not HDF5, is another model's,
    or leaves a weight over, unset or of another shape.
    """
    stored = {layer.layer_name: layer.arrays for layer in read.weights(weights) if layer.arrays}
    if odd := sorted(set(stored) ^ set(rules)):
        raise InputError(
            f"{weights.name}: weights of another model, which differs in the layers {', '.join(odd[:4])}; "
            f"give a weights file of {model.name}"
        )
    for name, arrays in stored.items():
        with fitting(weights, name):
            model.get_layer(name).set_weights(rules[name](by_role(arrays), source_backend))
    return model


@contextmanager
def fitting(weights: Path, layer: str) -> Iterator[None]:
    """Turn what arrays of another name or shape make a layer raise into an InputError of one line."""
    try:
        yield
    except (KeyError, ValueError) as error:
        message = " ".join(str(error).split())[:160]
        raise InputError(f"{weights.name}: weights of another model, layer {layer} does not fit ({message})") from None
