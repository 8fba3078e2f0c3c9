"""Python 2.7: one small model for every dense, activation, normalising, reshaping and Lambda layer of Keras 1."""

from keras import backend as K
from keras import activations, layers
from keras.models import Model, Sequential

MODELS = []


def model(function):
    MODELS.append((function.__name__, function))
    return function


def named(name):
    return lambda function: MODELS.append((name, function))


def add(name, build, *args, **kwargs):
    MODELS.append((name, lambda: build(*args, **kwargs)))


def layer(name):
    """The class `name`, or an error that says this Keras version does not have it."""
    found = getattr(layers, name, None)
    if found is None:
        raise NotImplementedError("no layer class %s in this Keras version" % name)
    return found


def sequence(*steps):
    """A Sequential of layers."""
    net = Sequential()
    for step in steps:
        net.add(step)
    return net


def L(class_name, *args, **kwargs):
    return layer(class_name)(*args, **kwargs)


def one(class_name, shape, *args, **kwargs):
    """A Sequential of that one layer."""
    return sequence(L(class_name, *args, input_shape=shape, **kwargs))


@model
def dense():
    return sequence(L("Dense", 5, input_dim=4, activation="relu"), L("Dense", 3, activation="softmax"))


@model
def dense_nobias():
    return sequence(L("Dense", 5, input_dim=4, bias=False), L("Dense", 2))


@model
def dense_trained():
    net = sequence(L("Dense", 5, input_dim=4, activation="tanh"), L("Dense", 3))
    net.trained_with = "adam"
    return net


@model
def activation_each():
    x = layers.Input(shape=(6,))
    names = ("softmax", "softplus", "softsign", "elu", "relu", "tanh", "sigmoid", "hard_sigmoid", "linear")
    outputs = [L("Activation", n)(L("Dense", 5)(x)) for n in names if hasattr(activations, n)]
    return Model(input=x, output=outputs)


def dense_activation(name):
    if not hasattr(activations, name):
        raise NotImplementedError("no activation %s in this Keras version" % name)
    return sequence(L("Dense", 5, input_dim=4, activation=name), L("Dense", 3))


for _name in ("softplus", "softsign", "elu", "hard_sigmoid", "sigmoid"):
    add("dense_" + _name, dense_activation, _name)
add("softmax_3d", lambda: sequence(L("TimeDistributed", L("Dense", 4), input_shape=(5, 3)), L("Activation", "softmax")))
add("maxout_dense", lambda: sequence(L("MaxoutDense", 5, nb_feature=3, input_dim=4), L("Dense", 2)))
add("maxout_dense_nobias", one, "MaxoutDense", (4,), 5, nb_feature=2, bias=False)
add("highway", lambda: sequence(L("Dense", 5, input_dim=4), L("Highway", activation="tanh"), L("Dense", 2)))
add("highway_relu_nobias", one, "Highway", (4,), activation="relu", bias=False)
add("time_distributed_dense", one, "TimeDistributedDense", (5, 3), 4, activation="tanh")
add("time_distributed_dense_length", one, "TimeDistributedDense", (5, 3), 4, bias=False)
add("activity_regularization", lambda: sequence(
    L("Dense", 4, input_dim=3), L("ActivityRegularization", l1=0.1, l2=0.1)))
add("repeat_vector", lambda: sequence(L("Dense", 4, input_dim=3), L("RepeatVector", 3)))
add("permute", one, "Permute", (2, 3, 4), (3, 1, 2))
add("permute_dense", lambda: sequence(L("Permute", (2, 1), input_shape=(5, 3)), L("Flatten"), L("Dense", 3)))
add("reshape", lambda: sequence(L("Reshape", (3, 4), input_shape=(12,)), L("Convolution1D", 2, 2)))
add("reshape_unknown", lambda: sequence(L("Reshape", (-1, 4), input_shape=(3, 8)), L("Permute", (2, 1))))
add("flatten", lambda: sequence(L("Flatten", input_shape=(3, 4, 2)), L("Dense", 3)))
add("masking_lstm", lambda: sequence(L("Masking", 0.0, input_shape=(6, 3)), L("LSTM", 4)))
add("masking_value", lambda: sequence(L("Masking", -1.0, input_shape=(6, 3)), L("GRU", 4, return_sequences=True)))
add("masking_time_distributed", lambda: sequence(
    L("Masking", 0.0, input_shape=(6, 3)), L("TimeDistributed", L("Dense", 4)), L("SimpleRNN", 3)))
add("dropout", lambda: sequence(L("Dense", 4, input_dim=3), L("Dropout", 0.5), L("Dense", 2)))
add("gaussian_noise", lambda: sequence(L("GaussianNoise", 0.5, input_shape=(4,)), L("Dense", 2)))
add("gaussian_dropout", lambda: sequence(L("GaussianDropout", 0.5, input_shape=(4,)), L("Dense", 2)))
add("spatial_dropout_1d", lambda: sequence(L("SpatialDropout1D", 0.5, input_shape=(5, 4)), L("Convolution1D", 2, 3)))
add("spatial_dropout_3d", one, "SpatialDropout3D", (2, 3, 4, 3), 0.5)

add("embedding", lambda: sequence(L("Embedding", 11, 4, input_length=5), L("Flatten"), L("Dense", 2)))
add("embedding_dropout", lambda: sequence(L("Embedding", 11, 4, dropout=0.3), L("LSTM", 3)))
add("embedding_mask_lstm", lambda: sequence(L("Embedding", 11, 4, mask_zero=True, input_length=6), L("LSTM", 3)))
add("embedding_mask_gru", lambda: sequence(L("Embedding", 11, 4, mask_zero=True), L("GRU", 3, return_sequences=True)))
add("embedding_mask_backwards", lambda: sequence(
    L("Embedding", 11, 4, mask_zero=True, input_length=6), L("LSTM", 3, go_backwards=True)))
add("embedding_mask_activation", lambda: sequence(
    L("Embedding", 11, 4, mask_zero=True, input_length=6), L("Activation", "tanh"), L("Dropout", 0.2),
    L("SimpleRNN", 3)))

for _shape in ((5,), (4, 3), (3, 4, 2)):
    _n = "_%dd" % len(_shape)
    add("elu" + _n, one, "ELU", _shape, alpha=0.7)
    add("leaky_relu" + _n, one, "LeakyReLU", _shape, alpha=0.2)
    add("prelu" + _n, one, "PReLU", _shape)
    add("srelu" + _n, one, "SReLU", _shape)
    add("thresholded_relu" + _n, one, "ThresholdedReLU", _shape, theta=0.4)
    add("parametric_softplus" + _n, one, "ParametricSoftplus", _shape)
add("prelu_shared_axes", one, "PReLU", (3, 4, 2), shared_axes=[1, 2])
add("prelu_shared_one_axis", one, "PReLU", (3, 4, 2), shared_axes=[2])
add("srelu_shared_axes", one, "SReLU", (3, 4, 2), shared_axes=[1, 2])


def normalised(shape, **kwargs):
    return one("BatchNormalization", shape, **kwargs)


add("bn_mode0_dense", lambda: sequence(L("Dense", 5, input_dim=4), L("BatchNormalization"), L("Dense", 2)))
add("bn_mode0_2d_epsilon", normalised, (5,), epsilon=1e-3)
add("bn_mode0_3d", normalised, (4, 3))
add("bn_mode0_3d_axis1", normalised, (4, 3), axis=1)
add("bn_mode0_4d_axis1", normalised, (3, 4, 2), axis=1)
add("bn_mode0_4d_axis_last", normalised, (3, 4, 2), axis=-1, epsilon=1e-2)
add("bn_mode0_4d_axis3", normalised, (3, 4, 2), axis=3)
add("bn_mode0_4d_axis2", normalised, (3, 4, 2), axis=2)
add("bn_mode1_2d", normalised, (6,), mode=1)
add("bn_mode1_3d", normalised, (4, 5), mode=1, epsilon=1e-3)
add("bn_mode1_4d", normalised, (3, 4, 5), mode=1)
add("bn_mode2_2d", normalised, (5,), mode=2)
add("bn_mode2_3d", normalised, (4, 3), mode=2)
add("bn_mode2_4d_axis1", normalised, (3, 4, 2), mode=2, axis=1)
add("bn_after_relu", lambda: sequence(
    L("Dense", 6, input_dim=4), L("BatchNormalization"), L("Activation", "relu"), L("Dense", 5),
    L("BatchNormalization", epsilon=1e-4), L("Dense", 2)))

# Lambdas as people wrote them; the first list is recognisable from its bytecode, the last ones are not.
LAMBDAS = {
    "scale_shift": ((4, 3), lambda x: x / 127.5 - 1.0),
    "div_minus": ((4, 3), lambda x: x / 255.0 - 0.5),
    "paren": ((4, 3), lambda x: (x - 128.0) / 128.0),
    "times": ((4,), lambda x: x * 2.5),
    "left_times": ((4,), lambda x: 2 * x),
    "plus": ((4,), lambda x: x + 3),
    "one_minus": ((4,), lambda x: 1 - x),
    "negative": ((4,), lambda x: -x),
    "square": ((4,), lambda x: x**2),
    "identity": ((4,), lambda x: x),
    "mean_1": ((4, 3), lambda x: K.mean(x, axis=1)),
    "mean_last": ((4, 3), lambda x: K.mean(x, axis=-1)),
    "sum_1": ((4, 3), lambda x: K.sum(x, axis=1)),
    "max_1": ((4, 3), lambda x: K.max(x, axis=1)),
    "mean_keep": ((4, 3), lambda x: K.mean(x, axis=1, keepdims=True)),
    "mean_23": ((2, 3, 4), lambda x: K.mean(x, axis=[2, 3])),
    "expand": ((4, 3), lambda x: K.expand_dims(x, -1)),
    "squeeze": ((4, 1), lambda x: K.squeeze(x, 2)),
    "l2_normalize": ((4,), lambda x: K.l2_normalize(x, axis=1)),
    "abs_k": ((4,), lambda x: K.abs(x)),
    "k_square": ((4,), lambda x: K.square(x)),
    "k_sqrt_abs": ((4,), lambda x: K.sqrt(K.abs(x))),
    "k_softmax": ((4,), lambda x: K.softmax(x)),
    "k_tanh": ((4,), lambda x: K.tanh(x)),
    "last_step": ((4, 3), lambda x: x[:, -1]),
    "last_step_all": ((4, 3), lambda x: x[:, -1, :]),
    "columns": ((4, 3), lambda x: x[:, :2]),
    "from_column": ((4, 3), lambda x: x[:, 1:, :]),
    "reverse_channels": ((2, 3, 4), lambda x: x[:, ::-1]),
    "flatten": ((4, 3), lambda x: K.batch_flatten(x)),
    "permute": ((4, 3), lambda x: K.permute_dimensions(x, (0, 2, 1))),
    "swish": ((4,), lambda x: x * K.sigmoid(x) + K.tanh(x)),
    "unknown": ((4,), lambda x: x * 2 if K.ndim(x) == 2 else x),
}
LAMBDA_SHAPES = {
    "mean_1": (3,), "mean_last": (4,), "sum_1": (3,), "max_1": (3,), "mean_keep": (1, 3), "mean_23": (2,),
    "expand": (4, 3, 1), "squeeze": (4,), "last_step": (3,), "last_step_all": (3,), "columns": (2, 3),
    "from_column": (3, 3), "flatten": (12,), "permute": (3, 4),
}


def lambda_model(name):
    shape, function = LAMBDAS[name]
    return one("Lambda", shape, function, output_shape=LAMBDA_SHAPES.get(name, shape))


for _name in sorted(LAMBDAS):
    add("lambda_" + _name, lambda_model, _name)


@model
def lambda_distance():
    a, b = layers.Input(shape=(4,)), layers.Input(shape=(4,))
    shared = L("Dense", 3)
    gap = layers.merge(
        [shared(a), shared(b)], mode=lambda x: K.abs(x[0] - x[1]), output_shape=lambda shapes: shapes[0])
    return Model(input=[a, b], output=L("Dense", 1)(gap))
