"""Compare a migrated model with what the old stack computed: end to end, and each recorded layer alone.

A layer alone starts from the recorded outputs of the layers before it, so the first that differs is the fault.
An array agrees where it is within the tolerance, relative to its largest number, or within the floor: what
rounding alone can do to it (see rounding.py).
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reprise_kit.compare.diff import relative
from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.recording import Recording, few, no_numbers, nothing_proven, varies

# Relative to the largest number of an array.
TOLERANCE = 1e-5
# An array whose samples differ by less than so many floors is all rounding, and shows nothing.
SHOWS = 10.0
# Where the samples lie so far apart, relative to the largest number, rounding is out of the question.
CLEAR = 1e-2
_LAYER = "layer_"  # begins a layer's name beside those of the outputs, out_0 and so on
ALL_ROUNDING = "the samples' recorded outputs differ by no more than rounding: the recording proves nothing"
Predict = Callable[[list[np.ndarray]], list[np.ndarray]]


@dataclass(frozen=True)
class Difference:
    """One compared array: max |d|, that over the recording's largest |number|, and what rounding alone can do.

    `largest`: the recording's largest |number|; `spread`: how far its samples lie apart.
    """

    name: str
    max_abs: float
    max_rel: float
    floor: float = 0.0
    largest: float = math.inf
    spread: float = math.inf

    def within(self, tolerance: float) -> bool:
        """Return whether the arrays agree, `tolerance` being relative; NaN and infinity never do."""
        return self.max_rel <= tolerance or self.max_abs <= self.floor

    @property
    def hopeless(self) -> bool:
        """Return whether no floor can excuse it: one as large would leave the array showing nothing."""
        return self.max_rel > CLEAR and SHOWS * self.max_abs >= self.spread

    @property
    def shows(self) -> bool:
        """Return whether the recorded array is more than rounding, so that its agreement means something."""
        return self.spread > SHOWS * self.floor


@dataclass(frozen=True)
class Row:
    """A layer from its recorded input (`alone`) and from the model's (`whole`), or an output, which has the latter."""

    name: str
    alone: Difference | None
    whole: Difference


@dataclass(frozen=True)
class Verdict:
    """What a comparison found: layers alone and end to end, outputs, and what cannot be judged.

    `nothing`: why the recording proves nothing, or None. `blind`: layers whose kernels left no trace in it.
    `unpaired`: recorded layers without a partner; `recorded`: how many layers were recorded. `samples`: on how many
    samples layers were compared, and how many there are.
    """

    tolerance: float
    outputs: list[Difference]
    layers: list[Difference]
    alone: list[Difference]
    unpaired: list[str]
    recorded: int
    blind: list[str]
    nothing: str | None = None
    samples: tuple[int, int] = (0, 0)

    @property
    def differing(self) -> list[Difference]:
        """Return what is beyond both tolerance and floor."""
        return [d for d in [*self.alone, *self.layers, *self.outputs] if not d.within(self.tolerance)]

    @property
    def agrees(self) -> bool:
        """Return whether everything compared agrees and the recording shows something of every kernel."""
        return self.nothing is None and not self.blind and not self.differing

    @property
    def conclusion(self) -> str:
        """Return the verdict in one sentence."""
        if self.nothing is not None:
            return self.nothing
        if self.differing:
            return "does NOT agree with the recording"
        if self.blind:
            return (
                f"agrees as far as it goes, but the recording proves nothing of {_some(self.blind, 'layer')}, dead on "
                "these inputs; record again with inputs of the scale that the model was trained on"
            )
        return "agrees with the recording"

    def rows(self) -> list[Row]:
        """Return what was compared of every layer, then of every output."""
        alone = {d.name: d for d in self.alone}
        return [Row(d.name, alone[d.name], d) for d in self.layers] + [Row(d.name, None, d) for d in self.outputs]

    def words(self) -> list[str]:
        """Return what found no partner, and the conclusion."""
        words = [self.conclusion]
        if self.unpaired:
            n, names = len(self.unpaired), _some(self.unpaired)
            words.insert(0, f"{n} of {self.recorded} recorded layers have no partner: {names}")
        if self.samples[0] < self.samples[1]:
            words.insert(0, "layers were compared on {} of {} samples, for want of memory".format(*self.samples))
        return words

    def lines(self) -> Iterator[str]:
        """Yield one line for every row, then the words."""
        for row in self.rows():
            alone = f"alone {self._said(row.alone)}; end to end" if row.alone else "max |d|"
            yield f"{row.name}: {alone} {self._said(row.whole)}"
        yield from self.words()

    def _said(self, d: Difference) -> str:
        text = f"{d.max_abs:.3e}, relative {d.max_rel:.3e}"
        if d.max_rel <= self.tolerance:
            return text
        return f"{text}, rounding alone {d.floor:.1e}{'' if d.within(self.tolerance) else '  <- beyond the tolerance'}"


def check_tolerance(tolerance: float) -> float:
    """Return a tolerance; raises InputError unless it is a finite number above 0."""
    if not (math.isfinite(tolerance) and tolerance > 0):
        raise InputError(f"--tolerance {tolerance}: a finite number above 0 is needed, like {TOLERANCE}")
    return tolerance


def run(model: Any, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Run a Keras model through `predict` on one whole batch and return its outputs in order."""
    check_inputs(model, inputs)
    try:
        found = model.predict(inputs[0] if len(inputs) == 1 else inputs, batch_size=max(len(inputs[0]), 1), verbose=0)
    except Exception as error:  # TensorFlow's own errors are of many classes
        text = " ".join(str(error).split())[:200]
        raise InputError(f"the model does not run on the recorded inputs: {text}") from error
    return [np.asarray(value) for value in (found if isinstance(found, list | tuple) else [found])]


def check_inputs(model: Any, inputs: list[np.ndarray]) -> None:
    """Raise InputError unless the recorded inputs are of the number and shapes that the model takes."""
    if len(inputs) != len(model.inputs):
        raise InputError(f"the recording has {len(inputs)} inputs, the model {len(model.inputs)}")
    for i, (array, wanted) in enumerate(zip(inputs, model.inputs, strict=True)):
        if not _fits(array.shape, wanted.shape):
            raise InputError(
                f"the model does not take the recorded inputs: in_{i} is {array.shape}, it wants {tuple(wanted.shape)}"
            )


def compare(
    migrated: Any, recording: Recording, tolerance: float = TOLERANCE, predict: Predict | None = None
) -> Verdict:
    """Compare a build.Migrated with a recording; `predict`, if given, says what the written file gives for inputs.

    Raises InputError if the recording has other inputs or another number of outputs than the model.
    """
    nothing = no_numbers(migrated.model) or nothing_proven(recording)
    if nothing is not None:
        return Verdict(tolerance, [], [], [], [], len(recording.layers), [], nothing=nothing)
    return _Comparison(migrated, recording, tolerance).verdict(predict)


def end_to_end(migrated: Any, recording: Recording, tolerance: float = TOLERANCE) -> list[Difference]:
    """Compare layers and outputs from the inputs on, the outputs last; as `compare`, which also says more."""
    return _Comparison(migrated, recording, tolerance).end_to_end()


class _Comparison:
    """The graph of a model with what was recorded of it."""

    def __init__(self, migrated: Any, recording: Recording, tolerance: float) -> None:
        from reprise_kit.port.keras_legacy import rounding

        model = migrated.model
        check_inputs(model, recording.inputs)
        self.model, self.whole, self.tolerance = model, recording, tolerance
        self.recording = recording = _fewer(model, recording)
        self.outputs = {f"out_{i}": array for i, array in enumerate(recording.outputs)}
        if len(self.outputs) != len(model.outputs):
            raise InputError(f"the recording has {len(self.outputs)} outputs, the model {len(model.outputs)}")
        recorded = {
            name: x for name, x in migrated.outputs.items() if name in recording.layers and not isinstance(x, list)
        }
        partners = rounding.connected(model, recorded)
        self.layers = {f"{_LAYER}{name}": recording.layers[name] for name in partners}
        tensors = dict(zip([*self.layers, *self.outputs], [*partners.values(), *model.outputs], strict=True))
        fitting = {name: array for name, array in self.layers.items() if _fits(array.shape, tensors[name].shape)}
        self.graph = rounding.Graph(model, tensors, fitting)

    def end_to_end(self) -> list[Difference]:
        """Return the differences of layers and outputs; of the outputs alone where one of them is hopeless."""
        quick = self._plain(self._eager(), self.outputs)
        if any(d.hopeless for d in quick.values()):
            return list(quick.values())
        found = self.graph.values(self.recording.inputs, isolated=False)
        return list(self._differences(found, {**self.layers, **self.outputs}, isolated=False).values())

    def _eager(self) -> dict[str, np.ndarray]:
        """Return the outputs without compiling anything: the quickest way to see that a reading is wrong."""
        inputs = self.recording.inputs
        found = self.model(inputs[0] if len(inputs) == 1 else inputs, training=False)
        values = found if isinstance(found, list | tuple) else [found]
        return {name: np.asarray(value) for name, value in zip(self.outputs, values, strict=True)}

    def verdict(self, predict: Predict | None) -> Verdict:
        """Compare end to end, each layer alone, and see which layers left no trace."""
        inputs = self.recording.inputs
        found, expected = self.graph.values(inputs, isolated=False), {**self.layers, **self.outputs}
        if predict is not None:
            found |= zip(self.outputs, predict(self.whole.inputs), strict=True)
            expected |= zip(self.outputs, self.whole.outputs, strict=True)
        judged = self._differences(found, expected, isolated=False)
        outputs = [judged[name] for name in self.outputs]
        return Verdict(
            tolerance=self.tolerance,
            outputs=outputs,
            layers=[judged[name] for name in self.layers],
            alone=self._alone(),
            unpaired=sorted(set(self.recording.layers) - {name.removeprefix(_LAYER) for name in self.layers}),
            recorded=len(self.recording.layers),
            blind=self.graph.blind_layers(inputs),
            nothing=None if any(d.shows for d in outputs) else ALL_ROUNDING,
            samples=(len(inputs[0]), len(self.whole.inputs[0])),
        )

    def _alone(self) -> list[Difference]:
        """Return the differences of the layers, each computed from the recorded ones before it."""
        if not self.layers:
            return []
        found = self.graph.values(self.recording.inputs, isolated=True)
        return list(self._differences(found, self.layers, isolated=True).values())

    def _differences(
        self, found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray], isolated: bool
    ) -> dict[str, Difference]:
        plain = self._plain(found, expected)
        if all(d.within(self.tolerance) and d.spread > CLEAR * d.largest for d in plain.values()):
            return plain  # no floor makes a difference here, and they take time
        floors = self.graph.floors(self.recording.inputs, isolated)
        return {name: replace(d, floor=floors[name]) for name, d in plain.items()}

    def _plain(self, found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> dict[str, Difference]:
        """Return the differences, without floors."""
        plain = {name: difference(name.removeprefix(_LAYER), found[name], expected[name]) for name in expected}
        if any(map(varies, self.recording.inputs)):
            return plain
        return {name: replace(d, spread=d.largest) for name, d in plain.items()}  # one sample, or the same one again


def _fewer(model: Any, whole: Recording) -> Recording:
    """Return so much of a recording as memory bears, where no sample's answer depends on the others."""
    samples = few(whole)
    if samples is None or any(tensor.shape[0] is not None for tensor in model.inputs):
        return whole
    part = whole.only(samples)
    pairs = zip(run(model, part.inputs), run(model, whole.inputs), strict=True)
    return part if all(difference("", a, b[samples]).within(TOLERANCE) for a, b in pairs) else whole


def difference(name: str, found: np.ndarray, expected: np.ndarray, floor: float = 0.0) -> Difference:
    """Compare two arrays; another shape or a number that is not finite is an infinite difference."""
    if found.shape != expected.shape:
        return Difference(f"{name} {found.shape} for {expected.shape}", math.inf, math.inf)
    if not (np.isfinite(found).all() and np.isfinite(expected).all()):
        return Difference(f"{name} (NaN or infinity)", math.inf, math.inf)
    wide = expected.astype(np.float64)
    largest = float(np.abs(wide).max(initial=0.0))
    worst = float(np.abs(found.astype(np.float64) - wide).max(initial=0.0))
    spread = float(np.ptp(wide, axis=0).max(initial=0.0))
    return Difference(name, worst, relative(worst, largest), floor, largest, spread)


def _fits(shape: tuple[int, ...], wanted: Any) -> bool:
    return len(shape) == len(wanted) and all(w in (None, n) for n, w in zip(shape, wanted, strict=True))


def _some(names: list[str], of: str = "") -> str:
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return f"{len(names)} {of}{'s' if len(names) != 1 else ''} ({shown})" if of else shown
