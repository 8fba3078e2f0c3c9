"""Run a model with every number that goes into arithmetic moved up or down by one rounding: see rounding.py.

What old libraries rounded otherwise than new ones is moved as they did it: each place says which, and what was
measured.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import tensorflow as tf
from keras.src.ops.nn import Elu, Selu, Sigmoid, Softplus
from keras.src.ops.numpy import Mean, Sum, Var

from reprise_kit.port.keras_legacy.layers import ParametricSoftplus

_layers = keras.layers
EXACT = (
    *(_layers.InputLayer, _layers.Permute, _layers.Reshape, _layers.Flatten, _layers.RepeatVector, _layers.Masking),
    *(_layers.Embedding, _layers.Concatenate, _layers.Identity, _layers.Dropout, _layers.SpatialDropout1D),
    *(_layers.SpatialDropout2D, _layers.SpatialDropout3D, _layers.GaussianDropout, _layers.GaussianNoise),
    *(_layers.ZeroPadding1D, _layers.ZeroPadding2D, _layers.ZeroPadding3D),
    *(_layers.Cropping1D, _layers.Cropping2D, _layers.Cropping3D),
    *(_layers.UpSampling1D, _layers.UpSampling2D, _layers.UpSampling3D),
    *(_layers.MaxPooling1D, _layers.MaxPooling2D, _layers.MaxPooling3D),
    *(_layers.GlobalMaxPooling1D, _layers.GlobalMaxPooling2D, _layers.GlobalMaxPooling3D),
)
RECTIFIERS = (_layers.ReLU, _layers.LeakyReLU, _layers.PReLU)
# exp(z) - 1 below 0, times this: Keras's own alpha of a SELU is 1.0507 * 1.6733.
SELU = 1.7581
# Operations that are not layers: these compute, all others (casts, comparisons, slices) copy or decide.
ARITHMETIC = set(
    """
    Add Subtract Multiply Divide TrueDivide Power Square Sqrt Rsqrt Exp Log Sum Mean Var Std Matmul Dot Einsum
    Tensordot Sigmoid Tanh Relu Softplus Softmax Conv ConvTranspose DepthwiseConv SeparableConv AveragePool Norm
    Elu Selu LeakyRelu Softsign HardSigmoid Logsumexp Prod Cumsum Sin Cos
    """.split()  # noqa: SIM905
)
# One sum of many terms. TensorFlow adds the 6,400 of a channels-last mean one after the other: measured 70 roundings
# off, about the square root of their number (Higham, 4.2's rule of thumb), where few terms are off by one.
SUMS = (_layers.GlobalAveragePooling1D, _layers.GlobalAveragePooling2D, _layers.GlobalAveragePooling3D, Mean, Sum)
# TensorFlow before 1.15 computes a softplus as exp(z) up to here (log(eps) + 2), as log(1 + exp(z)) from here on.
SOFTPLUS_LOGARITHM = -13.94
Call = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]


def walk(model: keras.Model, known: dict[int, Any], call: Call, place: Callable[[Any, Any], Any]) -> None:
    """Run every node of a functional model, in order, as Keras does; `known` holds the inputs and takes the rest."""
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if node.is_input:
                continue
            args, kwargs = node.arguments.fill_in(known)
            outputs = keras.tree.flatten(call(node.operation, args, kwargs))
            for tensor, value in zip(node.outputs, outputs, strict=True):
                known[id(tensor)] = place(tensor, value)


def masked_as(old: Any, new: Any) -> Any:
    """Return `new` with the mask that Keras keeps at `old`."""
    mask = getattr(old, "_keras_mask", None)
    if mask is not None:
        new._keras_mask = mask
    return new


class Shake:
    """Moves numbers up or down by `amplitude`, relative; amplitude 0 leaves them as they are."""

    def __init__(self, amplitude: Any, seed: Any) -> None:
        """Take a relative size and the seed of the signs, both scalar tensors."""
        self.amplitude, self.seed, self.calls = amplitude, seed, 0

    def __call__(self, x: Any) -> Any:
        """Return x moved; what is no float stays."""
        return masked_as(x, x + self.step(x)) if is_float(x) else x

    def step(self, x: Any) -> Any:
        """Return +- amplitude * x, signs at random."""
        self.calls += 1
        random = tf.random.stateless_uniform(tf.shape(x), [self.seed, self.calls], dtype=x.dtype)
        return self.amplitude * tf.sign(random - 0.5) * x

    def call(self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a layer or operation; where it computes, its inputs and what its activation gets are moved."""
        if _is_functional(operation):
            return self._nested(operation, args)
        if isinstance(operation, _layers.TimeDistributed) and _is_functional(operation.layer) and len(args) == 1:
            return self._step_by_step(operation.layer, args[0])
        if not _computes(operation):
            return operation(*args, **kwargs)
        moved = keras.tree.map_structure(lambda x: self(x) if tf.is_tensor(x) else x, args)
        if isinstance(operation, RECTIFIERS):
            return self._rectified(moved[0], operation(*moved, **kwargs))
        if isinstance(operation, (_layers.ELU, Elu)):
            return self._exponential(moved[0], operation(*moved, **kwargs), operation.alpha)
        if isinstance(operation, Selu):
            return self._exponential(moved[0], operation(*moved, **kwargs), SELU)
        if isinstance(operation, Var):
            return self._varied(operation, moved[0])
        if isinstance(operation, Softplus):
            return self._softened(moved[0], operation(*moved, **kwargs))
        if isinstance(operation, Sigmoid):
            return self._squashed(moved[0], operation(*moved, **kwargs))
        if isinstance(operation, ParametricSoftplus):
            return self._softened(operation.betas * moved[0], operation(*moved, **kwargs), operation.alphas)
        if isinstance(operation, SUMS):
            return self._summed(
                operation(*moved, **kwargs), operation(masked_as(moved[0], abs(moved[0])), **kwargs), moved
            )
        holder = next((h for h in (operation, vars(operation).get("layer")) if _activates(h)), None)
        if holder is None:
            with _gates(operation, self._gate):
                return operation(*moved, **kwargs)
        with _without_activation(holder) as activation:
            z = operation(*moved, **kwargs)
        y = masked_as(z, activation(self(z)))
        own = _OWN.get(activation)
        return own(self, z, y) if own else y

    def _rectified(self, z: Any, y: Any) -> Any:
        """Theano computes relu(z) as 0.5 (z + |z|): a dead unit is left with the rounding of z."""
        return masked_as(y, y + self.step(z))

    def _exponential(self, z: Any, y: Any, factor: float = 1.0) -> Any:
        """An ELU is computed as factor * (exp(z) - 1) below 0: it is left with the rounding of 1.

        Measured against float64: 0.25 to 0.37 eps, absolute, wherever -16 < z < 0, in Theano 0.8 and 0.9 and in
        TensorFlow 0.12.1 and 1.15, 0.49 in 2.20; Theano 1.0 takes expm1. And on Theano it is a relu above 0.
        """
        return self._rectified(z, masked_as(y, y + self.step(factor * tf.cast(z < 0, y.dtype))))

    def _softened(self, z: Any, y: Any, factor: Any = 1.0) -> Any:
        """TensorFlow 0.12 computes softplus(z) as log(1 + exp(z)): it is left with the rounding of 1.

        Measured there against float64: 4e3 eps relative for |z| < 9, 4e5 eps at z = -13.8.
        """
        return masked_as(y, y + self.step(factor * tf.cast(z > SOFTPLUS_LOGARITHM, y.dtype)))

    def _squashed(self, _: Any, y: Any) -> Any:
        """TensorFlow 1.13 to 2.8 compute a sigmoid by a rational function: it is left with the rounding of 1.

        Measured against float64: 1.0 to 1.8 eps, absolute, wherever -18 < z < 18, and 0 or 1 beyond; 0.12 and 2.15
        are good to 1.8 eps, relative.
        """
        return masked_as(y, y + self.step(tf.ones_like(y)))

    def _gate(self, z: Any) -> Any:
        return self._squashed(z, keras.activations.sigmoid(z))

    def _summed(self, y: Any, size: Any, moved: Any) -> Any:
        """Return a sum or mean, moved as much as its partial sums may; `size`: that of the numbers' absolute values."""
        n_terms = tf.size(moved[0]) / tf.maximum(tf.size(y), 1)
        return masked_as(y, y + self.step(size * tf.cast(tf.sqrt(n_terms), size.dtype)))

    def _varied(self, operation: Any, x: Any) -> Any:
        """TensorFlow before 1.0 computes a variance as mean(x^2) - mean(x)^2: it is left with the rounding of these.

        Measured in 0.12.1 against float64, x near a constant, over n numbers: 0.8 eps of mean(x^2) at n = 8, 3.4 at
        168, 8 at 1,000 (root mean square; at worst four times as much): a quarter of sqrt(n).
        """
        y = operation(x)
        n_terms = tf.cast(tf.size(x) / tf.maximum(tf.size(y), 1), x.dtype)
        size = tf.reduce_mean(x * x, operation.axis, keepdims=operation.keepdims)
        return y + self.step(size * tf.maximum(tf.sqrt(n_terms) / 4, 1.0))

    def _nested(self, model: Any, args: tuple[Any, ...]) -> Any:
        known = dict(zip(map(id, model.inputs), keras.tree.flatten(args), strict=True))
        walk(model, known, self.call, lambda _, value: value)
        outputs = [known[id(x)] for x in model.outputs]
        return outputs[0] if len(outputs) == 1 else outputs

    def _step_by_step(self, model: Any, x: Any) -> Any:
        """Call a model on every step of x (n, n_steps, ...), as so many samples more."""
        shape = tf.shape(x)
        y = self._nested(model, (tf.reshape(x, tf.concat([[-1], shape[2:]], 0)),))
        return masked_as(x, tf.reshape(y, tf.concat([shape[:2], tf.shape(y)[1:]], 0)))


_OWN: dict[Any, Callable[[Shake, Any, Any], Any]] = {
    keras.activations.relu: Shake._rectified,
    keras.activations.softplus: Shake._softened,
    keras.activations.elu: Shake._exponential,
    keras.activations.selu: partial(Shake._exponential, factor=SELU),
    keras.activations.sigmoid: Shake._squashed,
}


def _is_functional(operation: Any) -> bool:
    return isinstance(operation, keras.Model) and hasattr(operation, "_nodes_by_depth")


def is_float(x: Any) -> bool:
    """Return whether x is a tensor of floats."""
    return bool(tf.is_tensor(x) and x.dtype.is_floating)


def _computes(operation: Any) -> bool:
    if isinstance(operation, keras.layers.Layer):
        return not isinstance(operation, EXACT)
    return type(operation).__name__ in ARITHMETIC


def _activates(layer: Any) -> bool:
    """Return whether a layer holds an activation that can be taken off it (a recurrent layer's cannot)."""
    return layer is not None and callable(vars(layer).get("activation")) and not hasattr(layer, "recurrent_activation")


@contextmanager
def _without_activation(layer: Any) -> Iterator[Callable[[Any], Any]]:
    activation = layer.activation
    layer.activation = keras.activations.linear
    try:
        yield activation
    finally:
        layer.activation = activation


@contextmanager
def _gates(operation: Any, gate: Callable[[Any], Any]) -> Iterator[None]:
    """Put `gate` in the place of the sigmoid by which a recurrent layer, wrapped or not, opens and closes."""
    inside = operation._flatten_layers() if isinstance(operation, keras.layers.Layer) else ()
    cells = [
        (layer, name)
        for layer in inside
        for name in ("activation", "recurrent_activation")
        if hasattr(layer, "recurrent_activation") and vars(layer).get(name) is keras.activations.sigmoid
    ]
    for cell, name in cells:
        setattr(cell, name, gate)
    try:
        yield
    finally:
        for cell, name in cells:
            setattr(cell, name, keras.activations.sigmoid)
