"""Answers: AssertionError: Output to a TensorFlow backend function should be a list or tuple. (every TensorFlow)

Keras 1's `K.function` takes a bare output tensor on Theano and then answers a bare array; on TensorFlow it takes
lists only. Wrap it: a bare output goes in as a list of one and its answer is unwrapped.
"""

import functools


def apply():
    """Wrap `keras.backend.function` once."""
    from keras import backend

    if hasattr(backend.function, "listed_only"):
        return
    listed_only = backend.function

    @functools.wraps(listed_only)
    def function(inputs, outputs, *args, **kwargs):
        if isinstance(outputs, (list, tuple)):
            return listed_only(inputs, outputs, *args, **kwargs)
        run = listed_only(inputs, [outputs], *args, **kwargs)
        return lambda values: run(values)[0]

    function.listed_only = listed_only
    backend.function = function
