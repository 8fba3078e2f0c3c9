"""What a program needs to run on the nearest release that the index still has; each is noted."""
import functools
import sys
import types

from reprise_spy.names import *  # noqa: F403
from reprise_spy.state import guarded, note

# What Keras 2.2 moved, by the module in which code of 2.0 and 2.1 looks for it: its name and where it went.
MOVED = {
    "keras.utils.conv_utils": ("normalize_data_format", "keras.backend"),
    "keras.applications.imagenet_utils": ("_obtain_input_shape", "keras_applications.imagenet_utils"),
}

# What draws a model, which wants a program beside Python; Keras 1 does not even import it without.
DRAWS = {"keras.utils.vis_utils": ("plot_model",), "keras.utils.visualize_util": ("plot", "model_to_dot", "to_graph")}


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


@guarded
def after(module):
    """A name that Keras moved is where it was, too: code of several Keras's days reads both places.

    And a model that cannot be drawn ends no program.
    """
    for name in DRAWS.get(module, ()):
        if hasattr(sys.modules[module], name):
            setattr(sys.modules[module], name, drawn_or_not(getattr(sys.modules[module], name)))
    name, place = MOVED.get(module, ("", ""))
    if name and not hasattr(sys.modules[module], name):
        try:
            __import__(place)
        except ImportError:  # a Keras that never had it
            return
        setattr(sys.modules[module], name, getattr(sys.modules[place], name))
        note("%s, which Keras 2.2 moved to %s, was put where it was before, in %s" % (name, place, module))


def drawn_or_not(draw):
    @functools.wraps(draw)
    def call(*arguments, **named):
        try:
            return draw(*arguments, **named)
        except Exception as error:
            not_drawn(error)
    return call


def not_drawn(error):
    note("a model is not drawn: %s" % " ".join(str(error).split())[:120])


def imported(module):
    """Import a module of Keras; of one that draws, and cannot without its libraries, one that draws nothing."""
    try:
        __import__(module)
    except Exception as error:
        if module not in DRAWS:
            raise
        not_drawn(error)
        stand_in = sys.modules[module] = types.ModuleType(module)
        for name in DRAWS[module]:
            setattr(stand_in, name, lambda *arguments, **named: None)
        parent, _, name = module.rpartition(".")
        setattr(sys.modules[parent], name, stand_in)
