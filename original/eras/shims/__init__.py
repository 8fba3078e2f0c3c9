"""What a Keras 1.1 system written for Theano needs to start on TensorFlow; one file for each error it meets.

Python 2.7. `python -m shims SCRIPT ARG...` runs a script under all of them; `shims.apply()` is the same from
Python. They change no number: Theano's weights on TensorFlow stay wrong (its convolution does not flip kernels).
"""


def apply():
    """Install every shim; call this before anything imports keras."""
    from shims import bare_tensor, control_flow_ops

    control_flow_ops.apply()
    bare_tensor.apply()
