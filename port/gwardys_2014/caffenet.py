"""CaffeNet (bvlc_reference_caffenet): five convolutions and three dense layers that learnt ImageNet's pictures.

What Caffe does in its own way: convolutions of two groups, pooling whose last window may hang over the edge (sizes are
rounded up), responses normalised over five neighbouring channels, here after pooling. Arrays are channels-last.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.port.gwardys_2014.caffemodel import Blobs

SIZE = 227  # pixels a side
MEAN = (104.00698793, 116.66876762, 122.67891434)  # of ImageNet's blue, green and red
CONVOLUTIONS: Mapping[str, dict[str, int]] = {
    "conv1": {"stride": 4, "pad": 0, "groups": 1},
    "conv2": {"stride": 1, "pad": 2, "groups": 2},
    "conv3": {"stride": 1, "pad": 1, "groups": 1},
    "conv4": {"stride": 1, "pad": 1, "groups": 2},
    "conv5": {"stride": 1, "pad": 1, "groups": 2},
}
POOLED = ("1", "2", "5")  # numbers of the convolutions that are pooled
NORMALISED = ("1", "2")
DENSE = ("fc6", "fc7", "fc8")
LOCAL, ALPHA, BETA = 5, 1e-4, 0.75  # of the normalisation


def build(blobs: Blobs, size: int = SIZE) -> keras.Model:
    """Return the network with the weights of a .caffemodel.

    (batch, size, size, 3) BGR less the mean, to one output for each layer: conv1, relu1, pool1, norm1 and so on to
    prob. Raises InputError where a layer is missing or has weights of another shape.
    """
    missing = [name for name in (*CONVOLUTIONS, *DENSE) if len(blobs.get(name, ())) != 2]
    if missing:
        raise InputError(f"no CaffeNet: its layer {missing[0]} has no weights and biases in this .caffemodel")
    entering = keras.Input((size, size, 3))
    outputs: dict[str, Any] = {}
    flowing = entering
    try:
        for name, form in CONVOLUTIONS.items():
            flowing = _convolution(name, blobs, form, flowing, outputs)
        for name in DENSE:
            flowing = outputs[name] = _dense(flowing, *blobs[name])
            if name != "fc8":
                flowing = outputs[f"relu{name[-1]}"] = ops.relu(flowing)
    except ValueError as error:
        raise InputError(
            f"no CaffeNet: {name} of this .caffemodel does not fit ({str(error).splitlines()[0]})"
        ) from None
    outputs["prob"] = ops.softmax(flowing)
    return keras.Model(entering, outputs)


def _convolution(name: str, blobs: Blobs, form: Mapping[str, int], entering: Any, outputs: dict[str, Any]) -> Any:
    number = name[-1]
    weights, bias = blobs[name]
    flowing = outputs[name] = grouped(entering, weights, bias, form["stride"], form["pad"], form["groups"])
    flowing = outputs[f"relu{number}"] = ops.relu(flowing)
    if number in POOLED:
        flowing = outputs[f"pool{number}"] = ceil_pool(flowing)
    if number in NORMALISED:
        flowing = outputs[f"norm{number}"] = normalised(flowing)
    return flowing


def grouped(x: Any, weights: NDArray[np.float32], bias: NDArray[np.float32], stride: int, pad: int, groups: int) -> Any:
    """Convolve each group of channels by its own filters. weights: (n_out, n_in / groups, height, width), Caffe's."""
    kernels = np.split(weights.transpose(2, 3, 1, 0), groups, axis=-1)
    padded = ops.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    parts = zip(ops.split(padded, groups, axis=-1), kernels, strict=True)
    return ops.concatenate([ops.conv(part, kernel, stride, "valid") for part, kernel in parts], -1) + bias.reshape(-1)


def ceil_pool(x: Any, window: int = 3, stride: int = 2) -> Any:
    """Take maxima, the last window hanging over the edge where it must."""
    over = [-(n - window) % stride for n in x.shape[1:3]]
    padded = ops.pad(x, ((0, 0), (0, over[0]), (0, over[1]), (0, 0)), constant_values=-np.inf)
    return ops.max_pool(padded, window, stride, "valid")


def normalised(x: Any) -> Any:
    """Divide by (1 + alpha / 5 * the sum of five neighbouring channels' squares) ** beta."""
    half, n = LOCAL // 2, x.shape[-1]
    squares = ops.pad(x * x, ((0, 0), (0, 0), (0, 0), (half, half)))
    total = sum(squares[..., shift : shift + n] for shift in range(LOCAL))
    return x / (1 + ALPHA / LOCAL * total) ** BETA


def _dense(x: Any, weights: NDArray[np.float32], bias: NDArray[np.float32]) -> Any:
    """Multiply; Caffe flattens channels first."""
    flat = ops.reshape(ops.transpose(x, (0, 3, 1, 2)) if len(x.shape) == 4 else x, (-1, int(np.prod(x.shape[1:]))))
    return ops.matmul(flat, weights.reshape(weights.shape[-2:]).T) + bias.reshape(-1)


def prepared(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return RGB pictures, (n, height, width, 3) from 0 to 255, as the network takes them."""
    return pictures[..., ::-1] - np.array(MEAN, np.float32)
