"""Lambdas that take a value from around them: files hold it as it was when the model was saved, not when it was built.

`for i in range(3): Lambda(lambda x: x[:, i])(x)` built x[:, 0], x[:, 1] and x[:, 2]; its file says x[:, 2] three times.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.marshalled import code_in
from reprise_kit.port.keras_legacy.tree import Node


def check(root: Node, replaced: Collection[str]) -> list[str]:
    """Return notes on Lambdas that a loop may have built with other values; refuse those that it must have.

    Two that are one function of one tensor would be of no use; `replaced` holds names that something was given for.
    """
    notes = []
    for model in root.walk():
        alike: dict[Any, list[Node]] = defaultdict(list)
        for node in model.children:
            if node.class_name == "Lambda" and not {node.name, "Lambda"} & set(replaced) and _values(node):
                alike[node.config["function"][0], _values(node), str(node.config.get("arguments"))].append(node)
        for nodes in alike.values():
            notes += _loop(nodes)
    return notes


def _loop(nodes: list[Node]) -> list[str]:
    names, values = ", ".join(node.name for node in nodes[:6]), _values(nodes[0])
    if len(nodes) == 1:
        return []
    sources = [str(node.inbound) for node in nodes]
    if len(set(sources)) < len(sources):
        raise InputError(
            f"layers {names}: one function of one tensor, with {values} from around it; Keras saved that as it was at "
            "the end of a loop, and what the layers computed is not in the file; give them with --replace "
            f"{nodes[0].name}=module:function"
        )
    return [f"layers {names}: their function takes {values} from around it, as when the model was saved; not in a loop"]


def _values(node: Node) -> str:
    """Return "i = 2", the values that a Lambda's function takes from around it, or "" for none."""
    function = node.config.get("function")
    if not isinstance(function, list | tuple) or len(function) != 3 or not isinstance(function[2], list | tuple):
        return ""
    code = code_in(function[0]) if isinstance(function[0], str) else None
    names = code.free if code else ()
    return ", ".join(f"{name} = {value}"[:60] for name, value in zip(names, function[2], strict=False))
