"""Python 2.7 and 3: the functions that Lambda layers, lambda merges and their shapes are drawn from, by name."""

from keras import backend as K

ONE = {
    "scale": lambda x: x / 127.5 - 1.0,
    "center": lambda x: (x - 0.5) * 2,
    "square": lambda x: x ** 2,
    "abs": lambda x: K.abs(x),
    "negative": lambda x: -x,
    "clip": lambda x: K.clip(x, -0.5, 0.5),
    "normalize": lambda x: K.l2_normalize(x, axis=-1),
    "mean": lambda x: K.mean(x, axis=1),
    "sum": lambda x: K.sum(x, axis=1),
    "max": lambda x: K.max(x, axis=1),
    "last": lambda x: x[:, -1],
    "skip": lambda x: x[:, 1:],
    "shapes": lambda x: K.tile(K.repeat_elements(K.reshape(x, (-1, 3, 4)), 2, 1), (1, 1, 2)),
    "padded": lambda x: K.cumsum(K.temporal_padding(x, (1, 2)), axis=1),
    "chosen": lambda x: K.stack([K.elu(x), K.cast(K.greater(x, 0.1), "float32") * K.ones_like(x)], axis=1),
    "largest": lambda x: K.one_hot(K.argmax(x, axis=-1), 5) + K.softmax(K.repeat(x[:, 0], 4))[:, :, :1],
}

TWO = {
    "difference": lambda t: t[0] - t[1],
    "distance": lambda t: K.abs(t[0] - t[1]),
    "product": lambda t: t[0] * t[1],
}

MASKS = {"first": lambda masks: masks[0], "none": None}
