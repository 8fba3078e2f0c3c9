"""Python 2.7: masks through every kind of layer, and what only the age of a library or a corner of Keras 1 decides."""

from keras import backend as K
from keras import layers
from keras.models import Model
from models_conv import place
from models_core import L, add, model, one, sequence

STEPS = 6


def words(mask=True):
    """(the input, its embedding) of six tokens."""
    x = layers.Input(shape=(STEPS,), dtype="int32")
    return x, L("Embedding", 11, 4, mask_zero=mask, input_length=STEPS)(x)


def branches(mode, masked, last="LSTM", **kwargs):
    """Two branches through a merge and a recurrent layer; `masked` says which have a mask."""
    (a, x), (b, y) = words(masked[0]), words(masked[1])
    joined = layers.merge([x, L("Activation", "tanh")(y)], mode=mode, **kwargs)
    return Model(input=[a, b], output=L(last, 3)(joined))


def branch():
    return sequence(L("Embedding", 11, 4, mask_zero=True, input_length=STEPS), L("GRU", 3, return_sequences=True))


def embedded(*steps):
    return sequence(L("Embedding", 11, 4, mask_zero=True, input_length=STEPS), *steps)


def masked(*steps):
    return sequence(L("Masking", 0.0, input_shape=(STEPS, 3)), *steps)


for _mode in ("sum", "mul", "ave", "concat"):
    add("mask_merge_%s_both" % _mode, branches, _mode, (True, True))
    add("mask_merge_%s_one" % _mode, branches, _mode, (True, False), last="GRU")
add("mask_merge_dot", branches, "dot", (True, True), dot_axes=[2, 2])
add("mask_merge_time", branches, "concat", (True, True), concat_axis=1)
add("mask_merge_first", lambda: sequence(L("Merge", [branch(), branch()], mode="concat"), L("LSTM", 3)))
add("mask_merge_lambda", branches, lambda x: x[0] + x[1], (True, True), output_shape=lambda shapes: shapes[0])
add("mask_merge_output_mask", branches, lambda x: x[0] + x[1], (True, True), output_shape=lambda shapes: shapes[0],
    output_mask=lambda masks: masks[1])


@model
def mask_mul_out():
    a, x = words()
    return Model(input=a, output=layers.merge([x, L("LSTM", 4, return_sequences=True)(x)], mode="mul"))


for _cell in ("SimpleRNN", "LSTM", "GRU"):
    for _mode in ("concat", "sum", "mul", "ave"):
        add("mask_bidirectional_%s_%s" % (_cell.lower(), _mode), lambda cell=_cell, mode=_mode: embedded(
            L("Bidirectional", L(cell, 3, return_sequences=True), merge_mode=mode), L("TimeDistributed", L("Dense", 2))))
    add("bidirectional_backwards_%s" % _cell.lower(), lambda cell=_cell: one(
        "Bidirectional", (5, 3), L(cell, 3, go_backwards=True, return_sequences=True)))
    add("%s_hard_activation" % _cell.lower(), one, _cell, (5, 3), 4, activation="hard_sigmoid")
    add("mask_backwards_sequences_%s" % _cell.lower(), lambda cell=_cell: masked(
        L(cell, 3, go_backwards=True, return_sequences=True), L("LSTM", 2)))
add("mask_bidirectional_masking", lambda: embedded(
    L("Bidirectional", L("LSTM", 3, return_sequences=True)), L("Masking", 0.0), L("LSTM", 2)))
add("mask_time_distributed_highway", lambda: embedded(L("TimeDistributed", L("Highway")), L("GRU", 3)))
add("mask_time_distributed_embedding", lambda: sequence(
    L("TimeDistributed", L("Embedding", 11, 4, mask_zero=True), input_shape=(4, 5), input_dtype="int32"),
    L("TimeDistributed", L("LSTM", 3)), L("Flatten"), L("Dense", 2)))
add("mask_time_distributed_masking", lambda: sequence(
    L("TimeDistributed", L("Masking", 0.0), input_shape=(4, 5, 2)), L("TimeDistributed", L("LSTM", 3)), L("GRU", 2)))
add("mask_four_axes", lambda: sequence(
    L("Masking", 0.0, input_shape=(2, 5, 3)), L("TimeDistributed", L("LSTM", 3))))


@model
def mask_time_distributed_model():
    x = layers.Input(shape=(4,))
    inner = Model(input=x, output=layers.merge([x, L("Dense", 4)(x)], mode="mul"))
    return embedded(L("TimeDistributed", inner), L("SimpleRNN", 3))


for _layer, _args in (("BatchNormalization", ()), ("LeakyReLU", ()), ("ELU", ()), ("PReLU", ()), ("SReLU", ()),
                      ("ParametricSoftplus", ()), ("GaussianNoise", (0.3,)), ("TimeDistributedDense", (4,)),
                      ("ActivityRegularization", (0.1,)), ("SpatialDropout1D", (0.4,))):
    add("mask_through_%s" % _layer.lower(), lambda layer=_layer, args=_args: masked(L(layer, *args), L("LSTM", 3)))
for _mode in (1, 2):
    add("mask_through_bn_mode%d" % _mode, lambda mode=_mode: masked(L("BatchNormalization", mode=mode), L("LSTM", 3)))
    add("time_distributed_bn_mode%d" % _mode, lambda mode=_mode: sequence(
        L("TimeDistributed", L("BatchNormalization", mode=mode), input_shape=(5, 3)), L("TimeDistributedDense", 2)))
add("time_distributed_bn_mode2_model", lambda: sequence(L("TimeDistributed", sequence(
    L("Dense", 4, input_dim=3), L("BatchNormalization", mode=2), L("Dense", 2)), input_shape=(5, 3)), L("GRU", 2)))


@model
def mask_nested():
    """A mask that a nested model makes and gives out, called twice; Keras 1 lets none in."""
    x = layers.Input(shape=(STEPS, 4))
    inner = Model(input=x, output=L("GRU", 4, return_sequences=True)(L("Masking", 0.0)(x)))
    a, b = layers.Input(shape=(STEPS, 4)), layers.Input(shape=(STEPS, 4))
    return Model(input=[a, b], output=L("LSTM", 3)(layers.merge([inner(a), inner(b)], mode="sum")))


@model
def mask_nested_first():
    return sequence(branch(), L("LSTM", 3))


@model
def in_place_input():
    """A dropout that drops nothing gives its input itself, which Keras 1 then took for the input layer's successor."""
    x = layers.Input(shape=(4,))
    y = L("Activation", "linear")(L("Dropout", 0.0)(x))
    return Model(input=x, output=L("Dense", 2)(y))


for _n, _k, _s in ((6, 1, 3), (8, 1, 4), (9, 2, 5), (5, 1, 4)):
    add("same_far_conv1d_%d_k%d_s%d" % (_n, _k, _s), one, "Convolution1D", (_n, 2), 3, _k, border_mode="same",
        subsample_length=_s)
for _o in ("th", "tf"):
    add("same_far_conv2d_" + _o, one, "Convolution2D", place(_o, 2, 6, 9), 3, 1, 2, border_mode="same",
        subsample=(3, 1), dim_ordering=_o)
    add("same_far_maxpool2d_" + _o, one, "MaxPooling2D", place(_o, 2, 6, 9), (1, 2), strides=(3, 2),
        border_mode="same", dim_ordering=_o)
    add("same_far_maxpool3d_" + _o, one, "MaxPooling3D", place(_o, 2, 6, 4, 5), (1, 2, 2), strides=(3, 2, 2),
        border_mode="same", dim_ordering=_o)
    add("deconv2d_full_" + _o, one, "Deconvolution2D", place(_o, 3, 10, 6), 2, 3, 3,
        (None, 2, 8, 4) if _o == "th" else (None, 8, 4, 2), border_mode="full", dim_ordering=_o)
add("leaky_relu_negative", lambda: sequence(L("Dense", 4, input_dim=3), L("LeakyReLU", alpha=-0.2)))


@model
def cropping1d_to_nothing():
    x = layers.Input(shape=(5, 2))
    nothing = L("Cropping1D", (2, 3))(L("Activation", "tanh")(x))
    return Model(input=x, output=layers.merge([nothing, L("Activation", "tanh")(x)], mode="concat", concat_axis=1))


def euclidean_distance(vects):
    x, y = vects
    return K.sqrt(K.sum(K.square(x - y), axis=1, keepdims=True))


def closed_over(factor):
    return lambda x: x * factor


@model
def lambda_unpacks():
    a, b = layers.Input(shape=(4,)), layers.Input(shape=(4,))
    shared = L("Dense", 3)
    gap = L("Lambda", euclidean_distance, output_shape=lambda shapes: (shapes[0][0], 1))([shared(a), shared(b)])
    return Model(input=[a, b], output=gap)


def swapped(tensors):
    first, second = tensors
    first, second = second, first
    return first - 2 * second


add("merge_unpacks", branches, swapped, (False, False), output_shape=lambda shapes: shapes[0])
add("lambda_closure", lambda: one("Lambda", (4,), closed_over(7.0), output_shape=(4,)))
