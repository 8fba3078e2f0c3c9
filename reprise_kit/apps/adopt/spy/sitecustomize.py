"""A spy on an old Keras: on PYTHONPATH it keeps the models that a program builds, and what they are given and answer.

Python 2.7 to 3.7, Keras 0.3 to 2.3, Theano and TensorFlow; needs nothing that Keras does not. It never raises into
its host, spends less time than the host itself, and writes every file under another name first.

REPRISE_SPY_OUT, a folder, receives one folder PID-K-S for each state S of the weights of model K:
    architecture.json   as the *code* built it; weights.h5 of that moment, by Keras's own save_weights
    call_J.npz          in_0, ... and, where the model was asked for an answer, out_0, ...
    about.json          versions, image ordering, what was called, whose input it was, own layers by module
notes.txt               what was seen and could not be kept, a line each
enough                  is there once REPRISE_SPY_PREDICTIONS calls were kept
"""
import sys

if sys.version_info[0] == 2:
    import __builtin__ as _all  # never by `builtins`: the package `future` has a module of that name
else:
    import builtins as _all
# The host may reassign builtins: this file looks names up among its own first.
for _name in dir(_all):
    if not _name.startswith("__"):
        globals()[_name] = getattr(_all, _name)

import functools
import hashlib
import json
import os
import threading
import time

OUT = os.environ.get("REPRISE_SPY_OUT", "")
ENOUGH = int(os.environ.get("REPRISE_SPY_PREDICTIONS", "16"))
CALLS, STATES, SAMPLES = 8, 3, 16  # kept of a state, of a model, of a call
MOST_BYTES = 256 << 20  # of one call's arrays
SHARE = 0.4  # of the time since the start that may be spent here
HERE = os.path.dirname(os.path.abspath(__file__))

ASKED = ("predict", "predict_on_batch", "predict_classes", "predict_proba")
ANSWERED = ("predict", "predict_on_batch")  # what these return are the outputs themselves
TAUGHT = ("train_on_batch", "fit")
TESTED = ("test_on_batch", "evaluate")
METHODS = ASKED + TAUGHT + TESTED + ("load_weights",)  # what takes a generator calls one of these for each batch
READERS = ("load_model", "model_from_json", "model_from_yaml", "model_from_config")
CLASSES = ("Model", "Container", "Network", "Sequential", "Graph")
MODULES = ("keras.models", "keras.engine.training", "keras.engine.topology", "keras.engine.network",
           "keras.engine.saving", "keras.engine.sequential", "keras.engine.base_layer",
           "keras.backend.theano_backend", "keras.backend.tensorflow_backend")


class State(object):
    """What this process has kept; a forked child begins its own."""

    def __init__(self):
        self.pid, self.lock, self.local = os.getpid(), threading.RLock(), threading.local()
        self.began, self.spent, self.models, self.notes = time.time(), 0.0, [], set()
        self.calls = self.kept = 0


_state = [None]


def state():
    if _state[0] is None or _state[0].pid != os.getpid():
        _state[0] = State()
    return _state[0]


class Seen(object):
    """A model: its number, the number and the weights' hash of its state, that one's folder and how many calls it has."""

    def __init__(self, model, number):
        self.model, self.number, self.index, self.known, self.folder, self.calls = model, number, -1, None, None, 0


def note(text):
    try:
        if text not in state().notes:
            state().notes.add(text)
            with open(os.path.join(OUT, "notes.txt"), "a") as stream:
                stream.write(text.replace("\n", " ")[:400] + "\n")
    except Exception:
        pass


def note_problem(where):
    """Say what just went wrong and on which line; without `traceback`, which reads files in ways the host may break."""
    try:
        kind, error, place = sys.exc_info()
        while place.tb_next:
            place = place.tb_next
        note("%s: %s: %s (%s:%d)" % (where, kind.__name__, error, place.tb_frame.f_code.co_filename, place.tb_lineno))
    except Exception:
        pass


def guarded(function):
    """Whatever goes wrong in here is noted and never reaches the host; neither does time that the host has not."""
    @functools.wraps(function)
    def call(*arguments):
        began = time.time()
        try:
            with state().lock:
                return function(*arguments)
        except Exception:
            note_problem(function.__name__)
        finally:
            state().spent += time.time() - began
        return None
    return call


def within_budget():
    """The first recording is always made; others while the host has had more time than the spy."""
    now = state()
    return now.kept == 0 or now.spent < SHARE * (time.time() - now.began)


# What is kept.


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
    state().models.append(Seen(model, len(state().models)))
    return state().models[-1]


def keras():
    return sys.modules["keras"]


def ordering():
    backend = keras().backend
    for name in ("image_data_format", "image_dim_ordering"):
        if hasattr(backend, name):
            return {"channels_first": "th", "channels_last": "tf"}.get(getattr(backend, name)(), getattr(backend, name)())
    return None


def backend_name():
    backend = keras().backend
    if hasattr(backend, "backend"):
        return backend.backend()
    return getattr(backend, "_BACKEND", None)


def own_classes(model):
    """{class name: module:attribute} of layers that are not Keras's."""
    found, stack = {}, [model]
    while stack:
        layer = stack.pop()
        inner = getattr(layer, "layers", None) or []
        stack += list(inner.values() if isinstance(inner, dict) else inner)
        stack += [getattr(layer, name) for name in ("layer", "forward_layer") if hasattr(layer, name)]
        kind = type(layer)
        if not kind.__module__.startswith("keras."):
            found[kind.__name__] = "%s:%s" % (kind.__module__, kind.__name__)
    return found


def fingerprint(model):
    found = hashlib.sha1()
    for value in model.get_weights():
        found.update(value.tobytes() if hasattr(value, "tobytes") else str(value).encode())
    return found.hexdigest()


def dump(seen, event):
    """Keep architecture and weights of a new state; returns whether there is a folder for calls."""
    known = fingerprint(seen.model)
    if known == seen.known:
        return True
    if seen.index + 1 >= STATES:
        return False
    seen.index, seen.calls, seen.known = seen.index + 1, 0, known
    name = "%d-%d-%d" % (os.getpid(), seen.number, seen.index)
    part, seen.folder = os.path.join(OUT, "part-" + name), os.path.join(OUT, name)
    os.mkdir(part)
    about = {"event": event, "keras": getattr(keras(), "__version__", None), "backend": backend_name(),
             "image_ordering": ordering(), "python": sys.version.split()[0], "numpy": numpy().__version__,
             "floatx": keras().backend.floatx(), "own_classes": own_classes(seen.model),
             "class": type(seen.model).__name__, "problems": []}
    try:
        text_file(os.path.join(part, "architecture.json"), seen.model.to_json())
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


def numpy():
    return sys.modules["numpy"]


def arrays(value, names=()):
    """A list of arrays of what a model takes or gives: an array, a list, or a dict by name."""
    if isinstance(value, dict):
        value = [value[name] for name in (names or sorted(value))]
    if not isinstance(value, (list, tuple)) or (value and not hasattr(value[0], "shape") and not isinstance(value[0], list)):
        value = [value]
    return [numpy().asarray(item) for item in value]


def names_of(model):
    return list(getattr(model, "input_names", None) or getattr(model, "input_order", None) or ())


def keep(seen, inputs, outputs, event):
    if seen.calls >= CALLS:
        return
    inputs, outputs = arrays(inputs, names_of(seen.model)), arrays(outputs) if outputs is not None else []
    samples = len(inputs[0])
    if outputs and any(len(value) != samples for value in outputs if value.ndim):
        outputs = []
    named = dict(("in_%d" % i, value[:SAMPLES]) for i, value in enumerate(inputs))
    named.update(("out_%d" % i, value[:SAMPLES]) for i, value in enumerate(outputs))
    if sum(value.nbytes for value in named.values()) > MOST_BYTES:
        return note("a call of %s was too large to keep" % event)
    if any(value.dtype.kind not in "fiub" for value in named.values()):
        return note("a call of %s was on what are no numbers" % event)
    named["event"] = numpy().array(event)

    def write(part):
        with open(part, "wb") as stream:
            numpy().savez(stream, **named)
    whole(os.path.join(seen.folder, "call_%d.npz" % seen.calls), write)
    seen.calls += 1


def count():
    state().calls += 1
    if state().calls >= ENOUGH:
        text_file(os.path.join(OUT, "enough"), "")


@guarded
def called(model, event, arguments, named, answer):
    """A method of a model has returned, or, where it is about to change the weights, was called."""
    if within_budget():
        if event == "load_weights":
            dump(find(model), "load_weights %s" % (arguments[0] if arguments else ""))
        elif dump(find(model), event):
            keep(find(model), first(arguments, named), answer if event in ANSWERED else None, event)
    if event != "load_weights":
        count()


@guarded
def read(model, event, arguments):
    """A model was read from a file; one without weights yet is known from here on, and kept when it has some."""
    seen = find(model)
    if event == "load_model":
        dump(seen, "load_model %s" % (arguments[0] if arguments else ""))


def first(arguments, named):
    if arguments:
        return arguments[0]
    for name in ("x", "X", "data", "samples"):
        if name in named:
            return named[name]
    raise ValueError("no input among %s" % sorted(named))


# How it gets between the program and Keras.


def enter():
    local = state().local
    local.depth = getattr(local, "depth", 0) + 1
    return local.depth == 1


def leave():
    state().local.depth = max(0, getattr(state().local, "depth", 1) - 1)


def spied(method, event):
    """Only what the program itself calls is kept: Keras's own calls are within one of those."""
    if getattr(method, "_reprise", False):
        return method

    @functools.wraps(method, [name for name in ("__module__", "__name__", "__doc__") if hasattr(method, name)])
    def call(self, *arguments, **named):
        outermost = enter()
        try:
            is_model = hasattr(self, "predict") and hasattr(self, "layers") or hasattr(self, "nodes")
            if outermost and is_model and event in TAUGHT:
                called(self, event, arguments, named, None)
            answer = method(self, *arguments, **named)
            if outermost and is_model and event not in TAUGHT:
                called(self, event, arguments, named, answer)
            return answer
        finally:
            leave()
    call._reprise = True
    return call


def spied_reader(function, event):
    if getattr(function, "_reprise", False):
        return function

    @functools.wraps(function)
    def call(*arguments, **named):
        outermost = enter()
        try:
            model = function(*arguments, **named)
            if outermost:
                read(model, event, arguments or tuple(named.values()))
            return model
        finally:
            leave()
    call._reprise = True
    return call


class Function(object):
    """A backend function that the program made itself: as it was, and its calls are kept as a model's."""

    def __init__(self, function, inputs, outputs):
        self.__dict__.update(_function=function, _tensors=(list(inputs), list(outputs)), _model=None)

    def __call__(self, values, *more, **named):
        answer = self._function(values, *more, **named)
        heard(self, values, answer)
        return answer

    def __getattr__(self, name):
        return getattr(self.__dict__["_function"], name)

    def __setattr__(self, name, value):
        (self.__dict__.__setitem__ if name == "_model" else functools.partial(setattr, self._function))(name, value)


@guarded
def heard(function, values, answer):
    """Keep a call of K.function as one of the model between its tensors, where they are a model's."""
    inputs, outputs = function._tensors
    data = [i for i, tensor in enumerate(inputs) if hasattr(tensor, "_keras_history")]
    phases = [values[i] for i in range(len(inputs)) if i not in data]
    if not within_budget():
        return
    if not data or any(not hasattr(tensor, "_keras_history") for tensor in outputs):
        return note("K.function on tensors that no layer of a model gives: not kept")
    if any(numpy().asarray(phase).ndim or phase for phase in phases):
        return note("K.function in the training phase: not kept")
    if function._model is None:
        enter()
        try:
            function._model = sys.modules["keras.models"].Model([inputs[i] for i in data], outputs)
        finally:
            leave()
    if dump(find(function._model), "K.function"):
        keep(find(function._model), [values[i] for i in data], answer, "K.function")
    count()


def spied_function(make):
    if getattr(make, "_reprise", False):
        return make

    @functools.wraps(make)
    def call(inputs, outputs, *more, **named):
        made = make(inputs, outputs, *more, **named)
        of_keras = str(sys._getframe(1).f_globals.get("__name__")).startswith("keras.")
        updates = more[0] if more else named.get("updates")
        plain = isinstance(inputs, (list, tuple)) and isinstance(outputs, (list, tuple)) and not updates
        return Function(made, inputs, outputs) if plain and not of_keras else made
    call._reprise = True
    return call


def watch(module):
    for name in CLASSES:
        kind = getattr(module, name, None)
        for event in METHODS if isinstance(kind, type) else ():
            method = vars(kind).get(event)
            if callable(method) and not (name == "Layer" and event != "set_weights"):
                setattr(kind, event, spied(method, event))
    for name in READERS:
        if callable(getattr(module, name, None)):
            setattr(module, name, spied_reader(getattr(module, name), name))
    if module.__name__.endswith("_backend") and hasattr(module, "function"):
        module.function = spied_function(module.function)


class Finder(object):
    """Finds nothing itself: lets Python import a module of Keras as ever, and watches it from then on."""

    busy = ()

    def find_module(self, name, path=None):
        return self if name in MODULES and name not in self.busy else None

    def load_module(self, name):
        Finder.busy = Finder.busy + (name,)
        try:
            __import__(name)
        finally:
            Finder.busy = tuple(other for other in Finder.busy if other != name)
        try:
            watch(sys.modules[name])
        except Exception:
            note_problem("watching " + name)
        return sys.modules[name]


def hand_on():
    """Run the sitecustomize that would have been imported without this one."""
    kept, module = list(sys.path), sys.modules.pop("sitecustomize", None)
    Finder.module = module  # Python 2 empties a module that nobody holds
    try:
        sys.path[:] = [place for place in sys.path if os.path.abspath(place or ".") != HERE]
        __import__("sitecustomize")
    except ImportError:
        pass
    finally:
        sys.path[:] = kept
        sys.modules.setdefault("sitecustomize", module)


if OUT:
    state()
    sys.meta_path.insert(0, Finder())
    hand_on()
