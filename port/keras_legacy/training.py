"""What Keras 1.1.0 on Theano computed while it trained and no stock part of Keras 3 does.

The loss is not here: Keras 1's categorical cross-entropy (normalise, clip to [1e-7, 1 - 1e-7], -sum(y ln p)) is
Keras 3's own. A saved model refers to these as `reprise>NAME`.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

EPSILON = 1e-8  # of Keras 1.1.0's RMSprop
ORTHOGONAL_GAIN = 1.1  # of Keras 1.1.0's orthogonal initialisation
UNIFORM_LIMIT = 0.05  # of Keras 1.1.0's uniform initialisation

_registered = keras.saving.register_keras_serializable(package="reprise")


@_registered
class RMSpropK1(keras.optimizers.RMSprop):  # type: ignore[misc]
    """Keras 1's RMSprop: step = lr * g / (sqrt(a) + epsilon), a = rho * a + (1 - rho) * g^2.

    Keras 3 adds its epsilon, 1e-7, under the root, where it outweighs every gradient below 3e-4.
    """

    def __init__(self, learning_rate: float = 1e-3, epsilon: float = EPSILON, **kwargs: Any) -> None:
        """Take Keras 1's defaults; other options as in Keras 3."""
        super().__init__(learning_rate=learning_rate, epsilon=epsilon, **kwargs)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one weight, of any shape, from its gradient."""
        lr, gradient = ops.cast(learning_rate, variable.dtype), ops.cast(gradient, variable.dtype)
        accumulator = self._velocities[self._get_variable_index(variable)]
        self.assign(accumulator, self.rho * accumulator + (1.0 - self.rho) * ops.square(gradient))
        self.assign_sub(variable, lr * gradient / (ops.sqrt(accumulator) + self.epsilon))


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _pool_pairs(x: tf.Tensor) -> tuple[tf.Tensor, Any]:
    n_pairs = tf.shape(x)[1] // 2
    pairs = tf.reshape(x[:, : 2 * n_pairs], (tf.shape(x)[0], n_pairs, 2, x.shape[2]))
    largest = tf.reduce_max(pairs, axis=2)

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        winners = tf.cast(tf.equal(pairs, largest[:, :, None]), x.dtype)
        spread = tf.reshape(winners * upstream[:, :, None], (tf.shape(x)[0], 2 * n_pairs, x.shape[2]))
        return tf.pad(spread, ((0, 0), (0, tf.shape(x)[1] - 2 * n_pairs), (0, 0)))

    return largest, gradient


@_registered
class TiedMaxPooling1D(keras.layers.Layer):  # type: ignore[misc]
    """Max-pooling by 2, (batch, n, n_channels) to (batch, n // 2, n_channels), that learns as Theano's did.

    Where both values of a pair are the largest, Theano gave the whole gradient to each; TensorFlow gives it to the
    first. Zero-padded tracks are full of such pairs.
    """

    def call(self, x: Any) -> Any:
        """Pool neighbours; a last odd one is dropped."""
        return _pool_pairs(x)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (batch, n // 2, n_channels)."""
        batch, n, channels = input_shape
        return batch, None if n is None else n // 2, channels


def as_theano_learned(model: keras.Model) -> keras.Model:
    """Return a copy of a model, same names and weights, whose max-poolings by 2 have Theano's gradient."""

    def exchanged(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, keras.layers.MaxPooling1D):
            if tuple(layer.pool_size) != (2,) or tuple(layer.strides) != (2,) or layer.padding != "valid":
                raise ValueError(f"{layer.name}: only valid max-pooling by 2 is known here")
            return TiedMaxPooling1D(name=layer.name)
        return layer.__class__.from_config(layer.get_config())

    copy = keras.models.clone_model(model, clone_function=exchanged)
    copy.set_weights(model.get_weights())
    return copy


def uniform(random: np.random.RandomState, shape: tuple[int, ...]) -> np.ndarray:
    """Keras 1.1.0's default initialisation of a Convolution1D kernel, float32."""
    return random.uniform(-UNIFORM_LIMIT, UNIFORM_LIMIT, shape).astype(np.float32)


def glorot_uniform(random: np.random.RandomState, shape: tuple[int, int]) -> np.ndarray:
    """Keras 1.1.0's default initialisation of a dense or recurrent layer's matrix, float32."""
    limit = np.sqrt(6.0 / sum(shape))
    return random.uniform(-limit, limit, shape).astype(np.float32)


def orthogonal(random: np.random.RandomState, shape: tuple[int, int]) -> np.ndarray:
    """Keras 1.1.0's orthogonal initialisation of a matrix, float32: an orthogonal one times 1.1."""
    left, _, right = np.linalg.svd(random.normal(0.0, 1.0, shape), full_matrices=False)
    return (ORTHOGONAL_GAIN * (left if left.shape == shape else right)).astype(np.float32)


def lstm_start(random: np.random.RandomState, n_in: int, n_units: int) -> Mapping[str, np.ndarray]:
    """The twelve arrays of a new Keras-1 LSTM by role (W_i, U_i, b_i ...); the forget gate's bias is one."""
    arrays: dict[str, np.ndarray] = {}
    for gate in "icfo":
        arrays[f"W_{gate}"] = glorot_uniform(random, (n_in, n_units))
        arrays[f"U_{gate}"] = orthogonal(random, (n_units, n_units))
        arrays[f"b_{gate}"] = np.full(n_units, float(gate == "f"), np.float32)
    return arrays
