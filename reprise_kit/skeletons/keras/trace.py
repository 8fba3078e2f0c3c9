# -*- coding: utf-8 -*-
"""Traces the network in its own old Keras: what left every layer that is a stage. Runs where that Keras is installed.

layers.json: [stage, layer] in data order, as system.toml has them. How it is asked: adapter.py.
"""
import glob
import json
import os
import sys

import numpy as np

import adapter


class Original(object):
    """The network, its weights loaded once."""

    def __init__(self, weights, backend):
        if backend:
            os.environ['KERAS_BACKEND'] = backend
        import keras
        from keras import backend as K
        self.packages = {'keras': keras.__version__}
        self.model = load(weights)
        with open(os.path.join(adapter.HERE, 'layers.json')) as handle:
            layers = json.load(handle)
        phase = [K.learning_phase()] if self.model.uses_learning_phase else []
        self.off = [0] * len(phase)
        # One function for each layer: a joint one could round differently.
        self.readers = [(str(stage), K.function([self.model.input] + phase, [self.model.get_layer(layer).output]))
                        for stage, layer in layers]

    def trace(self, path):
        """Arrays by stage name, no batch axis; scalars by name."""
        entering = take_in(path)
        batch = [entering[None]] + self.off
        arrays = {'entering': entering}
        arrays.update((stage, np.asarray(read(batch)[0])[0]) for stage, read in self.readers)
        return arrays, {}


def take_in(path):
    """What enters the network. Call the original's own front end here."""
    return np.load(path, allow_pickle=False)


def load(weights):
    from keras import models
    architecture = sorted(glob.glob(os.path.join(adapter.HERE, 'model.[jy]*')))
    if not architecture:
        return models.load_model(weights)
    with open(architecture[0]) as handle:
        text = handle.read()
    build = models.model_from_json if architecture[0].endswith('json') else models.model_from_yaml
    model = build(text)
    model.load_weights(weights)
    return model


if __name__ == '__main__':
    adapter.main(Original)
