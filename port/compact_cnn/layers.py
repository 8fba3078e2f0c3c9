"""What kapre 0.0.3 and Keras 1's BatchNormalization mode 2 compute, clip by clip.

The originals took the decibels' maximum and the normalisation's mean and variance over the whole batch, so that a
clip's answer depended on its company. Here both are each clip's own: a batch gives what single clips gave.
"""

import math
from typing import Any

import keras
from keras import ops

N_DFT = 512  # samples in a window
HOP = 256  # samples between windows
N_BINS = N_DFT // 2 + 1
AMIN = 1e-10  # power below which decibels stop
RANGE = 80.0  # dB below the clip's maximum at which they are cut off


@keras.saving.register_keras_serializable(package="reprise")
class KapreMelgram(keras.layers.Layer):  # type: ignore[misc]
    """Samples (batch, n_samples) to decibels below each clip's maximum, (batch, n_mels, n_frames, 1).

    Weights, as in the file: DFT kernels (512, 1, 1, 257), real and imaginary, windowed; mel bands (257, n_mels).
    theano: convolve as Theano did, which reverses the kernels in time and pads 256 samples on either side; TensorFlow
    did not reverse and padded as little as n_frames = ceil(n_samples / 256) needs.
    """

    def __init__(self, n_mels: int, theano: bool, **kwargs: Any) -> None:
        """Take the number of bands and whose convolution it is."""
        super().__init__(**kwargs)
        self.n_mels, self.theano = n_mels, theano

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the three weights."""
        kernel = (N_DFT, 1, 1, N_BINS)
        self.real = self.add_weight(shape=kernel, name="real", trainable=False)
        self.imaginary = self.add_weight(shape=kernel, name="imaginary", trainable=False)
        self.bands = self.add_weight(shape=(N_BINS, self.n_mels), name="bands", trainable=False)

    def call(self, samples: Any) -> Any:
        """Power of the transform -> mel bands -> decibels."""
        n_samples = samples.shape[1]
        n_frames = math.ceil(n_samples / HOP)
        total = 2 * (N_DFT // 2) if self.theano else max(0, (n_frames - 1) * HOP + N_DFT - n_samples)
        padded = ops.pad(samples, ((0, 0), (total // 2, total - total // 2)))[..., None]
        power = self._power(padded, self.real) + self._power(padded, self.imaginary)
        mels = ops.matmul(power[:, :n_frames], self.bands)
        level = ops.log(ops.maximum(mels, AMIN)) * (10 / math.log(10))
        level = ops.maximum(level - ops.max(level, axis=(1, 2), keepdims=True), -RANGE)
        return ops.transpose(level, (0, 2, 1))[..., None]

    def _power(self, padded: Any, kernel: Any) -> Any:
        kernel = kernel[:, 0]
        return ops.square(ops.conv(padded, ops.flip(kernel, 0) if self.theano else kernel, strides=HOP))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of __init__."""
        return {**super().get_config(), "n_mels": self.n_mels, "theano": self.theano}


@keras.saving.register_keras_serializable(package="reprise")
class ClipNormalization(keras.layers.Layer):  # type: ignore[misc]
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, both over one clip's mels and frames, at any time."""

    def __init__(self, epsilon: float = 1e-3, **kwargs: Any) -> None:
        """Take the epsilon; Keras 1.2.2's default is 1e-3."""
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make gamma and beta, one value for each channel."""
        self.gamma = self.add_weight(shape=(input_shape[-1],), name="gamma", initializer="ones")
        self.beta = self.add_weight(shape=(input_shape[-1],), name="beta", initializer="zeros")

    def call(self, x: Any) -> Any:
        """Keep the shape (batch, n_mels, n_frames, n_channels)."""
        # Summed in double, as Theano did: of a clip that is mostly silence, float32 sums miss the variance by 1e-3.
        moments = ops.moments(ops.cast(x, "float64"), axes=(1, 2), keepdims=True)
        mean, variance = (ops.cast(moment, x.dtype) for moment in moments)
        return (x - mean) / ops.sqrt(variance + self.epsilon) * self.gamma + self.beta

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of __init__."""
        return {**super().get_config(), "epsilon": self.epsilon}
