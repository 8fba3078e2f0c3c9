"""One environment of 2016, resolved through the dated index, locked, and installed afresh from its lock."""

import dataclasses
import os
import shutil
import subprocess
import urllib.request

import msgspec
import pytest

from reprise_kit.apps.adopt import dated_index, environment
from reprise_kit.apps.adopt.asked import roots, used
from reprise_kit.apps.adopt.dated_index import DatedIndex
from reprise_kit.apps.adopt.evidence import Evidence
from reprise_kit.apps.adopt.requirements import Requirement
from reprise_kit.compare import facts
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.python27 import find_interpreter
from tests.apps.adopt.test_dated_index import TAGS, row
from tests.require import require

EVIDENCE = Evidence(
    source="digits", commit=None, date="2016-08-20", why_date="", python="2.7", keras_version=None, backend="theano",
    dim_ordering="th", why={"backend": ["the names"]}, imports=["keras", "numpy"], calls=["load_weights"],
)  # fmt: skip
SHOWN = """
import json, keras, theano, numpy, h5py, scipy
from keras import backend as K
print(json.dumps([keras.__version__, theano.__version__, numpy.__version__, h5py.__version__, K._BACKEND,
                  K.image_dim_ordering()]))
"""


@pytest.fixture
def online():
    if find_interpreter() is None:
        require("python27", "no Python 2.7 found")
    try:
        urllib.request.urlopen(dated_index.INDEX + "/keras/", timeout=20).close()
    except OSError as error:
        require("network", f"the package index does not answer: {error}")


def test_the_environment_of_a_day_in_2016(online, tmp_path, monkeypatch):
    found = environment.make(EVIDENCE, tmp_path)
    done = subprocess.run([str(found.python), "-c", SHOWN], env=found.variables | {"PATH": "/usr/bin:/bin"},
                          capture_output=True, text=True, timeout=120, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == '["1.0.7", "0.8.2", "1.11.1", "2.6.0", "theano", "th"]'
    text = found.lock.read_text()
    pins = [line.split()[0] for line in text.splitlines() if "==" in line and not line.startswith("#")]
    assert "keras==1.0.7" in pins and "setuptools==44.1.1" in pins and text.count("--hash=sha256:") >= len(pins)
    assert any("h5py: stated nowhere" in note for note in found.notes)
    assert "libopenblas" in found.variables["THEANO_FLAGS"] and str(tmp_path) in found.variables["HOME"]
    # Again: the same lock, the same environment, nothing resolved.
    monkeypatch.setattr(environment, "_made", lambda *_: pytest.fail("made again"))
    assert environment.make(EVIDENCE, tmp_path).python == found.python
    # A lock altered by hand names a release that the day had not, or a hash that is no file's: never installed.
    found.lock.write_text(text.replace("--hash=sha256:", "--hash=sha256:00"))
    monkeypatch.undo()
    with pytest.raises(InputError, match="cannot install"):
        environment.make(EVIDENCE, tmp_path)


def test_what_is_refused_makes_nothing(tmp_path):
    with pytest.raises(InputError, match="Keras 0"):
        environment.make(dataclasses.replace(EVIDENCE, refused=["Keras 0.2.0: too old"]), tmp_path)
    assert not list(tmp_path.iterdir())


def test_no_interpreter_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "find_interpreter", lambda version: None)
    with pytest.raises(InputError, match=r"needs Python 2.7, which is not here; pyenv install 2.7"):
        environment.make(EVIDENCE, tmp_path)


def asked(monkeypatch, listing, **changes):
    monkeypatch.setattr(dated_index, "_listing", lambda name: listing.get(name, []))
    return roots(dataclasses.replace(EVIDENCE, **changes), DatedIndex("2016-08-20", TAGS))


UNMET = "ERROR: Could not find a version that satisfies the requirement"
WHEEL = "cp27-cp27mu-manylinux1_x86_64.whl"
LISTING = {
    "keras": [row("Keras-1.0.7.tar.gz", "2016-08-08")],
    "theano": [row("Theano-0.8.2.tar.gz", "2016-04-21")],
    "numpy": [row(f"numpy-1.11.1-{WHEEL}", "2016-06-25")],
    "h5py": [row(f"h5py-2.6.0-{WHEEL}", "2016-04-08")],
    "scipy": [row("scipy-0.15.1.tar.gz", "2015-01-18"), row(f"scipy-0.17.0-{WHEEL}", "2016-01-23")],
    "img-utils": [row("img_utils-0.0.8.tar.gz", "2018-03-29")],
    "opencv-python": [row(f"opencv_python-3.1.0.5-{WHEEL}", "2017-03-01")],
    "pygame": [row(f"pygame-1.9.2-{WHEEL}", "2016-12-13")],
}


def test_imports_by_their_packages_names_and_what_no_index_has(monkeypatch):
    found, notes = asked(monkeypatch, LISTING, imports=["keras", "cv2", "essentia", "own_thing", "img_utils", "pygame"])
    assert found == {"keras": "<2.4", "opencv-python": "", "pygame": "", "numpy": "", "theano": "<0.9", "h5py": "<3"}
    said = "\n".join(notes)
    assert "import essentia" in said and "h5py: stated" in said
    # A package named like the module that came two years later is somebody else's.
    assert "`import own_thing`: no package" in said and "`import img_utils`: no package" in said


def test_a_name_that_few_import_changes_the_lock_of_those_alone(monkeypatch):
    found, _ = asked(monkeypatch, LISTING | {"pydicom": [row("pydicom-0.9.9.tar.gz", "2015-07-28")]}, imports=["dicom"])
    assert found["pydicom"] == "" and "dicom" not in found
    table, identity = facts.load(), environment._identity
    without = msgspec.structs.replace(table, rarer={})
    with_it, other = (dataclasses.replace(EVIDENCE, imports=[name]) for name in ("dicom", "scipy"))
    before = identity(with_it), identity(other)
    monkeypatch.setattr(facts, "load", lambda: without)
    assert identity(with_it) != before[0] and identity(other) == before[1]


def test_what_another_keras_runs_on_changes_no_lock(monkeypatch):
    table, identity = facts.load(), environment._identity
    without = msgspec.structs.replace(table, fits=[fit for fit in table.fits if fit.keras != "<1.2"])
    older, newer = (dataclasses.replace(EVIDENCE, keras_version=version) for version in ("1.1.0", "2.0.0"))
    before = identity(older), identity(newer)
    monkeypatch.setattr(facts, "load", lambda: without)
    assert identity(older) != before[0] and identity(newer) == before[1]


def test_a_pin_without_a_wheel_moves_and_prose_gives_way_to_the_day(monkeypatch):
    stated = [Requirement("scipy", "==0.15.1", "requirements.txt"), Requirement("numpy", "==1.16", "README", False),
              Requirement("Keras", "==1.0.6", "requirements.txt")]  # fmt: skip
    found, notes = asked(monkeypatch, LISTING, requirements=stated, keras_version="1.0.7")
    assert found["scipy"] == "==0.17.0" and found["keras"] == "==1.0.7"
    assert "scipy==0.15.1 has no wheel" in "\n".join(notes)


def test_a_keras_older_than_the_date_gets_what_it_runs_on(monkeypatch):
    found, _ = asked(monkeypatch, LISTING, keras_version="1.2.2", date="2018-03-01")
    assert found["theano"] == "<0.10"
    stated = [Requirement("Theano", "==0.8.2", "requirements.txt")]
    assert asked(monkeypatch, LISTING, keras_version="1.2.2", requirements=stated)[0]["theano"] == "==0.8.2"


def test_a_tensorflow_that_no_keras_of_its_own_survives_is_not_followed(monkeypatch):
    """TensorFlow 2.5 installs a Keras of its own over the other."""
    releases = [row(f"tensorflow-{n}-{WHEEL}", "2016-01-01") for n in ("1.15.0", "2.0.1", "2.5.0")]
    listing = LISTING | {"tensorflow": releases, "keras": [row("Keras-2.3.1.tar.gz", "2016-01-01")]}
    for spec, taken, said in ((">=2.2", ">=1.13,<2", True), ("==2.0.1", "==2.0.1", False), ("", ">=1.13,<2", False)):
        stated = [Requirement("tensorflow", spec, "setup.py")]
        found, notes = asked(
            monkeypatch, listing, keras_version="2.3.1", requirements=stated, backend="tensorflow", imports=["keras"]
        )
        assert found["tensorflow"] == taken
        assert any("on which Keras 2.3.1 does not run" in note for note in notes) is said
    wanted, index = {"keras": "==2.3.1", "tensorflow": "==2.0.1"}, DatedIndex("2016-08-20", TAGS)
    found = dataclasses.replace(EVIDENCE, keras_version="2.3.1", backend="tensorflow")
    at_odds = "ERROR: Cannot install tensorflow==2.0.1 and numpy because these package versions have conflicting"
    for left in (">=1.13,<2", ""):
        line = environment._yielded(at_odds.replace("==2.0.1", wanted["tensorflow"]), wanted, set(), index, found)
        assert "contradicts the others" in line and wanted["tensorflow"] == left


def test_what_a_file_says_of_its_keras_counts_where_prose_names_no_release(monkeypatch):
    later = LISTING | {"keras": [row("Keras-0.2.0.tar.gz", "2015-10-11"), row("Keras-1.0.8.tar.gz", "2016-08-28")]}
    prose = [Requirement("Keras", "==0.20", "README.md", False)]
    assert asked(monkeypatch, later, requirements=prose, keras_version="1.0.8")[0]["keras"] == "==1.0.8"


def test_what_is_stated_beside_another_keras_yields_to_the_one_of_the_file(monkeypatch):
    """Weights of Keras 2.3.1 in a repository of 1.2.0: no TensorFlow 0.12 runs them."""
    listing = LISTING | {"tensorflow": [row(f"tensorflow-{n}-{WHEEL}", "2016-01-01") for n in ("0.12.1", "1.13.1")],
                         "keras": [row("Keras-2.3.1.tar.gz", "2019-10-07")]}  # fmt: skip
    pins = {"keras": "==1.2.0", "tensorflow": "==0.12.1", "numpy": "==1.11.1", "scipy": "==0.17.0"}
    stated = [Requirement(name, spec, "environment.yml", False) for name, spec in pins.items()]
    taken = {"requirements": stated, "backend": "tensorflow", "imports": ["keras", "scipy"]}
    found, notes = asked(monkeypatch, listing, keras_version="2.3.1", **taken)
    assert (found["tensorflow"], found["numpy"], found["scipy"]) == (">=1.13,<2", "", "==0.17.0")
    assert any("tensorflow==0.12.1 is stated beside another Keras" in note for note in notes)
    assert asked(monkeypatch, listing, keras_version="1.2.0", **taken)[0]["tensorflow"] == "==0.12.1"


def test_keras_before_1_0_gets_the_theano_that_it_had_from_git(monkeypatch):
    releases = [row("Theano-0.7.tar.gz", "2015-03-26"), *LISTING["theano"]]
    index = DatedIndex("2015-12-08", TAGS)
    monkeypatch.setattr(dated_index, "_listing", lambda name: (LISTING | {"theano": releases}).get(name, []))
    early = dataclasses.replace(EVIDENCE, date=index.day, keras_version="0.3.0")
    assert roots(early, index)[0]["theano"] == ">=0.8,<0.9"
    assert [str(version) for version in index.releases("theano")] == ["0.7", "0.8.2"]


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (f"{UNMET} protobuf>=3.1.0 (from tensorflow)", "first later"),
        (f'{UNMET} protobuf>=3.1.1; python_version < "3" (from tensorflow)', "protobuf>=3.1.1: no release of"),
        (f"{UNMET} lxml (from versions: none)", "left out"),
        ("  ERROR: Failed building wheel for lxml\n", "left out"),
        ("Command errored out: '/tmp/pip-install-ab/pysam_0123456789abcdef0123456789abcdef/setup.py'", "as stated"),
    ],
)  # fmt: skip
def test_what_pip_cannot_do_changes_one_thing_that_is_told(monkeypatch, said, line):
    monkeypatch.setattr(
        dated_index, "_listing", lambda name: [row("protobuf-9.tar.gz", "2018-01-01")] * (name == "protobuf")
    )
    wanted = {"keras": "", "lxml": "", "pysam": "==0.9"}
    assert line in environment._yielded(said, wanted, set(), DatedIndex("2016-08-20", TAGS), EVIDENCE)
    assert wanted["keras"] == ""


@pytest.mark.parametrize(
    ("said", "gone"),
    [
        (f"{UNMET} nbconda==2.0 (from versions: none)", {"nbconda", "appnope"}),
        (f"{UNMET} what-nbconda-needs (from versions: none)", {"nbconda", "appnope"}),
        ("  ERROR: Failed building wheel for appnope\n", {"nbconda", "appnope"}),
        ("ERROR: Cannot install appnope==0.1 and keras because these package versions have", {"nbconda", "appnope"}),
        (f"{UNMET} lxml (from versions: none)", {"lxml"}),
    ],
)  # fmt: skip
def test_of_all_that_a_machine_had_what_is_not_imported_is_left_out_at_once(monkeypatch, said, gone):
    monkeypatch.setattr(dated_index, "_listing", lambda name: [])
    pins = {"keras": "==1.1.0", "lxml": "==3.6", "nbconda": "==2.0", "appnope": "==0.1"}
    wanted = dict(pins)
    spare = pins.keys() - used(dataclasses.replace(EVIDENCE, imports=["keras", "lxml"]))
    line = environment._yielded(said, wanted, spare, DatedIndex("2016-08-20", TAGS), EVIDENCE)
    assert pins.keys() - wanted.keys() == gone and all(name in line for name in gone)


def test_of_a_long_list_nothing_is_built_that_is_not_imported(monkeypatch):
    """A freeze with wxPython in it compiled wxWidgets for minutes, and failed."""
    wheels = {f"pure{n}": [row(f"pure{n}-1.0-py2.py3-none-any.whl", "2016-01-01")] for n in range(20)}
    listing = wheels | {name: [row(f"{name}-1.0.tar.gz", "2016-01-01")] for name in ("wxpython", "lxml")}
    monkeypatch.setattr(dated_index, "_listing", lambda name: listing.get(name, []))
    index = DatedIndex("2016-08-20", TAGS)
    for few in (1, 20):
        wanted = dict.fromkeys([*list(wheels)[:few], "wxpython", "lxml"], "==1.0")
        said = environment._not_built(wanted, wanted.keys() - {"lxml"}, index)
        assert "lxml" in wanted and ("wxpython" in wanted) == (few == 1) and len(wanted) >= few + 1
        assert [line for line in said if "wxpython" in line and "pure1" not in line] == said
        assert bool(said) == (few == 20)


def test_of_a_conflict_only_who_is_at_odds_yields():
    wanted = {"keras": "==1.1.0", "protobuf": "==3.0.0", "tqdm": "==4.10.0"}
    said = (
        "Collecting protobuf==3.0.0\nCollecting tqdm==4.10.0\n"
        "ERROR: Cannot install protobuf==3.0.0 and tensorflow==0.12.1 because these package versions have conflicting"
    )
    line = environment._yielded(said, wanted, set(), DatedIndex("2016-08-20", TAGS), EVIDENCE)
    assert line.startswith("protobuf==3.0.0 contradicts") and wanted["protobuf"] == "" and wanted["tqdm"] == "==4.10.0"


def test_what_keras_needs_is_never_left_out(monkeypatch):
    monkeypatch.setattr(dated_index, "_listing", lambda name: [])
    with pytest.raises(InputError, match="pip cannot make the environment"):
        environment._yielded(
            "ERROR: Failed building wheel for theano\n",
            {"theano": ""},
            {"nbconda"},
            DatedIndex("2016-08-20", TAGS),
            EVIDENCE,
        )


def test_what_theano_compiles_finds_the_library_of_its_python(tmp_path):
    interpreter, compiler = find_interpreter(), shutil.which("gcc")
    if interpreter is None or compiler is None:
        require("python27", "no Python 2.7, or no gcc to link with")
    variables, _ = environment._settings(EVIDENCE, tmp_path / "bin" / "python", tmp_path, interpreter)
    asked = [compiler, "-shared", "-x", "c", "-", "-lpython2.7", "-o", str(tmp_path / "made.so")]
    done = subprocess.run(asked, input="", capture_output=True, text=True, env={**os.environ, **variables})
    assert done.returncode == 0, done.stderr
