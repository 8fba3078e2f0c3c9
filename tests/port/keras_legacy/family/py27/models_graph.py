"""Python 2.7: recurrent layers in every mode, wrappers, merges, nested and shared models, many inputs and outputs."""

from keras import backend as K
from keras import layers
from keras.models import Model
from models_conv import place
from models_core import L, add, model, one, sequence

CELLS = ("SimpleRNN", "LSTM", "GRU")

for _cell in CELLS:
    _low = _cell.lower()
    for _less in ("cpu", "mem", "gpu"):
        for _sequences in (False, True):
            add("%s_%s%s" % (_low, _less, "_sequences" if _sequences else ""), one, _cell, (5, 3), 4,
                consume_less=_less, return_sequences=_sequences)
    for _sequences in (False, True):
        _tag = "_sequences" if _sequences else ""
        add(_low + "_backwards" + _tag, one, _cell, (5, 3), 4, go_backwards=True, return_sequences=_sequences)
        add(_low + "_stateful" + _tag, lambda cell=_cell, sequences=_sequences: sequence(
            L(cell, 4, stateful=True, return_sequences=sequences, batch_input_shape=(4, 5, 3)), L("Dense", 2)
            if not sequences else L("TimeDistributed", L("Dense", 2))))
    add(_low + "_dropout", one, _cell, (5, 3), 4, dropout_W=0.3, dropout_U=0.2)
    add(_low + "_unroll", one, _cell, (5, 3), 4, unroll=True)
    add(_low + "_relu", one, _cell, (5, 3), 4, activation="relu")
    add(_low + "_deep", lambda cell=_cell: sequence(
        L(cell, 6, return_sequences=True, input_shape=(12, 3)), L(cell, 5, return_sequences=True, consume_less="gpu"),
        L(cell, 4), L("Dense", 2, activation="softmax")))
    for _mode in ("concat", "sum", "mul", "ave"):
        add("bidirectional_%s_%s" % (_low, _mode), lambda cell=_cell, mode=_mode: sequence(
            L("Bidirectional", L(cell, 4, return_sequences=True), merge_mode=mode, input_shape=(5, 3)),
            L("TimeDistributed", L("Dense", 2))))
    add("bidirectional_%s_last" % _low, lambda cell=_cell: sequence(
        L("Bidirectional", L(cell, 4, consume_less="gpu"), input_shape=(5, 3)), L("Dense", 2)))
    add("bidirectional_%s_masked" % _low, lambda cell=_cell: sequence(
        L("Embedding", 11, 4, mask_zero=True, input_length=6), L("Bidirectional", L(cell, 3))))
for _cell in ("LSTM", "GRU"):
    for _less in ("cpu", "gpu"):
        add("%s_sigmoid_%s" % (_cell.lower(), _less), one, _cell, (5, 3), 4, inner_activation="sigmoid",
            activation="softsign", consume_less=_less)
add("lstm_any_length", one, "LSTM", (None, 3), 4, return_sequences=True)

for _o in ("th", "tf"):
    add("time_distributed_conv_" + _o, lambda o=_o: sequence(
        L("TimeDistributed", L("Convolution2D", 3, 3, 2, dim_ordering=o, activation="relu"),
          input_shape=(4,) + place(o, 2, 6, 5)),
        L("TimeDistributed", L("MaxPooling2D", (2, 2), dim_ordering=o)), L("TimeDistributed", L("Flatten")),
        L("GRU", 4)))
    add("time_distributed_same_conv_" + _o, lambda o=_o: sequence(
        L("TimeDistributed", L("Convolution2D", 3, 4, 2, dim_ordering=o, border_mode="same", subsample=(2, 1)),
          input_shape=(4,) + place(o, 2, 6, 5))))
add("time_distributed_plain", lambda: sequence(
    L("TimeDistributed", L("Dense", 4, activation="tanh"), input_shape=(5, 3)),
    L("TimeDistributed", L("Activation", "relu"))))
add("time_distributed_batch", lambda: sequence(
    L("TimeDistributed", L("Dense", 4), batch_input_shape=(4, 5, 3)), L("LSTM", 3)))
add("time_distributed_bn", lambda: sequence(
    L("TimeDistributed", L("Dense", 4), input_shape=(5, 3)),
    L("TimeDistributed", L("BatchNormalization")), L("GRU", 2)))
add("time_distributed_conv1d", lambda: sequence(
    L("TimeDistributed", L("Convolution1D", 3, 2), input_shape=(4, 7, 2)),
    L("TimeDistributed", L("GlobalMaxPooling1D")), L("LSTM", 3)))


@model
def time_distributed_model():
    inner = sequence(L("Dense", 4, input_dim=3, activation="tanh"), L("Dense", 2))
    return sequence(L("TimeDistributed", inner, input_shape=(5, 3)), L("LSTM", 3))


MERGES = ("sum", "mul", "concat", "ave", "max")


def merged(mode, shape, **kwargs):
    a, b = layers.Input(shape=shape), layers.Input(shape=shape)
    return Model(input=[a, b], output=layers.merge([a, b], mode=mode, **kwargs))


def merge_sequentials(mode, **kwargs):
    branches = [sequence(L("Dense", 4, input_dim=3, activation="tanh")), sequence(L("Dense", 4, input_dim=2))]
    return sequence(L("Merge", branches, mode=mode, **kwargs), L("Dense", 2))


for _mode in MERGES:
    add("merge_functional_" + _mode, merged, _mode, (4,))
    add("merge_functional_3d_" + _mode, merged, _mode, (4, 3))
    add("merge_sequentials_" + _mode, merge_sequentials, _mode)
for _axis in (1, 2, -1):
    add("merge_concat_axis_%d" % _axis, merged, "concat", (4, 3), concat_axis=_axis)
add("merge_concat_channels_th", lambda: merge_images("th", 1))
add("merge_concat_channels_tf", lambda: merge_images("tf", -1))
for _mode in ("dot", "cos"):
    add("merge_functional_" + _mode, merged, _mode, (4,), dot_axes=1)
    add("merge_functional_%s_default" % _mode, merged, _mode, (4,))
    add("merge_functional_3d_" + _mode, merged, _mode, (4, 3), dot_axes=[2, 2])
    add("merge_functional_3d_%s_1" % _mode, merged, _mode, (4, 3), dot_axes=[1, 1])
    add("merge_sequentials_" + _mode, merge_sequentials, _mode, dot_axes=1)


def merge_images(o, axis):
    x = layers.Input(shape=place(o, 2, 7, 6))
    a = L("Convolution2D", 3, 3, 3, border_mode="same", dim_ordering=o, activation="relu")(x)
    b = L("Convolution2D", 2, 1, 1, border_mode="same", dim_ordering=o)(x)
    joined = layers.merge([a, b], mode="concat", concat_axis=axis)
    return Model(input=x, output=L("Dense", 2)(L("Flatten")(joined)))


@model
def merge_three_nested():
    left = merge_sequentials("concat")
    right = sequence(L("Dense", 3, input_dim=4, activation="relu"))
    return sequence(L("Merge", [left, right], mode="concat"), L("Dense", 2))


@model
def merge_mixed_sequentials():
    image = sequence(
        L("Convolution2D", 3, 3, 3, dim_ordering="th", input_shape=(2, 6, 5), activation="relu"), L("Flatten"),
        L("Dense", 4))
    words = sequence(L("Embedding", 11, 4, input_length=5), L("LSTM", 4))
    return sequence(L("Merge", [image, words], mode="concat", concat_axis=-1), L("Dense", 3, activation="softmax"))


@model
def functional_many():
    a, b = layers.Input(shape=(4,), name="first"), layers.Input(shape=(5, 3), name="second")
    x = L("Dense", 4, activation="tanh")(a)
    y = L("LSTM", 4)(b)
    joined = layers.merge([x, y], mode="concat")
    total = layers.merge([x, y], mode="sum")
    return Model(input=[a, b], output=[L("Dense", 2, name="main")(joined), L("Dense", 3)(total), x])


@model
def functional_residual():
    x = layers.Input(shape=(4,))
    y = x
    for _ in range(3):
        z = L("Activation", "relu")(L("BatchNormalization")(L("Dense", 4)(y)))
        y = layers.merge([y, z], mode="sum")
    return Model(input=x, output=L("Dense", 2)(y))


@model
def shared_dense():
    a, b = layers.Input(shape=(4,)), layers.Input(shape=(4,))
    shared = L("Dense", 3, activation="tanh")
    return Model(input=[a, b], output=L("Dense", 2)(layers.merge([shared(a), shared(b)], mode="concat")))


@model
def shared_lstm():
    a, b = layers.Input(shape=(5, 3)), layers.Input(shape=(5, 3))
    shared = L("LSTM", 3)
    return Model(input=[a, b], output=[shared(a), layers.merge([shared(a), shared(b)], mode="mul")])


def block(size, inputs):
    return sequence(
        L("Dense", size, input_dim=inputs), L("BatchNormalization"), L("Activation", "relu"), L("Dense", size),
        L("BatchNormalization"))


@model
def nested_sequential():
    return sequence(block(4, 3), L("Dense", 3), block(2, 3))


@model
def nested_model():
    x = layers.Input(shape=(4,))
    inner = Model(input=x, output=L("BatchNormalization")(L("Dense", 3)(x)))
    y = layers.Input(shape=(4,))
    return Model(input=y, output=L("Dense", 2)(inner(y)))


@model
def nested_plain():
    x = layers.Input(shape=(4,))
    inner = Model(input=x, output=L("Dense", 3, activation="tanh")(L("Dense", 5)(x)))
    return sequence(L("Dense", 4, input_dim=3), inner, sequence(L("Dense", 3, input_dim=3), L("Dense", 2)))


@model
def nested_convolutions():
    inner = sequence(
        L("Convolution2D", 3, 2, 3, border_mode="same", dim_ordering="th", input_shape=(2, 6, 5), activation="relu"),
        L("MaxPooling2D", dim_ordering="th"), L("Flatten"), L("Dense", 3))
    a, b = layers.Input(shape=(2, 6, 5)), layers.Input(shape=(2, 6, 5))
    return Model(input=[a, b], output=L("Dense", 2)(layers.merge([inner(a), inner(b)], mode="mul")))


@model
def nested_twice():
    inner = block(4, 4)
    y = layers.Input(shape=(4,))
    return Model(input=y, output=L("Dense", 2)(inner(inner(y))))


@model
def nested_shared_siamese():
    x = layers.Input(shape=(4,))
    inner = Model(input=x, output=L("Dense", 3, activation="tanh")(L("Dense", 5)(x)))
    a, b = layers.Input(shape=(4,)), layers.Input(shape=(4,))
    return Model(input=[a, b], output=layers.merge([inner(a), inner(b)], mode="concat"))


@model
def nested_deep():
    x = layers.Input(shape=(4,))
    inner = Model(input=x, output=block(3, 4)(x))
    y = layers.Input(shape=(4,))
    outer = Model(input=y, output=L("Dense", 4)(inner(y)))
    return sequence(L("Dense", 4, input_dim=3), outer)


@model
def nested_outputs():
    x = layers.Input(shape=(4,))
    h = L("Dense", 3, activation="tanh")(x)
    inner = Model(input=x, output=[h, L("Dense", 2)(h)])
    y = layers.Input(shape=(4,))
    first, second = inner(y)
    return Model(input=y, output=layers.merge([first, second], mode="concat"))


@model
def odd_names():
    """TensorFlow only takes names that are valid scopes; Theano takes anything."""
    free = K._BACKEND == "theano"
    first, third, last = ("block/a+1", "with space", "z_first:0") if free else ("block/a.1", "with-dash", "z_W_1")
    return sequence(
        L("Dense", 4, input_dim=3, name=first), L("Dense", 4, name="block/b"), L("Dense", 3, name=third),
        L("Dense", 2, name=last))


@model
def out_of_order_names():
    return sequence(
        L("Dense", 4, input_dim=3, name="z"), L("Dense", 3, name="a"), L("Dense", 2, name="dense_10"), L("Dense", 2,
          name="dense_9"))


@model
def crnn():
    return sequence(
        L("Convolution1D", 6, 5, input_shape=(24, 4), activation="relu", border_mode="valid"),
        L("MaxPooling1D", 2), L("Convolution1D", 5, 3, activation="relu"), L("MaxPooling1D", 2), L("Dropout", 0.2),
        L("LSTM", 4, return_sequences=True), L("TimeDistributedDense", 3), L("Activation", "softmax"))

