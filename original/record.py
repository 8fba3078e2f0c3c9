"""Record what an old Keras model computes, for `reprise migrate --verify`. One file, run beside the old Keras.

    python record.py --architecture model.json --weights weights.h5 --out golden.npz
    python record.py --weights whole_model.h5 --layers --out golden.npz
    python record.py --from-code models:build --weights weights.h5 --out golden.npz

Keras 0.3 to 2.3, or tf.keras of TensorFlow 1.x with --tf-keras; Theano, TensorFlow or CNTK; Python 2.7 and 3.5 to
3.7; needs nothing else. It runs the model's own code, Lambdas too: only record files that you trust. Arithmetic is
Keras's own throughout. No keras.json is followed: backend and image ordering are chosen here, and said.

golden.npz, without pickles:
    in_0, in_1, ...    inputs in the model's order, (samples, ...): of --inputs, or drawn at several scales, one
                       after the other along the samples: N(0,1), 0..1, 0..255; whole numbers where an Embedding
                       reads; padded steps where a Masking or a mask_zero looks for them
    out_0, out_1, ...  outputs in the model's order
    layer_NAME         with --layers: the output of a layer that is called once and gives one tensor
    node_K_J_NAME      with --layers: output J of call K of any other layer
    provenance         JSON: versions, backend, seed, which samples are of which scale, dead layers, and for each
                       layer where each call took its inputs from
Samples of several scales share one batch only where that is seen to change nothing. Where samples depend on each
other (a fixed batch size, batch statistics, states) the one scale is kept that leaves the fewest layers dead.
"""

from __future__ import print_function

import argparse
import hashlib
import importlib
import json
import logging
import os
import pkgutil
import re
import shutil
import sys
import tempfile
import traceback

import numpy as np

BACKENDS = ("theano", "tensorflow", "cntk")
ORDERINGS = {"th": "channels_first", "tf": "channels_last"}
SCALES = ("normal", "unit", "bytes")
LAST_RESORT = "wide"  # N(0, 100), where a network is dead at all of the others
TOKENS_WITHOUT_EMBEDDING = 10  # whole numbers below this where an input is of whole numbers that no Embedding reads
# What of an error's text tells what to do.
ANOTHER_PYTHON = "its Lambdas were saved by another Python: run that one, or give --custom LAYER=module:function"
HINTS = (
    ("bad marshal data", ANOTHER_PYTHON),
    ("unknown opcode", ANOTHER_PYTHON),
    ("object has no attribute 'decode'", "h5py 3 is too new for this Keras: pip install 'h5py<3'"),
    ("unknown layer", "give its class with --custom NAME=module:attribute"),
    ("invalid layer", "give its class with --custom NAME=module:attribute"),
    ("unknown activation", "give it with --custom NAME=module:attribute"),
    ("invalid activation", "give it with --custom NAME=module:attribute"),
    ("is not defined", "give it with --custom NAME=module:attribute"),
    ("no implementation", "Theano found no BLAS to link: give one in THEANO_FLAGS=blas.ldflags=..."),
)


class Refused(Exception):
    """Something a person can mend; its text is one line."""


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", help="model.json or model.yaml; without it --weights is a whole model")
    parser.add_argument("--from-code", metavar="MODULE:FUNCTION",
                        help="what builds the model, where only code does; its architecture is saved beside --out")
    parser.add_argument("--weights", help="weights.h5, or a whole model; what it was compiled with is not needed")
    parser.add_argument("--out", required=True, help="golden.npz")
    parser.add_argument("--inputs", help=".npz with in_0, in_1, ... instead of random ones")
    parser.add_argument("--samples", type=int, default=4, help="random samples of each scale (default 4)")
    parser.add_argument("--size", type=int, default=16, help="length of axes that the model leaves open (default 16)")
    parser.add_argument("--seed", type=int, default=0, help="of random inputs (default 0)")
    parser.add_argument("--layers", action="store_true", help="record every layer's output too")
    parser.add_argument("--backend", choices=BACKENDS, help="default: the one that the weights were saved under")
    parser.add_argument("--image-ordering", choices=sorted(ORDERINGS),
                        help="of layers that do not save theirs; default: what the other layers say")
    parser.add_argument("--tf-keras", action="store_true", help="use tf.keras of TensorFlow 1.x")
    parser.add_argument("--custom", action="append", default=[], metavar="NAME=MODULE:ATTRIBUTE",
                        help="a layer or function of your own that the model needs; NAME may be a Lambda layer's")
    options = parser.parse_args(arguments)
    if not (options.weights or options.from_code) or (options.architecture and options.from_code):
        parser.error("give --weights, with --architecture or --from-code where it is no whole model")
    if options.samples < 1 or options.size < 1:
        parser.error("--samples and --size are at least 1")
    return options


# What the files say, before any Keras is imported.


def read_files(options):
    """Return (config or None, text of the architecture, backend that the weights name or None)."""
    for path in (options.architecture, options.weights, options.inputs):
        if path and not os.path.isfile(path):
            raise Refused("%s: no such file" % path)
    text, backend = "", None
    if options.weights:
        text, backend = read_weights(options.weights)
    if options.architecture:
        with open(options.architecture, "rb") as stream:
            text = stream.read().decode("utf-8", "replace")
    elif not options.from_code and not text:
        raise Refused("%s holds weights only: give --architecture or --from-code" % options.weights)
    return parse_architecture(text), text, backend


def read_weights(path):
    try:
        import h5py
    except ImportError as error:
        raise Refused("h5py is missing beside the old Keras (%s)" % one_line(error))
    try:
        with h5py.File(path, "r") as stream:
            config, group = stream.attrs.get("model_config", ""), stream
            if "model_weights" in stream:
                group = stream["model_weights"]
            backend = decoded(stream.attrs.get("backend", group.attrs.get("backend", ""))) or None
            return decoded(config), backend or backend_of_names(group)
    except (OSError, IOError) as error:
        raise Refused("%s is no HDF5 file that h5py reads (%s)" % (path, one_line(error)))


def decoded(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else u"%s" % value


def backend_of_names(group):
    """Return whose weight names these are: TensorFlow's end in :0. None where there are none."""
    names = []
    for layer in group.attrs.get("layer_names", []):
        names += [decoded(name) for name in group[decoded(layer)].attrs.get("weight_names", [])]
    if not names:
        return None
    return "tensorflow" if any(re.search(r":\d+$", name) for name in names) else "theano"


def parse_architecture(text):
    """Return the config; None where only Keras's own YAML reading can. Both may be encoded twice."""
    if not text:
        return None
    config = text
    try:
        while not isinstance(config, dict):
            config = json.loads(config)
        return config
    except (ValueError, TypeError):
        pass
    try:
        import yaml
        config = text
        while not isinstance(config, dict):
            config = yaml.safe_load(config)
        return config
    except Exception:  # Python tags, or no YAML at all: Keras says
        return None


# Bringing up Keras.


def installed(name):
    return pkgutil.find_loader(name) is not None


def choose_backend(options, saved_under):
    """Return (backend, why)."""
    if options.tf_keras:
        return "tensorflow", "tf.keras"
    if options.backend:
        return options.backend, "--backend"
    if os.environ.get("KERAS_BACKEND"):
        return os.environ["KERAS_BACKEND"], "KERAS_BACKEND"
    here = [name for name in BACKENDS if installed(name)]
    if saved_under in here:
        return saved_under, "the weights were saved under it"
    if saved_under:
        raise Refused("these weights were saved under %s, which is not installed here; install it, or say --backend %s "
                      "to record what that makes of them" % (saved_under, here[0] if here else "NAME"))
    if not here:
        raise Refused("neither Theano nor TensorFlow nor CNTK is installed in %s" % sys.executable)
    return here[0], "installed, and the files name none"


def give_theano_a_blas():
    """Theano has convolutions of the same size only with a BLAS to link to: NumPy's wheel carries one.

    NumPy has it loaded when Theano's modules ask for it by name, so that they need no search path.
    """
    flags = [flag for flag in os.environ.get("THEANO_FLAGS", "").split(",") if flag]
    given = set(flag.split("=")[0] for flag in flags)
    flags += [flag for flag in ("floatX=float32", "device=cpu") if flag.split("=")[0] not in given]
    place = os.path.dirname(np.__file__)
    for folder in (os.path.join(place, ".libs"), place + ".libs"):
        found = [name for name in (os.listdir(folder) if os.path.isdir(folder) else []) if "openblas" in name]
        if found and "blas.ldflags" not in given:
            flags.append("blas.ldflags=-L%s -l:%s" % (folder, found[0]))
            break
    os.environ["THEANO_FLAGS"] = ",".join(flags)


def import_backend(backend):
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if backend == "theano":
        give_theano_a_blas()
    try:
        module = importlib.import_module(backend)
    except Exception as error:
        raise Refused("cannot import %s in %s (%s: %s)" % (
            backend, sys.executable, type(error).__name__, one_line(error)))
    if backend == "tensorflow" and not hasattr(module, "python"):
        module.python = type("python", (), {})
    if backend == "tensorflow" and not hasattr(module.python, "control_flow_ops"):  # Keras 1 looks it up there
        try:
            module.python.control_flow_ops = importlib.import_module("tensorflow.python.ops.control_flow_ops")
        except ImportError:
            pass
    return module


def import_keras(options):
    """Import Keras with an empty home folder: a keras.json there may be another Keras's."""
    kept = dict((name, os.environ.get(name)) for name in ("HOME", "USERPROFILE", "KERAS_HOME"))
    empty = tempfile.mkdtemp()
    try:
        os.environ.update(HOME=empty, USERPROFILE=empty, KERAS_HOME=os.path.join(empty, ".keras"))
        keras = importlib.import_module("tensorflow.keras" if options.tf_keras else "keras")
        for name in ("backend", "models", "layers"):
            importlib.import_module(keras.__name__ + "." + name)
    except Exception as error:
        raise Refused("cannot import Keras in %s (%s: %s)" % (sys.executable, type(error).__name__, one_line(error)))
    finally:
        for name, value in kept.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        shutil.rmtree(empty, ignore_errors=True)
    if not (0, 3) <= version_of(keras) < (2, 4):
        raise Refused("this is Keras %s; known are 0.3 to 2.3, and tf.keras of TensorFlow 1.x" % keras.__version__)
    return keras


def version_of(keras):
    return tuple(int(part) for part in re.findall(r"\d+", keras.__version__)[:2])


def choose_ordering(options, keras, text):
    """Set the image ordering of layers that do not save theirs; return (ordering, why)."""
    backend = keras.backend
    newer = hasattr(backend, "set_image_data_format")
    if not newer and not hasattr(backend, "set_image_dim_ordering"):
        return None, "saved with each layer"
    key = r"""(?:dim_ordering|data_format)["']?:\s*["']?"""
    said = set(re.findall(key + r"(th|tf|channels_first|channels_last)\b", text))
    said = set(dict((v, k) for k, v in ORDERINGS.items()).get(word, word) for word in said)
    silent = re.search(r"(ZeroPadding|UpSampling|Cropping)[23]D", text) and not newer
    if options.image_ordering:
        ordering, why = options.image_ordering, "--image-ordering"
    elif len(said) == 1:
        ordering, why = said.pop(), "as the architecture says"
    elif said and silent:
        raise Refused("its layers name both image orderings, and some none: give --image-ordering th or tf")
    else:
        shown = backend.image_data_format() if newer else backend.image_dim_ordering()
        ordering, why = "th" if shown in ("th", "channels_first") else "tf", "the default of Keras " + keras.__version__
    if newer:
        backend.set_image_data_format(ORDERINGS[ordering])
    else:
        backend.set_image_dim_ordering(ordering)
    return ordering, why


# The model.


def attribute(target):
    module, _, name = target.partition(":")
    if not name:
        raise Refused("%s: write it as module:attribute" % target)
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, SyntaxError) as error:
        raise Refused("cannot get %s (%s: %s)" % (target, type(error).__name__, one_line(error)))


def custom_objects(keras, pairs):
    """Return {name: object}; also put where Keras 1 looks names up, which knows custom objects for layers only."""
    found = {}
    for pair in pairs:
        name, _, target = pair.partition("=")
        found[name] = attribute(target)
    for name in ("layers.core", "activations", "initializations", "regularizers", "constraints"):
        try:
            module = importlib.import_module("%s.%s" % (keras.__name__, name))
        except ImportError:
            continue
        for key, value in found.items():
            module.__dict__.setdefault(key, value)
    return found


def prepared(config, keras, custom):
    """Return the config with what only training needs made harmless, and named Lambdas replaced by functions."""
    if isinstance(config, list):
        return [prepared(item, keras, custom) for item in config]
    if not isinstance(config, dict):
        return config
    config = dict((key, prepared(value, keras, custom)) for key, value in config.items())
    for key, value in config.items():
        kind = re.search(r"(init|initializer|regularizer|constraint)$", key)
        if kind and value is not None and not is_known(kind.group(1), value, keras, custom):
            config[key] = None if kind.group(1) in ("regularizer", "constraint") else "zero"
    if config.get("class_name") == "Lambda" and config["config"].get("name") in custom:
        config["config"].update(function=config["config"]["name"], function_type="function")
    elif config.get("class_name") == "Lambda" and version_of(keras) < (2, 0):
        for key in ("function", "output_shape"):
            if config["config"].get(key + "_type") == "lambda" and isinstance(config["config"][key], list):
                config["config"][key] = reloadable(*config["config"][key])
    return config


def reloadable(code, defaults, closure):
    """What Keras 1.2 saved of a function with defaults or a closure, in the types that it forgets to give back."""
    cells = [(lambda value: lambda: value)(value).__closure__[0] for value in closure or ()]
    return code, tuple(defaults) if defaults else None, tuple(cells) or None


def is_known(kind, value, keras, custom):
    modules = {"init": ("initializations",), "initializer": ("initializers",)}.get(kind, (kind + "s",))
    name = value.get("class_name", value.get("name")) if isinstance(value, dict) else value
    if name in custom:
        return True
    try:
        importlib.import_module("%s.%s" % (keras.__name__, modules[0])).get(json.loads(json.dumps(value)))
        return True
    except Exception:
        return False


def build(options, keras, config, text):
    """Return the model with its weights."""
    custom = custom_objects(keras, options.custom)
    if options.from_code:
        made = attribute(options.from_code)
        if callable(made) and not hasattr(made, "predict"):
            made = attempt("%s failed" % options.from_code, made)
        model = made
        if not hasattr(model, "predict"):
            raise Refused("%s gave a %s, not a Keras model" % (options.from_code, type(model).__name__))
    elif config is None:
        model = attempt("Keras %s cannot build it" % keras.__version__, keras.models.model_from_yaml, text, custom)
    else:
        for compiled in ("optimizer", "loss"):
            config.pop(compiled, None)
        model = attempt("Keras %s cannot build it" % keras.__version__, keras.models.model_from_config,
                        prepared(config, keras, custom), custom_objects=custom)
    if options.weights:
        load_weights(options, keras, model)
    return model


def load_weights(options, keras, model):
    """Load the weights; Keras on Theano takes arrays of another shape in silence, this does not."""
    before = [np.shape(value) for value in model.get_weights()]
    attempt("Keras %s cannot load %s" % (keras.__version__, options.weights), model.load_weights, options.weights)
    for i, (shape, value) in enumerate(zip(before, model.get_weights())):
        if shape != np.shape(value):
            raise Refused("weight %d of the model is %s, the file's is %s: these weights belong to another architecture"
                          % (i, shape, np.shape(value)))


def attempt(what, function, *arguments, **named):
    """Call what may fail in any way; raises Refused in one line, with a hint and the place in the model's code."""
    try:
        return function(*arguments, **named)
    except Exception as error:
        text = one_line(error)
        hint = [advice for sign, advice in HINTS if sign in text.lower()]
        place = traceback.extract_tb(sys.exc_info()[2])[-1]
        raise Refused("%s (%s: %s; %s:%s)%s" % (
            what, type(error).__name__, text, os.path.basename(place[0]), place[1], "; " + hint[0] if hint else ""))


def listed(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def shape_of(tensor):
    return getattr(tensor, "_keras_shape", None) or tuple(tensor.shape.as_list())


def nodes_of(layer):
    return getattr(layer, "inbound_nodes", None) or getattr(layer, "_inbound_nodes", [])


class Source(object):
    """One input of a model: its shape, the rows of the Embedding that reads it, the value that stands for no step."""

    def __init__(self, name, shape, whole, readers):
        self.name, self.shape = name, shape
        embeddings = [layer for layer in readers if type(layer).__name__ == "Embedding"]
        rows = [int(layer.input_dim) for layer in embeddings]
        self.rows = min(rows) if rows else TOKENS_WITHOUT_EMBEDDING if whole else None
        maskings = [layer.mask_value for layer in readers if type(layer).__name__ == "Masking"]
        self.padding = 0 if any(layer.mask_zero for layer in embeddings) else maskings[0] if maskings else None


class Network(object):
    """A model of Keras 1.0 to 2.3: its inputs, outputs and the calls of its layers."""

    def __init__(self, keras, model):
        self.backend, self.model = keras.backend, model
        self.calls = walk(model.outputs)
        tensors, names = listed(model.inputs), [name_of(tensor) for tensor in model.inputs]
        self.sources = [Source(name, shape_of(tensor), "int" in str(self.backend.dtype(tensor)),
                               readers(self.calls, tensor)) for name, tensor in zip(names, tensors)]
        self.function = None

    def predict(self, inputs):
        self.reset()
        return listed(self.model.predict(inputs if len(inputs) > 1 else inputs[0], batch_size=len(inputs[0])))

    def reset(self):
        if getattr(self.model, "stateful", False):
            self.model.reset_states()

    def layers(self, inputs):
        """Return {layer_NAME or node_K_J_NAME: output}, not in training."""
        phase = self.backend.learning_phase()
        phases = [] if isinstance(phase, (int, bool)) else [phase]
        tensors = listed(self.model.inputs)  # TensorFlow 1.15 does not fetch what it is fed
        found = dict((key, inputs[i]) for key, t in self.named() for i, given in enumerate(tensors) if t is given)
        computed = [(key, tensor) for key, tensor in self.named() if key not in found]
        if self.function is None and computed:
            self.function = self.backend.function(tensors + phases, [tensor for _, tensor in computed])
        self.reset()
        values = self.function(inputs + [0] * len(phases)) if computed else []
        return dict(found, **dict((key, np.asarray(value)) for (key, _), value in zip(computed, values)))

    def named(self):
        found = []
        for layer, index, node in self.calls:
            tensors = listed(node.output_tensors)
            once = len(tensors) == 1 and sum(other is layer for other, _, _ in self.calls) == 1
            found += [("layer_%s" % layer.name if once else "node_%d_%d_%s" % (self.place(layer, index), j, layer.name),
                       tensor) for j, tensor in enumerate(tensors)]
        return found

    def place(self, layer, index):
        """Number the calls of a layer within this model."""
        return sorted(i for other, i, _ in self.calls if other is layer).index(index)

    def inbound(self):
        """Return {layer: for each call, [layer, call, output] of each of its inputs}."""
        found = {}
        for layer, _, node in sorted(self.calls, key=lambda call: call[1]):
            sources = zip(listed(node.inbound_layers), listed(node.node_indices), listed(node.tensor_indices))
            found.setdefault(layer.name, []).append(
                [[source.name, self.place(source, index), int(tensor)] for source, index, tensor in sources])
        return found


def name_of(tensor):
    return tensor._keras_history[0].name


def walk(outputs):
    """Return (layer, node index, node) of every call that the outputs depend on, inputs first."""
    calls, seen = [], set()
    stack = [(t._keras_history[0], t._keras_history[1], False) for t in reversed(listed(outputs))]
    while stack:
        layer, index, done = stack.pop()
        node = nodes_of(layer)[index]
        if done:
            calls.append((layer, index, node))
        elif (id(layer), index) not in seen:
            seen.add((id(layer), index))
            stack.append((layer, index, True))
            stack += [(source, i, False) for source, i in zip(listed(node.inbound_layers), listed(node.node_indices))]
    return calls


def readers(calls, tensor):
    """Return the layers that read a tensor, through layers without weights and into nested models and wrappers."""
    found = []
    for layer, _, node in calls:
        for i, source in enumerate(listed(node.input_tensors)):
            if source is not tensor or layer in found:
                continue
            inner = getattr(layer, "layer", None) or getattr(layer, "forward_layer", None) or layer
            if getattr(inner, "outputs", None) and getattr(inner, "layers", None):
                found += readers(walk(inner.outputs), listed(inner.inputs)[i])
                continue
            found.append(layer)
            if inner is not layer:
                found.append(inner)
            if not layer.get_weights():
                for output in listed(node.output_tensors):
                    found += readers(calls, output) if output is not tensor else []
    return found


def numbered(layers):
    """Return (name, layer); layers of one name are told apart as Keras 1 would number them: dense_1, dense_2."""
    names = [getattr(layer, "name", None) or type(layer).__name__.lower() for layer in layers]
    return [(name if names.count(name) == 1 else "%s_%d" % (name, names[:i + 1].count(name)), layer)
            for i, (name, layer) in enumerate(zip(names, layers))]


class OldNetwork(object):
    """A model of Keras 0.3: Sequential, or Graph with named inputs and outputs; layers are called once."""

    def __init__(self, keras, model):
        self.backend, self.model = keras.backend, model
        if hasattr(model, "input_order"):
            firsts, names = [model.inputs[name] for name in model.input_order], list(model.input_order)
            self.outputs = [model.outputs[name].get_output(False) for name in model.output_order]
            self.members = [(name, model.nodes[name]) for name in sorted(model.nodes)]
            self.tensors = [layer.input for layer in firsts]
        else:
            self.tensors = listed(model.get_input(False))
            firsts, names = self.firsts(model.layers[0]), ["input_%d" % i for i in range(len(self.tensors))]
            self.outputs = [model.get_output(False)]
            self.members = numbered(model.layers)
        self.sources = [Source(name, layer.input_shape, "int" in str(tensor.dtype), self.readers(layer))
                        for name, layer, tensor in zip(names, firsts, self.tensors)]
        self.functions = {}

    def firsts(self, layer):
        inner = getattr(layer, "layers", None)
        if type(layer).__name__ == "Merge":
            return [first for branch in inner for first in self.firsts(branch)]
        return self.firsts(inner[0]) if inner else [layer]

    def readers(self, layer):
        after = [other for other in self.every(self.model) if getattr(other, "previous", None) is layer]
        return [layer] + after

    def every(self, layer):
        inner = getattr(layer, "layers", None) or list(getattr(layer, "nodes", {}).values())
        return [layer] + [deeper for other in inner for deeper in self.every(other)]

    def run(self, key, inputs, tensors):
        if key not in self.functions:
            self.functions[key] = self.backend.function(self.tensors, tensors)
        for layer in self.every(self.model):
            if getattr(layer, "stateful", False) and hasattr(layer, "reset_states"):
                layer.reset_states()
        return [np.asarray(value) for value in self.functions[key](inputs)]

    def predict(self, inputs):
        return self.run("outputs", inputs, self.outputs)

    def layers(self, inputs):
        members = [(name, layer.get_output(False)) for name, layer in self.members]
        members = [(name, tensor) for name, tensor in members if not isinstance(tensor, dict)]
        values = self.run("layers", inputs, [tensor for _, tensor in members])
        return dict(("layer_" + name, value) for (name, _), value in zip(members, values))

    def inbound(self):
        return {}


# Inputs, and the runs on them.


def draw(source, scale, options, random):
    sizes = [source.shape[0] or options.samples] + [size or options.size for size in source.shape[1:]]
    if source.rows is not None:
        low = 1 if source.padding is not None and source.rows > 1 else 0
        values = random.randint(low, max(source.rows, low + 1), sizes).astype("int32")
    elif scale == "unit":
        values = random.uniform(0, 1, sizes).astype("float32")
    elif scale == "bytes":
        values = random.randint(0, 256, sizes).astype("float32")
    else:
        values = (random.standard_normal(sizes) * (100 if scale == LAST_RESORT else 1)).astype("float32")
    if source.padding is not None and len(sizes) > 1 and sizes[1] > 1:
        pad(values, source.padding)
    return values


def pad(values, padding):
    """Pad in turn: nothing, the end, the beginning, one step within."""
    steps = values.shape[1]
    for i in range(1, len(values)):
        cut = min(1 + i // 4, steps - 1)
        places = slice(0, 0), slice(steps - cut, None), slice(0, cut), slice(steps // 2, steps // 2 + 1)
        values[i, places[i % 4]] = padding


def given_inputs(network, path):
    try:
        with np.load(path) as arrays:
            wanted = ["in_%d" % i for i in range(len(network.sources))]
            missing = [key for key in wanted if key not in arrays.files]
            if missing:
                raise Refused("%s holds no %s; the model has %d inputs" % (path, missing[0], len(wanted)))
            inputs = [arrays[key] for key in wanted]
    except (OSError, IOError, ValueError, AttributeError, EOFError, KeyError) as error:
        raise Refused("%s is no .npz without pickles (%s)" % (path, one_line(error)))
    if len(set(len(value) if value.ndim else 0 for value in inputs) - set([0])) != 1:
        raise Refused("%s: its inputs have %s samples" % (path, ", ".join(str(value.shape[:1]) for value in inputs)))
    return inputs


class Run(object):
    """What the network answered to one batch. `blocks` is a list of (scale, number of samples)."""

    def __init__(self, network, blocks, inputs):
        self.blocks, self.inputs = blocks, inputs
        self.outputs = attempt(
            "the model does not take inputs of %s (try --size or --inputs)" % ", ".join(str(v.shape) for v in inputs),
            network.predict, inputs)
        try:
            self.layers, self.problem = network.layers(inputs), None
        except Exception as error:
            self.layers, self.problem = {}, "%s: %s" % (type(error).__name__, one_line(error))

    def finite(self):
        return all(np.isfinite(value).all() for value in self.outputs)

    def arrays(self):
        found = dict(("out_%d" % i, value) for i, value in enumerate(self.outputs))
        return dict(found, **self.layers)

    def dead(self):
        """Return {array: why} of what does not depend on the sample."""
        found = {}
        for key, value in self.arrays().items():
            if value.size and not value.any():
                found[key] = "all zero"
            elif value.ndim and len(value) == len(self.inputs[0]) > 1 and (value == value[:1]).all():
                found[key] = "the same for all samples"
        return found

    def decides(self):
        return any("out_%d" % i not in self.dead() for i in range(len(self.outputs)))


def joined(network, runs):
    """Return one run of all samples, or None where a sample's answer depends on the others beside it."""
    inputs = [np.concatenate(values) for values in zip(*(run.inputs for run in runs))]
    joint = Run(network, [block for run in runs for block in run.blocks], inputs)
    apart = [run.arrays() for run in runs]
    for key, value in joint.arrays().items():
        if any(key not in arrays for arrays in apart):
            return None
        start = 0
        for run, arrays in zip(runs, apart):
            part, start = value[start:start + len(run.inputs[0])], start + len(run.inputs[0])
            if part.shape != arrays[key].shape or not np.allclose(
                    part, arrays[key], rtol=1e-3, atol=1e-4 * float(np.abs(arrays[key]).max() if part.size else 0)):
                return None
    return joint


def run_scales(network, options):
    """Return (run, why it is this one, notes)."""
    if options.inputs:
        inputs = given_inputs(network, options.inputs)
        return Run(network, [("given", len(inputs[0]))], inputs), "given", []
    random, notes, runs = np.random.RandomState(options.seed), [], []
    tokens = all(source.rows is not None for source in network.sources)
    for scale in (("tokens",) if tokens else SCALES + (LAST_RESORT,)):
        if scale == LAST_RESORT and any(run.decides() for run in runs):
            continue
        inputs = [draw(source, scale, options, random) for source in network.sources]
        run = Run(network, [(scale, len(inputs[0]))], inputs)
        runs += [run] if run.finite() else []
        notes += [] if run.finite() else ["at inputs of scale %s an output is not finite: left out" % scale]
    if not runs:
        raise Refused("at every scale of inputs the model answers with numbers that are not finite; give --inputs")
    if len(runs) == 1:
        return runs[0], "only", notes
    joint = joined(network, runs) if all(source.shape[0] is None for source in network.sources) else None
    if joint is not None:
        return joint, "all, in one batch", notes
    best = min(runs, key=lambda run: (not run.decides(), len(run.dead())))
    notes.append("samples of one batch may depend on each other: only inputs of scale %s are kept" % best.blocks[0][0])
    return best, "fewest dead layers", notes


# What is written.


def one_line(error):
    return " ".join(str(error).split())[:300]


def sha256(path):
    with open(path, "rb") as stream:
        return hashlib.sha256(stream.read()).hexdigest()


def rows(blocks):
    found, start = [], 0
    for scale, count in blocks:
        found.append([scale, start, start + count])
        start += count
    return found


def provenance(options, keras, chosen, network, run, why):
    backend, module, (ordering, _) = chosen
    files = [("architecture", options.architecture), ("weights", options.weights)]
    about = {
        "backend": backend, "backend_version": module.__version__, "keras": keras.__version__,
        "tf_keras": options.tf_keras, "python": sys.version.split()[0], "numpy": np.__version__,
        "floatx": keras.backend.floatx(), "image_ordering": ordering, "seed": options.seed,
        "scales": rows(run.blocks), "kept": why, "dead": run.dead(), "inputs": [s.name for s in network.sources],
        "inbound": network.inbound() if options.layers else {},
    }
    about.update((name + "_sha256", sha256(path)) for name, path in files if path)
    return json.dumps(about, sort_keys=True)


def write(path, arrays):
    """Write the file or nothing."""
    temporary = path + ".part.npz"
    try:
        np.savez_compressed(temporary, **arrays)
        getattr(os, "replace", os.rename)(temporary, path)
    except (OSError, IOError) as error:
        raise Refused("cannot write %s (%s)" % (path, one_line(error)))
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def save_architecture(model, out):
    """Save the architecture that only code had, beside the recording; return a note."""
    path = os.path.splitext(out)[0] + ".json"
    try:
        text = model.to_json()
    except Exception as error:
        return "its architecture cannot be saved (%s: %s); recorded without" % (type(error).__name__, one_line(error))
    with open(path + ".part", "w") as stream:
        stream.write(text)
    getattr(os, "replace", os.rename)(path + ".part", path)
    return "architecture: " + path


def report(run, notes):
    dead = run.dead()
    for note in notes + (["layers are not recorded: " + run.problem] if run.problem else []):
        print(note)
    for key in sorted(dead):
        print("dead: %s is %s" % (key, dead[key]))
    if not run.decides():
        print("WARNING: no output depends on the inputs here: this recording decides nothing; give live ones, --inputs")


def record(options):
    sys.path.insert(0, os.getcwd())
    config, text, saved_under = read_files(options)
    backend, why = choose_backend(options, saved_under)
    module = import_backend(backend)
    keras = import_keras(options)
    ordering = choose_ordering(options, keras, text)
    print("Keras %s on %s %s (%s), image ordering %s (%s)" % (
        keras.__version__, backend, module.__version__, why, ordering[0] or "-", ordering[1]))
    model = build(options, keras, config, text)
    network = (OldNetwork if version_of(keras) < (1, 0) else Network)(keras, model)
    run, kept, notes = run_scales(network, options)
    if options.from_code:
        notes.append(save_architecture(model, options.out))
    arrays = dict(("in_%d" % i, value) for i, value in enumerate(run.inputs))
    arrays.update(run.arrays() if options.layers else [(k, v) for k, v in run.arrays().items() if k.startswith("out_")])
    about = provenance(options, keras, (backend, module, ordering), network, run, kept)
    arrays["provenance"] = np.array(about.encode("ascii"))
    write(options.out, arrays)
    report(run, notes)
    print("recorded %s: %s" % (options.out, ", ".join("%s %d-%d" % (s, a, b - 1) for s, a, b in rows(run.blocks))))


def main(arguments=None):
    options = parse(arguments)
    try:
        record(options)
    except Refused as error:
        print("record.py: %s" % error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
