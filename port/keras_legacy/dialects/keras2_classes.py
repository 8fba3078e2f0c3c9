"""The classes of Keras 2.0 to 2.3 and tf.keras: for each, Keras 1's name and a word of Keras 1 for every key.

Source: `get_config` of keras/layers and keras/engine in 2.0.9, 2.1.6, 2.2.4 and 2.3.1, and of tf.keras 1.13 to 2.15.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# What any layer may record. Of these only the input's shape and type reach the outputs.
ANY = {"name", "trainable", "batch_input_shape", "dtype"}
# Keys of the rows below that only tf.keras has: of no constructor of Keras 2.0.9, 2.1.6, 2.2.4 and 2.3.1.
LATER = {"groups", "time_major", "zero_output_for_mask", "keepdims", "ragged", "backward_layer"}
_BIAS = {"use_bias": "bias", "bias_initializer": None, "bias_regularizer": "b_regularizer"} | {
    "bias_constraint": "b_constraint",
    "activity_regularizer": "activity_regularizer",
}
_KERNEL = {"kernel_initializer": None, "kernel_regularizer": "W_regularizer", "kernel_constraint": "W_constraint"}
_DENSE = {"units": "output_dim", "activation": "activation", **_KERNEL, **_BIAS}
_CONV = {
    **{"filters": "nb_filter", "kernel_size": "kernel_size", "strides": "subsample", "padding": "border_mode"},
    **{"data_format": "dim_ordering", "dilation_rate": "atrous_rate", "activation": "activation", "groups": "groups"},
    **{"rank": None, **_KERNEL, **_BIAS},
}
_PARTS: dict[str, str | None] = {
    f"{part}_{what}": None
    for part in ("depthwise", "pointwise")
    for what in ("initializer", "regularizer", "constraint")
}
_DEPTHWISE = {**_CONV, **_PARTS, "depth_multiplier": "depth_multiplier"}
_POOL = {"pool_size": "pool_size", "strides": "strides", "padding": "border_mode", "data_format": "dim_ordering"}
_ORDERED = {"data_format": "dim_ordering"}
_RECURRENT = {
    **_DENSE,
    **{"recurrent_activation": "inner_activation", "recurrent_initializer": None, "unit_forget_bias": None},
    **{"recurrent_regularizer": "U_regularizer", "recurrent_constraint": "U_constraint"},
    **{"dropout": "dropout_W", "recurrent_dropout": "dropout_U", "implementation": None, "time_major": "time_major"},
    **{key: key for key in ("return_sequences", "return_state", "go_backwards", "stateful", "unroll", "reset_after")},
    **{"zero_output_for_mask": "zero_output_for_mask", "num_constants": "num_constants"},
}
_LOCAL = {**_CONV, "implementation": None}
_NORM = {
    **{key: key for key in ("axis", "momentum", "epsilon", "center", "scale", "gamma_regularizer", "beta_regularizer")},
    **dict.fromkeys(f"{part}_initializer" for part in ("beta", "gamma", "moving_mean", "moving_variance")),
    **{"gamma_constraint": None, "beta_constraint": None},
}
_SAME = {key: key for key in ("activation", "l1", "l2", "target_shape", "dims", "n", "mask_value", "alpha", "theta")}


def _keeps(*keys: str) -> dict[str, str | None]:
    return {key: key for key in keys}


@dataclass(frozen=True)
class Row:
    """A class of Keras 2: Keras 1's name for it, a word per key (None: nothing at inference), and what is fixed."""

    to: str
    words: Mapping[str, str | None]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    dimensions: int = 0


def _images(to: str, words: Mapping[str, str | None], names: str, first: int = 1) -> dict[str, Row]:
    """Return rows of the same words for 1, 2 and 3 dimensions; "*" stands for the number."""
    return {names.replace("*", str(d)): Row(to.replace("*", str(d)), words, dimensions=d) for d in range(first, 4)}


CLASSES: dict[str, Row] = {
    "InputLayer": Row("InputLayer", _keeps("sparse", "ragged")),
    "Dense": Row("Dense", _DENSE),
    "Activation": Row("Activation", _keeps("activation")),
    "ActivityRegularization": Row("ActivityRegularization", _keeps("l1", "l2")),
    "Dropout": Row("Dropout", {"rate": "p", "noise_shape": None, "seed": None}),
    "GaussianDropout": Row("GaussianDropout", {"rate": "p", "seed": None}),
    "AlphaDropout": Row("AlphaDropout", {"rate": "p", "seed": None, "noise_shape": None}),
    "GaussianNoise": Row("GaussianNoise", {"stddev": "sigma", "seed": None}),
    **_images("SpatialDropout*D", {"rate": "p", "noise_shape": None, "seed": None, **_ORDERED}, "SpatialDropout*D"),
    "Flatten": Row("Flatten", _ORDERED),
    "Reshape": Row("Reshape", _keeps("target_shape")),
    "Permute": Row("Permute", _keeps("dims")),
    "RepeatVector": Row("RepeatVector", _keeps("n")),
    "Masking": Row("Masking", _keeps("mask_value")),
    "Embedding": Row(
        "Embedding",
        {
            **_keeps("input_dim", "output_dim", "mask_zero", "input_length", "activity_regularizer"),
            **{"embeddings_initializer": None, "embeddings_regularizer": "W_regularizer"},
            **{"embeddings_constraint": "W_constraint"},
        },
    ),
    "Lambda": Row(
        "Lambda",
        _keeps("function", "function_type", "output_shape", "output_shape_type", "arguments", "module")
        | {"output_shape_module": None, "mask": "mask", "mask_type": None},
    ),
    **_images("Convolution*D", _CONV, "Conv*D"),
    "Conv2DTranspose": Row("Deconvolution2D", {**_CONV, "output_padding": "output_padding"}, dimensions=2),
    "Conv3DTranspose": Row("Deconvolution3D", {**_CONV, "output_padding": "output_padding"}, dimensions=3),
    "SeparableConv1D": Row("SeparableConvolution1D", _DEPTHWISE, dimensions=1),
    "SeparableConv2D": Row("SeparableConvolution2D", _DEPTHWISE, dimensions=2),
    "DepthwiseConv2D": Row("DepthwiseConvolution2D", _DEPTHWISE, dimensions=2),
    "LocallyConnected1D": Row("LocallyConnected1D", _LOCAL, dimensions=1),
    "LocallyConnected2D": Row("LocallyConnected2D", _LOCAL, dimensions=2),
    **_images("MaxPooling*D", _POOL, "MaxPooling*D"),
    **_images("AveragePooling*D", _POOL, "AveragePooling*D"),
    **_images("GlobalMaxPooling*D", {**_ORDERED, "keepdims": "keepdims"}, "GlobalMaxPooling*D"),
    **_images("GlobalAveragePooling*D", {**_ORDERED, "keepdims": "keepdims"}, "GlobalAveragePooling*D"),
    **_images("ZeroPadding*D", {"padding": "padding", **_ORDERED}, "ZeroPadding*D"),
    **_images("Cropping*D", {"cropping": "cropping", **_ORDERED}, "Cropping*D"),
    "UpSampling1D": Row("UpSampling1D", {"size": "length", **_ORDERED}),
    **_images("UpSampling*D", {"size": "size", "interpolation": "interpolation", **_ORDERED}, "UpSampling*D", 2),
    "SimpleRNN": Row("SimpleRNN", _RECURRENT),
    "LSTM": Row("LSTM", _RECURRENT, {"consume_less": "gpu"}),
    "GRU": Row("GRU", _RECURRENT, {"consume_less": "gpu"}),
    "CuDNNLSTM": Row("LSTM", _RECURRENT, {"consume_less": "gpu", "inner_activation": "sigmoid"}),
    "CuDNNGRU": Row("GRU", _RECURRENT, {"consume_less": "gpu", "inner_activation": "sigmoid", "reset_after": True}),
    "ConvLSTM2D": Row("ConvLSTM2D", {**_CONV, **_RECURRENT}, {"consume_less": "gpu"}, dimensions=2),
    "BatchNormalization": Row("BatchNormalization", _NORM),
    "LeakyReLU": Row("LeakyReLU", _keeps("alpha")),
    "ELU": Row("ELU", _keeps("alpha")),
    "PReLU": Row(
        "PReLU", _keeps("shared_axes") | dict.fromkeys(("alpha_initializer", "alpha_regularizer", "alpha_constraint"))
    ),
    "ThresholdedReLU": Row("ThresholdedReLU", _keeps("theta")),
    "Softmax": Row("Softmax", _keeps("axis")),
    "ReLU": Row("ReLU", _keeps("max_value", "negative_slope", "threshold")),
    "Add": Row("Merge", {}, {"mode": "sum"}),
    "Subtract": Row("Merge", {}, {"mode": "sub"}),
    "Multiply": Row("Merge", {}, {"mode": "mul"}),
    "Average": Row("Merge", {}, {"mode": "ave"}),
    "Maximum": Row("Merge", {}, {"mode": "max"}),
    "Minimum": Row("Merge", {}, {"mode": "min"}),
    "Concatenate": Row("Merge", {"axis": "concat_axis"}, {"mode": "concat"}),
    "Dot": Row("Dot", _keeps("axes", "normalize")),
    "TimeDistributed": Row("TimeDistributed", _keeps("layer")),
    "Bidirectional": Row("Bidirectional", _keeps("layer", "merge_mode", "num_constants", "backward_layer")),
}
