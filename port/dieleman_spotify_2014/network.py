"""The two networks: log-mel frames in, factors out."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from numpy.typing import NDArray

from reprise_kit.port.dieleman_spotify_2014 import settings


def build(mode: str) -> keras.Model:
    """Return the network of a mode: (batch, n_frames, 128) to (batch, n_factors), layers named conv_1 to factors."""
    given = settings.of(mode)
    entering = flowing = keras.Input((given["frames"], given["bands"]))
    for number, (filters, pool) in enumerate(zip(given["filters"], given["pools"], strict=True), 1):
        flowing = layers.Conv1D(filters, given["length"], activation="relu", name=f"conv_{number}")(flowing)
        if pool > 1:
            flowing = layers.MaxPooling1D(pool, name=f"pool_{number}")(flowing)
    flowing = GlobalPooling(name="pooled")(flowing) if mode == "blog" else layers.Flatten(name="pooled")(flowing)
    for number, width in enumerate(given["dense"], 1):
        flowing = layers.Dense(width, activation="relu", name=f"dense_{number}")(flowing)
        if given["dropout"]:
            flowing = layers.Dropout(given["dropout"], name=f"dropout_{number}")(flowing)
    start = keras.initializers.VarianceScaling(given["last layer"] ** 2, "fan_avg", "uniform")  # of 1 it is Glorot's
    return keras.Model(entering, layers.Dense(given["factors"], kernel_initializer=start, name="factors")(flowing))


class GlobalPooling(layers.Layer):  # type: ignore[misc]
    """Mean, maximum and root mean square over time, side by side: (batch, n_steps, n) to (batch, 3 n)."""

    def call(self, x: Any) -> Any:
        """Pool."""
        # The root of nothing has no slope: a filter that heard nothing is kept from it.
        norm = ops.sqrt(ops.mean(x * x, axis=1) + 1e-12)
        return ops.concatenate([ops.mean(x, axis=1), ops.max(x, axis=1), norm], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Three values for each filter."""
        return (input_shape[0], 3 * int(input_shape[2] or 0))


def weighted_prediction_error(packed: tf.Tensor, said: tf.Tensor) -> tf.Tensor:
    """sum c (p - x.y)^2 over all users but for a constant, of songs whose `packed` is `pack`'s; (batch,)."""
    n = said.shape[-1]
    products = tf.reshape(packed[:, : n * n], (-1, n, n))
    return tf.einsum("bi,bij,bj->b", said, products, said) - 2 * tf.reduce_sum(packed[:, n * n :] * said, axis=-1)


def pack(
    users: NDArray[np.floating], entries: NDArray[np.float64], n_songs: int, per_user: bool = True
) -> NDArray[np.float32]:
    """Return what the weighted error needs of every song, (n_songs, n^2 + n): sum c x x' and sum c p x over users.

    users: (n_users, n). entries: (n_plays, 3), user, song, surplus confidence. per_user: divided by the users' number.
    """
    n = users.shape[1]
    products = np.tile(users.T @ users, (n_songs, 1, 1)).astype(np.float64)
    wished = np.zeros((n_songs, n))
    for song in range(n_songs):
        rows = entries[entries[:, 1] == song]
        mine, surplus = users[rows[:, 0].astype(int)], rows[:, 2:]
        products[song] += mine.T @ (mine * surplus)
        wished[song] = ((1 + surplus) * mine).sum(axis=0)
    scale = len(users) if per_user else 1
    return (np.concatenate([products.reshape(n_songs, -1), wished], axis=1) / scale).astype(np.float32)


def compiled(mode: str, loss: str, seed: int) -> keras.Model:
    """Return a new network, ready to be trained. loss: "mse" or "wpe"."""
    keras.utils.set_random_seed(seed)
    given, model = settings.of(mode), build(mode)
    optimizer = keras.optimizers.SGD(given["learning_rate"], momentum=given["momentum"], nesterov=True)
    model.compile(optimizer, loss=weighted_prediction_error if loss == "wpe" else "mse", jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model
