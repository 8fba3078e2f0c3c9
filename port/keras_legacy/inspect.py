"""Say what a Keras-1 file is: versions, backend evidence, layers, parameters, and what may go wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import reading
from reprise_kit.port.keras_legacy import file_kinds, hand_out, lambdas, read, saved_under, tree
from reprise_kit.port.keras_legacy.dialects.translated import translated


@dataclass(frozen=True)
class Row:
    """One layer: name, class, the shapes of its arrays and how many numbers they hold."""

    name: str
    class_name: str
    shapes: str
    parameters: int


@dataclass(frozen=True)
class Inspection:
    """What `reprise inspect` prints."""

    facts: list[str]
    rows: list[Row]
    risks: list[str]


def inspect(path: Path, weights: Path | None = None) -> Inspection:
    """Look at an architecture, a weights file, or a whole model; nothing is built. Raises InputError."""
    if not path.exists():
        raise InputError(f"{path}: no such file; give model.json, model.yaml or an .h5 file of an old Keras")
    with reading(path, "model of an old Keras"):
        return _inspected(path, weights)


def _inspected(path: Path, weights: Path | None) -> Inspection:
    hdf5 = file_kinds.is_hdf5(path)
    if not hdf5 and weights is None:
        document = read.load_architecture(path)
        words, *_ = translated(document, [], document.get("keras_version"))
        root = tree.parse(words)
        rows = [Row(n.name, n.class_name, "", 0) for n in hand_out.flattened(root)]
        version = document.get("keras_version")
        return Inspection([_kind("an architecture without weights", version)], rows, list(_risks(root, None, version)))
    if hdf5:
        if not read.is_whole(path):
            return _weights_only(path)
        model = read.read(None, path)
        kind = "a whole model" if model.whole else "weights with an architecture"
    else:
        model = read.read(path, weights or path)
        kind = "an architecture and weights"
    return _whole(model, kind)


def _kind(kind: str, version: str | None) -> str:
    return f"{kind}, {f'Keras {version}' if version else 'no Keras version recorded'}"


def _weights_only(path: Path) -> Inspection:
    groups = read.weights(path)
    rows = [_row(group.layer_name, "?", group) for group in groups]
    suffixed = sum(name.endswith(":0") for group in groups for name, _ in group.arrays)
    total = sum(len(group.arrays) for group in groups)
    facts = [
        _kind("weights without an architecture", None),
        f"{suffixed} of {total} weight names end in ':0', as TensorFlow's do and Theano's do not",
    ]
    statistics = any("running_std" in name for group in groups for name, _ in group.arrays)
    risks = ["running_std: a std or a variance, by Keras version and backend"] if statistics else []
    return Inspection(facts, rows, risks)


def _whole(model: read.OldModel, kind: str) -> Inspection:
    root = tree.parse(model.config)
    found = saved_under.from_names(model)
    facts = [_kind(kind, model.version), *found.lines[:1], f"source backend: {found.backend} ({found.sure})"]
    groups = {group.layer_name: group for group in model.weights}
    nodes = hand_out.flattened(root)
    rows = [_row(node.name, node.class_name, groups.pop(node.name, None)) for node in nodes]
    rows += [_row(name, "? (in the file only)", group) for name, group in groups.items() if group.arrays]
    return Inspection(facts, rows, [*model.notes, *_risks(root, found.backend, model.version)])


def _row(name: str, class_name: str, group: read.LayerWeights | None) -> Row:
    arrays = [array for _, array in group.arrays] if group else []
    shapes = " ".join("x".join(map(str, array.shape)) or "scalar" for array in arrays)
    return Row(name, class_name, shapes, sum(array.size for array in arrays))


def _risks(root: tree.Node, backend: str | None, version: str | None) -> Iterator[str]:
    """Yield one line for each thing that the migration must decide or may refuse."""
    nodes = list(root.walk())
    classes = {node.class_name for node in nodes}
    if any(name in classes for name in ("Convolution1D", "Convolution2D", "Convolution3D", "ConvLSTM2D")):
        yield "convolutions: kernels saved under Theano are reversed; the wrong backend gives wrong numbers, no error"
    if "BatchNormalization" in classes and backend != "tensorflow" and version is None:
        yield "BatchNormalization on Theano: what running_std means depends on the version; say --keras-version"
    for node in nodes:
        if node.class_name == "Lambda":
            rule = lambdas.recognise(node.config)
            yield (
                f"Lambda {node.name}: reads as {rule.text}"
                if rule
                else f"Lambda {node.name}: unknown code, see --replace"
            )
        elif node.class_name == "ConvLSTM2D" and "subsample" not in node.config:
            yield f"ConvLSTM2D {node.name}: Keras 1 does not save its subsample; it is taken as (1, 1)"
