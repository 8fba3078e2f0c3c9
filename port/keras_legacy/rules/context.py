"""What every builder shares: settings, unique names, weights set once, th tensors and their twins.

A layer of dim_ordering "th" is built channels-last between two Permutes, because TensorFlow has no
channels-first convolution on a CPU. Every tensor keeps its Keras-1 layout; the channels-last tensor it was
permuted from is remembered as its twin, so that neighbours meet there and need no Permutes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras

from reprise_kit.compare.errors import InputError, Terminated
from reprise_kit.port.keras_legacy.backend_functions import Operations
from reprise_kit.port.keras_legacy.config_keys import unknown_class
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS1, TF_KERAS, Dialect
from reprise_kit.port.keras_legacy.rules import masks
from reprise_kit.port.keras_legacy.rules.replaced import replaced
from reprise_kit.port.keras_legacy.tree import Node

Tensor = Any
Apply = Callable[[Any], Any]
Rule = Callable[["Context", Node], Apply]
RULES: dict[str, Rule] = {}
MAX_NAME = 100  # characters; a layer's name stands in paths of files and of TensorFlow's scopes


def safe_name(wanted: str) -> str:
    """Return a layer's name with only what TensorFlow's scopes, PyTorch's parameters and exports take.

    TensorFlow wants [A-Za-z0-9.][A-Za-z0-9_.\\\\/>-]* (a layer "+1" breaks predict, fit and every export), PyTorch no
    dot, Keras no slash.
    """
    clean = re.sub(r"[^A-Za-z0-9_-]", "_", wanted)[:MAX_NAME] or "layer"
    return clean if re.match("[A-Za-z0-9]", clean) else f"layer{clean}"[:MAX_NAME]


def rule(*class_names: str) -> Callable[[Rule], Rule]:
    """Register a builder of Keras-1 classes: (context, node) -> what to call on tensors."""

    def register(builder: Rule) -> Rule:
        for name in class_names:
            RULES[name] = builder
        return builder

    return register


@dataclass
class Context:
    """Settings of one build and what it has made so far.

    `backend`: "theano" or "tensorflow"; `version`: Keras version as a tuple, () if unknown; `dim_ordering`:
    the answer for layers that do not record theirs, or None; `legacy_bugs`: "keep", "fix" or None for refuse;
    `masked`: whether any layer makes a mask, see rules/masks.py; `has_th`: whether any layer is of dim_ordering th;
    `misjudged`: layers that gave other sizes than Keras 1 took them to give; `functions`: the program's own, by name,
    as a Lambda's config holds its code.
    """

    backend: str
    version: tuple[int, ...] = ()
    dim_ordering: str | None = None
    legacy_bugs: str | None = None
    replace: dict[str, Any] = field(default_factory=dict)
    functions: Mapping[str, Any] = field(default_factory=dict)
    output_shapes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    masked: bool = False
    has_th: bool = False
    inferred: dict[int, str] = field(default_factory=dict)
    needs: set[str] = field(default_factory=set)
    outputs: dict[str, Any] = field(default_factory=dict)
    dialect: Dialect = KERAS1
    renamed: dict[str, str] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)
    misjudged: set[str] = field(default_factory=set)
    _twins: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    _masks: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    _names: list[set[str]] = field(default_factory=lambda: [set()])
    _applies: dict[int, Apply] = field(default_factory=dict)

    def apply(self, node: Node) -> Apply:
        """Return what calls this node's layers; made once, so that a shared layer stays one layer."""
        if id(node) not in self._applies:
            with naming(node):
                self._applies[id(node)] = self._builder(node)(self, node)
        return self._applies[id(node)]

    def call(self, node: Node, x: Any) -> Any:
        """Return a node's output for x; what Keras refuses becomes an InputError that names the layer."""
        apply = self.apply(node)
        with naming(node):
            y = apply(x)
            masks.carry(self, node, x, y)
            return y

    @property
    def operations(self) -> Operations:
        """Return the backend's functions as the network's old Keras had them."""
        return Operations(self.backend, self.version, self.dialect is TF_KERAS)

    def replacement(self, node: Node) -> Any:
        """Return what was given in place of a layer, by its name or its class, or None."""
        return self.given(node.name, node.class_name)

    def given(self, *names: str) -> Any:
        """Return what was given in place of the first of these names that has something, or None."""
        name = next((name for name in names if name in self.replace), None)
        if name is None:
            return None
        self.replaced.add(name)
        return self.replace[name]

    def _builder(self, node: Node) -> Rule:
        own = self.replacement(node)
        if own is not None:
            return replaced(own)
        if node.class_name not in RULES:
            raise unknown_class(node, self.dialect)
        return RULES[node.class_name]

    def known_version(self, what: str) -> tuple[int, ...]:
        """Return the Keras version, or raise InputError: `what` depends on it and the file does not say."""
        if not self.version:
            raise InputError(
                f"{what} depends on the Keras version, which the file does not record; say it with --keras-version"
            )
        return self.version

    def bug(self, node: Node, what: str) -> bool:
        """Return whether to keep a bug of Keras 1 that this layer meets; refuses to choose in silence."""
        if self.legacy_bugs is None:
            raise InputError(f"layer {node.name}: {what}; say --legacy-bugs keep (as it ran) or fix (as it was meant)")
        self.notes.append(f"layer {node.name}: {what}; {self.legacy_bugs}")
        return self.legacy_bugs == "keep"

    def by_size(self, node: Node) -> None:
        """Refuse a layer that goes by the size that Keras 1 believed its input had, where it was mistaken in one."""
        if self.misjudged:
            raise InputError(
                f"layer {node.name}: it went by the size that Keras 1 believed {', '.join(sorted(self.misjudged))} to "
                "have, which cannot be kept; say --legacy-bugs fix"
            )

    def ordering(self, node: Node, x: Tensor | None = None) -> str:
        """Return the dim_ordering of a layer: recorded, else asked for, else its neighbours'."""
        recorded = node.config.get("dim_ordering")
        if recorded in ("th", "tf"):
            return str(recorded)
        if self.dim_ordering in ("th", "tf"):
            return self.dim_ordering
        if id(node) in self.inferred:
            return self.inferred[id(node)]
        raise InputError(
            f"layer {node.name} ({node.class_name}): its dim_ordering is not recorded and the other layers "
            "do not decide it; say it with --dim-ordering th or tf"
        )

    # masks

    def mask(self, x: Tensor) -> Tensor | None:
        """Return the mask (n, n_steps) that Keras 1 had on a tensor, or None."""
        return self._masks[id(x)][1] if id(x) in self._masks else None

    def set_mask(self, x: Tensor, mask: Tensor | None) -> None:
        """Give a tensor a mask, or take it away."""
        self._masks.pop(id(x), None)
        if mask is not None:
            self._masks[id(x)] = (x, mask)  # x is kept, so that its id stays its own

    # names

    def enter(self) -> None:
        """Start the names of a nested model."""
        self._names.append(set())

    def leave(self) -> None:
        """End the names of a nested model."""
        self._names.pop()

    def name(self, wanted: str) -> str:
        """Return `wanted` as every backend and export takes it (safe_name) and not used before in this model."""
        clean = safe_name(wanted)
        taken, unique, count = self._names[-1], clean, 1
        while unique in taken:
            count += 1
            unique = f"{clean}_{count}"
        taken.add(unique)
        if unique != wanted:
            self.renamed.setdefault(wanted, unique)
        return unique

    # layouts

    def to_last(self, x: Tensor, name: str) -> Tensor:
        """Return the channels-last twin of a th tensor (n, channels, ...)."""
        if id(x) in self._twins:
            return self._twins[id(x)][1]
        rank = len(x.shape)
        return keras.layers.Permute((*range(2, rank), 1), name=self.name(f"{name}_to_last"))(x)

    def from_last(self, y: Tensor, name: str) -> Tensor:
        """Return the th tensor (n, channels, ...) of a channels-last one, which is remembered as its twin."""
        rank = len(y.shape)
        x = keras.layers.Permute((rank - 1, *range(1, rank - 1)), name=self.name(f"{name}_to_th"))(y)
        self._twins[id(x)] = (x, y)  # x is kept, so that its id stays its own
        return x

    def spatial(self, node: Node, x: Tensor, ordering: str, layer: Apply) -> Tensor:
        """Call a channels-last `layer` on x, which is in the layout `ordering`."""
        if ordering == "tf":
            return layer(x)
        return self.from_last(layer(self.to_last(x, node.name)), node.name)

    def elementwise(self, node: Node, layer: Apply) -> Apply:
        """Return an apply of a layer that acts on each number alone: on the twin where there is one."""

        def apply(x: Tensor) -> Tensor:
            if id(x) in self._twins:
                return self.from_last(layer(self._twins[id(x)][1]), node.name)
            return layer(x)

        return apply

    def twin(self, x: Tensor) -> Tensor | None:
        """Return the channels-last twin if there is one."""
        return self._twins[id(x)][1] if id(x) in self._twins else None


@contextmanager
def naming(node: Node) -> Iterator[None]:
    """Turn what a damaged or unknown config makes Python or Keras raise into an InputError with the layer's name."""
    try:
        yield
    except (InputError, Terminated):
        raise
    except (Exception, SystemExit) as error:  # a function in a layer's place may do anything
        text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise InputError(f"layer {node.name} ({node.class_name}) cannot be built: {text}") from error


def once(make: Callable[[Tensor], Apply]) -> Apply:
    """Return an apply that makes its layers when it is first called, from the tensor whose sizes they need."""
    made: list[Apply] = []

    def apply(x: Tensor) -> Tensor:
        if not made:
            made.append(make(x))
        return made[0](x)

    return apply


def variants(context: Context, node: Node, make: Callable[..., Any]) -> Callable[[Any], Any]:
    """Return what gives a node's layer of a kind, make(kind, name=...): each made once, no two of one name."""
    made: dict[Any, Any] = {}
    name = context.name(node.name)

    def of(kind: Any) -> Any:
        if kind not in made:
            made[kind] = make(kind, name=context.name(node.name) if made else name)
        return made[kind]

    return of


def by_sizes(make: Callable[[Tensor], Apply]) -> Apply:
    """Return an apply that makes its layers for each sizes (of x without samples and channels) that it is called on."""
    made: dict[tuple[int | None, ...], Apply] = {}

    def apply(x: Tensor) -> Tensor:
        sizes = tuple(x.shape[1:-1])
        if sizes not in made:
            made[sizes] = make(x)
        return made[sizes](x)

    return apply


def integer(value: Any, node: Node, key: str) -> int:
    """Return a config value as an int; files hold 2.0 and "2" as well."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(f"layer {node.name}: {key} is {value!r}, a whole number is needed") from None
    if not number.is_integer():  # nor are infinity and NaN, which a file may hold as text
        raise InputError(f"layer {node.name}: {key} is {value!r}, a whole number is needed")
    return int(number)


def integers(value: Any, node: Node, key: str) -> tuple[int, ...]:
    """Return a config list as a tuple of ints."""
    if not isinstance(value, (list, tuple)):
        raise InputError(f"layer {node.name}: {key} is {value!r}, a list of whole numbers is needed")
    return tuple(integer(item, node, key) for item in value)
