"""The layers of Keras 1.0.6 to 1.2.2 and the values of their settings."""

from typing import Any

from . import settings
from .every_keras import MOVING, PLAIN
from .settings import ACTIVATIONS, L1, L2, constraint
from .shapes import (
    conv_lstm,
    flat,
    global_pool,
    last_axis,
    padded,
    recurrent,
    repeated,
    windows,
)
from .vocabulary import Kind

BIAS = {"bias": [True, False]}
ORDER = {"dim_ordering": ["th", "tf"]}
BORDER = {"border_mode": ["valid", "same"]}
FULL = {"border_mode": ["valid", "same", "full"]}
WEIGHTED: dict[str, list[Any]] = {
    **PLAIN,
    "init": ["glorot_uniform", "uniform", "normal", "he_normal", "zero"],
    "W_regularizer": [L2, L1],
    "b_regularizer": [L2],
    "activity_regularizer": [{"$": ["regularizers", "activity_l2", [0.01]]}],
    "W_constraint": [constraint("maxnorm", 2.0), constraint("nonneg"), constraint("unitnorm")],
    "b_constraint": [constraint("maxnorm", 1.0)],
}
RECURRENT_RARE: dict[str, list[Any]] = {
    **PLAIN,
    "init": ["glorot_uniform", "uniform"],
    "inner_init": ["orthogonal", "identity"],
    "W_regularizer": [L2],
    "U_regularizer": [L2],
    "b_regularizer": [L1],
    "dropout_W": [0.0, 0.3],
    "dropout_U": [0.0, 0.2],
}
UNITS = {"output_dim": [1, 2, 3, 4]}
ACTIVATED = {"activation": ACTIVATIONS}
BEFORE_12 = ((1, 0, 6), (1, 1, 9), "")
FROM_12 = ((1, 2), (1, 9), "")
THEANO: Any = ((0,), (9,), "theano")

CORE = [
    Kind("Dense", (1,), {**UNITS, **ACTIVATED, **BIAS}, last_axis("output_dim"), ("output_dim",), WEIGHTED, "refuse",
         until=(1, 1, 9)),
    Kind("Dense", (1, 2, 3), {**UNITS, **ACTIVATED, **BIAS}, last_axis("output_dim"), ("output_dim",), WEIGHTED,
         "refuse", since=(1, 2)),
    Kind("TimeDistributedDense", (2,), {**UNITS, **ACTIVATED, **BIAS}, last_axis("output_dim"), ("output_dim",),
         WEIGHTED, "pass", True),
    Kind("MaxoutDense", (1,), {**UNITS, "nb_feature": [1, 2, 4], **BIAS}, last_axis("output_dim"), ("output_dim",),
         WEIGHTED),
    Kind("Highway", (1,), {"transform_bias": [-2, 1], **ACTIVATED, **BIAS}, rare=WEIGHTED,
         only={"transform_bias": BEFORE_12}),
    Kind("Activation", (1, 2, 3, 4), {"activation": [*ACTIVATIONS, "softmax"]}, needs=("activation",), rare=PLAIN,
         masks="pass", open=True, resolve=settings.softmax),
    Kind("Dropout", (1, 2, 3, 4), {"p": [0.0, 0.3]}, needs=("p",), rare={**PLAIN, "seed": [None, 3]}, masks="pass",
         open=True, only={"seed": FROM_12}),
    Kind("SpatialDropout1D", (2,), {"p": [0.0, 0.3]}, needs=("p",), rare=PLAIN, masks="pass", open=True,
         since=(1, 2)),
    Kind("SpatialDropout2D", (3,), {"p": [0.0, 0.3], **ORDER}, needs=("p",), rare=PLAIN, masks="pass",
         since=(1, 1)),
    Kind("SpatialDropout3D", (4,), {"p": [0.0, 0.3], **ORDER}, needs=("p",), rare=PLAIN, masks="pass",
         since=(1, 1)),
    Kind("GaussianNoise", (1, 2, 3, 4), {"sigma": [0.0, 0.5]}, needs=("sigma",), rare=PLAIN, masks="pass", open=True),
    Kind("GaussianDropout", (1, 2, 3, 4), {"p": [0.0, 0.3]}, needs=("p",), rare=PLAIN, masks="pass", open=True),
    Kind("ActivityRegularization", (1, 2, 3), {"l1": [0.0, 0.1], "l2": [0.0, 0.1]}, rare=PLAIN, masks="pass"),
    Kind("Flatten", (2, 3, 4), {}, flat, rare=PLAIN),
    *MOVING,
    Kind("Embedding", (1,), {**UNITS, "input_dim": [9, 12], "mask_zero": [True, False]},
         lambda args, shape: [*shape, args["output_dim"]], ("output_dim", "input_dim"),
         {**PLAIN, "W_regularizer": [L2], "W_constraint": [constraint("maxnorm", 2.0)], "dropout": [0.0, 0.3]},
         "make", True, dtype="int32"),
    Kind("BatchNormalization", (1, 2, 3, 4),
         {"mode": [0, 0, 1, 2], "axis": [-1, 1, 2, 3], "epsilon": [1e-6, 1e-3, 0.1], "momentum": [0.9, 0.99]},
         rare={**PLAIN, "beta_init": ["zero", "one"], "gamma_init": ["one", "uniform"], "gamma_regularizer": [L2]},
         masks="pass", resolve=settings.axis, only={"gamma_regularizer": ((1, 1), (1, 9), "")}),
    Kind("LeakyReLU", (1, 2, 3), {"alpha": [0.3, 0.0, 1.5, -0.2]}, rare=PLAIN, masks="pass", open=True),
    Kind("ELU", (1, 2, 3), {"alpha": [1.0, 0.5, 2.0]}, rare=PLAIN, masks="pass", open=True),
    Kind("ThresholdedReLU", (1, 2, 3), {"theta": [1.0, 0.0, -0.5, 0.2]}, rare=PLAIN, masks="pass", open=True),
    Kind("PReLU", (1, 2, 3), {"shared_axes": ["$none", "$first", "$last"]}, rare={**PLAIN, "init": ["zero", "one"]},
         masks="pass", resolve=settings.shared_axes, only={"shared_axes": FROM_12}),
    Kind("ParametricSoftplus", (1, 2, 3), {"shared_axes": ["$none", "$first", "$last"], "alpha_init": [0.2, 1.0],
         "beta_init": [5.0, 1.0]}, rare=PLAIN, masks="pass", resolve=settings.shared_axes,
         only={"shared_axes": FROM_12}),
    Kind("SReLU", (1, 2, 3), {"shared_axes": ["$none", "$first", "$last"]}, rare=PLAIN, masks="pass",
         resolve=settings.shared_axes, only={"shared_axes": FROM_12}),
]  # fmt: skip

CELLS = [
    Kind(name, (2,), {"output_dim": [2, 3, 4, 2, 3, 4, 1], **ACTIVATED, **gates, "return_sequences": [True, False],
         "go_backwards": [True, False, False], "stateful": [True, False], "unroll": [True, False, False],
         "consume_less": ["cpu", "mem", "gpu"]}, recurrent("output_dim"), ("output_dim",),
         {**RECURRENT_RARE, **more}, "sequence", True, resolve=settings.unrolled)
    for name, gates, more in (
        ("SimpleRNN", {}, {}),
        ("GRU", {"inner_activation": ["hard_sigmoid", "sigmoid", "tanh"]}, {}),
        ("LSTM", {"inner_activation": ["hard_sigmoid", "sigmoid", "tanh"]}, {"forget_bias_init": ["one", "zero"]}),
    )
]  # fmt: skip


def _conv(name: str, rank: int, kernel: tuple[str, ...], stride: str, more: Any = None, **kwargs: Any) -> Kind:
    filters = {"nb_filter": [1, 2, 3]}
    sizes = {key: [1, 2, 3, 4] if rank < 4 else [1, 2, 3] for key in kernel}
    strides = [1, 2, 3, 4] if rank == 2 else [[1] * (rank - 1), [2] * (rank - 1), [2, 1, 1][: rank - 1]]
    strides = [*strides, [1, 3], [3, 3]] if rank == 3 else strides
    order = {} if rank == 2 else ORDER
    options = {**filters, **sizes, **FULL, **ACTIVATED, **BIAS, **order, stride: strides, **(more or {})}
    rate = "atrous_rate" if "atrous_rate" in options else ""
    rule = windows("nb_filter", kernel, stride, "border_mode", "dim_ordering", rate)
    return Kind(name, (rank,), options, kwargs.pop("rule", rule), ("nb_filter", *kernel),
                kwargs.pop("rare", WEIGHTED), open=rank == 2, **kwargs)  # fmt: skip


PLANE, CUBE = ("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3")
SEPARABLE_RARE = {**PLAIN, "depthwise_regularizer": [L2], "pointwise_regularizer": [L2], "b_regularizer": [L2],
                  "depthwise_constraint": [constraint("maxnorm", 2.0)]}  # fmt: skip
EQUAL = [[1, 1], [2, 2], [3, 3]]


def _transposed(args: Any, shape: Any) -> Any:
    return args["output_shape"][1:]


CONVOLUTIONS = [
    _conv("Convolution1D", 2, ("filter_length",), "subsample_length"),
    _conv("AtrousConvolution1D", 2, ("filter_length",), "subsample_length", {"atrous_rate": [1, 2, 3]},
          since=(1, 1)),
    _conv("Convolution2D", 3, PLANE, "subsample"),
    _conv("AtrousConvolution2D", 3, PLANE, "subsample", {"atrous_rate": [[1, 1], [2, 2], [1, 2]]}),
    _conv("SeparableConvolution2D", 3, PLANE, "subsample",
          {"depth_multiplier": [1, 2], "subsample": EQUAL, **BORDER}, rare=SEPARABLE_RARE, backend="tensorflow"),
    _conv("Deconvolution2D", 3, PLANE, "subsample", {"subsample": EQUAL, **BORDER}, rule=_transposed,
          resolve=settings.output_shape, since=(1, 1)),
    _conv("Convolution3D", 4, CUBE, "subsample"),
    _conv("LocallyConnected1D", 2, ("filter_length",), "subsample_length", {"border_mode": ["valid"]},
          only={"bias": FROM_12}),
    _conv("LocallyConnected2D", 3, PLANE, "subsample", {"border_mode": ["valid"]}, only={"bias": FROM_12}),
    Kind("ConvLSTM2D", (4,), {"nb_filter": [1, 2], "nb_row": [1, 2, 3], "nb_col": [1, 2, 3], **BORDER, **ORDER,
         **ACTIVATED, "inner_activation": ["hard_sigmoid", "sigmoid"], "return_sequences": [True, False],
         "go_backwards": [True, False, False], "stateful": [True, False]},  # subsample is not saved
         conv_lstm(windows("nb_filter", PLANE, "subsample", "border_mode", "dim_ordering")),
         ("nb_filter", *PLANE), RECURRENT_RARE, since=(1, 2)),
]  # fmt: skip


def _pools(rank: int, kernel: str, stride: str, sizes: list[Any], strides: list[Any]) -> list[Kind]:
    order = {} if rank == 2 else ORDER
    rule = windows(None, (kernel,), stride, "border_mode", "dim_ordering")
    return [
        Kind(f"{kind}Pooling{rank - 1}D", (rank,), {kernel: sizes, stride: [None, *strides], **BORDER, **order},
             rule, rare=PLAIN, open=rank < 4)
        for kind in ("Max", "Average")
    ]  # fmt: skip


def _globals(rank: int, since: tuple[int, ...]) -> list[Kind]:
    order = {} if rank == 2 else ORDER
    return [
        Kind(f"Global{kind}Pooling{rank - 1}D", (rank,), order, global_pool("dim_ordering"), rare=PLAIN, open=True,
             since=since)
        for kind in ("Max", "Average")
    ]  # fmt: skip


RESIZE_2D: list[Any] = [[1, 1], [1, 2], [2, 0]]
CROPS: list[Any] = [[[1, 1], [0, 1]], [[0, 0], [1, 2]], [[1, 0], [1, 0]]]
SPATIAL = [
    *_pools(2, "pool_length", "stride", [1, 2, 3, 4], [1, 2, 3]),
    *_pools(3, "pool_size", "strides", [[2, 2], [3, 3], [1, 2], [3, 2], [4, 4]], [[1, 1], [2, 2], [2, 1], [3, 3]]),
    *_pools(4, "pool_size", "strides", [[2, 2, 2], [1, 2, 2], [3, 2, 1]], [[1, 1, 1], [2, 2, 1]]),
    *_globals(2, (1, 1)),
    *_globals(3, (1, 1)),
    *_globals(4, (1, 2)),
    Kind("UpSampling1D", (2,), {"length": [1, 2, 3]}, repeated("length", ""), rare=PLAIN, open=True),
    Kind("UpSampling2D", (3,), {"size": [[2, 2], [1, 3], [2, 1]], **ORDER}, repeated("size", "dim_ordering"),
         rare=PLAIN, open=True),
    Kind("UpSampling3D", (4,), {"size": [[2, 2, 2], [1, 2, 1]], **ORDER}, repeated("size", "dim_ordering"),
         rare=PLAIN),
    Kind("ZeroPadding1D", (2,), {"padding": [1, 2, 3]}, padded("padding", "", 1), rare=PLAIN, open=True),
    Kind("ZeroPadding2D", (3,), {"padding": [*RESIZE_2D, [1, 0, 2, 1]], **ORDER}, padded("padding", "dim_ordering", 1),
         rare=PLAIN, open=True, since=(1, 2)),
    Kind("ZeroPadding2D", (3,), {"padding": RESIZE_2D, **ORDER}, padded("padding", "dim_ordering", 1), rare=PLAIN,
         open=True, until=(1, 1, 9)),
    Kind("ZeroPadding3D", (4,), {"padding": [[1, 1, 1], [0, 1, 2]], **ORDER}, padded("padding", "dim_ordering", 1),
         rare=PLAIN),
    Kind("Cropping1D", (2,), {"cropping": [[1, 1], [0, 2], [1, 0]]}, padded("cropping", "", -1), rare=PLAIN,
         since=(1, 1)),
    Kind("Cropping2D", (3,), {"cropping": CROPS, **ORDER}, padded("cropping", "dim_ordering", -1),
         rare=PLAIN, since=(1, 1)),
    Kind("Cropping3D", (4,), {"cropping": [[[1, 0], [0, 1], [1, 1]], [[0, 0], [1, 1], [0, 1]]], **ORDER},
         padded("cropping", "dim_ordering", -1), rare=PLAIN, since=(1, 1)),
]  # fmt: skip

KINDS = [*CORE, *CELLS, *CONVOLUTIONS, *SPATIAL]
MERGES = {"mode": ["sum", "mul", "ave", "max", "concat", "dot", "cos", "$function"], "as": ["function", "layer"]}
CELL_NAMES = ("SimpleRNN", "GRU", "LSTM")
BIDIRECTIONAL = {"merge_mode": ["concat", "sum", "mul", "ave", None]}
