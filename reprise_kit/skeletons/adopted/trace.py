# -*- coding: utf-8 -*-
"""Traces an adopted model in its own old Keras: its inputs and outputs. Runs where that Keras is installed.

architecture.json is what the repository's code built; about.json what was seen of it. How it is asked: adapter.py.
"""
import glob
import json
import os

import numpy as np

import adapter

ORDERINGS = {'th': 'channels_first', 'tf': 'channels_last'}


def text_of(name):
    with open(os.path.join(adapter.HERE, name)) as handle:
        return handle.read()


def link_blas(backend):
    """Theano's convolutions with a border need a BLAS; NumPy's wheel brings one, which NumPy has loaded already."""
    found = sorted(glob.glob(os.path.join(os.path.dirname(np.__file__), '.libs', 'libopenblas*.so*')))
    flags = os.environ.get('THEANO_FLAGS', '')
    if backend == 'theano' and found and 'blas' not in flags:
        blas = 'blas.ldflags=-L%s -l:%s' % os.path.split(found[0])
        os.environ['THEANO_FLAGS'] = ','.join(filter(None, [flags, blas]))


def publish_control_flow_ops(backend):
    """Keras before 1.2 reads it where TensorFlow 0.10 had it; 0.12, the index's oldest, has it elsewhere."""
    if backend == 'tensorflow':
        import tensorflow
        if tensorflow.__version__.startswith('0.'):
            from tensorflow.python.ops import control_flow_ops
            tensorflow.python.control_flow_ops = control_flow_ops


class Original(object):
    """The model, its weights loaded once."""

    def __init__(self, weights, backend):
        if backend:
            os.environ['KERAS_BACKEND'] = backend
        link_blas(backend)
        publish_control_flow_ops(backend)
        import keras
        from keras import backend, models
        self.packages = {'keras': keras.__version__}
        ordering = json.loads(text_of('about.json')).get('image_ordering')
        if ordering in ORDERINGS and hasattr(backend, 'set_image_data_format'):
            backend.set_image_data_format(ORDERINGS[ordering])
        elif ordering in ORDERINGS and hasattr(backend, 'set_image_dim_ordering'):
            backend.set_image_dim_ordering(ordering)
        self.model = models.model_from_json(text_of('architecture.json'))
        self.model.load_weights(weights)

    def trace(self, path):
        """Arrays by stage name, no batch axis; scalars by name."""
        with np.load(path, allow_pickle=False) as stored:
            inputs = [stored['in_%d' % i] for i in range(len(stored.files))]
        batch = [array[None] for array in inputs]
        outputs = self.model.predict(batch if len(batch) > 1 else batch[0], batch_size=1)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        arrays = dict(('in_%d' % i, array) for i, array in enumerate(inputs))
        arrays.update(('out_%d' % i, np.asarray(array)[0]) for i, array in enumerate(outputs))
        return arrays, {}


if __name__ == '__main__':
    adapter.main(Original)
