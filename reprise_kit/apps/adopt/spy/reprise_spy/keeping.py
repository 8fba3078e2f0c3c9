"""What is kept of a model: its architecture and weights at a moment, and its calls."""
import hashlib
import json
import os
import re
import sys

from reprise_spy.architecture import architecture, is_of_keras
from reprise_spy.codes import code_of
from reprise_spy.names import *  # noqa: F403
from reprise_spy.state import OUT, Seen, note, state

CALLS, STATES, SAMPLES = 8, 3, 16  # kept of a state, of a model, of a call
MOST_BYTES = 256 << 20  # of one call's arrays
COMPUTES = re.compile("activation")  # what only training calls by name, the recorder makes harmless


def whole(path, write):
    """Write a file under another name, and rename it when it is whole."""
    head, tail = os.path.split(path)
    part = os.path.join(head, "part-" + tail)
    try:
        write(part)
        os.rename(part, path)
    finally:
        if os.path.exists(part):
            os.remove(part)


def text_file(path, text):
    def write(part):
        with open(part, "w") as stream:
            stream.write(text)
    whole(path, write)


def find(model):
    for seen in state().models:
        if seen.model is model:
            return seen
    models = state().models
    models.append(Seen(model, models[-1].number + 1 if models else 0))
    return models[-1]


def keras():
    return sys.modules["keras"]


def version():
    """The version of Keras; 0.3.0 calls itself 0.2.0, which has no backend."""
    said = getattr(keras(), "__version__", None)
    return "0.3.0" if said == "0.2.0" and hasattr(keras(), "backend") else said


def ordering():
    backend = keras().backend
    for name in ("image_data_format", "image_dim_ordering"):
        if hasattr(backend, name):
            said = getattr(backend, name)()
            return {"channels_first": "th", "channels_last": "tf"}.get(said, said)
    return None


def backend_name():
    backend = keras().backend
    if hasattr(backend, "backend"):
        return backend.backend()
    return getattr(backend, "_BACKEND", None)


def layers_within(model):
    """The model, its layers, and those within them."""
    stack = [model]
    while stack:
        layer = stack.pop()
        inner = getattr(layer, "layers", None) or []
        stack += list(inner.values() if isinstance(inner, dict) else inner)
        stack += [getattr(layer, name) for name in ("layer", "forward_layer") if hasattr(layer, name)]
        yield layer


def own_classes(model):
    """{name: module:attribute} of layers and activations that are not Keras's, and of what Lambdas' functions name."""
    found = {}
    for layer in layers_within(model):
        kind = type(layer)
        if not is_of_keras(kind):
            found[kind.__name__] = "%s:%s" % (kind.__module__, kind.__name__)
        elif kind.__name__ == "Lambda":
            found.update(named_globals(getattr(layer, "function", None)))
        found.update(own_functions(layer))
    return found


def own_functions(layer):
    """{name: module:attribute} of the program's own functions that a layer calls by name when it answers."""
    own = [each for each in functions_of(layer) if each.__name__ != "<lambda>"]
    places = [(each.__name__, importable(each.__module__, each.__name__, each)) for each in own]
    return dict((name, place) for name, place in places if place)


def functions_of(layer):
    """The program's own functions that a layer calls when it answers, but a Lambda's."""
    given = [value for key, value in vars(layer).items() if COMPUTES.search(key) and hasattr(value, "__code__")]
    return [each for each in given if not is_of_keras(each)]


def codes(model):
    """{name: its code} of the own functions that layers call by name, where that is all there is to them."""
    layers = list(layers_within(model))
    named = [value for layer in layers for key, value in vars(layer).items() if COMPUTES.search(key)]
    return dict((each.__name__, code_of(each, named)) for layer in layers for each in functions_of(layer))


def named_globals(function):
    """{name: module:attribute} of the globals that a Lambda's function names: loaded, it has only those of Keras."""
    kept = getattr(function, "__globals__", {})
    names = [name for name in getattr(getattr(function, "__code__", None), "co_names", ()) if name in kept]
    core = sys.modules.get("keras.layers.core")
    own = [name for name in names if not hasattr(core, name)]
    places = dict((name, importable(function.__module__, name, kept[name])) for name in own)
    return dict((name, place) for name, place in places.items() if place)


def importable(module, name, value):
    """Where another process finds a global: in its module, or where Keras has it too, if that is the program itself."""
    if module != "__main__":
        return "%s:%s" % (module, name)
    modules = [key for key in sys.modules if key.startswith("keras.")]
    places = sorted(key for key in modules if getattr(sys.modules[key], name, None) is value)
    return "%s:%s" % (places[0], name) if places else None


def folders():
    """The folders of its repository, below the root, from which the program imports."""
    root = os.environ.get("REPRISE_SPY_ROOT", "")
    places = [os.path.abspath(place) for place in sys.path]
    return [os.path.relpath(place, root) for place in places if root and place.startswith(root + os.sep)]


def variables_of(model):
    """The variables of its weights; what is called so in Keras 0.3 is the samples' weights."""
    found = [getattr(model, name, None) for name in ("weights", "trainable_weights")]
    return next((list(each) for each in found if isinstance(each, (list, tuple))), [])


def fingerprint(model):
    found = hashlib.sha1()
    for value in model.get_weights():
        found.update(value.tobytes() if hasattr(value, "tobytes") else str(value).encode())
    return found.hexdigest()


def dump(seen, event, problems=(), states=STATES):
    """Keep architecture and weights of a new state; returns whether there is a folder for calls."""
    if is_unbuilt(seen.model):
        seen.event = event
        return False
    known = fingerprint(seen.model)
    if known == seen.known:
        return True
    if seen.index + 1 >= states:
        return False
    seen.index, seen.calls, seen.known, seen.has_answered, seen.event = seen.index + 1, 0, known, False, event
    name = "%d-%d-%d" % (os.getpid(), seen.number, seen.index)
    part, seen.folder = os.path.join(OUT, "part-" + name), os.path.join(OUT, name)
    os.mkdir(part)
    about = {"event": event, "keras": version(), "backend": backend_name(),
             "image_ordering": ordering(), "python": sys.version.split()[0], "numpy": numpy().__version__,
             "floatx": keras().backend.floatx(), "own_classes": own_classes(seen.model), "functions": codes(seen.model),
             "folders": folders(),
             "class": type(seen.model).__name__, "problems": list(problems), "weights": known,
             "keras_at": os.path.dirname(os.path.abspath(keras().__file__))}
    try:
        text_file(os.path.join(part, "architecture.json"), architecture(seen.model, about["problems"]))
    except Exception as error:
        about["problems"].append("its architecture cannot be saved: %s: %s" % (type(error).__name__, error))
    try:
        seen.model.save_weights(os.path.join(part, "weights.h5"), overwrite=True)
    except Exception as error:
        about["problems"].append("its weights cannot be saved: %s: %s" % (type(error).__name__, error))
    text_file(os.path.join(part, "about.json"), json.dumps(about, sort_keys=True))
    os.rename(part, seen.folder)
    state().kept += 1
    return True


def is_empty(model):
    """Whether it has no layers yet, as a Sequential begins."""
    return not getattr(model, "layers", True)


def is_unbuilt(model):
    """Whether it has no weights before it knows its input, as a Sequential of Keras 2.2 may be taught."""
    return getattr(model, "built", None) is False and not model.get_weights()


def is_damaged(seen):
    """Whether a model that was made and no more can be saved no longer: its program took layers from it, or itself."""
    try:
        return seen.is_only_made and not architecture(seen.model, [])
    except Exception as error:
        note("a model that was made is not kept, it cannot be saved: %s: %s" % (type(error).__name__, error))
        return True


def numpy():
    return sys.modules["numpy"]


def arrays(value, names=()):
    """A list of arrays of what a model takes or gives: an array, a list, or a dict by name."""
    if isinstance(value, dict):
        value = [value[name] for name in (names or sorted(value))]
    of_many = isinstance(value, (list, tuple))
    if not of_many or (value and not hasattr(value[0], "shape") and not isinstance(value[0], list)):
        value = [value]
    return [numpy().asarray(item.toarray() if is_sparse(item) else item) for item in value]


def is_sparse(value):
    """Whether it is a sparse matrix of SciPy's."""
    return hasattr(value, "toarray")


def first(arguments, named):
    if arguments:
        return arguments[0]
    for name in ("x", "X", "data", "samples"):
        if name in named:
            return named[name]
    raise ValueError("no input among %s" % sorted(named))


def names_of(model):
    return list(getattr(model, "input_names", None) or getattr(model, "input_order", None) or ())


def keep(seen, inputs, outputs, event):
    if seen.calls >= CALLS:
        return
    # Of a sparse matrix, a graph's, no sample is one by itself.
    given = inputs.values() if isinstance(inputs, dict) else inputs if isinstance(inputs, (list, tuple)) else [inputs]
    few = None if any(map(is_sparse, given)) else SAMPLES
    inputs, outputs = arrays(inputs, names_of(seen.model)), arrays(outputs) if outputs is not None else []
    if event != "K.function" and not str(version()).startswith("0."):  # its models make columns of rows
        inputs = [value[:, None] if value.ndim == 1 else value for value in inputs]
    samples = len(inputs[0])
    if outputs and any(len(value) != samples for value in outputs if value.ndim):
        outputs = []
    named = dict(("in_%d" % i, value[:few]) for i, value in enumerate(inputs))
    named.update(("out_%d" % i, value[:few]) for i, value in enumerate(outputs))
    if sum(value.nbytes for value in named.values()) > MOST_BYTES:
        return note("a call of %s was too large to keep" % event)
    if any(value.dtype.kind not in "fiub" for value in named.values()):
        return note("a call of %s was on what are no numbers" % event)
    named["event"] = numpy().array(event)
    if state().drawn:
        named["drawn"] = numpy().array(True)

    def write(part):
        with open(part, "wb") as stream:
            numpy().savez(stream, **named)
    whole(os.path.join(seen.folder, "call_%d.npz" % seen.calls), write)
    seen.calls += 1
    seen.has_answered |= bool(outputs)
