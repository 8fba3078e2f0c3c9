"""Data sets that Keras downloads, which a box cannot: drawn ones of their form take their place, and it is said.

What is asked on drawn data is no input of the repository's own.
"""
import functools
import gzip
import json
import os
import pickle
import struct
import sys

from reprise_spy.names import *  # noqa: F403
from reprise_spy.state import OUT, guarded, note, state

TRAIN, TEST = 512, 128  # samples, where a reader takes any number
LARGEST = 1 << 20  # bytes that are read of a file
WHOLE = 60000, 10000  # of MNIST, where a program says so: X.reshape(60000, 784)
WORDS = 2000
SIGNATURE = b"\x89HDF\r\n\x1a\n"


def spied_get_file(get_file):
    """Keras's own comes first: what lies in HOME, of the right hash, is taken."""
    if getattr(get_file, "_reprise", False):
        return get_file

    @functools.wraps(get_file)
    def call(fname, *arguments, **named):
        try:
            return get_file(fname, *arguments, **named)
        except Exception:
            path = double(fname) or weights(fname)
            if path is None:
                raise
            return path
    call._reprise = True
    return call


ABSENT = "absent-"  # begins the name of a file of weights that is not there


@guarded
def weights(fname):
    """A path for a file of weights that Keras downloads: nothing is there, and load_weights of it changes nothing."""
    return os.path.join(OUT, ABSENT + os.path.basename(fname)) if fname.endswith((".h5", ".hdf5")) else None


@guarded
def is_absent(arguments, by_program):
    """Whether a model is to be given such a file; it then keeps the weights that it began with.

    Where what is only built counts, so is any file that the program itself names and that holds no weights: it is not
    there, is a pointer to where git keeps large files, or was filled in for want of one.
    """
    path = str(arguments[0] if arguments else "")
    downloaded = path.startswith(os.path.join(OUT, ABSENT))
    missing = by_program and path and os.environ.get("REPRISE_SPY_BUILT") and not is_hdf5(path)
    if not downloaded and not missing:
        return False
    state().drawn = True
    name = os.path.basename(path)[len(ABSENT):] + ", which Keras downloads," if downloaded else path
    what = "no file of weights" if os.path.exists(path) else "not there"
    note("%s is %s: the model keeps the weights that it began with, so its answers say nothing" % (name, what))
    return True


def is_hdf5(path):
    """Whether a file begins as HDF5 does, behind a block of the user's own where it has one."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as stream:
        for place in [0] + [512 << i for i in range(12)]:
            stream.seek(place)
            if stream.read(len(SIGNATURE)) == SIGNATURE:
                return True
    return False


def spied_load_img(load_img):
    """Where what is only built counts, a picture that is not there is drawn."""
    if getattr(load_img, "_reprise", False):
        return load_img

    @functools.wraps(load_img)
    def call(path, *arguments, **named):
        there = hasattr(path, "read") or os.path.exists(path) or not os.environ.get("REPRISE_SPY_BUILT")
        return load_img((not there and picture(path)) or path, *arguments, **named)
    call._reprise = True
    return call


@guarded
def picture(path):
    """The path of a drawn picture in the place of one that is not there."""
    from PIL import Image

    drawn = os.path.join(folder_of_drawn(), "picture.png")
    Image.fromarray(pictures(sys.modules["numpy"], 224, 224, 3)).save(drawn)
    state().drawn = True
    note("%s is not there: a picture of ours is read in its place" % path)
    return drawn


def folder_of_drawn():
    folder = os.path.join(OUT, "drawn")
    if not os.path.isdir(folder):
        os.mkdir(folder)
    return folder


@guarded
def double(fname):
    """The path of a drawn data set of a name, None where no data set of Keras has it."""
    write = WRITERS.get(fname)
    if write is None:
        return None
    path = os.path.join(folder_of_drawn(), fname)
    if not os.path.exists(path):
        write(path, sys.modules["numpy"])
    if fname in NAMES:
        note("%s, which Keras downloads, was drawn: the names of its classes are not theirs" % fname)
        return path
    state().drawn = True
    note("%s, which Keras downloads, was drawn: the answers are right for the model, "
         "and say nothing of the data" % fname)
    return path


def pictures(np, count, *shape):
    return np.random.RandomState(count).randint(0, 256, (count,) + shape).astype("uint8")


def classes(np, count, many=10):
    return (np.arange(count) % many).astype("uint8")


def texts(np, count):
    draw = np.random.RandomState(count)
    found = np.empty(count, object)
    for i in range(count):
        found[i] = [1] + draw.randint(4, WORDS, draw.randint(20, 200)).tolist()
    return found


def counts():
    """How many digits are drawn, to learn from and to test with."""
    for folder, _, names in os.walk(os.getcwd()):
        for name in names:
            path = os.path.join(folder, name)
            if name.endswith(".py") and os.path.isfile(path):
                with open(path, "rb") as stream:
                    if b"60000" in stream.read(LARGEST):
                        return WHOLE
    return TRAIN, TEST


def mnist(np):
    return tuple((pictures(np, count, 28, 28), classes(np, count)) for count in counts())


def reviews(np):
    return ((texts(np, TRAIN), classes(np, TRAIN, 2)), (texts(np, TEST), classes(np, TEST, 2)))


def four(made):
    def write(path, np):
        (x_train, y_train), (x_test, y_test) = made(np)
        np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return write


def pickled(made, opened=open):
    def write(path, np):
        with opened(path, "wb") as stream:
            pickle.dump(made(np), stream, 2)
    return write


def lists(made):
    return lambda np: tuple((list(x), y.tolist()) for x, y in made(np))


def pair(x, y):
    return lambda path, np: np.savez(path, x=x(np), y=y(np))


def cifar10(path, np):
    os.mkdir(path)
    for name in ["data_batch_%d" % i for i in range(1, 6)] + ["test_batch"]:
        with open(os.path.join(path, name), "wb") as stream:
            pickle.dump({b"data": pictures(np, 10000, 3072), b"labels": classes(np, 10000).tolist()}, stream, 2)


def idx(part, *shape):
    def write(path, np):
        count = counts()[part]
        values = pictures(np, count, *shape) if shape else classes(np, count)
        with gzip.open(path, "wb") as stream:
            head = struct.pack(">%dI" % (2 + len(shape)), 2049 + 2 * bool(shape), count, *shape)
            stream.write(head + values.tobytes())
    return write


def words(np):
    return dict(("word%d" % i, i) for i in range(1, WORDS))


def words_file(path, np):
    with open(path, "w") as stream:
        json.dump(words(np), stream)


def class_names(path, np):
    with open(path, "w") as stream:
        json.dump(dict((str(i), ["n%08d" % i, "class%d" % i]) for i in range(1000)), stream)


NAMES = {"imagenet_class_index.json"}  # what is read of an answer, and given to no model
WRITERS = {
    "imagenet_class_index.json": class_names,
    "mnist.npz": four(mnist), "mnist.pkl.gz": pickled(mnist, opened=gzip.open),
    "train-images-idx3-ubyte.gz": idx(0, 28, 28), "train-labels-idx1-ubyte.gz": idx(0),
    "t10k-images-idx3-ubyte.gz": idx(1, 28, 28), "t10k-labels-idx1-ubyte.gz": idx(1),
    "cifar-10-batches-py": cifar10,
    "imdb.npz": four(reviews), "imdb_full.pkl": pickled(lists(reviews)),
    "reuters.npz": pair(lambda np: texts(np, TRAIN), lambda np: classes(np, TRAIN, 46)),
    "reuters.pkl": pickled(lambda np: lists(lambda np: [(texts(np, TRAIN), classes(np, TRAIN, 46))])(np)[0]),
    "imdb_word_index.json": words_file, "reuters_word_index.json": words_file,
    "imdb_word_index.pkl": pickled(words), "reuters_word_index.pkl": pickled(words),
    "boston_housing.npz": pair(lambda np: np.random.RandomState(1).rand(506, 13), lambda np: np.arange(506.) % 50),
}
