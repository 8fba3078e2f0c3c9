"""Python 2.7 and 3: bring up real Keras 1.x or 2.x; no arithmetic of it is replaced.

TensorFlow 0.12 lacks one attribute that Keras 1 looks up; it is published before Keras is imported. Under
Theano only the convolutions are compiled (they have no Python form, and want a BLAS); every other operation
runs in Theano's own Python form, since compiling each of them costs minutes and changes nothing.
"""

import os

COMPILED = ("Corr", "ConvOp", "AbstractConv", "BaseCorr")

if os.environ["KERAS_BACKEND"] == "tensorflow":
    import tensorflow as tf
    from tensorflow.python.ops import control_flow_ops

    if tf.__version__.startswith("0."):
        tf.python.control_flow_ops = control_flow_ops
else:
    from theano.gof import op

    _make_thunk = op.Op.make_thunk

    def make_thunk(self, node, *args, **kwargs):
        if not type(self).__name__.startswith(COMPILED):
            self._op_use_c_code = False  # Theano 0.8
            if "impl" in kwargs:  # Theano from 0.9 on
                kwargs["impl"] = "py"
        return _make_thunk(self, node, *args, **kwargs)

    op.Op.make_thunk = make_thunk
