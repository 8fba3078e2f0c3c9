"""Python 2.7 and 3.7: Lambdas that call what needs more than one tensor, shapes, or TensorFlow itself."""

import keras
from keras import backend as K
from keras import layers
from keras.layers import Input
from keras.models import Model
from models_core import L, named

ON_TENSORFLOW = K.backend() == "tensorflow"
KERAS_2 = keras.__version__ >= "2"


def of_tensors(name, shapes, function, output_shape, on_tensorflow=False, keras_2=False):
    """A Lambda of several tensors, each given by a Dense."""

    @named("called_" + name)
    def build():
        if (on_tensorflow and not ON_TENSORFLOW) or (keras_2 and not KERAS_2):
            raise NotImplementedError("%s is of another backend or version" % name)
        inputs = [Input(shape) for shape in shapes]
        given = [L("Activation", "linear")(x) for x in inputs]
        last = layers.Lambda(function, output_shape=output_shape)(given if len(given) > 1 else given[0])
        return Model(inputs, last)


def resized(x):
    import tensorflow as tf

    return tf.image.resize_images(x, (5, 7))


def blocks(x):
    import tensorflow as tf

    return tf.depth_to_space(tf.space_to_depth(x, 2)[:, :, ::-1], 2)


def of_the_backend(x):
    from keras.backend import tf as ktf

    return ktf.nn.relu(x)


def reduced(x):
    import tensorflow as tf

    return tf.reduce_mean(tf.nn.relu(x), 1) - tf.sqrt(tf.reduce_sum(tf.square(x), 1)) * tf.cast(2, tf.float32)


def ctc(args):
    y_pred, labels, input_length, label_length = args
    y_pred = y_pred[:, 2:, :]
    return K.ctc_batch_cost(labels, y_pred, input_length, label_length)


of_tensors("batch_dot", [(5, 4), (6, 4)], lambda x: K.batch_dot(x[0], x[1], axes=[2, 2]), (5, 6))
of_tensors("batch_dot_plain", [(5, 4), (4, 3)], lambda x: K.batch_dot(x[0], x[1]), (5, 3))
of_tensors("batch_dot_first", [(5, 4), (5, 3)], lambda x: K.batch_dot(x[0], x[1], axes=[1, 1]), (4, 3))
of_tensors("batch_dot_vectors", [(4,), (4,)], lambda x: K.batch_dot(x[0], x[1], axes=1), (1,))
of_tensors("batch_dot_uneven", [(5, 4), (4,)], lambda x: K.batch_dot(x[0], x[1], axes=(2, 1)), (5,), keras_2=True)
of_tensors("batch_dot_4d", [(2, 5, 4), (2, 6, 4)], lambda x: K.batch_dot(x[0], x[1], axes=[3, 3]), (2, 5, 6),
           on_tensorflow=True, keras_2=True)  # fmt: skip
of_tensors("expand_axis", [(5, 4)], lambda x: K.squeeze(K.expand_dims(x, axis=2) * 2, 2), (5, 4), keras_2=True)
of_tensors("shape", [(5, 4)], lambda x: K.reshape(x, (K.shape(x)[0], 20)), (20,))
of_tensors("stop_gradient", [(5,)], lambda x: K.stop_gradient(x) * 2 + K.cast(x, K.floatx()), (5,), keras_2=True)
of_tensors("tf_reduced", [(5, 4)], reduced, (4,), on_tensorflow=True)
of_tensors("tf_of_the_backend", [(5,)], of_the_backend, (5,), on_tensorflow=True)
of_tensors("tf_resized", [(8, 10, 3)], resized, (5, 7, 3), on_tensorflow=True)
of_tensors("tf_enlarged", [(3, 4, 2)], lambda x: K.tf.image.resize_bilinear(x, (9, 5), align_corners=True), (9, 5, 2),
           on_tensorflow=True)  # fmt: skip
of_tensors("tf_nearest", [(3, 4, 2)], lambda x: K.tf.image.resize_nearest_neighbor(x, (7, 6)), (7, 6, 2),
           on_tensorflow=True)  # fmt: skip
of_tensors("tf_blocks", [(4, 6, 3)], blocks, (4, 6, 3), on_tensorflow=True)


@named("called_ctc")
def called_ctc():
    if not (ON_TENSORFLOW and KERAS_2):
        raise NotImplementedError("Theano smooths")
    x, labels = Input((8, 5)), Input((3,), dtype="int32")
    y = L("Dense", 12, activation="softmax")(L("GRU", 4, return_sequences=True)(x))
    lengths = [layers.Lambda(lambda x: K.sum(K.ones_like(x), axis=1, keepdims=True) + 1, output_shape=(1,))(labels),
               layers.Lambda(lambda x: K.sum(K.ones_like(x), axis=1, keepdims=True) - 2,
                             output_shape=(1,))(labels)]  # fmt: skip
    return Model([x, labels], layers.Lambda(ctc, output_shape=(1,))([y, labels] + lengths))


@named("called_in_a_loop")
def called_in_a_loop():
    if KERAS_2:
        raise NotImplementedError("one of Keras 1 does")
    x, parts = Input((3, 4)), []
    for i in range(3):
        parts.append(L("Dense", 2)(layers.Lambda(lambda x: x[:, i], output_shape=(4,))(x)))
    return Model(x, parts)
