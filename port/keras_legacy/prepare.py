"""From the files of a model to a checked tree with its arrays, before any network is built.

Whatever can be refused without Keras 3 is refused here, so that it takes no start of TensorFlow.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import reading
from reprise_kit.port.keras_legacy import closures, config_defaults, config_keys, parallel, states, trained, tree
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS1
from reprise_kit.port.keras_legacy.hand_out import hand_out, naming_the_unsaved
from reprise_kit.port.keras_legacy.read import OldModel

MOST_NAMED = 20
_IMAGE_KERNELS = {"Convolution2D": ("W",), "AtrousConvolution2D": ("W",), "Deconvolution2D": ("W",)}


@dataclass(frozen=True)
class Prepared:
    """The tree of a model with its arrays in the leaves, the Keras version as a tuple, and notes."""

    root: tree.Node
    version: tuple[int, ...]
    notes: list[str]


def prepare(
    model: OldModel,
    keras_version: str | None = None,
    *,
    replace: Collection[str] | None = None,
    ignore: Collection[str] = (),
    pair_by: str | None = None,
    output_shapes: Mapping[str, tuple[int, int]] | None = None,
    input_shapes: Mapping[str, tuple[int | None, ...]] | None = None,
) -> Prepared:
    """Return the checked tree of a model; the arguments are those of build.migrate. Raises InputError."""
    with reading("the architecture", "model of an old Keras: a value in it is of another kind than Keras wrote"):
        root = tree.parse(model.config)
        _take_input_shapes(root, input_shapes or {})
        return _prepared(model, root, keras_version, replace, ignore, pair_by, output_shapes)


def _take_input_shapes(root: tree.Node, shapes: Mapping[str, tuple[int | None, ...]]) -> None:
    """Give layers that begin a model the batch_input_shape that their file left out."""
    known = {node.name: node for node in root.walk() if isinstance(node.config, dict)}
    for name, sizes in shapes.items():
        if name not in known:
            raise InputError(f"--input-shape {name}: no such layer; there are {', '.join(sorted(known)[:MOST_NAMED])}")
        recorded = known[name].config.get("batch_input_shape")
        if recorded is not None:
            raise InputError(f"--input-shape {name}: the file records {recorded} for it; leave the option out")
        known[name].config = known[name].config | {"batch_input_shape": [None, *sizes]}


def _prepared(
    model: OldModel,
    root: tree.Node,
    keras_version: str | None,
    replace: Collection[str] | None,
    ignore: Collection[str],
    pair_by: str | None,
    output_shapes: Mapping[str, tuple[int, int]] | None,
) -> Prepared:
    version = as_version(keras_version or model.version) or model.dialect.oldest
    notes = parallel.collapse(root) + closures.check(root, replace or ())
    notes += config_keys.check(root, version, replace or (), ignore, model.dialect)
    notes += config_defaults.fill(root, version, model.dialect)
    with naming_the_unsaved(root, version):
        notes += hand_out(root, model.weights, version, pair_by)
    for node in root.walk():
        _check_ordering(node)
    if model.dialect is KERAS1:
        notes += states.forget(root)
        for node in root.walk():
            _check_layout(node)
    _check_output_shapes(root, output_shapes or {})
    return Prepared(root, version, notes + trained.plan(root, version))


def as_version(text: str | None) -> tuple[int, ...]:
    """Return a version as a tuple of at most three numbers, () for None."""
    if text is None:
        return ()
    try:
        return tuple(int(part) for part in str(text).removesuffix("-tf").split(".")[:3])
    except ValueError:
        raise InputError(f"Keras version {text!r}; a version like 1.1.0 is needed") from None


def _check_ordering(node: tree.Node) -> None:
    """Refuse an ordering that is not a name."""
    said = node.config.get("dim_ordering") if isinstance(node.config, dict) else None
    if said is not None and not isinstance(said, str):
        raise InputError(f"layer {node.name}: dim_ordering {str(said)[:80]}; th or tf is needed")


def _check_layout(node: tree.Node) -> None:
    """Refuse an image kernel that is laid out for the other dim_ordering than the architecture says."""
    said = node.config.get("dim_ordering") if isinstance(node.config, dict) else None
    for role in _IMAGE_KERNELS.get(node.class_name, ()):
        kernel = node.weights.get(role)
        if kernel is None or said not in ("th", "tf"):
            continue
        held = _layouts(kernel, node)
        if held and said not in held:
            raise InputError(
                f"layer {node.name}: the architecture says dim_ordering {said!r}, but its kernel {kernel.shape} is "
                f"laid out as {held[0]!r} does ({_LAYOUT[held[0]]}): the weights are those of the same network with "
                f"dim_ordering {held[0]!r}; correct it in the architecture file (the inputs' shape with it), or give "
                "the weights that belong to it"
            )


_LAYOUT = {"th": "filters, channels, rows, columns", "tf": "rows, columns, channels, filters"}


def _layouts(kernel: np.ndarray, node: tree.Node) -> list[str]:
    """Return the orderings whose layout a kernel's shape fits, by its sizes and, where known, its filters."""
    sizes = tuple(node.config.get(key) for key in ("nb_row", "nb_col"))
    filters = node.config.get("nb_filter")
    if kernel.ndim != 4:
        return []
    fits = {
        "th": kernel.shape[2:] == sizes and filters in (kernel.shape[0], kernel.shape[1]),
        "tf": kernel.shape[:2] == sizes and filters in (kernel.shape[2], kernel.shape[3]),
    }
    return [ordering for ordering, fit in fits.items() if fit]


def _check_output_shapes(root: tree.Node, shapes: Mapping[str, tuple[int, int]]) -> None:
    """Refuse an --output-shape of a layer that is not there."""
    known = {node.name for node in root.walk() if node.class_name == "Deconvolution2D"}
    for name in set(shapes) - known:
        raise InputError(f"--output-shape {name}: no such Deconvolution2D; there are {sorted(known)}")
