"""Kernel gradients of strided convolutions of one place, in a child: TensorFlow 2.20's own end the process."""

import subprocess
import sys

import pytest

PROGRAM = """
import numpy as np
import keras
from keras import layers
from reprise_kit.port.keras_legacy import rounding

if SAFE == "unsafe":
    rounding.safe_kernel_gradients = __import__("contextlib").nullcontext
x = keras.Input((40, 40, 8))
model = keras.Model(x, layers.Conv2DTranspose(8, 1, strides=2, name="up")(
    layers.Conv2D(8, 1, strides=2, padding="same", name="down")(layers.Conv2D(8, 1, strides=(1, 2), name="thin")(x))))
dead = keras.layers.ReLU()(layers.Conv2D(8, 1, strides=2, bias_initializer=keras.initializers.Constant(-1e6),
                                         name="dead")(x))
model = keras.Model(x, [*model.outputs, dead])
inputs = [np.random.RandomState(0).randn(1, 40, 40, 8).astype("float32")]
for _ in range(3):
    graph = rounding.Graph(model, {f"out_{i}": y for i, y in enumerate(model.outputs)}, {})
    assert graph.blind_layers(inputs) == ["dead"], graph.blind_layers(inputs)
"""


def _child(safe: str) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.replace("SAFE", repr(safe))
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


def test_kernels_of_one_place_with_strides_are_judged() -> None:
    ended = _child("safe")
    assert ended.returncode == 0, ended.stderr[-2000:]


def test_tensorflows_own_still_ends_the_process() -> None:
    """Where it does not any longer, kernel_gradients.py can go."""
    assert _child("unsafe").returncode < 0


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("kernel", "strides"), [(1, 2), (1, (1, 3)), (3, 2), ((1, 2), 2)])
@pytest.mark.parametrize("transposed", [False, True])
def test_they_are_what_differences_say(kernel: object, strides: object, padding: str, transposed: bool) -> None:
    """The sum of a linear function's slopes by all of its kernel is what the kernel itself, put in its place, gives."""
    import keras
    import numpy as np
    import tensorflow as tf

    from reprise_kit.port.keras_legacy.kernel_gradients import safe_kernel_gradients

    kind = keras.layers.Conv2DTranspose if transposed else keras.layers.Conv2D
    layer = kind(4, kernel, strides=strides, padding=padding, use_bias=False)
    x = tf.constant(np.random.RandomState(0).randn(2, 9, 7, 3), tf.float32)
    layer(x)
    random = tf.constant(np.random.RandomState(1).randn(*layer(x).shape), tf.float32)

    @tf.function
    def run(x: tf.Tensor) -> tf.Tensor:
        with safe_kernel_gradients():
            return tf.reduce_sum(layer(x) * random)

    with tf.GradientTape() as tape:
        tape.watch(x)
        total = run(x)
    by_x, by_kernel = tape.gradient(total, [x, layer.kernel.value])
    values = layer.kernel.numpy()
    for slope, value in ((by_x, x), (by_kernel, values)):
        np.testing.assert_allclose(tf.reduce_sum(slope * value), total, rtol=1e-4)
    assert by_x.shape == x.shape and by_kernel.shape == values.shape
    one = np.zeros_like(values)
    one.flat[5] = 1
    layer.kernel.assign(one)
    np.testing.assert_allclose(by_kernel.numpy().flat[5], run(x), rtol=1e-4, atol=1e-5)
