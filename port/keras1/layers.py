"""What Keras 1 computes and no stock layer of Keras 3 does; a model that needs one says so in its file.

A saved model refers to these as `reprise>NAME`: import this module before `keras.saving.load_model`.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="reprise")
def hard_sigmoid_k1(x: keras.KerasTensor) -> keras.KerasTensor:
    """Keras 1's hard_sigmoid, clip(0.2 x + 0.5, 0, 1); Keras 3's own is clip(x / 6 + 0.5, 0, 1)."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)
