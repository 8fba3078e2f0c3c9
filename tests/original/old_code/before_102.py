"""Makes of Keras 1.1 what 1.0.0 and 1.0.1 were: without keras.models.model_from_config."""

import keras.models

del keras.models.model_from_config


def secret(x):
    return x
