"""A layer or model on every step of a sequence."""

from typing import Any

import keras
from keras import ops

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import TF_KERAS
from reprise_kit.port.keras_legacy.rules import masks
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, Tensor, once, rule
from reprise_kit.port.keras_legacy.rules.functions import acts_on_each_number
from reprise_kit.port.keras_legacy.tree import Node

layers = keras.layers
_BY_MASK = masks.SEQUENCES | {"ConvLSTM2D", "GlobalAveragePooling1D"}
_RESHAPERS = ("LocallyConnected", "TimeDistributedDense")  # reshape their answers to sizes that they know
_PER_NUMBER = {
    *("Dense", "Activation", "Dropout", "GaussianNoise", "GaussianDropout", "ActivityRegularization"),
    *("ELU", "LeakyReLU", "ThresholdedReLU", "Embedding"),
}


@rule("TimeDistributed")
def time_distributed(context: Context, node: Node) -> Apply:
    """(n, n_steps, ...) -> (n, n_steps, ...): the inner layer on every step."""
    inner = node.children[0]
    if inner.class_name in _PER_NUMBER and acts_on_each_number(context, inner):
        # These act on single numbers or on the last axis, whatever stands before it.
        inner.name = node.name
        return context.apply(inner)
    of_batch = any(_uses_the_batch(below) for below in inner.walk())

    def make(x: Tensor) -> Apply:
        step = _per_step(context, inner, x)
        if context.backend == "theano" and x.shape[0] is not None and 1 in step.output.shape[1:]:
            _check_squeezed(node, inner)
        if x.shape[0] is None and len(step.output.shape) > 2 and any(map(_is_a_cosine, inner.walk())):
            raise InputError(
                f"layer {node.name}: a TimeDistributed Merge by cosine took its output to be one axis shorter than it "
                "is; this is not supported"
            )
        if of_batch and x.shape[0] is None:
            return _on_merged_steps(context, node, step, x)
        layer: Apply = layers.TimeDistributed(step, name=context.name(node.name))
        return layer

    layer = once(make)

    def apply(x: Tensor) -> Tensor:
        _check_handed_mask(context, node, x)
        return layer(x)

    return apply


def _check_handed_mask(context: Context, node: Node, x: Tensor) -> None:
    """Refuse a mask of more axes than (n, n_steps) where Keras 2.2 handed it to an inner layer that goes by it."""
    mask = context.mask(x)
    hands = context.dialect.masks_of_2 and (context.dialect is TF_KERAS or context.version >= (2, 2))
    used = [below for below in node.walk() if below.class_name in _BY_MASK]
    if hands and used and mask is not None and len(mask.shape) > 2:
        raise InputError(
            f"layer {node.name}: its input has a mask with {len(mask.shape)} axes, of which {context.dialect.name} "
            f"handed each step's to {used[0].name} ({used[0].class_name}); this is not supported"
        )


def _check_squeezed(node: Node, inner: Node) -> None:
    """Refuse what Theano's rnn squeezed: with a counted batch it dropped every axis that is 1 by construction.

    Such an axis comes from a layer that writes a 1 into the graph, and goes through the layers after it; one that
    only happens to be 1, as Dense(1)'s, stays. (Each class measured in Keras 1.0.6 and 1.2.2.)
    """
    writer = next((below for below in inner.walk() if _writes_a_one(below)), None)
    if writer is not None:
        raise InputError(
            f"layer {node.name}: on Theano with a counted batch, a TimeDistributed {writer.class_name} to an axis of "
            "length 1 lost that axis, whatever the layers after it were told; this is not supported"
        )


def _writes_a_one(node: Node) -> bool:
    if node.class_name == "Merge":
        return node.config.get("mode") in ("dot", "cos")
    sizes = [node.config.get("n")] if node.class_name == "RepeatVector" else node.config.get("target_shape") or []
    return 1 in sizes or node.class_name.startswith(_RESHAPERS)


def _is_a_cosine(node: Node) -> bool:
    return node.class_name == "Merge" and node.config.get("mode") == "cos"


def _uses_the_batch(node: Node) -> bool:
    """Return whether a layer's answer for a sample hangs on the others of its batch."""
    return node.class_name == "BatchNormalization" and str(node.config.get("mode", 0)) == "2"


def _on_merged_steps(context: Context, node: Node, step: Any, x: Tensor) -> Apply:
    """Run the model of a step on all steps of all samples as one batch, as Keras 1 did where the batch is open."""
    if None in x.shape[1:]:
        raise InputError(
            f"layer {node.name}: a TimeDistributed BatchNormalization of mode 2 over an open size is not supported"
        )
    n_steps, sizes = x.shape[1], x.shape[2:]
    named = layers.Activation("linear", name=context.name(node.name))

    def apply(x: Tensor) -> Tensor:
        y = step(ops.reshape(x, (-1, *sizes)))
        return named(ops.reshape(y, (-1, n_steps, *y.shape[1:])))

    return apply


def _per_step(context: Context, inner: Node, x: Tensor) -> Any:
    """Return the model of one step of x."""
    context.enter()
    step = keras.Input(batch_shape=(x.shape[0], *x.shape[2:]), dtype=x.dtype)
    model = keras.Model(step, context.call(inner, step), name=context.name(inner.name))
    context.leave()
    return model
