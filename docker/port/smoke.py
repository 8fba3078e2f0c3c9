"""Inside the image: versions, float32, the decoder, and a convolution of current Keras (kernels NOT flipped).

Fails with an assertion, or prints one line of JSON.
"""

import json
import subprocess

import av
import keras
import numpy as np
import tensorflow as tf


def main() -> None:
    """Check everything; print what was found."""
    assert keras.backend.backend() == "tensorflow" and keras.config.floatx() == "float32"
    frames = np.random.default_rng(0).normal(size=(60, 128)).astype("float32")
    layer = keras.layers.Conv1D(256, 5)
    answer = np.asarray(layer(frames[None]))[0]
    kernel, bias = layer.get_weights()
    expected = sum(frames[k : k + 56] @ kernel[k] for k in range(5)) + bias
    worst = float(np.abs(answer - expected).max())
    assert worst < 1e-4, f"Keras' convolution is off by {worst:g}"
    helped = subprocess.run(["reprise", "--help"], capture_output=True, text=True, check=True).stdout
    assert "Usage: reprise" in helped
    found = {module.__name__: module.__version__ for module in (tf, keras, np, av)}
    print(json.dumps({**found, "convolution_max_abs": worst}, sort_keys=True))


if __name__ == "__main__":
    main()
