"""The spy in a real Keras 1.1.0: what it keeps, and that its host notices nothing."""

import importlib
import json
import os
import subprocess
import time
import types
from pathlib import Path

import h5py
import numpy as np
import pytest

from reprise_kit.apps.adopt.run import SPY
from reprise_kit.compare import eras, python27
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.system import RECORDER
from reprise_kit.port.keras_legacy import migrate, read
from tests.apps.adopt.conftest import Old
from tests.require import require

DENSE = """
import numpy as np
from keras.layers import Dense
from keras.models import Sequential
model = Sequential([Dense(3, input_dim=4, activation='tanh')])
x = np.random.RandomState(0).randn(5, 4).astype('float32')
"""
# How much is kept hangs on the time that it takes, and so on the machine: here all of it, in a forked child too.
UNHURRIED = "import reprise_spy.state\nreprise_spy.state.SHARE = 1e9\n"


def spied(old: Old, folder: Path, code: str, **variables: str) -> tuple[subprocess.CompletedProcess[str], list[Path]]:
    caught = folder / "caught"
    caught.mkdir()
    program = folder / "program.py"
    program.write_text(code)
    env = {**old.variables, "PYTHONPATH": str(SPY), "REPRISE_SPY_OUT": str(caught), **variables}
    run = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 300}
    done = subprocess.run([old.python, program], cwd=folder, env=env, start_new_session=True, **run)
    assert not list(caught.rglob("part-*"))
    return done, sorted(path.parent for path in caught.glob("*/about.json"))


def calls(folder: Path) -> list[dict[str, np.ndarray]]:
    found = []
    for path in sorted(folder.glob("call_*.npz")):
        with np.load(path, allow_pickle=False) as arrays:
            found.append(dict(arrays))
    return found


def test_architecture_weights_inputs_and_outputs(old: Old, tmp_path: Path) -> None:
    code = DENSE + "np.save('seen.npy', model.predict(x))\n"
    done, found = spied(old, tmp_path, code, REPRISE_SPY_ROOT=str(tmp_path.parent))
    assert done.returncode == 0, done.stderr
    (folder,) = found
    about = json.loads((folder / "about.json").read_text())
    assert (about["keras"], about["backend"], about["image_ordering"]) == ("1.1.0", "theano", "th")
    assert about["folders"] == [tmp_path.name], "where its script lies"
    assert json.loads((folder / "architecture.json").read_text())["class_name"] == "Sequential"
    assert (folder / "weights.h5").stat().st_size > 500
    (call,) = calls(folder)
    assert np.array_equal(call["out_0"], np.load(tmp_path / "seen.npy")) and call["in_0"].shape == (5, 4)
    assert call["event"].item() == b"predict"


def test_a_new_state_for_new_weights_and_a_function_as_a_model(old: Old, tmp_path: Path) -> None:
    code = (
        UNHURRIED
        + DENSE
        + (
            "from keras import backend as K\n"
            "model.predict(x)\nmodel.set_weights([w + 1 for w in model.get_weights()])\n"
            "model.predict(x); model.predict(x)\n"
            "f = K.function([model.layers[0].input, K.learning_phase()], [model.layers[-1].output])\n"
            "assert f([x, 0])[0].shape == (5, 3)\n"
            "model.compile('sgd', 'mse'); model.train_on_batch(x, np.zeros((5, 3)))\n"
        )
    )
    done, found = spied(old, tmp_path, code)
    assert done.returncode == 0, done.stderr
    events = [json.loads((folder / "about.json").read_text())["event"] for folder in found]
    assert sorted(events) == ["K.function", "predict", "predict"]
    by_name = {folder.name.split("-", 1)[1]: calls(folder) for folder in found}
    assert [len(by_name[name]) for name in ("0-0", "0-1", "1-0")] == [1, 3, 1]
    assert not np.allclose(by_name["0-0"][0]["out_0"], by_name["0-1"][0]["out_0"])
    assert "out_0" not in by_name["0-1"][2] and by_name["0-1"][2]["event"].item() == b"train_on_batch"


def test_what_was_only_built_is_kept_where_that_is_asked_for(old: Old, tmp_path: Path) -> None:
    code = DENSE + "model.compile('sgd', 'mse')\nopen('not_in_git.csv')\n"
    for name, variables, events in (("not", {}, []), ("asked", {"REPRISE_SPY_BUILT": "1"}, ["built"])):
        folder = tmp_path / name
        folder.mkdir()
        done, found = spied(old, folder, code, **variables)
        assert done.returncode == 1 and "not_in_git.csv" in done.stderr
        assert [json.loads((path / "about.json").read_text())["event"] for path in found] == events


def test_a_model_whose_weights_are_its_samples_as_in_keras_0_3_is_kept_too(old: Old, tmp_path: Path) -> None:
    code = DENSE + (
        "import theano\n"
        "class Sequential03(Sequential):\n    weights = theano.tensor.vector()\n"
        "model = Sequential03([Dense(3, input_dim=4)])\nmodel.compile('sgd', 'mse')\n"
    )
    done, (folder,) = spied(old, tmp_path, code, REPRISE_SPY_BUILT="1")
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "about.json").read_text())["event"] == "built"


def test_a_model_of_tensors_counts_where_another_library_computes_with_it(old: Old, tmp_path: Path) -> None:
    code = (
        DENSE + "from keras.layers import Input\nfrom keras.models import Model\n"
        "class Own(Model):\n    pass\n"
        "state = Input((4,))\nmodel = Own(state, Dense(2)(state))\nmodel(Input((4,)))\n"
        "damaged = Model(state, Dense(2)(state))\ndamaged.layers.pop()\n"
    )
    for name, variables, events in (("not", {}, []), ("asked", {"REPRISE_SPY_BUILT": "1"}, ["built"])):
        (tmp_path / name).mkdir()
        done, found = spied(old, tmp_path / name, code, **variables)
        assert done.returncode == 0, done.stderr
        assert [json.loads((path / "about.json").read_text())["event"] for path in found] == events
        assert all(json.loads((path / "about.json").read_text())["class"] == "Own" for path in found)


@pytest.mark.parametrize(
    ("holds", "what"),
    [(None, "not there"), (b"version https://git-lfs.github.com/spec/v1\nsize 9\n", "no file of weights")],
)
def test_weights_that_are_not_there_are_passed_over_where_what_is_built_counts(
    old: Old, tmp_path: Path, holds: bytes | None, what: str
) -> None:
    code = DENSE + "model.load_weights('not_in_git.h5')\nmodel.predict(x)\n"
    for name, variables in (("not", {}), ("asked", {"REPRISE_SPY_BUILT": "1"})):
        (tmp_path / name).mkdir()
        if holds is not None:
            (tmp_path / name / "not_in_git.h5").write_bytes(holds)
        done, found = spied(old, tmp_path / name, code, **variables)
        assert done.returncode == (0 if variables else 1) and len(found) == len(variables)
    (call,) = calls(found[0])
    assert "drawn" in call, "what an untrained model is asked is no proof on the repository's own input"
    assert f"not_in_git.h5 is {what}: the model keeps" in (tmp_path / "asked/caught/notes.txt").read_text()


def test_what_a_lambda_names_and_a_layer_calls_by_name_is_found_again(old: Old, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("""
import numpy
from keras import backend as K
from keras.layers import Activation, Dense, Lambda
from keras.models import Sequential
import theano.tensor as T
def twice(x):
    return T.tanh(x) * 2
def halved(x):
    return x / 2
def begun(shape, name=None):
    return K.variable(numpy.ones(shape), name=name)
def build():
    return Sequential([Dense(3, input_dim=4, init=begun, activation='tanh'), Lambda(twice), Activation(halved)])
""")
    code = "import sys, numpy\nsys.path.insert(0, '.')\nimport net\nnet.build().predict(numpy.ones((2, 4)))\n"
    done, (folder,) = spied(old, tmp_path, code)
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "about.json").read_text())["own_classes"] == {"T": "net:T", "halved": "net:halved"}, (
        "how weights begin is not asked for again: it may be defined where nothing can be imported, as in a notebook"
    )


def test_what_was_only_built_is_kept_while_a_server_waits(old: Old, tmp_path: Path) -> None:
    waits = """
import glob, os, time
model.add(Scaled(7))
model.compile('sgd', 'mse')
for _ in range(600):
    time.sleep(0.2)
    if glob.glob('caught/[0-9]*/about.json'):  # not part-*, half written
        time.sleep(3)  # a recording would be there
        os._exit(7)  # no exit handler runs
"""
    variables = {"REPRISE_SPY_BUILT": "1", "REPRISE_SPY_RECORDER": str(RECORDER)}
    done, found = spied(old, tmp_path, OWN_LAYER + DENSE + waits, **variables)
    assert done.returncode == 7, done.stderr
    assert not (found[0] / "stand_in.npz").exists(), "a program that still runs is not asked: its states are its own"
    assert [json.loads((folder / "about.json").read_text())["event"] for folder in found] == ["built"]


def test_what_was_only_built_is_kept_before_its_time_is_over(old: Old, tmp_path: Path) -> None:
    works = """
import glob, os, time
model.compile('sgd', 'mse')
until = time.time() + 120
while time.time() < until:
    if glob.glob('caught/[0-9]*/about.json'):  # not part-*, half written
        os._exit(7)  # no exit handler runs
"""
    done, found = spied(old, tmp_path, DENSE + works, REPRISE_SPY_BUILT="1", REPRISE_SPY_SECONDS="1")
    assert done.returncode == 7, done.stderr
    assert len(found) == 1


def test_weights_that_fit_what_was_only_built_are_loaded_into_it(old: Old, tmp_path: Path) -> None:
    save = "model.save_weights('%s')\nnp.save('%s.npy', model.get_weights()[0])\n"
    other = DENSE.replace("Dense(3", "Dense(2") + save % ("other.h5", "other")
    for code in (other, DENSE + save % ("own.h5", "own")):
        subprocess.run([old.python, "-c", code], cwd=tmp_path, env=old.variables, check=True, timeout=300)
    code = DENSE + "model.compile('sgd', 'mse')\nopen('data.csv')\n"
    files = os.pathsep.join(str(tmp_path / name) for name in ("gone.h5", "other.h5", "own.h5"))
    done, found = spied(old, tmp_path, code, REPRISE_SPY_BUILT="1", REPRISE_SPY_WEIGHTS=files)
    assert done.returncode == 1 and "data.csv" in done.stderr
    (folder,) = found
    about = json.loads((folder / "about.json").read_text())
    assert about["event"] == f"load_weights {tmp_path / 'own.h5'}" and "not seen to load" in about["problems"][0]
    with h5py.File(folder / "weights.h5") as kept:
        assert np.array_equal(kept["dense_1/dense_1_W"], np.load(tmp_path / "own.npy"))
    assert "other.h5 does not fit" in (tmp_path / "caught/notes.txt").read_text()


TRAINS = """
import nowhere
import numpy as np
from keras.layers import Dense
from keras.models import Sequential
rows = 4
half = Sequential([Dense(3, input_dim=rows)])
half.add(Dense(len(words)))
def get_model(rows, nb_classes, activation='tanh'):
    return Sequential([Dense(nb_classes, input_dim=rows, activation=activation)])
def from_data(x):
    return Sequential([Dense(2, input_dim=x.shape[9])])
def of_letters(charset, letter_to_index):
    return Sequential([Dense(len(charset), input_dim=letter_to_index['f'])])
class Agent(object):
    def __init__(self, state_size):
        self.state_size = state_size
        self.model = self._build()
    def _build(self):
        model = Sequential([Dense(2, input_dim=self.state_size)])
        model.compile('sgd', 'mse')
        return model
if __name__ == '__main__':
    x = np.load('data.npy')
    model = get_model(x.shape[1], 7)
    model.fit(x, x)
"""


def test_the_models_that_its_code_makes_are_made_without_its_data(old: Old, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAINS)
    (tmp_path / "use.py").write_text("N = 7\nmodel = get_model(4, nb_classes=N)\n")
    code = (
        f"import runpy, sys\nsys.argv[1:] = ['train.py']\nrunpy.run_path('{SPY}/make_models.py', run_name='__main__')"
    )
    done, found = spied(old, tmp_path, code, REPRISE_SPY_BUILT="1")
    assert done.returncode == 0, done.stderr
    sizes = []
    for folder in found:
        with h5py.File(folder / "weights.h5") as file:
            sizes.append([array.shape for group in file.values() for array in group.values() if array.ndim == 2])
    assert sorted(sizes) == [[(4, 7)], [(5, 16)], [(16, 2)]], "neither half a model nor one of data that is not there"
    notes = (tmp_path / "caught" / "notes.txt").read_text()
    assert "Agent._build of train.py was called by itself, with state_size=16 of our choice\n" in notes
    assert "get_model of train.py was called by itself\n" in notes
    assert "charset=16 letters, letter_to_index=16 letters of our choice" in notes


@pytest.mark.parametrize("package", ["", "import nowhere\n", "from . import net\n"])
def test_the_models_of_a_package_are_made_with_what_it_imports_of_itself(
    old: Old, tmp_path: Path, package: str
) -> None:
    files = {"nets/__init__.py": "", "nets/deep/__init__.py": package, "nets/sizes.py": "ROWS = 5\n"}
    files["nets/deep/net.py"] = "from ..sizes import ROWS\n" + TRAINS.partition("def from_data")[0]
    for path, code in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(
            code.replace("get_model(rows,", "get_model(").replace("dim=rows, a", "dim=ROWS, a")
        )
    code = (
        "import runpy, sys\nsys.argv[1:] = ['nets/deep/net.py']\n"
        f"runpy.run_path('{SPY}/make_models.py', run_name='__main__')"
    )
    done, found = spied(old, tmp_path, code, REPRISE_SPY_BUILT="1")
    assert done.returncode == 0, done.stderr
    (folder,) = found
    with h5py.File(folder / "weights.h5") as file:
        assert (5, 10) in [array.shape for group in file.values() for array in group.values()]


@pytest.mark.parametrize("of", ["model.to_json()", "json.dumps(model.get_config())", "json.dumps(model.to_json())"])
def test_an_architecture_is_kept_however_it_was_written(old: Old, tmp_path: Path, of: str) -> None:
    code = (
        "import json, runpy, sys\nfrom keras.layers import Dense, Input\nfrom keras.models import Model\n"
        f"x = Input((4,))\nmodel = Model(x, Dense(3)(x))\nopen('model.json', 'w').write({of})\ndel model\n"
        "import reprise_spy.state\nreprise_spy.state._state[0] = None\n"  # what made the file is not what is looked for
        "sys.argv[1:] = ['--architectures', 'model.json']\n"
        f"runpy.run_path('{SPY}/open_files.py', run_name='__main__')\n"
    )
    done, found = spied(old, tmp_path, code, REPRISE_SPY_BUILT="1")
    assert done.returncode == 0 and len(found) == 1, done.stderr


def test_weights_that_keras_downloads_leave_the_model_as_it_began(old: Old, tmp_path: Path) -> None:
    code = DENSE + (
        "from keras.utils.data_utils import get_file\n"
        "model.load_weights(get_file('vgg_weights.h5', origin='http://127.0.0.1:9/vgg_weights.h5'))\n"
        "model.predict(x)\n"
    )
    done, found = spied(old, tmp_path, code)
    assert done.returncode == 0, done.stderr
    (folder,) = found
    (call,) = calls(folder)
    assert call["event"].item() == b"predict" and call["drawn"].item(), "no answer of the repository's own"
    assert "vgg_weights.h5, which Keras downloads, is not there" in (tmp_path / "caught" / "notes.txt").read_text()


def test_names_of_classes_that_keras_downloads_are_drawn_and_no_model_is_given_them(old: Old, tmp_path: Path) -> None:
    code = DENSE + (
        "import json\n"
        "from keras.utils.data_utils import get_file\n"
        "names = json.load(open(get_file('imagenet_class_index.json', origin='http://127.0.0.1:9/names.json')))\n"
        "assert len(names) == 1000 and len(names['999']) == 2\n"
        "model.predict(x)\n"
    )
    done, found = spied(old, tmp_path, code)
    assert done.returncode == 0, done.stderr
    (call,) = calls(found[0])
    assert "drawn" not in call, "its input is the repository's own"
    assert "imagenet_class_index.json, which Keras" in (tmp_path / "caught" / "notes.txt").read_text()


def test_a_layer_of_its_own_that_json_cannot_hold_is_named(old: Old, tmp_path: Path) -> None:
    own = """
class Own(Dense):
    def get_config(self):
        return dict(Dense.get_config(self), how=open, many=np.arange(3), kept=object())
model = Sequential([Own(3, input_dim=4)])
model.predict(x)
"""
    done, found = spied(old, tmp_path, DENSE + own)
    assert done.returncode == 0, done.stderr
    (folder,) = found
    (layer,) = json.loads((folder / "architecture.json").read_text())["config"]
    assert layer["class_name"] == "Own" and layer["config"]["many"] == [0, 1, 2] and layer["config"]["how"] == "open"
    about = json.loads((folder / "about.json").read_text())
    assert "Own" in about["own_classes"] and "holds what JSON cannot" in about["problems"][0]
    assert len(calls(folder)) == 1


def test_a_hostile_host_meets_its_own_errors_only(old: Old, tmp_path: Path) -> None:
    code = UNHURRIED + (Path(__file__).parent / "programs/hostile/main.py").read_text()
    done, found = spied(old, tmp_path, code)
    assert done.returncode == 3, done.stderr
    assert "reassigned (5, 3)" in done.stdout and "own error" in done.stdout
    assert len({folder.name.split("-")[0] for folder in found}) == 2, "the forked child's model is kept apart"
    assert sum(len(calls(folder)) for folder in found) >= 5


def test_nothing_to_write_to_is_no_trouble_of_the_host(old: Old, tmp_path: Path) -> None:
    done, found = spied(old, tmp_path, DENSE + "print(model.predict(x).shape)\n", REPRISE_SPY_OUT="/proc/nowhere")
    assert done.returncode == 0 and "(5, 3)" in done.stdout and not found and "Traceback" not in done.stderr


def test_a_program_that_asks_once_is_heard_whatever_it_costs(old: Old, tmp_path: Path) -> None:
    code = (
        DENSE
        + "from reprise_spy.state import state\nstate().kept, state().spent = 1, 1e9\n"
        + "model.predict(x)\nmodel.predict(x + 1)\n"
    )
    done, found = spied(old, tmp_path, code)
    assert done.returncode == 0 and [len(calls(folder)) for folder in found] == [1], done.stderr


def test_it_takes_less_time_than_its_host(old: Old, tmp_path: Path) -> None:
    code = DENSE + "import time\nmodel.predict(x)\nbegan = time.time()\nfor i in range(300):\n    model.predict(x)\n"
    code += "print(time.time() - began)\n"
    taken = []
    for name, out in (("alone", ""), ("spied", None)):
        folder = tmp_path / name
        folder.mkdir()
        began = time.monotonic()
        done, _ = spied(old, folder, code, **({"REPRISE_SPY_OUT": out} if out is not None else {}))
        assert done.returncode == 0, done.stderr
        taken.append(time.monotonic() - began)
    assert taken[1] < 2 * taken[0]


def test_a_module_builtins_of_another_is_not_met(old: Old, tmp_path: Path) -> None:
    (tmp_path / "builtins.py").write_text("raise ImportError('the package future')\n")
    done, found = spied(old, tmp_path, DENSE + "model.predict(x)\n")
    assert done.returncode == 0 and len(found) == 1


def test_the_sitecustomize_behind_it_still_runs(old: Old, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "sitecustomize.py").write_text("import sys; sys.ran = True\n")
    code = "import sys; print(sys.ran)\n"
    done, _ = spied(old, tmp_path, code, PYTHONPATH=f"{SPY}:{other}")
    assert done.stdout == "True\n", done.stderr


def test_a_function_of_another_python_is_taken_from_its_source(old: Old, tmp_path: Path) -> None:
    """Byte code that differs stands for another Python's; constants that differ are another function."""
    (tmp_path / "own.py").write_text("def scale(x):\n    return x / 2. - 3\n")
    code = """
import marshal, types, own
from keras.utils.generic_utils import func_load

def loaded(constants):
    c = own.scale.__code__
    other = types.CodeType(c.co_argcount, c.co_nlocals, c.co_stacksize, c.co_flags, chr(9) + c.co_code, constants,
                           c.co_names, c.co_varnames, 'elsewhere.py', c.co_name, 1, c.co_lnotab)
    made = func_load(marshal.dumps(other).decode('raw_unicode_escape'))
    return made.__code__.co_filename.endswith('own.py'), made(4)

print(loaded(own.scale.__code__.co_consts), loaded((None, 2., 5)))
"""
    done, _ = spied(old, tmp_path, code)
    assert done.stdout == "((True, -1.0), (False, -3.0))\n", done.stdout + done.stderr
    assert "scale was saved by another Python: taken from own.py" in (tmp_path / "caught" / "notes.txt").read_text()


OWN_LAYER = """
from keras.layers import Layer
class Scaled(Layer):  # its get_config says nothing of `by`: no other process builds it again
    def __init__(self, by, **named):
        self.by = by
        super(Scaled, self).__init__(**named)
    def call(self, x, mask=None):
        return x * self.by
"""


def test_what_no_second_process_could_build_is_recorded_within_its_program(old: Old, tmp_path: Path) -> None:
    code = (
        OWN_LAYER + DENSE + "own = Sequential([Dense(3, input_dim=4), Scaled(7, name='scaled')])\n"
        "own.compile('sgd', 'mse'); model.compile('sgd', 'mse')\n"
        "asked = Sequential([Dense(2, input_dim=4), Scaled(7)])\nasked.predict(x)\n"
        "from keras import backend as K\ndef mine(x, most=.5):\n    return K.relu(x, max_value=most) * 5\n"
        "activated = Sequential([Dense(3, input_dim=4, activation=mine)])\nactivated.compile('sgd', 'mse')\n"
    )
    recorder = {"REPRISE_SPY_RECORDER": str(RECORDER), "REPRISE_SPY_BUILT": "1"}
    done, found = spied(old, tmp_path, UNHURRIED + code, **recorder)
    assert done.returncode == 0, done.stderr
    recorded = [folder for folder in found if (folder / "stand_in.npz").is_file()]
    assert [folder.name.split("-")[1] for folder in recorded] == ["0", "3"] and len(found) == 4, (
        "neither what Keras builds again nor what answered its program"
    )
    with np.load(recorded[0] / "stand_in.npz") as arrays:
        about = json.loads(arrays["provenance"].item())
        before = next(arrays[key] for key in arrays.files if key.startswith("layer_dense"))
        assert np.allclose(arrays["out_0"], 7 * before) and np.array_equal(arrays["out_0"], arrays["layer_scaled"])
        assert np.ptp(arrays["out_0"]) > 1
    assert (about["keras"], about["backend"], about["image_ordering"]) == ("1.1.0", "theano", "th")
    assert not list(recorded[0].glob("call_*")), "what the recorder asks is no call of the program's"


OWN_SOFTMAX = """
import keras
import numpy as np
from keras import backend as K
from keras.layers import Activation, Dense, TimeDistributed
from keras.models import Sequential
def softmax(x, axis=1):  # of a name that Keras has too, over another axis
    if K.ndim(x) == 2:
        return K.softmax(x)
    elif K.ndim(x) > 2:
        powers = K.exp(keras.activations.relu(x, max_value=2.))
        return powers / K.sum(powers, axis=axis, keepdims=True)
    else:
        raise ValueError('too few')
model = Sequential([TimeDistributed(Dense(3), input_shape=(5, 4)), Activation(softmax)])
model.compile('sgd', 'mse')
"""


@pytest.mark.parametrize("steps", [False, True], ids=["whole", "each step"])
@pytest.mark.parametrize(("version", "needs"), [("1.1.0", "python27"), ("2.2.4", "python37")])
def test_an_activation_of_its_own_migrates_by_its_code(tmp_path: Path, version: str, needs: str, steps: bool) -> None:
    """A file names it only; the spy keeps its code, which is read: both ways of what shapes decide."""
    recorder = {"REPRISE_SPY_RECORDER": str(RECORDER), "REPRISE_SPY_BUILT": "1"}
    code = OWN_SOFTMAX.replace(
        "Activation(softmax)]", "TimeDistributed(Activation(softmax))]" if steps else "Activation(softmax)]"
    )
    done, (folder,) = spied(of_keras(version, tmp_path, needs), tmp_path, code, **recorder)
    assert done.returncode == 0, done.stderr
    files = folder / "architecture.json", folder / "weights.h5", tmp_path / "model.keras"
    settled = migrate.Options(source_backend="theano", keras_version=version)
    assert migrate.migrate_files(*files, settled, golden=folder / "stand_in.npz").agrees
    (folder / "about.json").unlink()  # then Keras's is taken, which only each step's is
    assert migrate.migrate_files(*files, settled, golden=folder / "stand_in.npz").agrees is steps


@pytest.mark.parametrize(("own", "is_read"), [("K.tanh(x) * 3", True), ("x - K.max(x, axis=1, keepdims=True)", False)])
def test_where_a_layer_lies_otherwise_only_what_each_number_gives_is_read(
    old: Old, tmp_path: Path, own: str, is_read: bool
) -> None:
    """A convolution is computed channels-last here, whatever its Keras did."""
    code = (
        f"from keras import backend as K\nfrom keras.layers import Convolution2D\ndef own(x):\n    return {own}\n"
        + DENSE
    )
    code += (
        "net = Sequential([Convolution2D(3, 2, 2, input_shape=(2, 5, 5), activation=own)])\nnet.compile('sgd', 'mse')\n"
    )
    done, (folder,) = spied(old, tmp_path, code, REPRISE_SPY_RECORDER=str(RECORDER), REPRISE_SPY_BUILT="1")
    files = folder / "architecture.json", folder / "weights.h5", tmp_path / "model.keras"
    settled = migrate.Options(source_backend="theano")
    if is_read:
        assert migrate.migrate_files(*files, settled, golden=folder / "stand_in.npz").agrees, done.stderr
        return
    with pytest.raises(InputError, match="of more than each number by itself: a Convolution2D lays it otherwise"):
        migrate.migrate_files(*files, settled)


def test_code_of_its_own_that_is_not_read_is_refused_by_name(tmp_path: Path) -> None:
    """Not taken for what Keras calls by the same name."""
    loops = OWN_SOFTMAX.replace("powers = ", "powers = sum(1 for _ in range(1)) * ")
    variables = {"REPRISE_SPY_BUILT": "1"}
    done, (folder,) = spied(of_keras("1.1.0", tmp_path, "python27"), tmp_path, loops, **variables)
    assert done.returncode == 0, done.stderr
    files = folder / "architecture.json", folder / "weights.h5", tmp_path / "model.keras"
    settled = migrate.Options(source_backend="theano")
    with pytest.raises(InputError, match=r"activation_1: its activation softmax is the program's own function"):
        migrate.migrate_files(*files, settled)


@pytest.mark.parametrize(
    ("functions", "kept"),
    [
        ("(lambda x, by=2.: x * by,) * 2", [2.0]),
        ("(lambda x, by=(1, 2): x * by,)", [[1, 2]]),
        ("(lambda x, by=2.: x * by, lambda x, by=3.: x * by)", None),  # which of them a layer means, no name says
        ("(lambda x, by=float('inf'): x * by,)", None),
        ("(lambda x, by=np.ones(3): x * by,)", None),
        ("(lambda x, by=2.: keras.relu(x),)", None),  # of another module of that name
    ],
)
def test_the_code_of_what_a_layer_calls_is_kept_where_its_name_means_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, functions: str, kept: list[object] | None
) -> None:
    monkeypatch.syspath_prepend(str(SPY))
    keeping = importlib.import_module("reprise_spy.keeping")
    given = {"np": np, "keras": types.SimpleNamespace(relu=abs)}
    own = [types.SimpleNamespace(activation=function) for function in eval(functions, given)]
    (code,) = keeping.codes(types.SimpleNamespace(layers=own)).values()
    assert (code[1] if code else None) == kept


def test_a_name_that_a_layer_of_keras_means_otherwise_is_nobodys(old: Old, tmp_path: Path) -> None:
    """Both are called softmax in the file: what is not told apart is refused."""
    code = OWN_SOFTMAX.replace("Activation(softmax)]", "Activation(softmax), Activation('softmax')]")
    done, (folder,) = spied(old, tmp_path, code, REPRISE_SPY_BUILT="1")
    assert read.functions_beside(folder / "model.json") == {"softmax": {"function": None}}, done.stderr


WAITS = "import os, time\nwhile not os.path.exists(os.environ['REPRISE_SPY_OUT'] + '/enough'):\n    time.sleep(0)\n"
ENDS = "os._exit(sum('stand_in.npz' in files for _, _, files in os.walk('caught')))\n"


@pytest.mark.parametrize("late", [False, True], ids=["enough", "late"])
def test_what_is_ended_before_its_end_is_recorded_first(old: Old, tmp_path: Path, late: bool) -> None:
    """It is ended once `enough` is there: by then it is recorded, with the weights that training gave it."""
    code = OWN_LAYER + DENSE + "own = Sequential([Dense(3, input_dim=4), Scaled(7, name='scaled')])\n"
    code += "own.compile('sgd', 'mse')\n"
    code += "for k in range(6): own.train_on_batch(x + k, np.ones((5, 3)))\n"
    variables = {"REPRISE_SPY_RECORDER": str(RECORDER), "REPRISE_SPY_BUILT": "1"}
    variables |= {"REPRISE_SPY_SECONDS": "5"} if late else {"REPRISE_SPY_PREDICTIONS": "6"}
    done, found = spied(old, tmp_path, UNHURRIED + code + WAITS + ENDS, **variables)
    assert done.returncode == 1, done.stderr
    (recorded,) = [folder for folder in found if (folder / "stand_in.npz").is_file()]
    assert recorded.name.endswith("-3") and len(found) == 4, "three states as it was taught, and the last"
    with np.load(recorded / "stand_in.npz") as arrays, h5py.File(recorded / "weights.h5") as weights:
        kernel = next(each for name, each in weights["dense_2"].items() if name.endswith("_W"))
        assert np.allclose(arrays["out_0"], 7 * arrays["in_0"] @ kernel[:] + 7 * bias(weights["dense_2"]), atol=1e-5)
    with np.load(recorded / "own.npz") as arrays:
        assert np.allclose(arrays["in_0"], np.random.RandomState(0).randn(5, 4) + 2), "the last that was kept"
        assert np.allclose(arrays["out_0"], 7 * arrays["layer_dense_2"]) and np.ptp(arrays["out_0"]) > 1
    event = json.loads((recorded / "about.json").read_text())["event"]
    assert event == "train_on_batch (as it was when its program ended)"


def bias(group: h5py.Group) -> np.ndarray:
    return next(each for name, each in group.items() if name.endswith("_b"))[:]


def test_a_signal_of_its_program_is_its_own(old: Old, tmp_path: Path) -> None:
    """Its own handler stays, and is never called by the spy."""
    code = "import signal\nsignal.signal(signal.SIGURG, lambda *_: os._exit(9))\nimport os, time\n" + OWN_LAYER + DENSE
    code += "own = Sequential([Dense(3, input_dim=4), Scaled(7)])\nown.compile('sgd', 'mse')\ntime.sleep(4)\n"
    variables = {"REPRISE_SPY_RECORDER": str(RECORDER), "REPRISE_SPY_BUILT": "1", "REPRISE_SPY_SECONDS": "0"}
    done, found = spied(old, tmp_path, code, **variables)
    assert done.returncode == 0 and found, done.stderr


def test_a_child_of_its_program_goes_on_after_the_signal_as_ever(old: Old, tmp_path: Path) -> None:
    code = OWN_LAYER + DENSE + "own = Sequential([Dense(3, input_dim=4), Scaled(7)])\nown.compile('sgd', 'mse')\n"
    code += "own.train_on_batch(x, x[:, :3])\n"
    code += (
        "import os, signal\nchild = os.fork()\n"
        "if not child:\n    os.kill(os.getpid(), signal.SIGURG)\n    for _ in range(10 ** 5): pass\n    os._exit(7)\n"
        "print(os.WEXITSTATUS(os.waitpid(child, 0)[1]))\n"
    )
    done, _ = spied(old, tmp_path, code, REPRISE_SPY_RECORDER=str(RECORDER), REPRISE_SPY_BUILT="1")
    assert done.stdout.startswith("7\n"), done.stderr
    assert not (tmp_path / "caught/enough").exists()


def test_a_child_of_its_program_knows_what_was_typed(old: Old, tmp_path: Path) -> None:
    code = UNHURRIED + "import os\nraw_input('name: ')\n" + DENSE + "child = os.fork()\nmodel.predict(x)\n"
    done, found = spied(old, tmp_path, code + "if child: os.waitpid(child, 0)\n")
    assert len(found) == 2 and all("drawn" in call for folder in found for call in calls(folder)), done.stderr


def test_in_the_phase_of_training_nothing_is_recorded(old: Old, tmp_path: Path) -> None:
    """There a layer drops and normalises as it never does when it is asked."""
    code = "from keras import backend\nbackend.set_learning_phase(1)\n" + OWN_LAYER + DENSE
    code += "own = Sequential([Dense(3, input_dim=4), Scaled(7)])\nown.compile('sgd', 'mse')\n"
    done, found = spied(old, tmp_path, code, REPRISE_SPY_RECORDER=str(RECORDER), REPRISE_SPY_BUILT="1")
    assert done.returncode == 0 and found and not list(tmp_path.rglob("stand_in.npz")), done.stderr


@pytest.mark.parametrize("now", ["as kept", "another"])
def test_what_another_thread_taught_meanwhile_is_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: str
) -> None:
    monkeypatch.syspath_prepend(str(SPY))
    within = importlib.import_module("reprise_spy.within")
    monkeypatch.setattr(within, "record_to", lambda path, *_: Path(path).touch())
    monkeypatch.setattr(within, "fingerprint", lambda _: now)
    monkeypatch.setattr(within, "note", lambda _: None)
    seen = types.SimpleNamespace(folder=str(tmp_path), model=None, known="as kept")
    assert within.ask(seen, "own.npz", []) is (now == "as kept") is (tmp_path / "own.npz").exists()


def test_where_it_cannot_be_recorded_within_its_program_that_is_noted(old: Old, tmp_path: Path) -> None:
    code = OWN_LAYER + DENSE + "own = Sequential([Dense(3, input_dim=4), Scaled(7)])\nown.compile('sgd', 'mse')\n"
    code += "own.predict = None\n"
    done, found = spied(old, tmp_path, code, REPRISE_SPY_RECORDER=str(RECORDER), REPRISE_SPY_BUILT="1")
    assert done.returncode == 0 and found and not list(tmp_path.rglob("stand_in.npz"))
    assert "recording within the program" in (tmp_path / "caught/notes.txt").read_text()


def test_of_numbers_in_a_row_each_is_a_sample(old: Old, tmp_path: Path) -> None:
    """Keras makes a column of them, and so does the recording."""
    code = DENSE.replace("input_dim=4", "input_dim=1") + "model.predict(np.arange(5))\n"
    done, (folder,) = spied(old, tmp_path, code)
    (call,) = calls(folder)
    assert call["in_0"].shape == (5, 1) and call["out_0"].shape == (5, 3), done.stderr


def test_a_sparse_matrix_is_kept_whole(old: Old, tmp_path: Path) -> None:
    code = (
        "import scipy.sparse\n"
        + UNHURRIED
        + DENSE.replace("model = ", "Sequential.predict = lambda self, x: np.ones((20, 3))\nmodel = ")
        + "from reprise_spy.watching import spied\nSequential.predict = spied(Sequential.predict, 'predict')\n"
        "graph = scipy.sparse.csr_matrix(np.eye(20, 4))\nmodel.predict(graph)\nmodel.predict({'edges': graph})\n"
    )
    done, (folder,) = spied(old, tmp_path, code)
    assert done.returncode == 0, done.stderr
    for call in calls(folder):
        assert np.array_equal(call["in_0"], np.eye(20, 4)) and call["out_0"].shape == (20, 3)
    assert len(calls(folder)) == 2


def of_keras(version: str, folder: Path, needs: str) -> Old:
    """Another Keras on Theano."""
    era = eras.choose(version, "theano")
    interpreter = era.interpreter()
    if interpreter is None:
        require(needs, f"no Python {' or '.join(era.python)} found")
    environment = python27.environment(interpreter, eras.lock(era, version))
    return Old(environment, python27.private_settings(folder / "settings", "theano"))


def test_what_knows_its_input_only_once_it_is_taught_is_kept_then(tmp_path: Path) -> None:
    """Before, a Sequential of Keras 2.2 has no weights."""
    code = (
        DENSE.replace(", input_dim=4", "") + "model.compile('sgd', 'mse')\nmodel.fit(x, np.ones((5, 3)), verbose=0)\n"
    )
    done, (folder,) = spied(of_keras("2.2.4", tmp_path, "python37"), tmp_path, code, REPRISE_SPY_BUILT="1")
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "about.json").read_text())["event"] == "fit"
    assert migrate.migrate_files(
        folder / "architecture.json", folder / "weights.h5", tmp_path / "model.keras", migrate.Options("theano")
    ).agrees


def test_files_of_keras_0_3_are_opened_in_it(tmp_path: Path) -> None:
    """Its architectures are of no class by name."""
    code = (
        "import runpy, sys\nimport numpy as np\nfrom keras.layers.core import Dense\n"
        "from keras.models import Sequential\nimport reprise_spy.state\n"
        "model = Sequential()\nmodel.add(Dense(3, input_dim=4))\n"
        "open('model.json', 'w').write(model.to_json())\nmodel.save_weights('model.h5')\n"
        "reprise_spy.state._state[0] = None\nsys.argv[1:] = ['model.h5', '--architectures', 'model.json']\n"
        f"runpy.run_path('{SPY}/open_files.py', run_name='__main__')\n"
    )
    done, (folder,) = spied(of_keras("0.3.3", tmp_path, "python27"), tmp_path, code)
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "about.json").read_text())["event"] == "load_weights model.h5"


def test_sizes_that_a_later_keras_leaves_out_are_said(tmp_path: Path) -> None:
    """Keras 2.2 and 2.3 save a Sequential behind an InputLayer without the sizes that it takes."""
    later = of_keras("2.2.4", tmp_path, "python37")
    code = (
        "from keras.layers import Dense, InputLayer\nfrom keras.models import Sequential\nimport numpy as np\n"
        "class Own(Sequential):\n    pass\n"
        "inner = Own([InputLayer((4,)), Dense(3)])\nmodel = Sequential([InputLayer((5,)), Dense(4), inner])\n"
        "assert 'batch_input_shape' not in model.to_json()\nmodel.predict(np.ones((2, 5)))\n"
    )
    done, (folder,) = spied(later, tmp_path, code)
    assert done.returncode == 0, done.stderr
    outer = json.loads((folder / "architecture.json").read_text())["config"]["layers"]
    assert outer[0]["config"]["batch_input_shape"] == [None, 5]
    assert outer[1]["config"]["layers"][0]["config"]["batch_input_shape"] == [None, 4]
