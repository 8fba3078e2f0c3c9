"""What is written is whole or absent, and nothing of the user's is removed for it."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from reprise_kit.compare import atomic
from reprise_kit.compare.atomic import (
    MARKER,
    atomic_file,
    atomic_folder,
    claim_folder,
    discard_folder,
    refuse_foreign,
    refuse_inputs,
)
from reprise_kit.compare.errors import InputError


def write(path, text="new", command="trace"):
    with atomic_folder(path, command) as folder:
        (folder / "a" / "b").mkdir(parents=True)
        (folder / "a" / "b" / "result.txt").write_text(text)
    return path


def tree(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir() or p.is_symlink())


def test_a_folder_is_written_marked_and_written_again(tmp_path):
    out = write(tmp_path / "out", "old")
    assert json.loads((out / MARKER).read_text()) == {"command": "reprise trace", "files": ["a/b/result.txt"]}
    write(out)
    assert (out / "a/b/result.txt").read_text() == "new"
    assert tree(tmp_path) == ["out/.reprise.json", "out/a/b/result.txt"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "out").mkdir()
    write(tmp_path / "out")
    assert tree(tmp_path) == ["out/.reprise.json", "out/a/b/result.txt"]


def users_file(out):
    (out / "a" / "letter.txt").write_text("mine")


def users_link(out):
    (out / "a" / "photos").symlink_to("/usr")


def no_marker(out):
    (out / MARKER).unlink()


def broken_marker(out):
    (out / MARKER).write_text('{"files": 3')


def marker_of_lists(out):
    (out / MARKER).write_text("[[[")


@pytest.mark.parametrize("touch", [users_file, users_link, no_marker, broken_marker, marker_of_lists])
def test_a_folder_with_anything_else_in_it_is_refused_and_left(touch, tmp_path):
    out = write(tmp_path / "out", "old")
    touch(out)
    before = tree(tmp_path)
    with pytest.raises(InputError, match="would remove"), atomic_folder(out, "trace"):
        pytest.fail("not refused before the work")
    assert tree(tmp_path) == before and (out / "a/b/result.txt").read_text() == "old"


def test_what_is_put_there_while_the_work_runs_is_kept_too(tmp_path):
    out = write(tmp_path / "out", "old")
    with pytest.raises(InputError, match=r"holds a/letter\.txt, which"), atomic_folder(out, "trace"):
        users_file(out)
    assert tree(tmp_path) == ["out/.reprise.json", "out/a/b/result.txt", "out/a/letter.txt"]


def test_another_commands_folder_is_refused(tmp_path):
    out = write(tmp_path / "out", command="train")
    with pytest.raises(InputError, match="holds what `reprise train` wrote"), atomic_folder(out, "trace"):
        pytest.fail("not refused before the work")
    with pytest.raises(InputError, match="holds what `reprise train` wrote"):
        claim_folder(out, "dataset")


def test_a_file_where_a_folder_is_to_be_and_the_reverse(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    for opening in (lambda: atomic_folder(tmp_path / "file", "trace"), lambda: atomic_file(tmp_path / "folder")):
        with pytest.raises(InputError, match=r"a file; a folder is|a folder; name the file"), opening():
            pytest.fail("not refused before the work")
    with pytest.raises(InputError, match="a file; a folder is"):
        claim_folder(tmp_path / "file", "train")
    assert tree(tmp_path) == ["file"]


def test_links_are_followed_and_stay(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to("disk/out")
    (tmp_path / "file").symlink_to("disk/file")
    for text in ("old", "new"):
        write(tmp_path / "out", text)
        with atomic_file(tmp_path / "file") as made:
            made.write_text(text)
    assert (tmp_path / "out").is_symlink() and (tmp_path / "file").is_symlink()
    assert (tmp_path / "disk/out/a/b/result.txt").read_text() == (tmp_path / "disk/file").read_text() == "new"
    users_file(tmp_path / "disk" / "out")
    with pytest.raises(InputError, match="letter"):
        refuse_foreign(tmp_path / "out", "trace")


def test_the_working_folder_is_not_replaced_under_the_user(tmp_path, monkeypatch):
    monkeypatch.chdir(write(tmp_path / "out") / "a")
    for path in (tmp_path / "out", tmp_path / "out" / "a"):
        with pytest.raises(InputError, match="the folder that you are in"):
            refuse_foreign(path, "trace")
    refuse_foreign(tmp_path / "out" / "a" / "new", "trace")


def test_an_error_leaves_what_was_there_and_nothing_else(tmp_path):
    out = write(tmp_path / "out", "old")
    before = tree(tmp_path)
    for path in (out, tmp_path / "far" / "away" / "out"):
        with pytest.raises(KeyboardInterrupt), atomic_folder(path, "trace") as folder:
            (folder / "half").write_text("half")
            (folder.parent / "what a library left").write_text("half")
            raise KeyboardInterrupt
        with pytest.raises(ZeroDivisionError), atomic_file(path.with_name("file")) as made:
            made.write_text("half")
            1 / 0  # noqa: B018
    assert tree(tmp_path) == before and not (tmp_path / "far").exists()


def test_a_rename_that_fails_brings_the_old_one_back(tmp_path, monkeypatch):
    out, rename = write(tmp_path / "out", "old"), type(tmp_path).rename
    before = tree(tmp_path)

    def failing(path, target):
        if path.parent.name == "new":
            raise OSError(errno.EIO, "broken on purpose")
        return rename(path, target)

    monkeypatch.setattr(type(tmp_path), "rename", failing)
    with pytest.raises(OSError, match="broken on purpose"):
        write(out)
    assert tree(tmp_path) == before and (out / "a/b/result.txt").read_text() == "old"


def test_a_full_disk_is_said_as_one_whatever_a_library_raises(tmp_path):
    with pytest.raises(OSError) as raised, atomic_file(tmp_path / "file"):
        raise RuntimeError("cannot flush (errno = 28, error message = 'No space left on device')")
    assert raised.value.errno == errno.ENOSPC and tree(tmp_path) == []


KILLED = """
import os, sys, signal
from pathlib import Path
from reprise_kit.compare import atomic
where = sys.argv[2]
rename = Path.rename
def dying(path, target):
    done = rename(path, target) if where == "aside" else None
    os.kill(os.getpid(), signal.SIGKILL)
if where != "inside":
    Path.rename = dying
with atomic.atomic_folder(Path(sys.argv[1]), "trace") as folder:
    (folder / "result.txt").write_text("half")
    if where == "inside":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("where", ["inside", "before", "aside"])
def test_what_a_killed_process_left_is_put_right_by_the_next(where, tmp_path):
    out = write(tmp_path / "out", "old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(out), where], check=False)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / ".out.reprise").is_dir() and out.exists() == (where != "aside")
    with pytest.raises(ZeroDivisionError), atomic_folder(out, "trace"):
        1 / 0  # noqa: B018
    assert tree(tmp_path) == ["out/.reprise.json", "out/a/b/result.txt"]
    assert (out / "a/b/result.txt").read_text() == "old"


HOLDING = """
import sys, time
from pathlib import Path
from reprise_kit.compare.atomic import atomic_folder
with atomic_folder(Path(sys.argv[1]), "trace") as folder:
    (folder / "result.txt").write_text("other")
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def test_two_at_once_are_both_right_or_refused_by_name(tmp_path, monkeypatch):
    out = tmp_path / "out"
    holder = subprocess.Popen([sys.executable, "-c", HOLDING, str(out), "1"], stdout=subprocess.PIPE)
    assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
    monkeypatch.setattr(atomic, "WAIT_SECONDS", 0.1)
    with pytest.raises(InputError, match="another run is writing it"):
        write(out)
    monkeypatch.setattr(atomic, "WAIT_SECONDS", 60)
    began = time.monotonic()
    write(out)
    assert holder.wait() == 0 and time.monotonic() - began > 0.3
    assert tree(tmp_path) == ["out/.reprise.json", "out/a/b/result.txt"]


@pytest.mark.parametrize("kind", ["file", "link", "full"])
def test_a_hidden_name_that_is_somebody_elses_is_refused(kind, tmp_path):
    room = tmp_path / ".out.reprise"
    if kind == "file":
        room.write_text("mine")
    if kind == "link":
        (tmp_path / "there").mkdir()
        room.symlink_to("there")
    if kind == "full":
        (room / "mine").mkdir(parents=True)
    before = tree(tmp_path)
    with pytest.raises(InputError, match="in the way"):
        write(tmp_path / "out")
    assert tree(tmp_path) == before


def test_a_claimed_folder_keeps_what_is_put_beside_the_results(tmp_path):
    parts = claim_folder(tmp_path / "deep" / "out.parts", "dataset")
    (parts / "1.npy").write_text("result")
    (parts / "letter.txt").write_text("mine")
    assert claim_folder(parts, "dataset") == parts
    discard_folder(parts, ["*.npy"])
    assert tree(parts) == [MARKER, "letter.txt"]
    (parts / "letter.txt").unlink()
    discard_folder(parts, ["*.npy"])
    assert not parts.exists()


def test_somebody_elses_folder_is_not_claimed(tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds letter\.txt and was not begun"):
        claim_folder(tmp_path, "train")
    assert tree(tmp_path) == ["letter.txt"]


def test_what_is_read_is_not_written_over(tmp_path):
    (tmp_path / "model.h5").write_text("weights")
    (tmp_path / "link.h5").symlink_to("model.h5")
    os.link(tmp_path / "model.h5", tmp_path / "hard.h5")
    for out in ("model.h5", "link.h5", "hard.h5", "."):
        with pytest.raises(InputError, match="which is read"):
            refuse_inputs(tmp_path / out, [tmp_path / "absent", tmp_path / "model.h5"])
    refuse_inputs(tmp_path / "other.h5", [tmp_path / "absent", tmp_path / "model.h5", tmp_path])
