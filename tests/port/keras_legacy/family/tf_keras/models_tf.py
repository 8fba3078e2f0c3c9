"""Python 3: small models of what tf.keras has and Keras 2.3 has not; a version that lacks one says so in the index."""

import numpy as np
import tensorflow as tf
from keras import backend as K
from keras import layers
from keras.layers import Input
from keras.models import Model
from models_core import L, add, model, named, one, sequence

preprocessing = getattr(getattr(layers, "experimental", None), "preprocessing", None)


def P(name, *args, **kwargs):
    """A layer of preprocessing, which moved out of `experimental` in 2.6."""
    found = getattr(layers, name, None) or getattr(preprocessing, name, None)
    if found is None:
        raise NotImplementedError("no layer class %s in this version" % name)
    return found(*args, **kwargs)


IMAGE, SEQUENCE = (6, 7, 3), (6, 4)

for activation in ("swish", "gelu", "relu6", "mish", "exponential"):
    add("dense_tf_%s" % activation, one, "Dense", (5,), 4, activation=activation)
for name, kwargs in {
    "plain": {},
    "axes": {"axis": [1, 2], "epsilon": 1e-2},
    "bare": {"center": False, "scale": False},
}.items():
    add("layer_norm_%s" % name, one, "LayerNormalization", SEQUENCE, **kwargs)
add("group_norm", one, "GroupNormalization", (6, 4), 2)
add("unit_norm", one, "UnitNormalization", (6, 4))
add("einsum_dense", one, "EinsumDense", SEQUENCE, "ijk,kl->ijl", output_shape=(None, 5), bias_axes="l")
add("conv1d_transpose", one, "Conv1DTranspose", (6, 3), 4, 3, strides=2, padding="same")
add("conv2d_grouped", one, "Conv2D", (6, 7, 4), 4, 3, groups=2)
add("depthwise_1d", one, "DepthwiseConv1D", (6, 3), 3, depth_multiplier=2)
add("depthwise_dilated", one, "DepthwiseConv2D", IMAGE, 3, dilation_rate=2)
add("convlstm1d", one, "ConvLSTM1D", (4, 6, 3), 2, 3)
add("convlstm3d", one, "ConvLSTM3D", (3, 4, 4, 4, 2), 2, 2)
add("pool_keepdims", one, "GlobalAveragePooling2D", IMAGE, keepdims=True)
add("up2d_bicubic", one, "UpSampling2D", IMAGE, (2, 2), interpolation="bicubic")
add("softmax_axes", one, "Softmax", SEQUENCE, axis=[1, 2])
add("bn_renorm", one, "BatchNormalization", (4,), renorm=True)
add("bn_fused_off", one, "BatchNormalization", IMAGE, fused=False)
add("bn_virtual_batch", one, "BatchNormalization", (4,), virtual_batch_size=2)
add("spectral", lambda: sequence(P("SpectralNormalization", L("Dense", 4), input_shape=(5,))))
for name, args, kwargs, shape in [
    ("Rescaling", (1 / 127.5,), {"offset": -1.0}, IMAGE),
    ("Resizing", (4, 5), {}, IMAGE),
    ("CenterCrop", (4, 5), {}, IMAGE),
    ("RandomFlip", (), {}, IMAGE),
    ("RandomRotation", (0.2,), {}, IMAGE),
    ("RandomZoom", (0.2,), {}, IMAGE),
    ("RandomContrast", (0.2,), {}, IMAGE),
    ("RandomTranslation", (0.2, 0.2), {}, IMAGE),
    ("Normalization", (), {"mean": 0.5, "variance": 2.0}, (4,)),
]:
    add(
        "pre_" + name.lower(),
        lambda name=name, args=args, kwargs=kwargs, shape=shape: sequence(
            P(name, *args, input_shape=shape, **kwargs), L("Flatten"), L("Dense", 3)
        ),
    )

for kind in ("Attention", "AdditiveAttention"):

    @named(kind.lower())
    def attention(kind=kind):
        query, value = Input((5, 4)), Input((6, 4))
        return Model([query, value], L(kind)([query, value]))

    @named(kind.lower() + "_masked")
    def attention_masked(kind=kind):
        query, value = Input((5, 4)), Input((6, 4))
        return Model([query, value], L("GlobalMaxPooling1D")(L(kind)([query, L("Masking", 0.5)(value)])))

    @named(kind.lower() + "_of_tokens")
    def attention_of_tokens(kind=kind):
        query, value = Input((6,), dtype="int32"), Input((6,), dtype="int32")
        tokens = L("Embedding", 11, 4, mask_zero=True)
        y = L("LayerNormalization", epsilon=1e-3)(L(kind)([tokens(query), tokens(value)]))
        return Model([query, value], [L("GlobalAveragePooling1D")(y), L("LSTM", 3)(y)])


@model
def multi_head_attention():
    query, value = Input((5, 4)), Input((6, 4))
    return Model([query, value], L("MultiHeadAttention", 2, 3)(query, value))


@model
def stateful_gru():
    return sequence(L("GRU", 4, batch_input_shape=(4, 6, 3), stateful=True))


@model
def lstm_zero_output_for_mask():
    cell = layers.RNN(layers.LSTMCell(4), return_sequences=True, zero_output_for_mask=True)
    return sequence(L("Masking", 0.5, input_shape=(6, 3)), cell)


@model
def bidirectional_backward_layer():
    back = L("GRU", 4, go_backwards=True)
    return sequence(layers.Bidirectional(L("LSTM", 4), backward_layer=back, input_shape=(6, 3)))


@model
def lstm_masked_once():
    return sequence(L("Masking", 0.5, input_shape=(6, 3)), L("LSTM", 4))


@model
def bn_called_in_training():
    x = Input((4,))
    return Model(x, L("Dense", 3)(L("BatchNormalization")(x, training=True)))


@model
def lambda_scaled():
    return sequence(layers.Lambda(lambda x: x / 127.5 - 1.0, input_shape=(4,)), L("Dense", 3))


@model
def lambda_of_tf():
    return sequence(layers.Lambda(lambda x: tf.reduce_mean(x, axis=1), input_shape=SEQUENCE), L("Dense", 3))


@model
def lambda_mean():
    return sequence(layers.Lambda(lambda x: K.mean(x, axis=1), input_shape=SEQUENCE), L("Dense", 3))


def operations(name, function, shape=(4,)):
    """A model of TensorFlow's own operations on Keras's tensors: TensorFlowOpLayer, TFOpLambda, SlicingOpLambda."""

    def build():
        x = Input(shape)
        return Model(x, L("Dense", 3)(function(x)))

    named("op_" + name)(build)


operations("affine", lambda x: x * 2.0 - 1.0)
operations("divide_right", lambda x: 1.0 / (2.0 + tf.square(x)))
operations("relu", tf.nn.relu)
operations("mean", lambda x: tf.reduce_mean(x, axis=1), SEQUENCE)
operations("concat", lambda x: tf.concat([x, -x], axis=-1))
operations("slice", lambda x: x[:, 1:, :2], SEQUENCE)
operations("last_step", lambda x: x[:, -1], SEQUENCE)
operations("expand", lambda x: tf.squeeze(tf.expand_dims(x, 1), 1))
operations("reshape", lambda x: tf.reshape(x, (-1, 24)), SEQUENCE)
operations("transpose", lambda x: tf.transpose(x, (0, 2, 1)), SEQUENCE)
operations("matmul", lambda x: tf.matmul(x, x, transpose_b=True), SEQUENCE)
operations("powers", lambda x: tf.exp(-x) + tf.math.log(1.0 + tf.abs(x)) + tf.sqrt(tf.abs(x)) + tf.math.rsqrt(1.0 + tf.abs(x)))
operations("waves", lambda x: tf.sin(x) + tf.cos(2.0 * x) + tf.pow(tf.abs(x), 1.5))
operations("extremes", lambda x: tf.maximum(x, 0.1) - tf.minimum(x, -0.2) + tf.clip_by_value(x, -0.5, 0.5))
operations("reductions", lambda x: tf.reduce_sum(x, 1) + tf.reduce_max(x, 1) - tf.reduce_min(x, axis=1), SEQUENCE)
operations("kept_axis", lambda x: x - tf.reduce_mean(x, axis=1, keepdims=True), SEQUENCE)
operations("activations", lambda x: tf.nn.softmax(x) + tf.nn.relu6(5.0 * x) + tf.nn.elu(x) + tf.nn.selu(x))
operations("soft", lambda x: tf.nn.softplus(x) + tf.nn.leaky_relu(x, 0.1) + tf.nn.leaky_relu(-x))
operations("stack", lambda x: tf.reduce_sum(tf.stack([x, 2.0 * x], axis=1), axis=1))
operations("add_n_unknown", lambda x: tf.add_n([x, x]))
operations("two", lambda x: tf.math.sigmoid(x) * tf.math.tanh(x) + tf.abs(x))


@model
def op_residual():
    x = Input(SEQUENCE)
    y = L("Dense", 4)(x)
    return Model(x, L("LayerNormalization")(x + y))


@model
def mixed_policy():
    policy = tf.keras.mixed_precision.Policy("mixed_float16")
    return sequence(L("Dense", 4, input_shape=(5,), dtype=policy), L("Dense", 3, dtype="float32"))


@model
def float64_layer():
    return sequence(L("Dense", 4, input_shape=(5,), dtype="float64"))


@model
def transformer_block():
    x = Input(SEQUENCE)
    y = L("LayerNormalization", epsilon=1e-6)(L("Add")([x, L("MultiHeadAttention", 2, 3)(x, x)]))
    z = L("Dense", 4)(L("Dense", 8, activation="gelu")(y))
    return Model(x, L("LayerNormalization", epsilon=1e-6)(L("Add")([y, z])))


@model
def application_block():
    """As MobileNetV2 and EfficientNet are made: Rescaling, ReLU(6), swish, depthwise, a squeeze by Multiply."""
    x = Input((12, 12, 3))
    y = L("ReLU", 6.0)(
        L("BatchNormalization", momentum=0.999, epsilon=1e-3)(
            L("Conv2D", 4, 3, strides=2, padding="same", use_bias=False)(x)
        )
    )
    y = L("DepthwiseConv2D", 3, padding="valid", strides=2)(L("ZeroPadding2D", ((0, 1), (0, 1)))(y))
    gate = L("Reshape", (1, 1, 4))(L("GlobalAveragePooling2D")(y))
    gate = L("Conv2D", 4, 1, activation="sigmoid")(L("Conv2D", 2, 1, activation="swish")(gate))
    return Model(x, L("Dense", 3, activation="softmax")(L("GlobalAveragePooling2D")(L("Multiply")([y, gate]))))


@model
def normalization_adapted():
    layer = P("Normalization")
    layer.adapt(np.random.normal(3, 2, (50, 4)).astype("float32"))
    net = sequence(Input((4,)), layer, L("Dense", 3))
    net.as_made = True  # its statistics are read when it is adapted
    return net
