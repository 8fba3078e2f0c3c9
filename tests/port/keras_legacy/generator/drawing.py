"""One graph in the making: tensors with their shapes and masks, and the layers that are put on them."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import keras_1_layers, keras_2_layers
from .shapes import Shape
from .vocabulary import Kind, Version, draw_settings, settle

Spec = dict[str, Any]


@dataclass(frozen=True)
class Stack:
    """An old Keras: its version and the backend it ran on."""

    keras: str
    backend: str

    def __str__(self) -> str:
        return f"{self.keras}-{self.backend}"

    @property
    def version(self) -> Version:
        """The version as numbers."""
        return tuple(map(int, self.keras.split(".")))

    @property
    def dialect(self) -> Any:
        """The module of its vocabulary."""
        return keras_1_layers if self.version < (2,) else keras_2_layers

    def kinds(self) -> dict[str, Kind]:
        """Return its layer classes."""
        return {kind.name: kind for kind in self.dialect.KINDS if kind.exists(self.version, self.backend)}


@dataclass(frozen=True)
class Tensor:
    """A tensor of the graph; `open`: its first axes are declared without a size; `by`: the class that made it."""

    name: str
    shape: tuple[int, ...]
    by: str
    dtype: str = "float32"
    masked: bool = False
    open: bool = False


@dataclass
class Drawing:
    """The layers, steps and tensors drawn so far, and what the whole graph agrees on."""

    rng: random.Random
    stack: Stack
    batch: bool
    ordering: str
    forced: dict[str, dict[str, Any]] = field(default_factory=dict)
    depth: int = 0
    inputs: list[Spec] = field(default_factory=list)
    layers: dict[str, Spec] = field(default_factory=dict)
    steps: list[Spec] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def input(self, shape: Shape, dtype: str = "float32", is_open: bool = False, masked: bool = False) -> Tensor:
        """Add an input."""
        name = f"in_{len(self.inputs)}" if not self.depth else f"n{self.depth}_{self.rng.randrange(10**6)}"
        declared = [None, *shape[1:]] if is_open else shape
        if is_open and len(shape) == 3:
            declared = [shape[0], None, None] if self.ordering in ("th", "channels_first") else [None, None, shape[2]]
        self.inputs.append(
            {"name": name, "shape": shape, "declared": declared, "dtype": dtype, "batch": self.batch, "pad": None}
        )
        self.tensors.append(Tensor(name, tuple(shape), "InputLayer", dtype, masked, is_open))
        return self.tensors[-1]

    def fork(self) -> "Drawing":
        """Return an empty drawing of a graph inside this one."""
        return Drawing(self.rng, self.stack, self.batch, self.ordering, self.forced, self.depth + 1, names=self.names)

    def put(self, spec: Spec, sources: list[Tensor], outs: list[tuple[Shape, bool, bool]]) -> list[Tensor]:
        """Add a layer and its call; outs are (shape, masked, open)."""
        name = f"l{len(self.layers)}"
        self.layers[name] = spec
        return self.call(name, sources, outs)

    def call(self, name: str, sources: list[Tensor], outs: list[tuple[Shape, bool, bool]]) -> list[Tensor]:
        """Call a layer that is there."""
        made = [
            Tensor(f"t{len(self.tensors) + i}", tuple(shape), self.layers[name]["class"], "float32", masked, is_open)
            for i, (shape, masked, is_open) in enumerate(outs)
        ]
        self.steps.append({"layer": name, "from": [t.name for t in sources], "to": [t.name for t in made]})
        self.tensors += made
        return made

    def settings(self, kind: Kind, wrapped: bool = False) -> dict[str, Any]:
        """Draw settings; no name twice, no state where samples are not counted or a layer is inside another."""
        forced = self.forced.get(kind.name, {})
        drawn = draw_settings(kind, self.stack.version, self.stack.backend, self.rng, forced, self.ordering)
        if not self.batch or wrapped or self.depth:
            drawn.pop("stateful", None)
        if drawn.get("name") in self.names or wrapped:
            drawn.pop("name", None)
        return drawn

    def fitting(self, tensor: Tensor, wrapped: bool = False) -> list[Kind]:
        """Return the classes that may stand on a tensor."""
        refused = tensor.masked and self.rng.random() < 0.97
        return [
            kind
            for kind in self.stack.kinds().values()
            if len(tensor.shape) in kind.takes
            and kind.dtype == tensor.dtype
            and (kind.open or not tensor.open)
            and not (refused and kind.masks == "refuse")
            and not (wrapped and kind.name == "Masking")
            and not (self.depth and kind.name == "BatchNormalization" and self.stack.version < (1, 2))  # refused
        ]

    def spec(self, kind: Kind, tensor: Tensor, wrapped: bool = False) -> tuple[Spec, Shape] | None:
        """Return a layer of a class for a tensor and its output shape, or None if no settings were found."""
        if len(tensor.shape) not in kind.takes or kind.dtype != tensor.dtype or (tensor.open and not kind.open):
            return None
        for _ in range(8):
            drawn = self.settings(kind, wrapped)
            if tensor.open:
                drawn.pop("unroll", None)
            found = settle(kind, drawn, list(tensor.shape), self.rng)
            if found is not None:
                args, shape = found
                self.names |= {args["name"]} if "name" in args else set()
                args = {key: value for key, value in args.items() if value != "plain" or key != "name"}
                return {"class": kind.name, "args": args, "drawn": drawn}, shape
        return None

    def add(self, kind: Kind, tensor: Tensor) -> Tensor | None:
        """Put a layer on a tensor."""
        found = self.spec(kind, tensor)
        if found is None:
            return None
        spec, shape = found
        if kind.name == "Masking":
            self._pad(tensor, spec["args"])
        is_open = tensor.open and len(shape) > 1
        return self.put(spec, [tensor], [(shape, masks(kind, spec["args"], tensor.masked), is_open)])[0]

    def _pad(self, tensor: Tensor, args: Mapping[str, Any]) -> None:
        """Let the input that a Masking stands on have steps of its value."""
        for entry in self.inputs:
            if entry["name"] == tensor.name and entry["pad"] is None:
                entry["pad"] = args.get("mask_value", 0.0)

    def graph(self, kind: str, outputs: list[str], **more: Any) -> Spec:
        """Return the finished graph."""
        return {
            "kind": kind,
            "inputs": self.inputs,
            "layers": self.layers,
            "steps": self.steps,
            "outputs": outputs,
            **more,
        }


def masks(kind: Kind, args: Mapping[str, Any], masked: bool) -> bool:
    """Return whether what a layer gives has a mask."""
    if kind.masks == "make":
        return kind.name == "Masking" or bool(args.get("mask_zero"))
    if kind.masks == "sequence":
        return masked and bool(args.get("return_sequences"))
    return masked and kind.masks == "pass"
