"""The Python 2.7 environment: built once, whole or not at all, and run only as it was built."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from reprise_kit.compare import python27
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.lock import held
from reprise_kit.compare.patience import patience
from reprise_kit.compare.python27 import environment, private_settings
from reprise_kit.compare.seal import seal

LOCK = python27.ROOT / "original/eras/requirements-theano.lock"


@pytest.fixture
def built(tmp_path, monkeypatch):
    """An environment that other programs made: what is tried is what happens to it afterwards."""

    def make(interpreter, folder):
        (folder / "bin").mkdir(parents=True)
        (folder / "bin/python").write_text("python")

    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(python27, "make_virtualenv", make)
    monkeypatch.setattr(python27, "_pip_install", lambda folder, *_: (folder / "keras.py").write_text("1"))
    return environment(Path("python2.7"), LOCK).parents[1]


def test_it_is_built_once(built, monkeypatch):
    monkeypatch.setattr(python27, "make_virtualenv", lambda *_: pytest.fail("built again"))
    assert environment(Path("python2.7"), LOCK) == built / "bin/python"


def test_what_is_there_waits_for_no_other_that_is_built(built, monkeypatch):
    monkeypatch.setattr(python27, "BUILD_SECONDS", 0.0)
    with held(built.with_name(f"{built.name}.lock"), "free"):
        assert environment(Path("python2.7"), LOCK) == built / "bin/python"
        (built / "sealed.json").unlink()
        with pytest.raises(InputError, match="another run is building"):
            environment(Path("python2.7"), LOCK)
        assert environment(Path("python3.6"), LOCK).is_file(), "another one waits for none"


def test_the_same_is_waited_for_and_whom_is_said(built, monkeypatch, capsys):
    monkeypatch.setattr(python27, "patience", partial(patience, every=0.05))
    (built / "sealed.json").unlink()
    with ThreadPoolExecutor() as pool, held(built.with_name(f"{built.name}.lock"), "free"):
        other = pool.submit(environment, Path("python2.7"), LOCK)
        while "waiting for another run that builds" not in capsys.readouterr().err:
            assert not other.done()
        seal(built)
        monkeypatch.setattr(python27, "make_virtualenv", lambda *_: pytest.fail("built again"))
    assert other.result(60) == built / "bin/python"


@pytest.mark.parametrize("name, how", [("keras.py", "altered"), ("sitecustomize.py", "added")])
def test_an_altered_one_is_refused_by_name(built, name, how):
    (built / name).write_text("2")
    with pytest.raises(InputError, match=f"{name} was {how} in .*delete the folder"):
        environment(Path("python2.7"), LOCK)


def test_half_an_environment_is_built_anew(built):
    (built / "sealed.json").unlink()
    (built / "stray.py").write_text("")
    assert environment(Path("python2.7"), LOCK) == built / "bin/python"
    assert not (built / "stray.py").exists()


def test_what_theano_compiled_where_all_may_write_is_not_loaded(tmp_path):
    private_settings(tmp_path / "settings", "theano")
    (tmp_path / "settings").chmod(0o777)
    with pytest.raises(InputError, match="open to all; delete it"):
        private_settings(tmp_path / "settings", "theano")


@pytest.mark.parametrize("small_disk", ["48k"], indirect=True)
def test_a_full_disk_is_said_where_theano_would_wait_for_its_lock(small_disk):
    with pytest.raises(OSError, match="No space left on device"):
        private_settings(small_disk / "settings", "theano")


@pytest.mark.parametrize("planted", ["pip.py", "virtualenv.py", "platform.py"])
def test_nothing_of_the_folder_one_stands_in_is_run(tmp_path, monkeypatch, planted):
    monkeypatch.chdir(tmp_path)
    (tmp_path / planted).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    for module in ("pip", "virtualenv"):
        with pytest.raises(InputError, match="cannot install a test"):
            python27._run([*python27.PYTHON, "-m", module, "--no-such-option"], "a test", dict(os.environ))
    assert not (tmp_path / "ran").exists()


def test_settings_of_other_pythons_and_kerases_are_left_behind(tmp_path, monkeypatch):
    for name in ("PYTHONPATH", "THEANO_FLAGS", "KERAS_HOME", "VIRTUAL_ENV", "TF2_BEHAVIOR", "LANG_OF_MINE"):
        monkeypatch.setenv(name, "mine")
    found = private_settings(tmp_path, "theano")
    assert found["LANG_OF_MINE"] == "mine" and found["HOME"] == str(tmp_path / "home")
    assert not {"PYTHONPATH", "KERAS_HOME", "VIRTUAL_ENV", "TF2_BEHAVIOR"} & set(found)
    assert "mine" not in found["THEANO_FLAGS"]
