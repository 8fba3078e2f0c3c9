"""Recording a model within its own program, where a second process might not build it again.

That is where layers or their activations are the program's own, whose configuration need not say all, or Lambdas,
which Keras 1.0.0 saved without what they close over. The recorder is original/record's; it gets the model itself.
"""
import functools
import operator
import os
import sys

from reprise_spy.architecture import is_of_keras
from reprise_spy.keeping import STATES, backend_name, dump, fingerprint, functions_of, keras, layers_within, ordering
from reprise_spy.names import *  # noqa: F403
from reprise_spy.state import guarded, note, note_problem, state

RECORDER = os.environ.get("REPRISE_SPY_RECORDER", "")
LAST = "%s (as it was when its program ended)"
TRIES = 2  # of a model: in the middle of its program, and at its end
LARGE = 1 << 16  # numbers of a sample: of larger ones a layer's answers are many


@guarded
def record_within():
    """Record every model that may not be built again and was not heard to answer, as it is now; whether one was."""
    return any([record(seen) for seen in list(state().models) if is_wanted(seen)])


def is_wanted(seen):
    """Whether it is one of those, and not recorded yet."""
    try:
        if not RECORDER or seen.folder is None or seen.has_answered or seen.is_recorded or seen.tries >= TRIES:
            return False
        return any(map(is_own, layers_within(seen.model)))
    except Exception:
        note_problem("looking at a model's layers")
        return False


def is_own(layer):
    """Whether it computes what the program says and no file holds as it is."""
    return not is_of_keras(type(layer)) or type(layer).__name__ == "Lambda" or bool(functions_of(layer))


def record(seen):
    """Write stand_in.npz beside its architecture and weights: what it answers on drawn inputs, layers and all.

    own.npz too, on the last of what the program taught it, where that was the program's own.
    """
    seen.tries += 1
    taught = None if state().drawn or is_large(seen.model) else last_call(seen.folder)
    try:
        if is_teaching() or not dump(seen, LAST % seen.event.split()[0], states=STATES + 1):
            return False
    except Exception:
        note_problem("keeping a model's last state")
        return False
    asked = {"stand_in.npz": ["--samples", "1"] * is_large(seen.model)}
    asked.update({"own.npz": ["--inputs", taught]} if taught else {})
    seen.is_recorded = any([ask(seen, out, words) for out, words in sorted(asked.items())])
    return seen.is_recorded


def is_teaching():
    """Whether the program set the phase of training, in which layers drop and normalise as they do in that alone."""
    phase = getattr(keras().backend, "learning_phase", lambda: 0)()
    return isinstance(phase, int) and phase == 1


def last_call(folder):
    """The file of the last call that was kept of the model of a state's folder."""
    out, name = os.path.split(folder)
    states = [os.path.join(out, each) for each in os.listdir(out) if each.startswith(name.rsplit("-", 1)[0] + "-")]
    files = [os.path.join(each, file) for each in states for file in os.listdir(each) if file.startswith("call_")]
    return max(files, key=os.path.getmtime) if files else None


def ask(seen, out, words):
    """Let the recorder write `out` into the folder of a model's state; whether that is what the state answers."""
    path = os.path.join(seen.folder, out)
    try:
        record_to(path, seen, words)
        if fingerprint(seen.model) == seen.known:
            return True
        os.remove(path)
        note("not recorded within the program: another thread taught the model meanwhile")
    except Exception:
        note_problem("recording within the program")
    return False


def record_to(path, seen, words):
    sys.path.insert(0, RECORDER)
    try:
        from reprise_record.command import parse, record_model
    finally:
        sys.path.remove(RECORDER)
    words = ["--layers", "--out", path] + words
    for name in ("architecture.json", "weights.h5"):
        words += ["--" + name.split(".")[0], os.path.join(seen.folder, name)]
    backend = backend_name()
    stack = backend, sys.modules[backend], (ordering(), "the program's")
    record_model(parse(words), keras(), seen.model, stack)


def is_large(model):
    """Whether a sample that it takes has more numbers than LARGE."""
    shapes = [getattr(tensor, "_keras_shape", None) or () for tensor in getattr(model, "inputs", None) or ()]
    return any(functools.reduce(operator.mul, [size or 1 for size in shape[1:]], 1) > LARGE for shape in shapes)
