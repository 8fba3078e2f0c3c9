"""Recording a model within its own program, where a second process might not build it again.

That is where layers or their activations are the program's own, whose configuration need not say all, or Lambdas,
which Keras 1.0.0 saved without what they close over. The recorder is original/record's; it gets the model itself.
"""
import functools
import glob
import operator
import os
import sys

from reprise_spy.architecture import is_of_keras
from reprise_spy.keeping import STATES, backend_name, dump, functions_of, keras, layers_within, ordering
from reprise_spy.names import *  # noqa: F403
from reprise_spy.state import guarded, note_problem, state

RECORDER = os.environ.get("REPRISE_SPY_RECORDER", "")
LAST = "as its program's last moment has it"
LARGE = 1 << 16  # numbers of a sample: of larger ones a layer's answers are many


@guarded
def record_within():
    """Record every model that may not be built again and was not heard to answer, as it is now."""
    for seen in list(state().models):
        try:
            if is_wanted(seen) and dump(seen, LAST, states=STATES + 1):
                record(seen)
        except Exception:
            note_problem("recording within the program")


def is_wanted(seen):
    """Whether it is one of those, and not recorded yet."""
    if not RECORDER or seen.folder is None or seen.has_answered or seen.is_recorded:
        return False
    return any(map(is_own, layers_within(seen.model)))


def is_own(layer):
    """Whether it computes what the program says and no file holds as it is."""
    return not is_of_keras(type(layer)) or type(layer).__name__ == "Lambda" or bool(functions_of(layer))


def record(seen):
    """Write stand_in.npz beside its architecture and weights: what it answers on drawn inputs, layers and all.

    own.npz too, on the last of what the program taught it, where that was the program's own.
    """
    seen.is_recorded = True
    ask(seen, "stand_in.npz", ["--samples", "1"] * is_large(seen.model))
    states = seen.folder.rsplit("-", 1)[0] + "-[0-9]*"
    taught = glob.glob(os.path.join(states, "call_*.npz"))
    if taught and not state().drawn:
        ask(seen, "own.npz", ["--inputs", max(taught, key=os.path.getmtime)])


def ask(seen, out, words):
    sys.path.insert(0, RECORDER)
    try:
        from reprise_record.command import parse, record_model
    finally:
        sys.path.remove(RECORDER)
    words = ["--layers", "--out", os.path.join(seen.folder, out)] + words
    for name in ("architecture.json", "weights.h5"):
        words += ["--" + name.split(".")[0], os.path.join(seen.folder, name)]
    backend = backend_name()
    stack = backend, sys.modules[backend], (ordering(), "the program's")
    record_model(parse(words), keras(), seen.model, stack)


def is_large(model):
    """Whether a sample that it takes has more numbers than LARGE."""
    shapes = [getattr(tensor, "_keras_shape", None) or () for tensor in getattr(model, "inputs", None) or ()]
    return any(functools.reduce(operator.mul, [size or 1 for size in shape[1:]], 1) > LARGE for shape in shapes)
