"""TensorFlow's own operations in a functional model of tf.keras 2.4 to 2.15, and layers that take tensors by name.

`tf.concat([x, y], axis=-1)` on Keras's tensors became a layer of class TFOpLambda, a slice one of SlicingOpLambda; the
file holds the operation's public name and its arguments, among them other layers' outputs as [layer, call, output].
"""

from typing import Any

from reprise_kit.compare.errors import InputError

Config = dict[str, Any]
CLASSES = ("TFOpLambda", "SlicingOpLambda", "MultiHeadAttention")
CONSTANT = "_CONSTANT_VALUE"


def operation(document: Config) -> Config:
    """Return such a layer with its sources as `inbound_nodes`, one call, and its arguments in the config.

    `config["arguments"]` maps an argument's name to its value and `config["first"]` is the first one; a tensor is
    {"tensor": its place among the sources}. Raises InputError where a layer is called more than once.
    """
    calls = document.get("inbound_nodes") or []
    if len(calls) != 1 or not isinstance(calls[0], list) or not calls[0]:
        raise InputError(f"layer {document.get('name')}: {len(calls)} calls of a TensorFlow operation; one is read")
    call, sources = calls[0], _Sources()
    alone = isinstance(call[0], str)
    firsts = [sources.value(one) for one in ([call] if alone else call)]
    given = call if alone else call[0]
    arguments = sources.value(given[3]) if len(given) > 3 and isinstance(given[3], dict) else {}
    attention = document["class_name"] == "MultiHeadAttention"
    config = {**document["config"], "arguments": arguments, "first": firsts[0] if alone or attention else firsts}
    return {**document, "written": document["class_name"], "config": config, "inbound_nodes": [sources.found]}


class _Sources:
    """The tensors that a call names, each once, in the order of their first mention."""

    def __init__(self) -> None:
        self.found: list[list[Any]] = []

    def value(self, value: Any) -> Any:
        """Return an argument with {"tensor": place} for each tensor in it."""
        if isinstance(value, dict):
            return {key: self.value(one) for key, one in value.items()}
        if isinstance(value, list) and len(value) >= 3 and value[0] == CONSTANT:
            return value[2]
        if isinstance(value, list) and len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int):
            source = value[:3]
            if source not in self.found:
                self.found.append(source)
            return {"tensor": self.found.index(source)}
        return [self.value(one) for one in value] if isinstance(value, list) else value
