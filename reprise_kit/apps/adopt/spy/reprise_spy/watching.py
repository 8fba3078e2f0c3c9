"""How it gets between the program and Keras: every module of Keras is watched from its import on."""
import functools
import os
import sys

from reprise_spy.doubles import is_absent, spied_get_file, spied_load_img
from reprise_spy.ending import count
from reprise_spy.keeping import dump, find, first, keep, numpy
from reprise_spy.lambdas import spied_func_load
from reprise_spy.names import *  # noqa: F403
from reprise_spy.shims import DRAWS, MOVED, after, before, imported
from reprise_spy.state import enter, guarded, leave, note, note_problem, state, within_budget

ASKED = ("predict", "predict_on_batch", "predict_classes", "predict_proba")
ANSWERED = ("predict", "predict_on_batch")  # what these return are the outputs themselves
TAUGHT = ("train_on_batch", "fit")
TESTED = ("test_on_batch", "evaluate")
BUILT = ("compile", "load_weights")  # a model that is called so is known from before on: the file may not be there
METHODS = ASKED + TAUGHT + TESTED + BUILT  # what takes a generator calls one of these for each batch
READERS = ("load_model", "model_from_json", "model_from_yaml", "model_from_config")
CLASSES = ("Model", "Container", "Network", "Sequential", "Graph")
GRAPHS = ("Container", "Network")  # what makes a Model of tensors: from then on it is whole, whoever computes with it
MADE = 8  # models that were made and no more: the spy holds them as long as the program runs
MODULES = ("keras.models", "keras.engine.training", "keras.engine.topology", "keras.engine.network",
           "keras.engine.saving", "keras.engine.sequential", "keras.engine.base_layer",
           "keras.backend.theano_backend", "keras.backend.tensorflow_backend", "keras.utils.generic_utils",
           "keras.utils.data_utils", "keras.datasets.data_utils",
           "keras.preprocessing.image") + tuple(MOVED) + tuple(DRAWS)


@guarded
def called(model, event, arguments, named, answer):
    """A method of a model has returned, or, where it is about to change the weights, was called."""
    seen = find(model)
    if event == "load_weights":
        if within_budget():
            dump(seen, "load_weights %s" % (arguments[0] if arguments else ""))
    elif (within_budget() or not seen.heard) and dump(seen, event):  # a program may ask once, and end
        keep(seen, first(arguments, named), answer if event in ANSWERED else None, event)
        seen.heard = True
    if event != "load_weights":
        count()


@guarded
def read(model, event, arguments):
    """A model was read from a file; one without weights yet is known from here on, and kept when it has some."""
    seen = find(model)
    if event == "load_model":
        dump(seen, "load_model %s" % (arguments[0] if arguments else ""))


@guarded
def known(model):
    """A model is about to be given something: it is there, whatever becomes of that."""
    find(model).is_only_made = False


@guarded
def made(model):
    """A model was made of tensors, and nothing else is known of it yet."""
    find(model).is_only_made = True


def of_keras(frame):
    """Whether code is Keras's own, of the architectures that come with it, or the recorder's: not the program's."""
    return str(frame.f_globals.get("__name__")).startswith(("keras.", "keras_applications.", "reprise_record."))


# How it gets between the program and Keras.


def spied(method, event):
    """Only what the program itself calls is kept: Keras's own calls are within one of those."""
    if getattr(method, "_reprise", False):
        return method

    @functools.wraps(method, [name for name in ("__module__", "__name__", "__doc__") if hasattr(method, name)])
    def call(self, *arguments, **named):
        outermost = enter()
        try:
            is_model = hasattr(self, "predict") and hasattr(self, "layers") or hasattr(self, "nodes")
            if outermost and is_model and event in BUILT:
                known(self)
            if outermost and is_model and event in TAUGHT:
                called(self, event, arguments, named, None)
            if event == "load_weights" and is_absent(arguments, outermost):
                return None
            answer = method(self, *arguments, **named)
            if outermost and is_model and event not in TAUGHT + ("compile",):
                called(self, event, arguments, named, answer)
            return answer
        finally:
            leave()
    call._reprise = True
    return call


def spied_init(make):
    """A program may take Keras for its layers and compute with another library: nothing else shows its model."""
    if getattr(make, "_reprise", False):
        return make

    @functools.wraps(make, [name for name in ("__module__", "__name__", "__doc__") if hasattr(make, name)])
    def call(self, *arguments, **named):
        make(self, *arguments, **named)
        if getattr(self, "inputs", None) and len(state().models) < MADE and not of_keras(sys._getframe(1)):
            made(self)
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
        updates = more[0] if more else named.get("updates")
        plain = isinstance(inputs, (list, tuple)) and isinstance(outputs, (list, tuple)) and not updates
        return Function(made, inputs, outputs) if plain and not of_keras(sys._getframe(1)) else made
    call._reprise = True
    return call


def watch(module):
    for name in CLASSES:
        kind = getattr(module, name, None)
        for event in METHODS if isinstance(kind, type) else ():
            method = vars(kind).get(event)
            if callable(method) and not (name == "Layer" and event != "set_weights"):
                setattr(kind, event, spied(method, event))
        if name in GRAPHS and isinstance(kind, type) and os.environ.get("REPRISE_SPY_BUILT"):
            kind.__init__ = spied_init(kind.__init__)
    for name in READERS:
        if callable(getattr(module, name, None)):
            setattr(module, name, spied_reader(getattr(module, name), name))
    if callable(getattr(module, "func_load", None)) and module.__name__.endswith("generic_utils"):
        module.func_load = spied_func_load(module.func_load)
    if module.__name__.endswith("data_utils"):
        module.get_file = spied_get_file(module.get_file)
    if callable(getattr(module, "load_img", None)):
        module.load_img = spied_load_img(module.load_img)
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
            before(name)
            imported(name)
            after(name)
        finally:
            Finder.busy = tuple(other for other in Finder.busy if other != name)
        try:
            watch(sys.modules[name])
        except Exception:
            note_problem("watching " + name)
        return sys.modules[name]
