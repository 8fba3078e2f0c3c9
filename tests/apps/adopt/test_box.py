"""The box in earnest: what a program in it cannot reach, and how it is ended."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reprise_kit.apps.adopt import box
from reprise_kit.apps.adopt.box import Box, Limits
from reprise_kit.apps.adopt.written import Written
from reprise_kit.compare.errors import InputError

pytestmark = pytest.mark.usefixtures("bwrap")
SHELL = ["/bin/sh", "-c"]


def made(tmp_path: Path, boxed: bool = True) -> tuple[Box, Path]:
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    return box.open_box(tmp_path / "home", {work: "/adopted"}, {}, not boxed), work


def ran(tmp_path: Path, script: str, limits: Limits | None = None, **more) -> box.Ended:
    opened, work = made(tmp_path)
    words = [*SHELL, script]
    return opened.run(words, {}, opened.name(work), tmp_path / "log", limits or Limits(seconds=30), **more)


def test_a_program_sees_its_folder_and_its_home_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("x")
    monkeypatch.setenv("TOKEN", "xyzzy")
    ended = ran(tmp_path, f"echo $HOME; ls -A /home / {tmp_path} /root; env; touch /usr/x /etc/x; echo in > kept")
    assert "/home/adopted" in ended.said and "secret" not in ended.said and "xyzzy" not in ended.said
    assert (tmp_path / "work" / "kept").read_text() == "in\n"
    assert not Path("/usr/x").exists() and not Path("/etc/x").exists()


def test_no_network_and_none_of_its_neighbours(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        script = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2); print('REACHED')"
        subprocess.run(["/usr/bin/python3", "-c", script], check=True)  # the check bites: outside it is reached
        ended = ran(tmp_path, f'/usr/bin/python3 -c "{script}"')
    assert ended.code != 0 and "REACHED" not in ended.said and "Error" in ended.said


@pytest.mark.parametrize(
    ("script", "limits", "why"),
    [
        ("while :; do :; done", Limits(seconds=1), "ran for 1 s"),
        (
            "for i in 1 2 3 4 5 6; do head -c 9000000 /dev/zero > $i; done; sleep 30",
            Limits(30, disk=20 << 20),
            "MB of f",
        ),
        ("for i in 1 2 3 4 5 6 7 8 9; do sleep 30 & done; wait", Limits(seconds=30, processes=6), "processes"),
        ("x=$(head -c 300000000 /dev/zero | tr '\\0' a); sleep 30", Limits(seconds=30, memory=200 << 20), "memory"),
        ("sleep 30", Limits(seconds=30, idle=1), "did nothing for 1 s"),
    ],
)
def test_limits_end_it_and_all_that_it_began(tmp_path: Path, script: str, limits: Limits, why: str) -> None:
    mark = f"sleep 3{os.getpid()}"
    ended = ran(tmp_path, f"({mark} &) ; {script}", limits, kept=lambda: True)
    assert ended.code is None and why in ended.why
    time.sleep(0.3)
    assert mark not in subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True).stdout


def test_its_memory_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """/dev is memory of the machine's, half of it where nothing bounds it, and of no process."""
    monkeypatch.setattr(box, "SCRATCH", 1 << 20)
    places = "/tmp/x /dev/shm/x /dev/x"
    ended = ran(tmp_path, f"for x in {places}; do head -c 3000000 /dev/zero > $x; wc -c < $x; done 2>/dev/null")
    assert ended.said.split() == ["1048576", "1048576"]


def test_what_others_write_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    (tmp_path / "before" / "x").write_bytes(bytes(9_000_000))
    seen = Written([tmp_path / "before"], 1 << 20)
    (tmp_path / "beside").write_bytes(bytes(9_000_000))
    os.sync()
    assert seen.bytes() == 0


def test_it_is_not_ended_for_waiting_before_it_has_left_anything(tmp_path: Path) -> None:
    assert ran(tmp_path, "sleep 2", Limits(seconds=30, idle=0.5)).code == 0


def test_it_is_ended_for_waiting_in_vain(tmp_path: Path) -> None:
    assert ran(tmp_path, "sleep 60", Limits(seconds=50, idle=0.5, vain=1.5)).why.startswith("it did nothing for 1.5 s")


def test_wanting_a_core_is_no_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine where others have every core."""
    monkeypatch.setattr(box, "_work", lambda pid: 0.0)
    ended = ran(tmp_path, "while :; do :; done", Limits(seconds=6, idle=1, vain=1), kept=lambda: True)
    assert ended.why.startswith("it ran for 6 s")


def test_work_of_children_that_end_is_work(tmp_path: Path) -> None:
    """A compiler's: each is gone soon, and what began them only waits for the next."""
    script = "for i in 1 2 3 4 5 6; do timeout 0.6 sh -c 'while :; do :; done'; sleep 0.4; done; exit 0"
    ended = ran(tmp_path, script, Limits(seconds=60, idle=1.2), kept=lambda: True)
    assert (ended.code, ended.why) == (0, "")


def test_enough_ends_it(tmp_path: Path) -> None:
    opened, work = made(tmp_path)
    ended = opened.run(
        [*SHELL, "touch enough; sleep 60"],
        {},
        opened.name(work),
        tmp_path / "log",
        Limits(seconds=30),
        enough=(work / "enough").exists,
    )
    assert "enough" in ended.why and ended.seconds < 20


def test_exit_code_and_last_words(tmp_path: Path) -> None:
    ended = ran(tmp_path, "seq 100; echo wrong >&2; exit 7")
    assert (ended.code, ended.why) == (7, "") and ended.said.endswith("100\nwrong")


def test_without_bubblewrap_a_person_must_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="--unboxed"):
        made(tmp_path)
    opened, work = made(tmp_path, boxed=False)
    words = [sys.executable, "-c", "print('outside')"]
    assert opened.run(words, {}, str(work), tmp_path / "log", Limits()).said == "outside"


def test_what_an_environment_names_is_shown_and_never_a_home(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    found = box.needed(
        Path(sys.executable), {"PYTHONPATH": f"{tmp_path}/lib:{Path.home()}:/", "HOME": str(tmp_path), "X": "/usr/lib"}
    )
    assert tmp_path / "lib" in found and Path(sys.prefix) in found
    assert not {tmp_path, Path.home(), Path("/"), Path("/usr/lib")} & set(found)


SLOW = """#!/bin/sh
touch {began}
while [ ! -e {go} ]; do sleep 0.02; done
exec {bwrap} "$@"
"""


@pytest.mark.parametrize(("guard", "left"), [(box.GUARDED, 0), ('exec "$@"', 1)], ids=["guarded", "without it"])
def test_killed_while_bwrap_begins_nothing_goes_on(
    guard: str, left: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go, slow = tmp_path / "began", tmp_path / "go", tmp_path / "bin" / "bwrap"
    slow.parent.mkdir()
    slow.write_text(SLOW.format(began=began, go=go, bwrap=shutil.which("bwrap")))
    slow.chmod(0o755)
    opened, work = made(tmp_path)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(box, "GUARDED", guard)
    child = os.fork()
    if child == 0:
        opened.run([*SHELL, "sleep 60"], {}, opened.name(work), tmp_path / "log", Limits(seconds=30))
        os._exit(0)
    assert waited(began.exists)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    go.touch()
    try:
        assert waited(lambda: len(boxes(tmp_path)) == left, for_good=0.5)
    finally:
        for pid in boxes(tmp_path):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("guard", "left"), [(box.GUARDED, 0), (box.GUARDED.replace("-1;", "$$;"), 1)], ids=["guarded", "its shell alone"]
)
def test_children_that_outlive_their_parents_are_killed_too(guard: str, left: int, tmp_path: Path) -> None:
    """A bwrap that does not end with its parent, as in the moment in which it begins."""
    (tmp_path / "work").mkdir()
    words = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]
    words += ["--bind", f"{tmp_path}/work", "/mnt"]
    program = ["/bin/sh", "-c", guard, "sh", "/bin/sh", "-c", "sleep 60 & touch /mnt/began; wait"]
    with subprocess.Popen([*words, *program], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None and waited((tmp_path / "work" / "began").exists)
        process.stdin.close()
    try:
        assert waited(lambda: len(boxes(tmp_path)) == left, for_good=0.5)
    finally:
        for pid in boxes(tmp_path):
            os.kill(pid, signal.SIGKILL)


def test_killed_at_any_moment_nothing_goes_on(tmp_path: Path) -> None:
    opened, work = made(tmp_path)
    for moment in range(12):
        child = os.fork()
        if child == 0:
            opened.run([*SHELL, "sleep 60"], {}, opened.name(work), tmp_path / "log", Limits(seconds=30))
            os._exit(0)
        time.sleep(moment * 0.004)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert waited(lambda: not boxes(tmp_path), for_good=0.5)


def waited(true: Callable[[], bool], for_good: float = 0.0, at_most: float = 20.0) -> bool:
    """Wait until it is true, and still is after `for_good` seconds."""
    until = time.monotonic() + at_most
    while not true() and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(for_good)
    return true()


def boxes(folder: Path) -> list[int]:
    """Processes that make or are a box over `folder`; of bwrap's the outermost that is left."""
    rows = subprocess.run(["ps", "-ewwo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    found = {int(row.split()[0]): int(row.split()[1]) for row in rows.splitlines()[1:] if f"{folder}/work" in row}
    return [pid for pid, parent in found.items() if parent not in found]


def test_names_that_programs_look_up(tmp_path: Path) -> None:
    asked = ["gethostbyname('localhost')", "gethostbyname(socket.gethostname())", "getaddrinfo('localhost', 80)[0][4]"]
    if Path("/etc/protocols").exists():
        asked += ["getprotobyname('tcp')", "getservbyname('http')"]
    script = "; ".join(f"print(socket.{name})" for name in asked)
    ended = ran(tmp_path, f'/usr/bin/python3 -c "import socket; {script}"')
    assert ended.code == 0, ended.said
    assert ended.said.splitlines()[:2] == ["127.0.0.1"] * 2 and ended.said.splitlines()[3:] in ([], ["6", "80"])
