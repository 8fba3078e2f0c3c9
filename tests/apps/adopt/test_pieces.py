"""Code that makes a model of data that is not there, run a statement at a time in a real Keras 1.1.0."""

import shutil
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest

from reprise_kit.apps.adopt.run import SPY
from tests.apps.adopt.conftest import Old
from tests.apps.adopt.test_spy import spied

BEGINS = """
import numpy as np
from keras.layers import Convolution2D, Dense, Embedding, Flatten, LSTM
from keras.models import Sequential
"""
SCRIPT = """
X = np.load('X.npy')
y = np.load('y.npy')
nb_classes = 2
X = X[np.arange(len(X))].astype('float32') / X.max()
model = Sequential()
model.add(Convolution2D(4, 3, 3, input_shape=X.shape[1:]))
model.add(Flatten())
model.add(Dense(nb_classes))
model.compile('sgd', 'mse')
model.fit(X, y)
plot(model.history['loss'])
"""
LETTERS = """
text = open('nietzsche.txt').read().lower()
chars = sorted(list(set(text)))
char_to_index = dict((c, i) for i, c in enumerate(chars))
maxlen = 5
model = Sequential([LSTM(7, input_shape=(maxlen, len(chars)))])
print('corpus length: %d' % missing_too)
"""
FUNCTION = """
def train(rows=4):
    data = np.loadtxt('data.csv')
    n_outputs = len(data[0]['name'])
    if rows:
        model = Sequential([Dense(3, input_dim=rows)])
    for fold in folds(data):
        model.add(Dense(6))
        model.fit(data, data)
    return model
def folds(data):
    return open('folds.txt')
"""
METHOD = """
class Reader:
    def __init__(self, path):
        self.words = open(path).read().split()
        self.size = 9
    def build(self):
        model = Sequential([Dense(len(self.words), input_dim=self.size)])
        return model
"""
VECTORS = """
embedding_index = {}
for line in open('glove.txt'):
    embedding_index[line.split()[0]] = np.asarray(line.split()[1:])
embedding_matrix = np.zeros((11, 3))
for word, i in {'a': 1}.items():
    embedding_matrix[i] = embedding_index[word]
model = Sequential([Embedding(11, 3, weights=[embedding_matrix], input_length=4), LSTM(2)])
"""
LOADED = """
nb_words = len(open('words.txt').readlines())
word_embedding_matrix = np.load('matrix.npy')
model = Sequential([Embedding(nb_words + 1, 3, weights=[word_embedding_matrix], input_length=4), LSTM(2)])
"""
CONFIGURED = """
def configured(function):
    def call(*given, **named):
        raise TypeError('%s is missing values' % function.__name__)
    return call
@configured
def config():
    nb_filters = 6
@configured
def build_model(nb_filters, nb_classes):
    model = Sequential([Dense(nb_filters, input_dim=4)])
    model.add(Dense(nb_classes))
    return model
"""
SHAPED = """
def create(nb_classes, img_dim):
    first = Flatten(input_shape=img_dim)
    model = Sequential([first])
    model.add(Dense(nb_classes))
    return model
"""
USED = """
from keras.layers import Input
from keras.models import Model
def create(things, spread, deep):
    rows = [1 for each in things]
    first = Input(spread)
    answer = Dense(len(rows))(Flatten()(first))
    for size in deep:
        answer = Dense(deep[0])(answer)
    return Model(first, answer)
"""
LOOKED_INTO = """
class Network:
    def __init__(self, config, options):
        self.config, self.width = config, options['width']
    def build(self):
        model = Sequential([Dense(self.config['units'], input_dim=self.config['n_in'])])
        model.add(Dense(self.width))
        return model
"""
SETTINGS = """
def main():
    data = read('somewhere')
    settings = {'units': 6, 'n_in': 4, 'where': data}
"""
ABOUT = """
def create(X_vocab_len, X_max_len, y_vocab_len, num_inputs, data_path):
    model = Sequential([Embedding(X_vocab_len, 3, input_length=X_max_len), LSTM(num_inputs)])
    model.add(Dense(y_vocab_len))
    assert data_path is None
    return model
"""
TENSORS = """
from keras.layers import Input
from keras.models import Model
def networks(actions):
    state = Input((4,))
    policy = Model(state, Dense(actions)(state))
    policy.trainable_weights[0]
    return state, policy.output
"""
BLOCK = """
if True:
    vectors = open('glove.txt').read()
    first = Dense(5, input_dim=4)
else:
    first = Dense(6, input_dim=4)
model = Sequential([first])
"""
GIVEN_ITS_WEIGHTS = """
import h5py, os
def vgg(weights_path):
    model = Sequential([Dense(3, input_dim=4)])
    model.add(Dense(2))
    assert os.path.exists(weights_path), 'no weights'
    f = h5py.File(weights_path)
    for k in range(f.attrs['nb_layers']):
        layer = model.layers[k]
        layer.set_weights([f['layer_%d' % k][p] for p in f])
    f.close()
    return model
"""
ITSELF_GIVEN = """
class Network:
    def build(self):
        self.model = Sequential([Dense(3, input_dim=4)])
        self.model.set_weights(open('nowhere.txt').read())
        return self.model
"""
RUN_BY_NAME = """
import sys
def main():
    global model
    model = Sequential([Dense(3, input_dim=4)])
sys.modules['__main__'].main()
"""
CALLER = """
from net import get_model, load_its_weights
if __name__ == '__main__':
    first = Dense(5, input_dim=4)
    names = {'weights': 'nowhere.h5', 'layer': 1}
    model = get_model(first)
    model = load_its_weights(model, names['weights'])
    shown = model.layers[names['layer']]
    frames = open('frames.bin').read()
"""
NOT_YET = """
model = Sequential()
size = len(open('words.txt').read())
model.add(Dense(3, input_dim=size))
"""
HALF = """
model = Sequential([Dense(3, input_dim=4)])
def more():
    model.add(Dense(5))
    model.add(nowhere)
more()
other = Sequential([Dense(3, input_dim=4)])
other.add(Dense(elsewhere.size))
third = Sequential([Dense(3, input_dim=4)])
if True:
    third.add(Dense(5))
    third.load_weights(nowhere)
"""


def made(old: Old, folder: Path, code: str) -> tuple[int, list[list[tuple[int, ...]]], str]:
    """Return the exit code, of each model that was made its weights' shapes in order, and the notes."""
    (folder / "train.py").write_text(BEGINS + code)
    runs = (
        f"import runpy, sys\nsys.argv[1:] = ['train.py']\nrunpy.run_path('{SPY}/make_models.py', run_name='__main__')"
    )
    done, found = spied(old, folder, runs, REPRISE_SPY_BUILT="1")
    shapes = []
    for each in found:
        with h5py.File(each / "weights.h5") as file:
            layers = [file[name] for name in file.attrs["layer_names"]]
            shapes.append([array.shape for layer in layers for array in layer.values() if array.ndim > 1])
    notes = folder / "caught" / "notes.txt"
    return done.returncode, shapes, notes.read_text() if notes.exists() else done.stdout + done.stderr


@pytest.mark.parametrize(
    ("code", "shapes", "said"),
    [
        (SCRIPT, [(4, 3, 3, 3), (4 * 62 * 62, 2)], "train.py was run, with X=an array (8, 3, 64, 64) of our choice"),
        (LETTERS, [(17, 7)] * 4 + [(7, 7)] * 4, "with text=1279 characters of our choice"),
        (FUNCTION, [(4, 3), (3, 6)], "train of train.py was run a statement at a time, with data=an array"),
        (METHOD, [(9, 16)], "Reader.build of train.py was run a statement at a time, with path=None, words=16 letters"),
        (VECTORS, [(11, 3)] + [(3, 2)] * 4 + [(2, 2)] * 4, "embedding_matrix=an array (11, 3)"),
        (LOADED, [(101, 3)] + [(3, 2)] * 4 + [(2, 2)] * 4, "word_embedding_matrix=an array (101, 3)"),
        (
            CONFIGURED,
            [(4, 6), (6, 10)],
            "build_model of train.py was run a statement at a time, with nb_classes=10, nb_filters=6 of our choice",
        ),
        (SHAPED, [(3 * 64 * 64, 10)], "img_dim=(3, 64, 64), nb_classes=10 of our choice"),
        (USED, [(3 * 64 * 64, 4), (4, 16)] + [(16, 16)] * 3, "create of train.py was called by itself"),
        (ABOUT, [(100, 3)] + [(3, 16)] * 4 + [(16, 16)] * 4 + [(16, 100)], "create of train.py was called by itself"),
        (TENSORS, [(4, 10)], "networks of train.py was called by itself, with actions=10 of our choice"),
        (BLOCK, [(4, 5)], "train.py was run"),
        (RUN_BY_NAME, [(4, 3)], "train.py was run\n"),
        (GIVEN_ITS_WEIGHTS, [(4, 3), (3, 2)], "vgg of train.py was run a statement at a time"),
        (ITSELF_GIVEN, [(4, 3)], "Network.build of train.py was run a statement at a time"),
        (NOT_YET, [(64, 3)], "train.py was run, with size=64 of our choice"),
    ],
    ids=[
        "script",
        "letters",
        "function",
        "method",
        "vectors",
        "loaded",
        "configured",
        "shaped",
        "used",
        "about",
        "tensors",
        "block",
        "named",
        "given",
        "itself",
        "not yet",
    ],
)
def test_data_that_is_missing_is_drawn_by_its_name(
    old: Old, tmp_path: Path, code: str, shapes: list[tuple[int, ...]], said: str
) -> None:
    ended, found, notes = made(old, tmp_path, code)
    assert ended == 0, notes
    assert [sorted(each) for each in found] == [sorted(shapes)] and said in notes


def test_what_is_looked_into_by_words_is_a_dict_of_the_repositorys_or_drawn(old: Old, tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text(SETTINGS)
    (tmp_path / "other.json").write_text('{"units": 9}')  # has fewer of the words
    ended, found, notes = made(old, tmp_path, LOOKED_INTO)
    assert ended == 0 and found == [[(4, 6), (6, 64)]], notes
    assert "Network.build of train.py was called by itself, with options['width']=64 of our choice" in notes
    (tmp_path / "settings.py").unlink()
    (tmp_path / "other.json").write_text("[{")
    shutil.rmtree(tmp_path / "caught")
    ended, found, notes = made(old, tmp_path, LOOKED_INTO)
    assert ended == 0 and found == [[(16, 16), (16, 64)]], notes
    assert "config['n_in']=16, config['units']=16, options['width']=64 of our choice" in notes


def test_a_script_that_calls_what_makes_a_model(old: Old, tmp_path: Path) -> None:
    code = "def get_model(first):\n    return Sequential([first, Dense(2)])\n"
    code += "def load_its_weights(model, path):\n    return open(path).read()\n"
    (tmp_path / "net.py").write_text(BEGINS + code)
    ended, found, notes = made(old, tmp_path, CALLER)
    assert ended == 0 and found == [[(4, 5), (5, 2)]], notes


def test_what_failed_half_way_is_no_model(old: Old, tmp_path: Path) -> None:
    ended, found, notes = made(old, tmp_path, HALF)
    assert ended == 1 and not found, notes


def test_drawn_vectors_are_of_both_signs(old: Old, tmp_path: Path) -> None:
    ended, _, notes = made(old, tmp_path, LOADED + "np.save('vectors.npy', model.get_weights()[0])\n")
    assert ended == 0, notes
    vectors = np.load(tmp_path / "vectors.npy")
    assert vectors.min() < -0.4 and vectors.max() > 0.4


def test_a_package_that_cannot_be_imported_is_stood_in_for(old: Old, tmp_path: Path) -> None:
    """A file of the repository's own imports it, too; what is not called is not needed."""
    (tmp_path / "helper.py").write_text("from nowhere.spaces import Box\nclass Mine(Box):\n    size = 7\n")
    (tmp_path / "broken.py").write_text("raise ImportError('of its own')\n")
    code = "import broken\nfrom helper import Mine\nmodel = Sequential([Dense(Mine.size, input_dim=4)])\nMine.Box()\n"
    ended, found, notes = made(old, tmp_path, code)
    assert ended == 0 and found == [[(4, 7)]], notes
    assert "nowhere cannot be imported here: an empty package stands in for it" in notes
    assert "train.py was run, with nowhere=an empty package of our choice" in notes and "broken cannot" not in notes


def test_a_turn_has_its_share_of_the_time_that_is_left(old: Old) -> None:
    code = f"import sys; sys.path.insert(0, {str(SPY)!r}); from make_models import seconds\n"
    code += "print([seconds(left, 4) for left in (-1, 300, 1e4, float('inf'))])"
    env = old.variables | {"REPRISE_SPY_OUT": ""}
    done = subprocess.run([old.python, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[40, 75, 150, 150]"
