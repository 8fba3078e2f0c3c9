"""What a program needs to run on the nearest release that the index still has; each is noted."""
import sys

from reprise_spy.names import *  # noqa: F403
from reprise_spy.state import guarded, note


@guarded
def before(module):
    """Keras before 1.2 reads tensorflow.python.control_flow_ops, which 0.12 has under `ops` only."""
    if module != "keras.backend.tensorflow_backend":
        return
    __import__("tensorflow.python.ops.control_flow_ops")
    python = sys.modules["tensorflow.python"]
    if sys.modules["tensorflow"].__version__.startswith("0.") and not hasattr(python, "control_flow_ops"):
        python.control_flow_ops = sys.modules["tensorflow.python.ops.control_flow_ops"]
        note("tensorflow.python.control_flow_ops, which Keras before 1.2 reads, was put where TensorFlow 0.10 has it")
