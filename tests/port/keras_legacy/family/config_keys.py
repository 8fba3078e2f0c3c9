"""Make port/keras_legacy/config_keys.txt: what each version of Keras 1 takes in a layer's config, from its sources.

    python -m tests.port.keras_legacy.family.config_keys FOLDER > port/keras_legacy/config_keys.txt

FOLDER holds each version unpacked as keras-VERSION (pip install --no-deps --target FOLDER/keras-1.1.0 Keras==1.1.0).
Keras 1 rebuilds a layer as `cls(**config)`, so a key is allowed where the class's constructor, or one that it hands
its **kwargs on to, has that argument, or where get_config writes it. The sources are parsed, never run.
"""

import ast
import sys
from pathlib import Path

# Bases of other layers, of which no model holds one.
_ABSTRACT = {"Container", "ConvRecurrent2D", "Recurrent", "Wrapper"}
Classes = dict[str, ast.ClassDef]


def classes(folder: Path) -> Classes:
    """Return every class of one version's engine and layers by name."""
    found: Classes = {}
    for path in sorted([*(folder / "keras/layers").glob("*.py"), folder / "keras/engine/topology.py"]):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                found[node.name] = node
    return found


def _method(owner: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    return next((n for n in owner.body if isinstance(n, ast.FunctionDef) and n.name == name), None)


def _bases(owner: ast.ClassDef) -> list[str]:
    return [base.id for base in owner.bases if isinstance(base, ast.Name)]


def is_layer(name: str, found: Classes) -> bool:
    return name == "Layer" or (name in found and any(is_layer(base, found) for base in _bases(found[name])))


def written(name: str, found: Classes) -> set[str]:
    """Return the keys that get_config of a class writes: its `config = {...}`, `config[...] = ...`, `return {...}`."""
    if name not in found:
        return set()
    keys = set().union(*(written(base, found) for base in _bases(found[name])), set())
    for node in ast.walk(_method(found[name], "get_config") or ast.Module([], [])):
        if isinstance(node, ast.Assign | ast.Return) and isinstance(node.value, ast.Dict):
            keys |= {str(key.value) for key in node.value.keys if isinstance(key, ast.Constant)}
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and isinstance(node.slice, ast.Constant):
            keys.add(str(node.slice.value))
    return keys


def taken(name: str, found: Classes) -> set[str]:
    """Return the arguments of a class's constructor and, through **kwargs, of the ones above it."""
    if name not in found:
        return set()
    made = _method(found[name], "__init__")
    if name == "Layer":  # its constructor holds a set of the names that it allows
        assert made is not None
        sets = [node for node in ast.walk(made) if isinstance(node, ast.Set)]
        return {str(item.value) for item in sets[0].elts if isinstance(item, ast.Constant)}
    above = set().union(*(taken(base, found) for base in _bases(found[name])), set())
    if made is None:
        return above
    own = {argument.arg for argument in made.args.args} - {"self"}
    return own | above if made.args.kwarg else own


def span(held: list[str], versions: list[str]) -> str:
    """Return which of `versions` hold something, as `>=FIRST` and `<=LAST`; all of them is empty."""
    first, last = versions.index(held[0]), versions.index(held[-1])
    assert held == versions[first : last + 1], f"gone and back again: {held}"
    return (f">={held[0]}" if first else "") + (f"<={held[-1]}" if last + 1 < len(versions) else "")


def table(folder: Path) -> str:
    """Return a line a class: its name and its keys, each with the versions that have it where not all do."""
    versions = sorted(
        (p.name.partition("-")[2] for p in folder.glob("keras-*")), key=lambda v: [*map(int, v.split("."))]
    )
    held: dict[str, dict[str, list[str]]] = {}
    for version in versions:
        found = classes(folder / f"keras-{version}")
        for name in (n for n in found if is_layer(n, found) and n not in _ABSTRACT and not n.startswith("_")):
            for key in taken(name, found) | written(name, found) | {""}:
                held.setdefault(name, {}).setdefault(key, []).append(version)
    lines = [
        f"# Keras {versions[0]} to {versions[-1]}, made by tests/port/keras_legacy/family/config_keys.py; do not edit"
    ]
    for name, keys in sorted(held.items()):
        own = keys.pop("")
        spans = [f"{key}{span(held_by, own)}" for key, held_by in sorted(keys.items())]
        lines.append(f"{name}{span(own, versions)}: {' '.join(spans)}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(Path(sys.argv[1])))
