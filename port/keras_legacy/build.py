"""Build a Keras-3 model from a Keras-1 one: `build(model, source_backend, ...)`."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras

from reprise_kit.compare import keras_settings
from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import tree
from reprise_kit.port.keras_legacy.prepare import Prepared, prepare
from reprise_kit.port.keras_legacy.read import OldModel
from reprise_kit.port.keras_legacy.rules import (  # noqa: F401  (their rules)
    activation,
    convlstm,
    convolution,
    core,
    deconvolution,
    functions,
    later,
    local,
    masks,
    merge,
    normalization,
    operations,
    own_cells,
    pooling,
    recurrent,
    resize,
    separable,
    time_distributed,
)
from reprise_kit.port.keras_legacy.rules.context import Context
from reprise_kit.port.keras_legacy.rules.graph import inputs_of, outputs_of, single
from reprise_kit.port.keras_legacy.rules.ordering import infer, settle

_MAX_NAMED = 40
_MAX_NUMBER = 10_000  # of a layer such as maximum_3


@dataclass(frozen=True)
class Migrated:
    """A built model, every layer's output tensor by Keras-1 name, and what was noticed on the way.

    `needs` names the registered layers of reprise_kit.port.keras_legacy.layers in the model; empty means stock Keras 3.
    """

    model: keras.Model
    outputs: dict[str, Any]
    notes: list[str]
    needs: list[str]


def build(model: OldModel, source_backend: str, keras_version: str | None = None, **settings: Any) -> keras.Model:
    """As `migrate`, the model alone."""
    return migrate(model, source_backend, keras_version, **settings).model


def migrate(
    model: OldModel,
    source_backend: str,
    keras_version: str | None = None,
    *,
    channels_last: bool = False,
    dim_ordering: str | None = None,
    legacy_bugs: str | None = None,
    replace: Mapping[str, Any] | None = None,
    ignore: Collection[str] = (),
    pair_by: str | None = None,
    output_shapes: Mapping[str, tuple[int, int]] | None = None,
    input_shapes: Mapping[str, tuple[int | None, ...]] | None = None,
) -> Migrated:
    """Return the Keras-3 model that computes what `model` computed under `source_backend`, and what was noticed.

    `source_backend` is "theano" or "tensorflow". `keras_version` overrides what the file records. `channels_last`:
    images and volumes come in that way, in a model that is th-shaped throughout. `dim_ordering` ("th", "tf") is for
    layers that do not record theirs, `legacy_bugs` ("keep", "fix") for results that were bugs of Keras 1, `replace`
    maps a layer's name or class to a function of tensors or to a class of keras.layers.Layer, or an activation's
    name to a function. `ignore` lists "LAYER.key" or "CLASS.key" that no Keras 1 had and that are left out;
    `pair_by` ("place", "name"): see pairing.py; `output_shapes` gives the (rows, columns) of Deconvolution2D layers
    by name, where the file holds others than were used, `input_shapes` the sizes of one input of layers by name,
    where the file left them out. Raises InputError, naming the layer, for what cannot be said in Keras 3 or is not
    decided by it.
    """
    _check_backend(source_backend)
    keras_settings.refuse_others()
    own, shapes = dict(replace or {}), dict(output_shapes or {})
    given: dict[str, Any] = {"output_shapes": shapes, "input_shapes": input_shapes}
    prepared = prepare(model, keras_version, replace=own, ignore=ignore, pair_by=pair_by, **given)
    if channels_last:
        _check_channels_last(prepared.root)
    settings = {"backend": source_backend, "dim_ordering": dim_ordering, "legacy_bugs": legacy_bugs, "replace": own}
    begin = partial(_begun, model, prepared, output_shapes=shapes, **settings)
    return _built(begin, prepared.root, channels_last)


def _begun(model: OldModel, prepared: Prepared, **settings: Any) -> Context:
    """Return the context of a build that begins."""
    return Context(
        version=prepared.version,
        notes=[*model.notes, *prepared.notes],
        masked=_masked(prepared.root),
        has_th="th" in _orderings(prepared.root),
        dialect=model.dialect,
        functions=model.functions,
        **settings,
    )


def _built(begin: Callable[[], Context], root: tree.Node, channels_last: bool) -> Migrated:
    """Build the tree as its files say, or by the one ordering that fits where they leave it open."""
    if undecided := infer(begin(), root):
        return _with_the_ordering_that_fits(begin, root, undecided, channels_last)
    return _build_tree(begin(), root, channels_last)


def _masked(root: tree.Node) -> bool:
    return any(masks.makes(node) for node in root.walk() if isinstance(node.config, dict))


def _build_tree(context: Context, root: tree.Node, channels_last: bool, ordering: str | None = None) -> Migrated:
    """Build the tree; `ordering` is for the layers that do not record theirs and whose neighbours do not decide it."""
    undecided = infer(context, root)
    if ordering:
        settle(context, undecided, ordering)
    _reserve(node.name for node in root.walk())
    given = seen = inputs_of(context, root)
    if channels_last:
        given = [_with_channels_last(x) for x in seen]
        seen = [x if new is x else context.from_last(new, x.name) for x, new in zip(seen, given, strict=True)]
    outputs = outputs_of(context, root, seen)
    if any(context.mask(y) is not None for y in outputs):
        context.notes.append("not carried: a loss left the masked steps of the outputs out; give sample weights to fit")
    if channels_last:
        outputs = [y if context.twin(y) is None else context.twin(y) for y in outputs]
    built = keras.Model(single(given), single(outputs), name=context.name(root.name))
    notes = [*context.notes, *_renamed(context, root), *_unmet(context)]
    return Migrated(built, context.outputs, notes, sorted(context.needs))


def _reserve(names: Iterable[str]) -> None:
    """Let Keras 3 number its operations above these layers: a graph takes no name twice, and ops have names too."""
    for name in names:
        base, _, digits = name.rpartition("_")
        if not (base and digits.isdecimal() and int(digits) < _MAX_NUMBER):
            base, digits = name, "0"
        while keras.backend.get_uid(base) <= int(digits):  # each time it is asked, it counts on
            pass


def _renamed(context: Context, root: tree.Node) -> list[str]:
    """Return the note on layers whose names no backend or export would take, or that stand twice."""
    own = {node.name for node in root.walk()}
    pairs = [f"{old!r} -> {new!r}" for old, new in context.renamed.items() if old in own]
    more = f" and {len(pairs) - _MAX_NAMED} more" if len(pairs) > _MAX_NAMED else ""
    return [f"renamed, old -> new: {', '.join(pairs[:_MAX_NAMED])}{more}"] if pairs else []


def _unmet(context: Context) -> list[str]:
    """Return the note on each replacement that stands in for nothing: a name mistyped, most likely."""
    return [
        f"--replace {name}: stands in for nothing; it is the name of no layer, class or own activation of this model"
        for name in context.replace
        if name not in context.replaced
    ]


def _with_the_ordering_that_fits(
    begin: Callable[[], Context], root: tree.Node, undecided: list[tree.Node], channels_last: bool
) -> Migrated:
    """Build with the one dim_ordering that fits the sizes; where both do, the person is asked."""
    fitting, errors = [], {}
    for ordering in ("th", "tf"):
        try:
            fitting.append(_build_tree(begin(), root, channels_last, ordering))
        except InputError as error:
            errors[str(error)] = ordering
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise InputError(_of_each(errors))
    names = ", ".join(f"{node.name} ({node.class_name})" for node in undecided)
    raise InputError(
        f"layer {names[:200]}: its dim_ordering is not recorded, no layer beside it tells, and both fit, with "
        "other answers; say it with --dim-ordering th or tf"
    )


def _of_each(errors: dict[str, str]) -> str:
    """Return what was said against each ordering, once where it is the same."""
    if len(errors) == 1:
        return next(iter(errors))
    return "; ".join(f"with --dim-ordering {ordering}: {error}" for error, ordering in errors.items())


def _check_backend(name: str) -> None:
    if name not in ("theano", "tensorflow"):
        raise InputError(f"source backend {name!r}; allowed: theano, tensorflow")


def _orderings(root: tree.Node) -> set[Any]:
    return {node.config.get("dim_ordering") for node in root.walk() if isinstance(node.config, dict)}


def _check_channels_last(root: tree.Node) -> None:
    """Refuse to rewrite a model that is not th-shaped throughout; ConvLSTM2D's five axes are not an image's."""
    if _orderings(root) - {None} != {"th"} or any(node.class_name == "ConvLSTM2D" for node in root.walk()):
        raise InputError("--channels-last rewrites models whose layers are all of dim_ordering th; this one is not")


def _with_channels_last(x: Any) -> Any:
    """Return an input in the place of a th image or volume, with its channels last; any other is returned itself."""
    if len(x.shape) not in (4, 5):
        return x
    n, channels, *sizes = x.shape
    return keras.Input(batch_shape=(n, *sizes, channels), dtype=x.dtype, name=x.name)
