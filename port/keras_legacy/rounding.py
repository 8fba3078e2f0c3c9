"""What a model computes, tensor by tensor, and how far rounding alone can move each: the floor of a comparison.

Two right float32 programs differ, for they round at other places. By how much depends on what a number was
computed from: 2s - 1 near 0 is off by the rounding of 1, the softmax of logits near 1,000 by that of 1,000, a
dead ReLU of Theano, 0.5 (x + |x|), by that of |x|. So the floor is measured: the model runs again with every
weight, and every number that goes into arithmetic, moved up or down by one rounding (eps, relative, signs at
random); how far a tensor moves is the error that it cannot help, condition numbers included (a Monte Carlo
running error analysis; Higham, Accuracy and Stability of Numerical Algorithms, 3.3 and 1.19). Nothing is moved
where nothing is rounded: copies, reshapes, masks, lookups.
"""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from reprise_kit.port.keras_legacy.kernel_gradients import safe_kernel_gradients
from reprise_kit.port.keras_legacy.shaking import Shake, is_float, masked_as, walk

EPS = float(np.finfo(np.float32).eps)
# Sums of n terms round more than once, and an old BLAS sums in another order than a new one. Measured on a quarter of
# the recorded family (124 arrays of real Keras 1): no error is larger than one such movement.
ROUNDINGS = 4.0
RUNS = 3  # of random signs; the largest movement counts
Values = dict[str, np.ndarray]


class Graph:
    """The graph of a functional model; it can run with each recorded tensor put in the place of the computed one."""

    def __init__(self, model: keras.Model, tensors: Mapping[str, Any], recorded: Mapping[str, np.ndarray]) -> None:
        """Take the tensors of `model` to look at, by name, and what was recorded of some of them (n_samples, ...)."""
        self.tensors = dict(tensors)
        # Some of them are beside the way to the outputs: a tensor in Keras 1's layout that no layer reads.
        self.model = keras.Model(model.inputs, [*model.outputs, *self.tensors.values()])
        self.recorded = {name: recorded[name] for name in tensors if name in recorded}
        self._places = self._find_places()
        self._compiled = tf.function(self._run, autograph=False)

    def values(self, inputs: list[np.ndarray], isolated: bool) -> Values:
        """Return every tensor; `isolated`: each from the recorded values of those it is computed from."""
        return self._values(inputs, self.recorded, isolated)

    def floors(self, inputs: list[np.ndarray], isolated: bool) -> dict[str, float]:
        """Return for every tensor the largest difference that rounding explains."""
        movements = self._movements(inputs, isolated, {})
        if isolated:
            # What was recorded is itself only as good as its own rounding.
            movements = self._movements(inputs, True, movements)
        return {name: ROUNDINGS * float(movement.max(initial=0.0)) for name, movement in movements.items()}

    def _movements(self, inputs: list[np.ndarray], isolated: bool, uncertain: Values) -> Values:
        """Return how far each number moved; `uncertain`: how far each recorded one is to be moved at the start."""
        plain = self.values(inputs, isolated)
        largest = {name: np.zeros(value.shape) for name, value in plain.items()}
        for seed in range(1, RUNS + 1):
            random = np.random.RandomState(seed)
            recorded = {
                name: value + uncertain.get(name, 0.0) * random.choice((-1.0, 1.0), value.shape)
                for name, value in self.recorded.items()
            }
            with _shaken_weights(self.model, random):
                moved = self._values(inputs, recorded, isolated, EPS, seed)
            for name, value in moved.items():
                movement = np.abs(value.astype(np.float64) - plain[name])
                largest[name] = np.maximum(largest[name], np.nan_to_num(movement, nan=0.0, posinf=0.0))
        return largest

    def blind_layers(self, inputs: list[np.ndarray]) -> list[str]:
        """Return the layers whose kernel could be anything: no tensor here depends on it at these inputs.

        Dead ReLUs and saturated units hide what lies before and behind them. A recurrent kernel is left out: at
        the first of its steps it has nothing to act on.
        """
        holders = {layer.name: kernels for layer in self.model._flatten_layers() if (kernels := _kernels(layer))}
        with tf.GradientTape() as tape:
            for variable in itertools.chain(*holders.values()):
                tape.watch(variable)
            total = _random_sum(self._call(inputs, self.recorded, False, 0.0, 0))
        found = tape.gradient(total, holders)
        return [name for name, slopes in found.items() if not any(map(_nonzero, slopes))]

    def _values(
        self, inputs: list[np.ndarray], recorded: Values, isolated: bool, amplitude: float = 0.0, seed: int = 0
    ) -> Values:
        found = self._call(inputs, recorded, isolated, amplitude, seed)
        return {name: value.numpy() for name, value in found.items()}

    def _call(
        self, inputs: list[np.ndarray], recorded: Values, isolated: bool, amplitude: float, seed: int
    ) -> dict[str, Any]:
        for layer in self.model._flatten_layers():
            if getattr(layer, "stateful", False) and hasattr(layer, "reset_state"):
                layer.reset_state()
        given = [tf.constant(value) for value in inputs]
        places = {name: tf.constant(value, tf.float32) for name, value in recorded.items()}
        how = tf.constant(isolated), tf.constant(amplitude), tf.constant(seed)
        found: dict[str, Any] = self._compiled(given, places, *how)
        return found

    def _run(self, inputs: list[Any], recorded: dict[str, Any], isolated: Any, amplitude: Any, seed: Any) -> Any:
        shake = Shake(amplitude, seed)
        found: dict[str, Any] = {}

        def place(tensor: Any, value: Any) -> Any:
            for name, axes in self._places.get(id(tensor), ()):
                # What was computed is kept before the recorded numbers take its place.
                found.setdefault(name, value if axes is None else tf.transpose(value, axes))
                if name in recorded:
                    value = _instead(value, recorded[name], axes, isolated)
            return value

        known = {id(x): place(x, tf.cast(v, x.dtype)) for x, v in zip(self.model.inputs, inputs, strict=True)}
        with safe_kernel_gradients():
            walk(self.model, known, shake.call, place)
        return {name: found[name] for name in self.tensors if name in found}

    def _find_places(self) -> dict[int, list[tuple[str, tuple[int, ...] | None]]]:
        """Return by tensor id the names it goes by, and for one that only a Permute turns into that, its axes."""
        places: dict[int, list[tuple[str, tuple[int, ...] | None]]] = {}
        for name, tensor in self.tensors.items():
            places.setdefault(id(tensor), []).append((name, None))
            maker = tensor._keras_history.operation
            if isinstance(maker, keras.layers.Permute):
                # The next layer often reads the tensor before the Permute, in the other layout.
                source = maker._inbound_nodes[tensor._keras_history.node_index].input_tensors[0]
                places.setdefault(id(source), []).append((name, (0, *maker.dims)))
        return places


def connected(model: keras.Model, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Return those tensors that a functional model's inputs alone decide: not those inside a nested model."""
    known = {id(tensor): True for tensor in model.inputs}
    return {name: tensor for name, tensor in tensors.items() if _from_inputs(tensor, known)}


def _from_inputs(tensor: Any, known: dict[int, bool]) -> bool:
    waiting = [tensor]
    while waiting:
        last = waiting[-1]
        sources = last._keras_history.operation._inbound_nodes[last._keras_history.node_index].input_tensors
        open_ones = [] if id(last) in known else [x for x in sources if id(x) not in known]
        if open_ones:
            waiting += open_ones
            continue
        known.setdefault(id(last), bool(sources) and all(known[id(x)] for x in sources))
        waiting.pop()
    return known[id(tensor)]


def _instead(value: Any, recorded: Any, axes: tuple[int, ...] | None, isolated: Any) -> Any:
    recorded = tf.cast(recorded if axes is None else tf.transpose(recorded, np.argsort(axes)), value.dtype)
    return masked_as(value, tf.where(isolated, recorded, value))


@contextmanager
def _shaken_weights(model: keras.Model, random: np.random.RandomState) -> Iterator[None]:
    """Move every weight by one rounding while the block runs."""
    floats = [v for v in model.weights if np.issubdtype(np.dtype(v.dtype), np.floating)]
    before = [v.numpy() for v in floats]
    try:
        for variable, value in zip(floats, before, strict=True):
            variable.assign(value * (1 + EPS * random.choice((-1.0, 1.0), value.shape)).astype(value.dtype))
        yield
    finally:
        for variable, value in zip(floats, before, strict=True):
            variable.assign(value)


def _kernels(layer: Any) -> list[Any]:
    own = getattr(layer, "_trainable_variables", [])
    return [v.value for v in own if ("kernel" in v.name or "embeddings" in v.name) and "recurrent" not in v.name]


def _random_sum(values: Mapping[str, Any]) -> Any:
    """Return a sum of all numbers with weights at random, so that no slope cancels another."""
    random = np.random.RandomState(0)
    floats = [value for value in values.values() if is_float(value)]
    return sum(
        tf.reduce_sum(value * tf.constant(random.uniform(0.5, 1.0, value.shape), value.dtype)) for value in floats
    )


def _nonzero(slope: Any) -> bool:
    if slope is None:
        return False
    values = slope.values if isinstance(slope, tf.IndexedSlices) else slope
    return bool(tf.reduce_any(tf.not_equal(values, 0)).numpy())
