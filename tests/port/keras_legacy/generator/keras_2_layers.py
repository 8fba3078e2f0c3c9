"""The layers of Keras 2.0.9 to 2.3.1 and the values of their settings."""

from typing import Any

from . import settings
from .every_keras import MOVING, PLAIN
from .settings import ACTIVATIONS, L1, L2, constraint
from .shapes import conv_lstm, flat, global_pool, last_axis, padded, recurrent, repeated, windows
from .vocabulary import Kind

BIAS = {"use_bias": [True, False]}
ORDER = {"data_format": ["channels_first", "channels_last"]}
BORDER = {"padding": ["valid", "same"]}
WEIGHTED: dict[str, list[Any]] = {
    **PLAIN,
    "kernel_initializer": ["glorot_uniform", "he_normal", "lecun_uniform", "zeros"],
    "bias_initializer": ["zeros", "ones"],
    "kernel_regularizer": [L2, L1],
    "bias_regularizer": [L2],
    "activity_regularizer": [L2],
    "kernel_constraint": [constraint("max_norm", 2.0), constraint("non_neg"), constraint("unit_norm")],
    "bias_constraint": [constraint("max_norm", 1.0)],
}
RECURRENT_RARE: dict[str, list[Any]] = {
    **PLAIN,
    "kernel_initializer": ["glorot_uniform", "uniform"],
    "recurrent_initializer": ["orthogonal", "identity"],
    "kernel_regularizer": [L2],
    "recurrent_regularizer": [L2],
    "dropout": [0.0, 0.3],
    "recurrent_dropout": [0.0, 0.2],
}
UNITS = {"units": [1, 2, 3, 4]}
ACTIVATED = {"activation": [*ACTIVATIONS, "elu", "selu"]}
FROM_22 = ((2, 2), (2, 9), "")

CORE = [
    Kind("Dense", (1, 2, 3), {**UNITS, **ACTIVATED, **BIAS}, last_axis("units"), ("units",), WEIGHTED, "pass", True),
    Kind("Activation", (1, 2, 3, 4), {"activation": [*ACTIVATIONS, "softmax", "elu", "selu"]},
         needs=("activation",), rare=PLAIN, masks="pass", open=True),
    Kind("Dropout", (1, 2, 3, 4), {"rate": [0.0, 0.3]}, needs=("rate",), rare={**PLAIN, "seed": [None, 3]},
         masks="pass", open=True),
    *(
        Kind(f"SpatialDropout{rank - 1}D", (rank,), {"rate": [0.0, 0.3], **(ORDER if rank > 2 else {})},
             needs=("rate",), rare=PLAIN, masks="pass", open=True)
        for rank in (2, 3, 4)
    ),
    Kind("GaussianNoise", (1, 2, 3), {"stddev": [0.0, 0.5]}, needs=("stddev",), rare=PLAIN, masks="pass", open=True),
    Kind("GaussianDropout", (1, 2, 3), {"rate": [0.0, 0.3]}, needs=("rate",), rare=PLAIN, masks="pass", open=True),
    Kind("AlphaDropout", (1, 2, 3), {"rate": [0.0, 0.3]}, needs=("rate",), rare=PLAIN, masks="pass", open=True),
    Kind("ActivityRegularization", (1, 2, 3), {"l1": [0.0, 0.1], "l2": [0.0, 0.1]}, rare=PLAIN, masks="pass"),
    Kind("Flatten", (2, 3, 4), ORDER, flat, rare=PLAIN, only={"data_format": ((2, 1, 3), (2, 9), "")}),
    *MOVING,
    Kind("Embedding", (1, 2), {"output_dim": [1, 2, 3], "input_dim": [9, 12], "mask_zero": [True, False]},
         lambda args, shape: [*shape, args["output_dim"]], ("output_dim", "input_dim"),
         {**PLAIN, "embeddings_regularizer": [L2], "embeddings_constraint": [constraint("max_norm", 2.0)],
          "embeddings_initializer": ["uniform", "zeros"]}, "make", True, dtype="int32"),
    Kind("BatchNormalization", (1, 2, 3, 4),
         {"axis": [-1, 1, 2, 3], "epsilon": [2e-5, 1e-3, 0.1], "momentum": [0.9, 0.99], "center": [True, False],
          "scale": [True, False]},
         rare={**PLAIN, "beta_initializer": ["zeros", "ones"], "gamma_regularizer": [L2],
               "gamma_constraint": [constraint("max_norm", 2.0)]}, masks="pass", resolve=settings.axis),
    Kind("LeakyReLU", (1, 2, 3), {"alpha": [0.3, 0.0, 1.5]}, rare=PLAIN, masks="pass", open=True),
    Kind("ELU", (1, 2, 3), {"alpha": [1.0, 0.5, 2.0]}, rare=PLAIN, masks="pass", open=True),
    Kind("ThresholdedReLU", (1, 2, 3), {"theta": [1.0, 0.0, 0.2]}, rare=PLAIN, masks="pass", open=True),
    Kind("Softmax", (1, 2, 3), {"axis": [-1, 1, 2]}, rare=PLAIN, masks="pass", resolve=settings.axis, since=(2, 1, 3)),
    Kind("ReLU", (1, 2, 3), {"max_value": [None, 1.0], "negative_slope": [0.0, 0.2], "threshold": [0.0, 0.5]},
         rare=PLAIN, masks="pass", open=True, since=(2, 2, 3)),
    Kind("PReLU", (1, 2, 3), {"shared_axes": ["$none", "$first", "$last"]},
         rare={**PLAIN, "alpha_initializer": ["zeros", "ones"], "alpha_regularizer": [L2]}, masks="pass",
         resolve=settings.shared_axes),
]  # fmt: skip

CELLS = [
    Kind(name, (2,), {**UNITS, **ACTIVATED, **gates, **BIAS, "return_sequences": [True, False],
         "go_backwards": [True, False, False], "stateful": [True, False], "unroll": [True, False, False]},
         recurrent("units"), ("units",), {**RECURRENT_RARE, **more}, "sequence", True,
         resolve=settings.unrolled, only={"reset_after": ((2, 1), (2, 9), "")})
    for name, gates, more in (
        ("SimpleRNN", {}, {}),
        ("GRU", {"recurrent_activation": ["hard_sigmoid", "sigmoid"], "implementation": [1, 2],
                 "reset_after": [True, False]}, {}),
        ("LSTM", {"recurrent_activation": ["hard_sigmoid", "sigmoid"], "implementation": [1, 2]},
         {"unit_forget_bias": [True, False]}),
    )
]  # fmt: skip


def _conv(name: str, rank: int, more: Any = None, filters: str = "filters", **kwargs: Any) -> Kind:
    count = rank - 1
    one: Any = [1, 2, 3, 4] if rank == 2 else [[1] * count, [2] * count, [2, 1, 1][:count], [3, 3, 3][:count]]
    kernels: Any = [1, 2, 3, 4] if rank == 2 else [[1, 1, 2][:count], [3, 3, 3][:count], [2, 3, 1][:count], 2]
    named = {"filters": [1, 2, 3]} if filters else {}
    options = {**named, "kernel_size": kernels, "strides": one, **BORDER, **ACTIVATED, **BIAS,
               **(ORDER if rank > 2 else {}), **(more or {})}  # fmt: skip
    rule = windows(filters, ("kernel_size",), "strides", "padding", "data_format", "dilation_rate")
    needs = (*named, "kernel_size")
    return Kind(name, (rank,), options, kwargs.pop("rule", rule), needs, kwargs.pop("rare", WEIGHTED),
                open=rank == 2, **kwargs)  # fmt: skip


def _transposed(args: Any, shape: Any) -> Any:
    """2.x: (n - 1) * s + k for "valid", n * s for "same"."""
    from .shapes import join, many, split

    sizes, _ = split(shape, args.get("data_format"))
    kernels, strides = many(args["kernel_size"], len(sizes)), many(args.get("strides") or 1, len(sizes))
    valid = args.get("padding", "valid") == "valid"
    out: list[int | None] = [
        n * s + (max(k - s, 0) if valid else 0) for n, s, k in zip(sizes, strides, kernels, strict=True)
    ]
    return join(out, args["filters"], args.get("data_format"))


SEPARABLE_RARE = {**PLAIN, "depthwise_regularizer": [L2], "bias_regularizer": [L2]}
EQUAL = [[1, 1], [2, 2], [3, 3]]
CONVOLUTIONS = [
    _conv("Conv1D", 2, {"padding": ["valid", "same", "causal"], "dilation_rate": [1, 1, 2]}),
    _conv("Conv2D", 3, {"dilation_rate": [[1, 1], [1, 1], [2, 2]]}),
    _conv("Conv3D", 4, {"strides": [[1, 1, 1], [2, 2, 2]]}),
    _conv("SeparableConv1D", 2, {"depth_multiplier": [1, 2]}, rare=SEPARABLE_RARE, since=(2, 1)),
    _conv("SeparableConv2D", 3, {"depth_multiplier": [1, 2], "strides": EQUAL}, rare=SEPARABLE_RARE),
    _conv("DepthwiseConv2D", 3, {"depth_multiplier": [1, 2], "strides": EQUAL}, "", rare=SEPARABLE_RARE, since=(2, 2)),
    _conv("Conv2DTranspose", 3, {"strides": EQUAL}, rule=_transposed),
    _conv("Conv3DTranspose", 4, {"strides": [[1, 1, 1], [2, 2, 2]]}, rule=_transposed),
    _conv("LocallyConnected1D", 2, {"padding": ["valid"]}),
    _conv("LocallyConnected2D", 3, {"padding": ["valid"]}),
    Kind("ConvLSTM2D", (4,), {"filters": [1, 2], "kernel_size": [1, [2, 2], [3, 3], [2, 3]], **BORDER, **ORDER,
         **ACTIVATED, **BIAS, "recurrent_activation": ["hard_sigmoid", "sigmoid"], "return_sequences": [True, False],
         "go_backwards": [True, False, False], "stateful": [True, False], "strides": [[1, 1], [2, 2]]},
         conv_lstm(windows("filters", ("kernel_size",), "strides", "padding", "data_format")),
         ("filters", "kernel_size"), RECURRENT_RARE, "sequence"),
]  # fmt: skip


def _pools(rank: int, sizes: list[Any], strides: list[Any]) -> list[Kind]:
    rule = windows(None, ("pool_size",), "strides", "padding", "data_format")
    return [
        Kind(f"{kind}Pooling{rank - 1}D", (rank,), {"pool_size": sizes, "strides": [None, *strides], **BORDER,
             **(ORDER if rank > 2 else {})}, rule, rare=PLAIN, open=rank < 4)
        for kind in ("Max", "Average")
    ]  # fmt: skip


SPATIAL = [
    *_pools(2, [1, 2, 3, 4], [1, 2, 3]),
    *_pools(3, [[2, 2], [3, 3], [1, 2], [3, 2], [4, 4]], [[1, 1], [2, 2], [2, 1], [3, 3]]),
    *_pools(4, [[2, 2, 2], [1, 2, 2], [3, 2, 1]], [[1, 1, 1], [2, 2, 1]]),
    *(
        Kind(f"Global{kind}Pooling{rank - 1}D", (rank,), ORDER if rank > 2 else {}, global_pool("data_format"),
             rare=PLAIN, open=True)
        for kind in ("Max", "Average")
        for rank in (2, 3, 4)
    ),
    Kind("UpSampling1D", (2,), {"size": [1, 2, 3]}, repeated("size", ""), rare=PLAIN, open=True),
    Kind("UpSampling2D", (3,), {"size": [[2, 2], [1, 3], 2], **ORDER, "interpolation": ["nearest", "bilinear"]},
         repeated("size", "data_format"), rare=PLAIN, only={"interpolation": ((2, 2, 3), (2, 9), "tensorflow")}),
    Kind("UpSampling3D", (4,), {"size": [[2, 2, 2], [1, 2, 1]], **ORDER}, repeated("size", "data_format"), rare=PLAIN),
    Kind("ZeroPadding1D", (2,), {"padding": [1, 2, [1, 2]]}, padded("padding", "", 1), rare=PLAIN, open=True),
    Kind("ZeroPadding2D", (3,), {"padding": [1, [1, 2], [[0, 1], [2, 0]]], **ORDER},
         padded("padding", "data_format", 1), rare=PLAIN, open=True),
    Kind("ZeroPadding3D", (4,), {"padding": [1, [[0, 1], [1, 0], [1, 1]]], **ORDER},
         padded("padding", "data_format", 1), rare=PLAIN),
    Kind("Cropping1D", (2,), {"cropping": [1, [0, 2], [1, 0]]}, padded("cropping", "", -1), rare=PLAIN),
    Kind("Cropping2D", (3,), {"cropping": [1, [1, 0], [[1, 0], [0, 1]]], **ORDER},
         padded("cropping", "data_format", -1), rare=PLAIN),
    Kind("Cropping3D", (4,), {"cropping": [1, [[1, 0], [0, 1], [1, 1]]], **ORDER},
         padded("cropping", "data_format", -1), rare=PLAIN),
]  # fmt: skip

KINDS = [*CORE, *CELLS, *CONVOLUTIONS, *SPATIAL]
MERGES = ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot"]
CELL_NAMES = ("SimpleRNN", "GRU", "LSTM")
BIDIRECTIONAL = {"merge_mode": ["concat", "sum", "mul", "ave", None]}
