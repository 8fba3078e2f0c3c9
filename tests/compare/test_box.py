"""The box: what is read in it comes out whole, and whatever its reader does ends in one line."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reprise_kit.compare import box, box_server, confinement
from reprise_kit.compare.box import Limits, boxed, boxed_each
from reprise_kit.compare.errors import InputError, UnforeseenError
from reprise_kit.compare.system import ROOT
from tests.compare import hostile_readers as readers
from tests.require import require


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a file of \udcff.bin"
    path.write_text("content")
    return path


def test_values_and_arrays_come_out_as_they_were(file, monkeypatch):
    monkeypatch.chdir(file.parent)
    for path in (file, Path(file.name)):
        value, *arrays = boxed(readers.content, path, 1, "two", [3.5, None])
        assert value == {"text": "content", "more": [1, "two", [3.5, None]]}
        wanted = [np.arange(6.0).reshape(2, 3), np.zeros((0, 4), "<i4"), np.array(7, ">u2"), np.array(["a", "bc"])]
        wanted += [np.arange(1 << 20), np.ones((3, 1 << 19), "f4")]
        for array, want in zip(arrays, wanted, strict=True):
            assert array.dtype == want.dtype and array.shape == want.shape and (array == want).all()
        arrays[0][0, 0] = arrays[4][0] = 5  # ours


@pytest.mark.parametrize(
    ("reader", "words"),
    [
        (readers.crash, "its reader crashed on it \\(SIGSEGV\\)"),
        (readers.spin, "more than 1 s of processor time"),
        (readers.sleep, "nothing could be read of it in 0.5 s"),
        (readers.swallow, "more memory than a file of its size may"),
        (readers.refuse, "not what it should be"),
        (readers.objects, "only numbers and text"),
    ],
)
def test_however_a_reader_ends_it_is_one_line(reader, words, file):
    began = time.monotonic()
    with pytest.raises(InputError, match=words) as caught:
        list(boxed(reader, file, limits=Limits(seconds=1, silence=0.5 if reader is readers.sleep else 60)))
    assert not isinstance(caught.value, UnforeseenError)
    assert str(file) in str(caught.value) or reader is readers.objects
    assert time.monotonic() - began < 30
    assert next(boxed(readers.content, file))["text"] == "content"


def test_what_nobody_thought_of_keeps_its_trace(file, monkeypatch, tmp_path):
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UnforeseenError, match="ZeroDivisionError: nobody thought of it"):
        list(boxed(readers.wrong, file))
    (log,) = (tmp_path / "cache" / "logs").iterdir()
    assert "in wrong" in log.read_text()


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("", "garbage that is no frame"),
        ("V", "{"),
        ("V", "[" * 5000),
        ("V", "[" * 500 + "]" * 500),
        ("A", '["<f4", [1000000000000], 0]'),
        ("A", '["<f4", [4], 268435456]'),
        ("A", '["<f4", [4], 268431361]'),
        ("A", '["<f4", [4], 1]'),
        ("A", '["<f4", [-4], 0]'),
        ("A", '["<f4", [true], 0]'),
        ("A", '["<f4", [9223372036854775807, 9223372036854775807, 0], 0]'),
        ("A", '["<f4", {"a": 1}, 0]'),
        ("A", '["|O", [1], 0]'),
        ("A", '["|V4", [4], null]'),
        ("A", '["<U0", [9223372036854775807], 0]'),
        ("A", '["<f4"]'),
        ("A", "5"),
        ("A", '["<f4", [1000000000000], null]'),
        ("A", '["<f4", [0], 0]'),
        ("Z", "5"),
    ],
)
def test_a_lying_box_is_refused(kind, text, file):
    with pytest.raises(InputError, match="answered what it may not"):
        list(boxed(readers.forged, file, kind, text, limits=Limits(answer=1 << 20)))


def test_more_than_agreed_is_not_taken(file):
    items = boxed(readers.content, file, "x" * 5000, limits=Limits(answer=1000))
    with pytest.raises(InputError, match="may not"):
        next(items)
    with pytest.raises(InputError, match="may not"):  # all in all
        list(boxed(readers.chatter, file, limits=Limits(answer=1000)))


def test_files_share_a_box_until_one_breaks_it(tmp_path):
    kinds = ["good", "bad", "crash", "fine", "crash"]
    files = [tmp_path / str(k) for k in range(len(kinds))]
    for path, kind in zip(files, kinds, strict=True):
        path.write_text(kind)
    found = []
    for items in boxed_each(readers.each, files):
        try:
            found.append(list(items))
        except InputError as error:
            found.append(str(error))
    assert found[0] == ["good"] and found[3] == ["fine"]
    for k, words in ((1, "bad"), (2, "SIGABRT"), (4, "SIGABRT")):
        assert str(files[k]) in found[k] and words in found[k]


def in_force():
    found = set(box.confinements())
    if missing := {"landlock", "seccomp"} - found:
        require("box", f"this kernel lacks {', '.join(sorted(missing))}; what it keeps out is not tried")
    return found


def test_nothing_else_can_be_done_in_it(file, tmp_path):
    in_force()
    other = tmp_path / "other"
    other.write_text("secret")
    before = {path: path.stat().st_mode for path in tmp_path.iterdir()}
    found = dict(boxed(readers.attempts, file, str(other), str(tmp_path)))
    assert len(found) > 15 and not any(found.values()), [name for name, done in found.items() if done]
    assert {path: path.stat().st_mode for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("without", ["landlock", "seccomp"])
def test_each_protection_holds_alone(without, file, tmp_path):
    """Where a kernel lacks one of the two, the other still keeps writing (and seccomp the network) out."""
    in_force()
    program = (
        "import sys, json; from pathlib import Path; from reprise_kit.compare import confinement;"
        f"confinement._{without} = lambda *_: (_ for _ in ()).throw(OSError());"
        "from tests.compare import hostile_readers as readers;"
        f"path = Path({str(file.with_name('plain'))!r}); done = confinement.confine([path], [], 1 << 28, 5);"
        f"assert {without!r} not in done;"
        f"print(json.dumps(dict(readers.attempts(path, {str(file.with_name('other'))!r}, {str(tmp_path)!r}))))"
    )
    for name in ("plain", "other"):
        file.with_name(name).write_text("x")
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    done = {name for name, could in json.loads(told.splitlines()[-1]).items() if could}
    only_by = {
        "landlock": {"read another file", "list a folder"},
        "seccomp": {"open a socket", "open a local socket", "fork", "run a program", "trace", "leave", "change a mode"},
    }
    assert done <= only_by[without], done
    assert {path.name for path in tmp_path.iterdir()} == {file.name, "plain", "other"}


def test_the_filter_of_another_machine_can_be_made():
    for architecture, column in confinement.AUDIT_ARCH.values():
        program = list(confinement._filter(architecture, column))
        assert len(program) > 80 and all(len(op) == 8 for op in program)


def test_without_either_there_is_nothing_to_write(file, tmp_path):
    """Not a byte: the memory that answers are put in is mapped, and of one size."""
    program = (
        "import os, sys; from pathlib import Path; from reprise_kit.compare import confinement;"
        "confinement._landlock = confinement._seccomp = lambda *_: (_ for _ in ()).throw(OSError());"
        f"confinement.confine([Path({str(file)!r})], [], 1 << 28, 5);"
        f"Path({str(tmp_path / 'new')!r}).write_text('x')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "File too large" in done.stderr
    assert not (tmp_path / "new").read_bytes()


def test_who_is_given_up_is_ended_once(monkeypatch):
    """However long its end takes, nobody asks for it again and again meanwhile."""
    ended = []
    monkeypatch.setattr(os, "kill", lambda pid, _: ended.append(pid))
    line, other = socket.socketpair()
    given_up, their_line = socket.socketpair()
    with line, other, their_line, subprocess.Popen(["sleep", "100"]) as reader:
        readers = box_server._Readers(line)
        readers.at_work[reader.pid] = os.pidfd_open(reader.pid), their_line
        assert readers._waiting().poll(0) == []
        given_up.close()
        readers._end_those({number for number, _ in readers._waiting().poll(0)})
        assert ended == [reader.pid] and readers._waiting().poll(0) == []
        signal.pidfd_send_signal(readers.at_work[reader.pid][0], signal.SIGKILL)
        readers._end_those({number for number, _ in readers._waiting().poll(5000)})
        assert not readers.at_work and not readers.killed


def gone(pid, within=2.0):
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True  # ended; whoever it was left to has not looked yet
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_nobody_waits_any_more_and_it_ends(file):
    reading = boxed(readers.children, file)
    pid = next(reading)
    assert not gone(pid, 0.1)
    reading.close()
    assert gone(pid)


def test_it_ends_with_its_parent(file):
    program = (
        "from pathlib import Path; from reprise_kit.compare import box; import os, signal, sys\n"
        "from tests.compare import hostile_readers as readers\n"
        "reading = box.boxed(readers.children, Path(os.fsdecode(sys.stdin.buffer.read())))\n"
        "print(next(reading), box._SERVER.process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], input=os.fsencode(file), capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert all(gone(int(pid), 10) for pid in done.stdout.split())  # a second, on a machine at rest


def test_it_ends_with_its_parent_in_the_middle_of_an_import(file, tmp_path):
    (tmp_path / "slow_reader.py").write_text(
        "import os, pathlib, time\n"
        "def read(path): yield\n"
        "if os.environ.get('ASKING') != str(os.getpid()):\n"
        "    here = pathlib.Path(__file__)\n"
        "    here.with_name('part').write_text(str(os.getpid()))\n"
        "    here.with_name('part').rename(here.with_name('pid'))\n"
        "    time.sleep(200)\n"
    )
    program = (
        "import os, pathlib, sys; os.environ['ASKING'] = str(os.getpid())\n"
        f"sys.path.append({str(tmp_path)!r})\n"
        "import slow_reader; from reprise_kit.compare import box\n"
        "next(box.boxed(slow_reader.read, pathlib.Path(sys.argv[1])))\n"
    )
    pid = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", program, file], cwd=ROOT) as asking:
        while not pid.exists():
            assert asking.poll() is None
            time.sleep(0.02)
        asking.kill()
    assert gone(int(pid.read_text()), 30)  # it would live for 200


def test_the_server_may_be_killed(file):
    assert next(boxed(readers.content, file))["text"] == "content"
    box._SERVER.process.kill()
    box._SERVER.process.wait()
    assert next(boxed(readers.content, file))["text"] == "content"


def test_what_a_reader_makes_ready_is_made_once_for_all_boxes(file):
    (first, server), (second, _) = (next(boxed(readers.made_ready, file)) for _ in range(2))
    assert first == second == [server]


def test_each_file_has_seconds_of_its_own(file):
    for items in boxed_each(readers.seconds, [file] * 5, limits=Limits(seconds=7)):
        ((most, used),) = items
        assert most - used <= 8


def test_a_box_ends_with_its_server(file):
    items = boxed(readers.children, file)
    pid = next(items)
    box._SERVER.process.kill()
    assert gone(pid)
    with pytest.raises(InputError, match="ended from outside"):
        next(items)


def test_threads_read_at_once(file):
    found, threads = [], []
    for k in range(8):
        threads.append(threading.Thread(target=lambda k=k: found.append(next(boxed(readers.content, file, k))["more"])))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [[k] for k in range(8)]


def test_nothing_of_the_working_folder_is_imported(tmp_path):
    (tmp_path / "json.py").write_text("import os; os.write(2, b'RAN')")
    (tmp_path / "numpy.py").write_text("import os; os.write(2, b'RAN')")
    program = f"import sys; sys.path.remove('') if '' in sys.path else None; sys.path.insert(0, {str(Path.cwd())!r});"
    program += "from reprise_kit.compare import box; print(box.confinements())"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "RAN" not in done.stderr and "limits" in done.stdout, done.stderr


def test_a_box_starts_where_only_a_hook_finds_the_package(tmp_path):
    """As an editable installation has it: no folder of the path holds the package."""
    root = str(Path(box.__file__).parents[2])
    code = (
        f"import sys; sys.path.insert(0, {root!r}); from reprise_kit.compare import box;"
        f"sys.path[:] = [place for place in sys.path if place not in ('', {root!r})]; print(box.confinements())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "limits" in done.stdout, done.stderr


def test_limits_grow_with_the_largest_file_and_what_lies_beside_it(tmp_path):
    for name, size in (("small", 10), ("large", 1000), ("beside/one", 3000), ("beside/two", 2000)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    limits = Limits(memory=100, seconds=2, answer=200, shared=300, times=3, per_second=400)
    files = [tmp_path / "small", tmp_path / "large", tmp_path / "none"]
    assert limits.grown(files, []) == replace(limits, memory=3100, answer=3200, shared=3300, seconds=4)
    more = replace(limits, memory=15100, answer=15200, shared=15300, seconds=14)
    assert limits.grown(files, [tmp_path / "beside", tmp_path / "nowhere"]) == more
    fixed = replace(limits, per_second=0)
    assert fixed.grown(files, [tmp_path / "beside"]) == fixed
