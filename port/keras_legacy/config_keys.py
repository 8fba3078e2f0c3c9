"""What Keras 1 takes in each layer's config, by version (config_keys.txt), and the refusal of everything else.

A key that this Keras never had is a fork's or another version's: the layer computed something that is not in the
rules here, so it is refused by name. Nothing is accepted because no rule reads it.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS1, UNKNOWN, Dialect

if TYPE_CHECKING:
    from reprise_kit.port.keras_legacy.tree import Node

Version = tuple[int, ...]
Span = tuple[Version, Version]  # first and last version that have it; () is without end
_CONTAINERS = {
    "Sequential": {"name", "layers"},
    "Model": {"name", "layers", "input_layers", "output_layers", "trainable"},
}


@cache
def table() -> dict[str, tuple[Span, dict[str, Span]]]:
    """Return for each class the versions that have it, and the same for each of its keys."""
    found = {}
    text = Path(__file__).with_suffix(".txt").read_text(encoding="ascii")
    for line in text.splitlines()[1:]:
        name, *keys = line.replace(":", "", 1).split()
        spans = dict(map(_span, keys))
        found[_span(name)[0]] = (_span(name)[1], spans)
    return found


def _span(text: str) -> tuple[str, Span]:
    name, first, last = re.fullmatch(r"(\w+)(?:>=([\d.]+))?(?:<=([\d.]+))?", text).groups()  # type: ignore[union-attr]
    return name, (_version(first), _version(last))


def _version(text: str | None) -> Version:
    return tuple(map(int, text.split("."))) if text else ()


def _within(version: Version, span: Span) -> bool:
    return not version or (span[0] <= version and (not span[1] or version <= span[1]))


def is_known(class_name: str) -> bool:
    """Return whether any Keras 1 had this class, a model among them."""
    return class_name in table() or class_name in _CONTAINERS


def check(
    root: "Node",
    version: Version,
    replaced: Collection[str] = (),
    ignored: Collection[str] = (),
    dialect: Dialect = KERAS1,
) -> list[str]:
    """Refuse every class and config key that Keras of `version` (any of Keras 1: ()) never had; return notes.

    In a later dialect than Keras 1 the classes are known already, and the keys were set apart when it was translated.

    replaced: names of layers or classes that a person stands in for; their configs are theirs.
    ignored: "LAYER.key" or "CLASS.key" to leave out; such keys are taken out of the tree, so that no rule reads them.
    Raises InputError that names each layer and key and says what to do; also for an `ignored` that meets nothing.
    """
    unknown, notes, met = [], [], set()
    for node in {id(node): node for node in root.walk()}.values():
        if not isinstance(node.config, dict):
            continue
        apart = node.config.pop(UNKNOWN, {})
        node.config |= apart
        if replaced and {node.name, node.class_name, node.written} & set(replaced):
            continue
        if dialect is KERAS1:
            _check_class(node, version)
        found = (
            _unknown_keys(node, version) if dialect is KERAS1 else [(key, f"no {dialect.name} had it") for key in apart]
        )
        for key, why in list(found):
            asked = {f"{node.name}.{key}", f"{_written(node)}.{key}"} & set(ignored)
            met |= asked
            if asked:
                notes.append(f"layer {node.name}: {key} = {_short(node.config.pop(key))} left out, as asked")
            else:
                unknown.append((node, key, why))
    if set(ignored) - met:
        raise InputError(f"--ignore {sorted(set(ignored) - met)[0]}: no layer or class has such a key that needs it")
    if unknown:
        raise InputError(_refusal(unknown))
    return notes


def _written(node: "Node") -> str:
    return node.written or node.class_name


def _check_class(node: "Node", version: Version) -> None:
    if not is_known(node.class_name):
        raise unknown_class(node, KERAS1)
    if node.class_name in table() and not _within(version, table()[node.class_name][0]):
        span = table()[node.class_name][0]
        raise InputError(
            f"layer {node.name}: Keras {_text(version)} had no class {node.class_name} ({_had(span)}), so the file is "
            f"another version's or the class somebody's own; say --keras-version, or {_stand_in(node)}"
        )


def unknown_class(node: "Node", dialect: Dialect) -> InputError:
    """Return the refusal of a layer whose class a dialect never had: it says how to give one's own."""
    return InputError(
        f"layer {node.name}: the class {_written(node)} is not one of {dialect.name}'s; {_stand_in(node)} (a "
        f"keras.layers.Layer, where it has weights), or for every such layer --replace {_written(node)}=module:Class"
    )


def _stand_in(node: "Node") -> str:
    return f"give your own with --replace {node.name}=module:function"


def _unknown_keys(node: "Node", version: Version) -> Iterator[tuple[str, str]]:
    keys: Mapping[str, Span] = table().get(node.class_name, ((), {}))[1]
    for key in node.config:
        if key in _CONTAINERS.get(node.class_name, ()):
            continue
        if key not in keys:
            yield key, "no Keras 1 had it"
        elif not _within(version, keys[key]):
            yield key, f"Keras {_text(version)} did not have it, {_had(keys[key])}"


def _refusal(unknown: list[tuple["Node", str, str]]) -> str:
    node, key, _ = unknown[0]
    named = "; ".join(
        f"layer {node.name} ({_written(node)}): {key} = {_short(node.config[key])} ({why})"
        for node, key, why in unknown[:12]
    )
    more = f"; and {len(unknown) - 12} more" if len(unknown) > 12 else ""
    return (
        f"config keys that this Keras did not have: {named}{more}. Either a fork's layer computes with it what is not "
        "known here (give that layer with --replace), or it says nothing and the layer is Keras's own "
        f"(leave it out: --ignore {node.name}.{key}, or --ignore {_written(node)}.{key} for all of the class)"
    )


def _had(span: Span) -> str:
    first, last = (_text(version) for version in span)
    return f"{first} and later did" if not last else f"{first or '1.0.0'} to {last} did"


def _text(version: Version) -> str:
    return ".".join(map(str, version))


def _short(value: Any) -> str:
    return ascii(value)[:40]
