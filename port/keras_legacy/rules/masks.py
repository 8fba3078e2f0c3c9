"""What every layer of Keras 1 does with the mask of its input: a bool tensor (n, n_steps), carried beside the tensor.

Keras 3 hides a mask in its tensor and has rules of its own for it: its merging layers OR masks or write zeros, its
TimeDistributed hands them in, its Bidirectional zeroes masked steps. So no layer that is built here makes a hidden
mask: `Embedding` and `Masking` are built without, their masks are tensors of the graph, and a recurrent layer is
given its own by name (`mask=`). The rules are those of `supports_masking`, `compute_mask` and `call` in
keras/layers and keras/engine/topology.py, which 1.0.6, 1.0.7, 1.1.0 and 1.2.2 agree on (read and measured):

| class | mask of the output |
|---|---|
| Embedding(mask_zero), Masking | made of the input alone |
| KEEPS (TimeDistributed hands none to its inner layer) | the input's |
| SEQUENCES (Bidirectional among them) | the input's with return_sequences, else none; its states, none |
| Merge sum, mul, ave | AND of those that there are |
| Merge concat | AND over the last axis of them, joined along concat_axis; ones where an input has none |
| Merge dot, cos; first in a Sequential, of models | none |
| Merge by a function | its output_mask function's, else none |
| Sequential, Model | what its layers make of it |
| any other, and Merge max | Keras 1 refuses a masked input |

Keras 2 (`masks_of_2`; 2.0.9, 2.1.6, 2.2.4, 2.3.1) differs in KEEPS_2, in ENDS_2, and ANDs in every elementwise merge;
tf.keras keeps masks in KEEPS_TF, too, and an attention is handed those of all that it takes.
"""

from typing import TYPE_CHECKING, Any

from keras import ops

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import TF_KERAS
from reprise_kit.port.keras_legacy.tree import CONTAINERS, Node

if TYPE_CHECKING:
    from reprise_kit.port.keras_legacy.rules.context import Context

KEEPS = {
    *("Activation", "ActivityRegularization", "BatchNormalization", "Dropout", "ELU", "GaussianDropout"),
    *("GaussianNoise", "InputLayer", "LeakyReLU", "PReLU", "ParametricSoftplus", "SReLU", "SpatialDropout1D"),
    *("SpatialDropout2D", "SpatialDropout3D", "ThresholdedReLU", "TimeDistributed", "TimeDistributedDense"),
}
# Keras 2 lets a mask through these too; of a Dot, a GlobalAveragePooling1D and a Lambda nothing comes out.
KEEPS_2 = KEEPS | {"AlphaDropout", "Dense", "ReLU", "Softmax"}
KEEPS_TF = {"LayerNormalization", "UnitNormalization", "Attention", "AdditiveAttention"}  # an attention its query's
ENDS_2 = {"Dot", "GlobalAveragePooling1D", "Lambda"}
SEQUENCES = {"SimpleRNN", "LSTM", "GRU", "Bidirectional"}


def makes(node: Node) -> bool:
    """Return whether a layer masks what was not masked before."""
    return node.class_name == "Masking" or (node.class_name == "Embedding" and bool(node.config.get("mask_zero")))


def carry(context: "Context", node: Node, x: Any, y: Any) -> None:
    """Give the output(s) y of a layer the mask that Keras 1 gave it for the input(s) x."""
    inputs = x if isinstance(x, list) else [x]
    given = [context.mask(one) for one in inputs]
    if makes(node):
        context.set_mask(y, _made(node, inputs[0]))
    elif node.class_name not in CONTAINERS and any(mask is not None for mask in given):
        passed = _passed(context, node, inputs, given)
        for i, one in enumerate(y if isinstance(y, list) else [y]):
            context.set_mask(one, passed if i < _sequences(node) else None)


def _sequences(node: Node) -> int:
    """Return how many of a layer's first outputs are masked as a whole: states, which follow them, are not."""
    return 2 if node.class_name == "Bidirectional" and not node.config.get("merge_mode") else 1


def _made(node: Node, x: Any) -> Any:
    if node.class_name == "Embedding":
        return ops.not_equal(x, 0)
    return ops.any(ops.not_equal(x, float(node.config.get("mask_value", 0.0))), axis=-1)


def _passed(context: "Context", node: Node, inputs: list[Any], given: list[Any]) -> Any:
    if context.replacement(node) is not None:
        return given[0] if len(given) == 1 else None
    if node.class_name == "Merge":
        return _merged(context, node, inputs, given)
    if node.class_name in SEQUENCES:
        inner = node.children[0] if node.children else node
        return given[0] if inner.config.get("return_sequences") else None
    later = context.dialect.masks_of_2
    if later and node.class_name in ENDS_2:
        return None
    if node.class_name in (KEEPS_2 if later else KEEPS):
        return given[0]
    if context.dialect is TF_KERAS and node.class_name in KEEPS_TF:
        return given[0]
    if node.class_name in ("ConvLSTM2D", "MultiHeadAttention"):
        raise InputError(f"layer {node.name}: a {node.class_name} on masked steps is not supported")
    raise InputError(
        f"layer {node.name}: its input has masked steps, which {context.dialect.name}'s {node.class_name} refuses; "
        "is a layer before it another than in the original?"
    )


def _merged(context: "Context", node: Node, inputs: list[Any], given: list[Any]) -> Any:
    mode = node.config.get("mode", "sum")
    if node.config.get("mode_type", "raw") != "raw":
        return _by_function(context, node, given)
    if mode in ("dot", "cos"):
        return None
    if mode == "concat":
        return _joined(node, inputs, given)
    present = [mask for mask in given if mask is not None]
    able = ("sum", "mul", "ave", "max", "min", "sub") if context.dialect.masks_of_2 else ("sum", "mul", "ave")
    if mode not in able or len({len(mask.shape) for mask in present}) != 1:
        refuses = f"{context.dialect.name} refuses these masked inputs in a Merge by {mode!r}"
        raise InputError(f"layer {node.name}: {refuses}")
    return _all(present)


def _all(masks: list[Any]) -> Any:
    both = masks[0]
    for mask in masks[1:]:
        both = ops.logical_and(both, mask)
    return both


def _joined(node: Node, inputs: list[Any], given: list[Any]) -> Any:
    """Join along concat_axis; over the last axis that is an AND, which needs the masks that there are alone."""
    rank = len(inputs[0].shape)
    axis = int(node.config.get("concat_axis", -1)) % rank
    present = [mask for mask in given if mask is not None]
    if any(len(mask.shape) != rank - 1 for mask in present):
        raise InputError(f"layer {node.name}: a concat of masks with other axes than (n, n_steps) is not supported")
    if axis == rank - 1:
        return _all(present)
    if len(present) < len(given) and any(x.shape[-1] != 1 for x in inputs):
        raise InputError(
            f"layer {node.name}: masked and other inputs of {inputs[0].shape[-1]} channels have no joint mask along "
            f"axis {axis} in any Keras; give the layer with --replace {node.name}=module:function"
        )
    filled = [ops.ones_like(x[..., 0], dtype="bool") if m is None else m for x, m in zip(inputs, given, strict=True)]
    return ops.concatenate(filled, axis=axis)


def _by_function(context: "Context", node: Node, given: list[Any]) -> Any:
    """Return the mask of the `output_mask` function, read from its bytecode; without one there is none."""
    from reprise_kit.port.keras_legacy import lambdas

    function = node.config.get("output_mask")
    if function is None:
        return None
    found = lambdas.recognise({"function": function, "function_type": node.config.get("output_mask_type")})
    if found is None:
        raise InputError(
            f"layer {node.name}: its output_mask function is not one of the known shapes, and code in a file is "
            f"never run; give the whole layer with --replace {node.name}=module:function"
        )
    context.notes.append(f"layer {node.name}: the output_mask function's bytecode reads as {found.text}")
    return found.value(given, context.operations)


def of_steps(context: "Context", node: Node, x: Any) -> Any:
    """Return the mask (n, n_steps) of a recurrent layer's input x, or None; refuses one with other axes."""
    mask = context.mask(x)
    if mask is not None and len(mask.shape) != 2:
        raise InputError(f"layer {node.name}: a mask with {len(mask.shape)} axes on its steps is not supported")
    return mask
