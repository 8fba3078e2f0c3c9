"""Layers that only tf.keras had before Keras 3, and that mean the same there: made of their own configs.

Measured on models of TensorFlow 1.13 to 2.15 (tests: family/tf_keras). What a config holds beside the arguments of
Keras 3's class must be at a value that changes nothing, else the layer is refused by name.
"""

import inspect
from typing import Any

import keras

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.config_keys import unknown_class
from reprise_kit.port.keras_legacy.dialects.dialect import TF_KERAS
from reprise_kit.port.keras_legacy.layers import hard_sigmoid_k1
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, rule
from reprise_kit.port.keras_legacy.rules.core import identity
from reprise_kit.port.keras_legacy.rules.operations import filled
from reprise_kit.port.keras_legacy.rules.weights import loaded
from reprise_kit.port.keras_legacy.tree import Node

ALIKE = (
    *("LayerNormalization", "GroupNormalization", "UnitNormalization", "EinsumDense", "Attention", "AdditiveAttention"),
    *("MultiHeadAttention", "Conv1DTranspose", "DepthwiseConv1D", "ConvLSTM1D", "ConvLSTM3D", "Normalization"),
    *("Rescaling", "Resizing", "CenterCrop"),
)
# They change images in training alone.
AUGMENTING = (
    *("RandomFlip", "RandomRotation", "RandomZoom", "RandomContrast", "RandomTranslation", "RandomCrop"),
    *("RandomBrightness", "RandomHeight", "RandomWidth"),
)
_KEEP_SIZE = set(AUGMENTING) - {"RandomCrop", "RandomHeight", "RandomWidth"}
# Of training, of the input, or of how it is computed.
_LEFT = {"trainable", "dtype", "name", "batch_input_shape", "implementation", "arguments", "first", "query_shape"}
_LEFT |= {f"{part}_{what}" for part in ("kernel", "bias", "beta", "gamma", "depthwise", "recurrent", "activity")
          for what in ("initializer", "regularizer", "constraint")}  # fmt: skip
_LEFT |= {"key_shape", "value_shape"}


@rule(*ALIKE)
def alike(context: Context, node: Node) -> Apply:
    """Keras 3's class of that name, with the file's arguments and arrays."""
    _only_tf_keras(context, node)
    kind = getattr(keras.layers, node.class_name)
    takes = set(inspect.signature(kind).parameters) - _LEFT
    config = {key: _word(context, value) for key, value in node.config.items() if key in takes}
    left = {key: value for key, value in node.config.items() if key not in takes | _LEFT}
    if left.get("groups") == 1:
        del left["groups"]
    changing = {key: value for key, value in left.items() if value is not None and value is not False}
    if changing:
        said = ", ".join(f"{key}={str(value)[:40]}" for key, value in changing.items())
        raise InputError(f"layer {node.name}: a {node.class_name} with {said[:160]} is not supported")
    if any(isinstance(value, dict) for value in config.values()):
        raise InputError(f"layer {node.name}: a {node.class_name} with an object in its config is not supported")
    layer = kind(**config, name=context.name(node.name))
    apply = loaded(layer, list(node.weights.values()), node)
    if node.class_name == "MultiHeadAttention":
        return _attending(node, apply)
    if node.class_name in ("Attention", "AdditiveAttention"):
        return _masked(context, apply)
    return _finalized(layer, apply) if node.class_name == "Normalization" else apply


def _masked(context: Context, apply: Any) -> Apply:
    """Call an attention with the masks of its query, value and key."""

    def call(x: Any) -> Any:
        masks = [context.mask(one) for one in x]
        return apply(x) if all(mask is None for mask in masks) else apply(x, mask=masks)

    return call


def _finalized(layer: Any, apply: Apply) -> Apply:
    """Call a Normalization, whose statistics are taken from its weights only when it is told so."""

    def call(x: Any) -> Any:
        y = apply(x)
        if layer.input_mean is None:
            layer.finalize_state()
        return y

    return call


def _word(context: Context, value: Any) -> Any:
    """Return a value of a config; the name of tf.keras's hard_sigmoid, which is Keras 1's, as that function."""
    if value != "hard_sigmoid":
        return value
    context.needs.add("reprise>hard_sigmoid_k1")
    return hard_sigmoid_k1


def _attending(node: Node, layer: Any) -> Apply:
    """Call an attention with the tensors that the file names as value and key."""
    given = {key: value for key, value in node.config["arguments"].items() if value is not None and value is not False}
    if set(given) - {"value", "key"}:
        raise InputError(f"layer {node.name}: a MultiHeadAttention called with {', '.join(given)} is not supported")

    def apply(x: Any) -> Any:
        tensors = x if isinstance(x, list) else [x]
        return layer(filled(node.config["first"], tensors), **{key: filled(one, tensors) for key, one in given.items()})

    return apply


@rule(*AUGMENTING)
def augmenting(context: Context, node: Node) -> Apply:
    """Nothing at inference, where the sizes stay; Keras 3's would act in every call that is not told its phase."""
    _only_tf_keras(context, node)
    if node.class_name not in _KEEP_SIZE:
        raise InputError(
            f"layer {node.name}: a {node.class_name} is not supported: it changes sizes in predictions too"
        )
    context.notes.append(
        f"not carried: layer {node.name}: the augmentation {node.class_name}; it acts in training alone"
    )
    return identity(context, node)


def _only_tf_keras(context: Context, node: Node) -> None:
    """Refuse a class of a person's own, which an older Keras's file may hold under this name."""
    if context.dialect is not TF_KERAS:
        raise unknown_class(node, context.dialect)
