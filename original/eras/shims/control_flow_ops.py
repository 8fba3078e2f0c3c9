"""Answers: AttributeError: 'module' object has no attribute 'control_flow_ops' (TensorFlow 0.12).

Keras 1.1.0 reads `tensorflow.python.control_flow_ops`, which TensorFlow 0.10 published and 0.12 no longer does.
The module itself still exists as `tensorflow.python.ops.control_flow_ops`: publish it under the old name.
"""


def apply():
    """Publish the module under its old name; does nothing on a TensorFlow that has it."""
    import tensorflow
    from tensorflow.python.ops import control_flow_ops

    if not hasattr(tensorflow.python, "control_flow_ops"):
        tensorflow.python.control_flow_ops = control_flow_ops
