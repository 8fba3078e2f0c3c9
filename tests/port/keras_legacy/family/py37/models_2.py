"""Python 3.7: small models of every layer class of Keras 2, of what its versions and backends did differently."""

from keras import backend as K
from keras import layers
from keras.layers import Input
from keras.models import Model, Sequential
from models_core import MODELS, L, add, model, named, one, sequence

MODELS.clear()  # those are Keras 1's

FIRST, LAST = "channels_first", "channels_last"
RNNS = ("SimpleRNN", "LSTM", "GRU")


def image(data_format, channels=3, rows=7, cols=6):
    return (channels, rows, cols) if data_format == FIRST else (rows, cols, channels)


for activation in ("relu", "tanh", "sigmoid", "hard_sigmoid", "softplus", "softsign", "softmax", "elu", "selu", "linear"):
    add("dense_%s" % activation, one, "Dense", (5,), 4, activation=activation)
add("dense_nobias", one, "Dense", (5,), 4, use_bias=False)
add("dense_3d", one, "Dense", (3, 5), 4)


@model
def dense_trained():
    net = sequence(L("Dense", 5, input_shape=(4,), activation="tanh"), L("Dropout", 0.3), L("Dense", 3))
    net.trained_with = "adam"
    return net


@model
def dense_regularised():
    kwargs = {"kernel_regularizer": "l2", "bias_constraint": "non_neg", "activity_regularizer": "l1"}
    return sequence(L("Dense", 5, input_shape=(4,), **kwargs), L("Dense", 3, kernel_constraint="max_norm"))


for data_format in (FIRST, LAST):
    short = "th" if data_format == FIRST else "tf"
    shape, volume = image(data_format), (3, 5, 6, 5) if data_format == FIRST else (5, 6, 5, 3)
    kwargs = {"data_format": data_format}
    for padding in ("valid", "same"):
        for size, strides in ((3, 1), (2, 1), (3, 2), ((4, 3), (2, 1))):
            what = "%s_%s_%s_%s" % (short, padding, size if isinstance(size, int) else "43", strides if isinstance(strides, int) else "21")
            add("conv2d_" + what, one, "Conv2D", shape, 4, size, strides=strides, padding=padding, activation="relu", **kwargs)
            add("maxpool2d_" + what, one, "MaxPooling2D", shape, size, strides=strides, padding=padding, **kwargs)
            add("avgpool2d_" + what, one, "AveragePooling2D", shape, size, strides=strides, padding=padding, **kwargs)
        for size in (3, 2):
            what = "%s_%s_%d" % (short, padding, size)
            add("conv3d_" + what, one, "Conv3D", volume, 2, size, padding=padding, **kwargs)
            add("maxpool3d_" + what, one, "MaxPooling3D", volume, size, padding=padding, **kwargs)
            add("avgpool3d_" + what, one, "AveragePooling3D", volume, size, padding=padding, **kwargs)
            add("convlstm_" + what, one, "ConvLSTM2D", (3,) + shape, 2, size, padding=padding, return_sequences=size == 2, **kwargs)
        for size, strides in ((3, 1), (3, 2), (2, 2), (5, 2)):
            what = "%s_%s_%d_%d" % (short, padding, size, strides)
            add("deconv2d_" + what, one, "Conv2DTranspose", shape, 4, size, strides=strides, padding=padding, **kwargs)
        add("deconv3d_%s_%s" % (short, padding), one, "Conv3DTranspose", volume, 2, 3, strides=2, padding=padding, **kwargs)
        add("sepconv2d_%s_%s" % (short, padding), one, "SeparableConv2D", shape, 4, (3, 2), padding=padding, depth_multiplier=2, activation="relu", **kwargs)
        add("depthwise_%s_%s" % (short, padding), one, "DepthwiseConv2D", shape, 3, padding=padding, depth_multiplier=2, **kwargs)
    add("deconv2d_%s_output_padding" % short, one, "Conv2DTranspose", shape, 4, 3, strides=2, padding="same", output_padding=1, **kwargs)
    add("conv2d_%s_dilated" % short, one, "Conv2D", shape, 4, 3, dilation_rate=2, padding="same", **kwargs)
    add("local2d_%s" % short, one, "LocallyConnected2D", shape, 2, (3, 2), activation="tanh", **kwargs)
    add("pad2d_%s" % short, one, "ZeroPadding2D", shape, ((1, 2), (0, 3)), **kwargs)
    add("crop2d_%s" % short, one, "Cropping2D", shape, ((1, 2), (0, 3)), **kwargs)
    add("pad3d_%s" % short, one, "ZeroPadding3D", volume, ((1, 2), (0, 3), (1, 1)), **kwargs)
    add("up2d_%s" % short, one, "UpSampling2D", shape, (2, 3), **kwargs)
    add("up2d_bilinear_%s" % short, one, "UpSampling2D", shape, (2, 2), interpolation="bilinear", **kwargs)
    add("up3d_%s" % short, one, "UpSampling3D", volume, (2, 1, 2), **kwargs)
    add("globalmax2d_%s" % short, one, "GlobalMaxPooling2D", shape, **kwargs)
    add("globalavg3d_%s" % short, one, "GlobalAveragePooling3D", volume, **kwargs)
    add("bn_%s" % short, one, "BatchNormalization", shape, axis=1 if data_format == FIRST else -1)

    @named("conv_net_%s" % short)
    def conv_net(kwargs=kwargs, shape=shape):
        first = kwargs["data_format"] == FIRST
        return sequence(
            L("Conv2D", 4, 3, padding="same", input_shape=shape, **kwargs), L("BatchNormalization", axis=1 if first else 3),
            L("Activation", "relu"), L("MaxPooling2D", 2, **kwargs), L("SpatialDropout2D", 0.2, **kwargs),
            L("Conv2D", 3, 2, **kwargs), L("Flatten"), L("Dense", 4, activation="softmax"),
        )

for padding in ("valid", "same", "causal"):
    for size, strides, dilation in ((3, 1, 1), (2, 2, 1), (3, 1, 2)):
        what = "%s_%d_%d_%d" % (padding, size, strides, dilation)
        add("conv1d_" + what, one, "Conv1D", (9, 3), 4, size, strides=strides, padding=padding, dilation_rate=dilation)
    if padding != "causal":
        add("sepconv1d_" + padding, one, "SeparableConv1D", (9, 3), 4, 3, padding=padding)
        add("maxpool1d_" + padding, one, "MaxPooling1D", (9, 3), 3, strides=2, padding=padding)
        add("avgpool1d_" + padding, one, "AveragePooling1D", (9, 3), 2, padding=padding)
add("conv1d_first", one, "Conv1D", (3, 9), 4, 3, data_format=FIRST)
add("maxpool1d_first", one, "MaxPooling1D", (3, 9), 2, data_format=FIRST)
add("globalavg1d_first", one, "GlobalAveragePooling1D", (3, 9), data_format=FIRST)
add("flatten_first", one, "Flatten", (3, 4, 2), data_format=FIRST)
add("local1d", one, "LocallyConnected1D", (7, 3), 2, 3, strides=2)
add("pad1d", one, "ZeroPadding1D", (5, 3), (2, 1))
add("crop1d", one, "Cropping1D", (5, 3), (2, 1))
add("up1d", one, "UpSampling1D", (5, 3), 2)

for kind in RNNS:
    for name, kwargs in {
        "default": {}, "sequences": {"return_sequences": True}, "backwards": {"go_backwards": True},
        "nobias": {"use_bias": False}, "relu": {"activation": "relu"}, "unrolled": {"unroll": True},
        "dropout": {"dropout": 0.2, "recurrent_dropout": 0.3},
    }.items():
        add("%s_%s" % (kind.lower(), name), one, kind, (6, 3), 4, **kwargs)

    @named("%s_states" % kind.lower())
    def states(kind=kind):
        x, first = Input((6, 3)), Input((6, 2))
        y = L(kind, 4, return_state=True, return_sequences=True)(x)
        z = L(kind, 4)(first, initial_state=y[1:])
        return Model([x, first], [y[0], z])

    @named("%s_masked" % kind.lower())
    def masked(kind=kind):
        return sequence(L("Masking", 0.5, input_shape=(6, 3)), L(kind, 4, return_sequences=True), L("Dropout", 0.2), L(kind, 3))

    @named("bidirectional_%s_masked" % kind.lower())
    def both_ways(kind=kind):
        net = sequence(L("Embedding", 11, 4, mask_zero=True, input_length=6))
        net.add(layers.Bidirectional(L(kind, 3, return_sequences=True), merge_mode="concat"))
        net.add(layers.Bidirectional(L(kind, 3), merge_mode="sum"))
        return net

    @named("cells_%s" % kind.lower())
    def cells(kind=kind):
        stack = [L(kind + "Cell", units) for units in (4, 3)]
        return sequence(layers.RNN(stack, input_shape=(6, 3)))
add("lstm_sigmoid", one, "LSTM", (6, 3), 4, recurrent_activation="sigmoid", unit_forget_bias=False)
add("lstm_hard", one, "LSTM", (6, 3), 4, activation="hard_sigmoid")
add("gru_reset_after", one, "GRU", (6, 3), 4, reset_after=True)
add("gru_reset_after_sigmoid", one, "GRU", (6, 3), 4, reset_after=True, recurrent_activation="sigmoid")

for mode in ("concat", "sum", "mul", "ave", None):

    @named("bidirectional_%s" % mode)
    def bidirectional(mode=mode):
        x = Input((6, 3))
        return Model(x, layers.Bidirectional(L("LSTM", 3, return_sequences=True), merge_mode=mode)(x))


@model
def rnn_of_a_cell():
    return sequence(layers.RNN(layers.LSTMCell(4), return_sequences=True, input_shape=(6, 3)))


@model
def time_distributed_conv():
    net = sequence(layers.TimeDistributed(L("Conv2D", 4, 3, padding="same"), input_shape=(3, 5, 6, 2)))
    net.add(layers.TimeDistributed(L("Flatten")))
    net.add(L("LSTM", 3))
    return net


@model
def time_distributed_dense_masked():
    net = sequence(L("Masking", 0.5, input_shape=(6, 3)), layers.TimeDistributed(L("Dense", 4)))
    net.add(L("GRU", 3))
    return net


@model
def time_distributed_model():
    inner = sequence(L("Conv1D", 4, 2, input_shape=(5, 3)), L("GlobalMaxPooling1D"))
    return sequence(layers.TimeDistributed(inner, input_shape=(4, 5, 3)), L("LSTM", 3))


for kind in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"):

    @named("merge_%s" % kind.lower())
    def merged(kind=kind):
        x, y = Input((4,)), Input((4,))
        return Model([x, y], L("Dense", 3)(L(kind)([x, y])))

    @named("merge_%s_masked" % kind.lower())
    def merged_masked(kind=kind):
        x, y = Input((6, 3)), Input((6, 3))
        both = L(kind)([L("Masking", 0.5)(x), L("Dense", 3)(y)])
        return Model([x, y], L("LSTM", 3)(both))

for name, (shapes, axes, normalize) in {
    "vectors": (((4,), (4,)), 1, False), "cosine": (((4,), (4,)), -1, True), "attention": (((5, 4), (6, 4)), 2, False),
    "mixed": (((5, 4), (4,)), (2, 1), False), "matrices": (((4, 5), (4, 6)), (1, 1), True),
}.items():

    @named("dot_%s" % name)
    def dot(shapes=shapes, axes=axes, normalize=normalize):
        inputs = [Input(shape) for shape in shapes]
        return Model(inputs, L("Dot", axes, normalize=normalize)(inputs))

add("leaky", one, "LeakyReLU", (4,), 0.2)
add("elu", one, "ELU", (4,), 0.7)
add("prelu", one, "PReLU", (4, 3), shared_axes=[1])
add("thresholded", one, "ThresholdedReLU", (4,), 0.3)
add("softmax_axis", one, "Softmax", (4, 3), axis=1)
add("relu_six", one, "ReLU", (4,), max_value=6.0)
add("relu_leaky", one, "ReLU", (4,), max_value=1.0, negative_slope=0.2, threshold=0.5)
for name, kwargs in {"plain": {}, "unscaled": {"scale": False}, "uncentred": {"center": False, "epsilon": 1e-2}}.items():
    add("bn_%s" % name, one, "BatchNormalization", (4,), **kwargs)
add("bn_3d", one, "BatchNormalization", (6, 3))
for name in ("GaussianNoise", "GaussianDropout", "AlphaDropout", "Dropout"):
    add(name.lower(), one, name, (4,), 0.3)
add("reshape", one, "Reshape", (4, 3), (2, -1))
add("permute", one, "Permute", (4, 3, 2), (3, 1, 2))
add("repeat", one, "RepeatVector", (4,), 3)


@model
def embedding_mean_masked():
    return sequence(L("Embedding", 11, 4, mask_zero=True, input_length=6), L("GlobalAveragePooling1D"), L("Dense", 3))


@model
def nested_twice():
    inner = sequence(L("Dense", 4, input_shape=(3,), activation="relu"), L("BatchNormalization"))
    x, y = Input((3,)), Input((3,))
    return Model([x, y], L("Concatenate")([inner(x), inner(y)]))


@model
def nested_frozen():
    inner = sequence(L("Dense", 4, input_shape=(3,)), L("BatchNormalization"), L("Dense", 4))
    inner.layers[0].trainable = False
    return sequence(inner, L("Dense", 2))


@model
def shared_lstm():
    x, y = Input((6, 3)), Input((6, 3))
    shared = L("LSTM", 4)
    return Model([x, y], [L("Subtract")([shared(x), shared(y)]), shared(x)])


@model
def residual():
    x = Input((6, 3))
    y = L("Conv1D", 3, 3, padding="same")(x)
    return Model(x, L("GlobalMaxPooling1D")(L("Activation", "relu")(L("Add")([x, y]))))


def antirectifier(x):
    x -= K.mean(x, axis=1, keepdims=True)
    x = K.l2_normalize(x, axis=1)
    return K.concatenate([K.relu(x), K.relu(-x, alpha=0.1, max_value=0.2)], axis=1)


def two_scales(x):
    return [x * 0.2, x * 0.3]


@model
def lambda_antirectifier():
    return sequence(layers.Lambda(antirectifier, output_shape=(8,), input_shape=(4,)), L("Dense", 3))


@model
def lambda_two_outputs():
    x = Input((4,))
    low, high = layers.Lambda(two_scales, output_shape=lambda shape: [shape, shape])(x)
    return Model(x, [L("Dense", 3)(low), high])


@model
def bn_always_training():
    x = Input((5, 3))
    return Model(x, L("Dense", 2)(L("BatchNormalization", epsilon=1e-2)(x, training=True)))


@model
def multi_gpu():
    if K.backend() != "tensorflow":
        raise NotImplementedError("multi_gpu_model is TensorFlow's")
    from keras.utils import multi_gpu_utils

    multi_gpu_utils._get_available_devices = lambda: ["/cpu:0", "/gpu:0", "/gpu:1", "/gpu:2"]
    x, y = Input((5,)), Input((4,))
    both = L("Concatenate")([L("Dense", 4, activation="relu")(x), y])
    net = Model([x, y], [L("Dense", 3, name="first")(both), L("Dense", 2, name="second")(both)])
    return multi_gpu_utils.multi_gpu_model(net, gpus=3)
