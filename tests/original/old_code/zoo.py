"""Models that only code builds, for original/record --from-code; runs beside Keras 1.1 or, `modern`, Keras 2."""

import numpy as np
from keras import backend as K
from keras.layers import LSTM, Activation, BatchNormalization, Dense, Embedding, Input, Lambda, Masking
from keras.models import Model, Sequential


def with_weights(model, seed=0):
    random = np.random.RandomState(seed)
    model.set_weights([random.uniform(0.1, 1, w.shape) * (1 if w.ndim == 1 else 0.3) for w in model.get_weights()])
    return model


def merged():
    """Two inputs, two outputs, a Merge, a Dense called twice and a nested model called once."""
    from keras.layers import merge

    left, right = Input(shape=(3,), name="left"), Input(shape=(3,), name="right")
    shared = Dense(4, activation="tanh", name="shared")
    first, second = shared(left), shared(right)
    added = merge([first, second], mode="sum", name="added")
    inner_input = Input(shape=(4,))
    inner = Model(inner_input, Dense(2, activation="softmax")(inner_input), name="inner")
    return with_weights(Model([left, right], [inner(added), Dense(1, name="head")(added)]))


def nested_against_their_numbers():
    """Two Sequentials within a model, whose walk meets the second first."""
    from keras.layers import merge

    x = Input(shape=(4,), name="x")
    first, second = [Sequential([Dense(size, input_dim=4)]) for size in (2, 3)]
    answer = Dense(2, name="answer")(merge([second(x), first(x)], mode="concat", name="both"))
    return with_weights(Model(input=x, output=answer))


def masked():
    """Masks of an Embedding and of a Masking meet in a Merge before an LSTM."""
    from keras.layers import merge

    words, steps = Input(shape=(5,), dtype="int32", name="words"), Input(shape=(5, 3), name="steps")
    read = Embedding(7, 3, mask_zero=True, name="read")(words)
    both = merge([read, Masking(mask_value=-1.0, name="hide")(steps)], mode="concat", name="both")
    return with_weights(Model([words, steps], LSTM(4, name="lstm")(both)))


def convolved():
    from keras.layers import Convolution2D

    model = Sequential([Convolution2D(1, 3, 3, dim_ordering="th", input_shape=(1, 5, 5))])
    model.set_weights([np.arange(9.0).reshape(1, 1, 3, 3), np.zeros(1)])
    return model


def stateful():
    return with_weights(Sequential([LSTM(3, stateful=True, batch_input_shape=(2, 4, 3), name="state"), Dense(2)]))


def batch_statistics():
    return with_weights(Sequential([Dense(4, input_dim=3), BatchNormalization(mode=2), Dense(2)]))


def lived_in_bytes():
    """Dead below inputs of about 100, as image networks for 0..255 are."""
    model = Sequential([Dense(4, input_dim=3, activation="relu", name="gate"), Dense(2, name="top")])
    return biased(model, -40.0)


def large():
    """As if its layers gave more than is recorded at every scale."""
    from reprise_record import runs

    runs.LARGE = 100
    return lived_in_bytes()


def wider():
    """Layer for layer what the tests' two dense ones are, of other sizes: Theano takes their weights in silence."""
    return with_weights(Sequential([Dense(5, input_dim=3, name="zeta"), Dense(2, name="alpha")]))


def choosy():
    """What a loss of aligned labels (CTC) takes: no label below 0, and lengths that can be."""
    from keras.layers import merge
    from theano.tensor.opt import Assert

    labels = Input(shape=(3,), name="labels")
    steps, of_labels = [Input(shape=(1,), dtype="int64", name=name) for name in ("input_length", "label_length")]
    checked = [
        Lambda(lambda t: Assert("a label below 0")(t, K.min(t) >= 0), output_shape=(3,))(labels),
        Lambda(lambda t: Assert("one sample")(t, t.shape[0] > 1), output_shape=(3,))(labels),
        Lambda(lambda t: K.cast(Assert("no 2 steps")(t, K.min(t) >= 2), "float32"), output_shape=(1,))(steps),
        Lambda(lambda t: K.cast(Assert("too long")(t, K.max(t) < 2), "float32"), output_shape=(1,))(of_labels),
    ]
    return with_weights(Model([labels, steps, of_labels], Dense(2)(merge(checked, mode="concat"))))


def choosiest():
    from theano.tensor.opt import Assert

    labels = Input(shape=(3,), name="labels")
    return Model(labels, Lambda(lambda t: Assert("never")(t, K.min(t) > K.max(t)), output_shape=(3,))(labels))


def dead():
    return biased(Sequential([Dense(4, input_dim=3, activation="relu", name="gate"), Dense(2, name="top")]), -1e9)


def biased(model, bias):
    kernel, _, top, _ = with_weights(model).get_weights()
    model.set_weights([kernel, np.full(4, bias), top, np.zeros(2)])
    return model


def secret(x):
    return x * 2 + 1


def unsaveable():
    """An architecture that no JSON holds."""
    return with_weights(Sequential([Dense(2, input_dim=3), Activation(lambda x: K.relu(x) + 1, name="odd")]))


def overflowing():
    """Infinite at inputs of 0..255, fine below."""
    return with_weights(Sequential([Dense(2, input_dim=3), Lambda(lambda x: K.exp(x), name="grow")]))


def exploding():
    """Infinite at inputs of every scale but the tiniest, as a deep network may be that was never trained."""
    model = Sequential([Dense(3, input_dim=3)] + [Dense(3) for _ in range(4)])
    random = np.random.RandomState(0)
    model.set_weights([random.uniform(-1, 1, w.shape) * (1e9 if w.ndim > 1 else 0) for w in model.get_weights()])
    return model


def modern():
    """Keras 2: a Lambda, a merging layer, a layer called twice."""
    from keras.layers import add

    left, right = Input(shape=(3,), name="left"), Input(shape=(3,), name="right")
    shared = Dense(4, activation="tanh", name="shared")
    scaled = Lambda(lambda x, by=2.0: x * by, name="scaled")(add([shared(left), shared(right)], name="added"))
    return with_weights(Model([left, right], Dense(2, name="top")(scaled)))


not_a_model = "text"


def fails():
    raise KeyError("the settings file")


def of_a_graph():
    """Takes samples and a sparse matrix of which are neighbours; a third input has its value already."""
    samples, neighbours = Input(shape=(3,), name="samples"), Input(batch_shape=(None, None), sparse=True, name="edges")
    factor = Input(tensor=K.variable(np.full((1, 1), 5.0)), name="factor")
    mixed = Lambda(lambda x: K.dot(x[0], x[1]) * x[2], output_shape=(3,), name="mixed")([neighbours, samples, factor])
    return Model([samples, neighbours, factor], mixed)


class OfItsOwn(Model):
    pass


def unnamed(shape, scale=1, name=None):
    """An initialisation that leaves the name out: files then hold another."""
    return K.variable(np.random.RandomState(1).uniform(-1, 1, shape))


def of_its_own_class():
    """A model of a class of a person's own, whose layers' arrays have no names."""
    words = Input(shape=(3,), name="words")
    state = LSTM(4, name="lstm", init=unnamed, inner_init=unnamed)(Embedding(7, 2, name="read")(words))
    return with_weights(OfItsOwn(words, Dense(2, init=unnamed, name="head")(state)))
