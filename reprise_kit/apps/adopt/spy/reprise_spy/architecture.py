"""A model's architecture as JSON, as its program built it: with what its Keras would leave out or cannot say."""
import json

from reprise_spy.names import *  # noqa: F403
from reprise_spy.state import note


def is_of_keras(value):
    """Whether a class or function is Keras's own."""
    return str(getattr(value, "__module__", None)).startswith("keras.")


def architecture(model, problems):
    """The model's own JSON; what no JSON has, as a layer of the program's own may hold, is named in it."""
    try:
        return with_sizes(model.to_json(), model)
    except Exception as error:
        problems.append("its architecture holds what JSON cannot: %s" % error)
    dumps = json.dumps
    json.dumps = lambda value, **named: dumps(value, **dict(named, default=plain))
    try:
        text = model.to_json()
    finally:
        json.dumps = dumps
    return with_sizes(text, model)


def with_sizes(text, model):
    """Its JSON, and in it the sizes of inputs that Keras 2.2 and 2.3 leave out of a Sequential behind an InputLayer."""
    try:
        document = json.loads(text)
        return json.dumps(document) if sized(document, model) else text
    except Exception as error:
        note("the sizes of a model's inputs are not looked at: %s: %s" % (type(error).__name__, error))
        return text


def sized(document, model):
    """Say in a document the sizes that the model in it takes, and those of models within it; whether one was unsaid."""
    config = document.get("config")
    listed = config.get("layers", []) if isinstance(config, dict) else config or []
    layers = list(getattr(model, "layers", None) or [])
    if not isinstance(listed, list) or len(listed) != len(layers):
        return False
    unsaid = False
    if layers and "Sequential" in [kind.__name__ for kind in type(model).__mro__]:
        first = listed[0]["config"]
        has_none = isinstance(first, dict) and not set(first) & {"batch_input_shape", "layers", "layer"}
        if has_none and is_of_keras(type(layers[0])):  # a layer of the program's own need not take them
            first["batch_input_shape"], unsaid = list(model.input_shape), True
    inner = [sized(each, layer) for each, layer in zip(listed, layers) if hasattr(layer, "layers")]
    return unsaid or any(inner)


def plain(value):
    """What stands in JSON for what it has not: NumPy's numbers as numbers, a layer as its kind, else its words."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "get_config"):
        return {"class_name": type(value).__name__, "config": value.get_config()}
    return getattr(value, "__name__", None) or repr(value)[:200]
