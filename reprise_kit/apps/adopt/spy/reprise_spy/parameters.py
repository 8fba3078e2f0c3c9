"""Arguments for a function that nobody calls: a global of its file that has the parameter's name, else one of its kind.

What is drawn here is no choice of the repository's, and whoever calls says so.
"""
import inspect
import re

import numpy

# What a parameter's name says it is, the first that fits, and what it is given.
KINDS = (
    (r"weight|path|file|checkpoint|pretrained|tensor|init", None),
    (r"^(is|use|with|has|include|load|train|trainable|batch_norm)_|^(bn|summary|verbose|trainable|training)$", False),
    (r"bidirect", False),
    (r"dropout|drop_|rate|^lr$|learning|alpha|decay|momentum|gamma|^l1|^l2|regul", 0.1),
    (r"optimi[sz]er|^opt$", "adam"),
    (r"loss|objective", "mse"),
    (r"activation", "relu"),
    (r"gpu", 1),
    (r"class|label|categories|category|^nb_out|^n_out|action", 10),
    (r"channel", 3),
    (r"vocab|words|token|max_features", 100),
    (r"kernel|filter_(size|len)|^pool|_pool|window", 3),
    (r"blocks|n_layers|nb_layers|num_layers|^depth|^stride", 2),
    (r"width|height|rows|cols|^img_?(size|dim)|image_?(size|dim)|^w$|^h$|^size$", 64),
    (r"len|steps?$|size|dim|units|hidden|neurons|filter|features|^n_|^nb_|^num_|count|^batch|^k$|^n$", 16),
)  # fmt: skip
SHAPE = re.compile(r"shape|^input_dims$")
# What may be a collection as well as its size, and which of these is looked things up in.
TABLE = re.compile(r"indices|index$|2idx|_to_|dict")
MANY = re.compile(r"char|vocab|words|tokens|alphabet|corpus|letters|symbols|labels$|classes$|tags$|" + TABLE.pattern)
LETTERS = [chr(97 + i) for i in range(16)]
SET = r"(train|test|val|valid)"
DATA = re.compile(r"^xs?$|^x_|^x%s|%s_?xs?$|data|images|inputs?$" % (SET, SET))
TARGETS = re.compile(r"^ys?$|^y_|^y%s|%s_?ys?$|targets" % (SET, SET))
TEXT = re.compile(r"text|corpus|book|lyrics|content|poem|^raw")
MATRIX = re.compile(r"matrix|embeddings?$")
# Of what is called data, what is none: how much of it there is, where it lies, of which form it is.
ABOUT = re.compile(r"^(n|nb|num|max|min)_|"
                   r"(len(gth)?|size|dims?|count|width|height|path|file|dir|folder|format|name)s?$")
SIZES = re.compile(r"layers|units|filters|neurons|nodes|hidden|sizes|dims|kernels")
EXTENT = re.compile(r"dims?$|size$|shape")  # gone through or looked into: one number an axis
SAMPLES, CLASSES, OTHER = 8, 10, 16
PLAIN = (int, float, str, tuple, list, bool, type(u""))


def wanted(function):
    """Return the names of the parameters that a call must give; a method's first is not."""
    try:
        spec = getattr(inspect, "getfullargspec", None) or inspect.getargspec
        spec = spec(function)
    except TypeError:  # a class's of its own that it has not
        return []
    names = list(spec.args[: len(spec.args) - len(spec.defaults or ())])
    return names[1:] if names[:1] == ["self"] else names


def sets(names, known, images, shaped=(), many=(), dicts=()):
    """Yield calls' arguments, each a pair: a dict by name, and of it what was drawn, in words.

    known: globals of the file. images: the shape of a picture in this Keras; after it shapes of fewer axes are tried.
    shaped, many: of the names, those that the code itself takes for a shape or for a collection, which says more than
    a name. Then what may be a collection as well as its size is one, and a collection one of numbers. dicts: by name,
    what `keyed` is given for one that is looked into by words.
    """
    for shape in shapes(images):
        given, drawn = {}, {}
        for name in names:
            value = _of_the_file(name, known)
            if value is None and name in dicts:
                value, more = keyed(name, shape, *dicts[name])
                drawn.update(more)
            elif value is None:
                value = shape if name in shaped else by_name(name.lower(), shape, name in many)
                drawn[name] = in_words(value)
            given[name] = value
        ours = [name for name in names if name in drawn]
        unsure = [name for name in ours if name not in many and MANY.search(name.lower())]
        letters = dict((name, _collection(name.lower())) for name in unsure)
        numbers = dict((name, [OTHER] * 4) for name in ours if isinstance(given[name], list))
        for other in [{}] + [each for each in (letters, numbers) if each]:
            yield dict(given, **other), dict(drawn, **dict((name, in_words(value)) for name, value in other.items()))
        if not any(hangs_on_shape(name.lower(), name in shaped, name in many) for name in drawn):
            break


def keyed(name, shape, keys, written):
    """Return a dict for a name that is looked into by the words `keys`, and what of it was drawn, in words.

    written: the repository's dicts. The one that has the most of the words serves, and what it lacks is drawn.
    """
    best = max(written, key=lambda each: len(keys & set(each))) if written else {}
    found = dict(best) if keys & set(best) else {}
    lacking = dict((key, by_name(key.lower(), shape, False)) for key in sorted(keys - set(found)))
    found.update(lacking)
    return found, dict(("%s[%r]" % (name, str(key)), in_words(value)) for key, value in lacking.items())


def hangs_on_shape(name, is_shaped, is_many):
    """Tell whether what is drawn for a name in lower case is another where the shape of a sample is."""
    return is_shaped or any(_says(kind, name) for kind in (SHAPE, DATA)) or (is_many and bool(EXTENT.search(name)))


def shapes(images):
    """Return the shapes of a sample that are tried: a picture's in this Keras and the other, then of fewer axes."""
    return images, images[::-1], (16, 16), (16,)


def by_name(name, shape, is_many):
    """Return a value for a name in lower case; is_many: whether it is counted or gone through. shape: of a sample."""
    if is_many and EXTENT.search(name):
        return shape
    if is_many and not any(_says(kind, name) for kind in (DATA, TARGETS, MATRIX)):
        return " ".join(LETTERS * 40) if TEXT.search(name) else _collection(name)
    return _of_its_kind(name, shape)


def array(shape):
    """Return drawn numbers from 0 to 1, always the same of a shape."""
    return numpy.random.RandomState(0).rand(*shape).astype("float32")


def in_words(value):
    """Say what was drawn, for a person."""
    if hasattr(value, "dtype"):
        return "an array %s" % (value.shape,)
    words = repr(value)
    if len(words) < 40 or not hasattr(value, "__len__"):
        return words[:40]
    return "%d %s" % (len(value), "characters" if isinstance(value, str) else "letters")


def _collection(name):
    if SIZES.search(name):
        return [OTHER] * 4
    return dict((letter, i) for i, letter in enumerate(LETTERS)) if TABLE.search(name) else list(LETTERS)


def _of_the_file(name, known):
    values = [known.get(other) for other in (name, name.upper(), name.lower())]
    return next((value for value in values if isinstance(value, PLAIN)), None)


def _says(kind, name):
    """Tell whether a name is of a kind, and of data not what is only about it."""
    return bool(kind.search(name)) and (kind is SHAPE or not ABOUT.search(name))


def _of_its_kind(name, shape):
    if SHAPE.search(name):
        return shape
    for says, of in ((DATA, (SAMPLES,) + shape), (TARGETS, (SAMPLES, CLASSES)), (MATRIX, (100, OTHER))):
        if _says(says, name):
            return array(of)
    return next((value for says, value in KINDS if re.search(says, name)), OTHER)
