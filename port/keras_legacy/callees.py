"""What an expression calls: a function of an old backend (K.mean, backend.mean) or TensorFlow's own (tf.nn.relu)."""

from collections.abc import Callable
from typing import Any

from reprise_kit.port.keras_legacy.backend_functions import FUNCTIONS
from reprise_kit.port.keras_legacy.expression import Node
from reprise_kit.port.keras_legacy.tensorflow_functions import CALLED, called

# Of keras.activations, those that are the backend's functions of the same name, and take the same.
_ACTIVATIONS = {"relu", "elu", "tanh", "sigmoid", "hard_sigmoid", "softplus", "softsign"}
_BACKENDS = {"K", "KB", "KTF", "backend"}
_TENSORFLOWS = {"tf", "ktf", "tensorflow"}
_DTYPES = {"float16", "float32", "float64", "int32", "int64", "bool"}
KNOWN: dict[str, Callable[..., Any]] = FUNCTIONS | {f"tf.{name}": function for name, function in CALLED.items()}


def dotted(node: Node) -> str:
    """Return a.b.c of a name and its attributes, or "" for anything else."""
    if node.op == "name":
        return str(node.args[0])
    if node.op != "attribute":
        return ""
    base = dotted(node.args[0])
    return f"{base}.{node.args[1]}" if base else ""


def of_tensorflow(name: str) -> str | None:
    """Return what follows tf. in a dotted name, also where the backend's module is asked for it (K.tf.exp)."""
    parts = name.split(".")
    while len(parts) > 1 and parts[0] in _BACKENDS | {"keras"} and parts[1] in _TENSORFLOWS | _BACKENDS:
        del parts[0]
    return ".".join(parts[1:]) if len(parts) > 1 and parts[0] in _TENSORFLOWS else None


def known(node: Node) -> str | None:
    """Return the name in KNOWN of a function that a call names, as K.mean, backend.mean, tf.nn.relu or abs, or None."""
    name = dotted(node)
    if name == "abs":
        return name
    within = of_tensorflow(name)
    *base, last = name.split(".")
    if base and base[-1] in _BACKENDS and (base[-1] == "backend" or len(base) == 1) and last in FUNCTIONS:
        return last
    if base in (["activations"], ["keras", "activations"]) and last in _ACTIVATIONS & set(FUNCTIONS):
        return last
    found = called(within) if within is not None else None
    return None if found is None else f"tf.{found}"


def dtype(node: Node) -> str | None:
    """Return the type of numbers that tf.float32 names, or None."""
    within = of_tensorflow(dotted(node))
    return within if within in _DTYPES else None
