"""The model with its weights, from a config, a text or the code that makes it."""

import importlib
import json
import re

import numpy as np

from reprise_record.refusals import Refused, attempt, one_line
from reprise_record.stack import version_of


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
    shape = config.get("input_shape")
    if config.get("input_length", 0) is None and isinstance(shape, list) and len(shape) == 2:
        config["input_length"] = shape[0]  # Keras 0.3 makes its shape of this, and saves it in that
    for key, value in config.items():
        kind = re.search(r"(init|initializer|regularizer|constraint)$", key)
        if kind and value is not None and not is_known(kind.group(1), value, keras, custom):
            config[key] = None if kind.group(1) in ("regularizer", "constraint") else "zero"
    if config.get("class_name") == "Lambda" and config["config"].get("name") in custom:
        config["config"].update(function=config["config"]["name"], function_type="function")
    elif config.get("class_name") == "Lambda" and version_of(keras) < (2, 0):
        for key in ("function", "output_shape"):
            if config["config"].get(key + "_type") == "lambda" and isinstance(config["config"][key], list):
                config["config"][key] = reloadable(keras, *config["config"][key])
    return config


def reloadable(keras, code, defaults, closure):
    """What Keras 1 saved of a function with defaults or a closure, in the types that it forgets to give back."""
    utils = importlib.import_module("%s.utils.generic_utils" % keras.__name__)
    if not hasattr(utils, "func_reconstruct_closure"):  # 1.2 takes cells, 1.1 makes them of the values
        closure = [(lambda value: lambda: value)(value).__closure__[0] for value in closure or ()]
    return code, tuple(defaults) if defaults else None, tuple(closure or ()) or None


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
        model = attempt("Keras %s cannot build it" % keras.__version__, from_config(keras),
                        prepared(config, keras, custom), custom_objects=custom)
        name_as_saved(model, config)
    if options.weights:
        load_weights(options, keras, model)
    return model


def name_as_saved(model, config):
    """Give each Sequential within a Model the name that its file has: Keras before 2.2.3 numbers them anew instead."""
    within = config.get("config")  # none in Keras 0.3, which has no such models
    saved = within.get("layers", []) if isinstance(within, dict) else []
    for layer, entry in zip(getattr(model, "layers", []), saved):
        if entry.get("class_name") == "Sequential" == type(layer).__name__ and "name" in entry:
            layer.name = entry["name"]


def from_config(keras):
    """What builds a model from its configuration: Keras 1.0.0 and 1.0.1 had it under another name only."""
    if hasattr(keras.models, "model_from_config"):
        return keras.models.model_from_config
    return importlib.import_module("%s.utils.layer_utils" % keras.__name__).layer_from_config


def load_weights(options, keras, model):
    """Load the weights; Keras on Theano takes arrays of another shape in silence, this does not."""
    before = [np.shape(value) for value in model.get_weights()]
    attempt("Keras %s cannot load %s" % (keras.__version__, options.weights), model.load_weights, options.weights)
    for i, (shape, value) in enumerate(zip(before, model.get_weights())):
        if shape != np.shape(value):
            raise Refused("weight %d of the model is %s, the file's is %s: these weights belong to another architecture"
                          % (i, shape, np.shape(value)))
