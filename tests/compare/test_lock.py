"""Two at once: one holds, the other waits or is told in a line; a lock goes with the process that had it."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from reprise_kit.compare import python27
from reprise_kit.compare.atomic import MARKER, claim_folder, discard_folder, held_folder
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.lock import held, try_lock

HOLD = """
import sys, time
from pathlib import Path
from reprise_kit.compare.lock import held
with held(Path(sys.argv[1]), "busy"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_one_is_told_at_once_or_waits(tmp_path):
    lock = tmp_path / "folder" / "lock"
    with held(lock, "busy"), pytest.raises(InputError, match=r"^busy$"), held(lock, "busy"):
        pass
    seen = []
    with held(lock, "busy"):
        other = threading.Thread(target=lambda: [seen.append(1) for _ in [0] if _waits(lock)])
        other.start()
        time.sleep(0.2)
        assert seen == []
    other.join(10)
    assert seen == [1]


def _waits(lock):
    with held(lock, "busy", wait=10):
        return True


def test_a_lock_goes_with_the_process_that_is_killed(tmp_path):
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "lock")], stdout=subprocess.PIPE)
    assert other.stdout is not None and other.stdout.readline() == b"held\n"
    with pytest.raises(InputError), held(tmp_path / "lock", "busy"):
        pass
    other.send_signal(signal.SIGKILL)
    other.wait()
    with held(tmp_path / "lock", "busy"):
        pass


def test_a_link_is_no_lock(tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="lock"):
        try_lock(tmp_path / "lock")
    assert not (tmp_path / "other").exists()


def test_a_held_folder_is_refused_to_a_second_run_and_goes_on_afterwards(tmp_path):
    with held_folder(tmp_path / "run", "train") as folder:
        (folder / "state.json").write_text("{}")
        with pytest.raises(InputError, match="run: another run is writing it"), held_folder(tmp_path / "run", "train"):
            pass
    with held_folder(tmp_path / "run", "train") as folder:
        assert (folder / "state.json").is_file()


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_in_which_nothing_was_begun_is_left_as_it_was(there, tmp_path):
    out = tmp_path / "run"
    if there:
        out.mkdir()
    with pytest.raises(InputError, match="no tracks"), held_folder(out, "dataset"):
        raise InputError("no tracks")
    assert out.exists() == there and (not there or not list(out.iterdir()))
    with pytest.raises(InputError, match="no tracks"), held_folder(out, "dataset") as folder:
        (folder / "a.npy").touch()
        raise InputError("no tracks")
    assert {path.name for path in out.iterdir()} == {MARKER, "a.npy"}


def test_a_folder_that_its_last_holder_removed_is_claimed_anew(tmp_path):
    folder = claim_folder(tmp_path / "parts", "dataset")
    mine = os.open(folder / MARKER, os.O_RDWR)  # as a second run that came between looks at it
    with held_folder(tmp_path / "parts", "dataset"):
        discard_folder(folder, ["*.npy"])
        assert not folder.exists()
    os.close(mine)
    with held_folder(tmp_path / "parts", "dataset") as again:
        assert (again / MARKER).is_file()


def test_two_runs_that_need_an_environment_build_it_once(tmp_path, monkeypatch):
    built = []

    def make(interpreter, folder):
        built.append(folder)
        (folder / "bin").mkdir(parents=True)
        time.sleep(0.3)

    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path))
    monkeypatch.setattr(python27, "make_virtualenv", make)
    monkeypatch.setattr(python27, "_pip_install", lambda folder, *_: (folder / "bin/python").write_text("python"))
    lock, got = python27.ROOT / "original/eras/requirements-theano.lock", []
    runs = [
        threading.Thread(target=lambda: got.append(python27.environment(tmp_path / "python2.7", lock)))
        for _ in range(3)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join(30)
    assert len(built) == 1 and len(got) == 3 and got[0].is_file()
