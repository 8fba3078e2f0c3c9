"""Ctrl-C: one line and 130, wherever it comes; what was finished is kept, and no worker says a word."""

import os
import signal
import subprocess
import sys
import time
import wave

import pytest

from reprise_kit.compare.workers import starting

# A command that is interrupted in code of a given kind, by a signal to the whole group as a terminal sends it.
INTERRUPTED = """
import os, signal
from reprise_kit import cli
from reprise_kit.command_line.options import Command
KILL = "os.killpg(0, signal.SIGINT)"

@cli.cli.command("wait", cls=Command)
def wait():
    try:
        {code}
    finally:
        {cleanup}
        print("cleaned up", flush=True)

import sys
sys.argv = ["reprise", "wait"]
cli.main()
"""

# Where Python drops what is raised: a destructor of ours, and what a child does between its fork and its program.
SWALLOWED = (
    "D = type('D', (), {'__del__': lambda self: os.killpg(0, 2)}); D(); __import__('time').sleep(60)",
    "os.register_at_fork(after_in_child=lambda: os.killpg(0, 2)); os.fork() and __import__('time').sleep(60)",
)
# What a library makes of it that has its own exceptions.
REPLACED = (
    "try: os.killpg(0, 2)\n        except KeyboardInterrupt: raise RuntimeError('REPLACED BY KeyboardInterrupt')",
    "try: os.killpg(0, 2)\n        except KeyboardInterrupt: raise OSError(5, 'error')",
)


def stopped(done):
    return done.returncode == 130 and done.stderr.split("\n") in (
        ["reprise: stopped", ""],
        ["", "reprise: stopped", ""],
    )


@pytest.mark.parametrize(
    "code", ["exec(KILL)", "os.killpg(0, signal.SIGINT)", "[os.killpg(0, 2) for _ in range(9)]", *SWALLOWED, *REPLACED]
)
@pytest.mark.parametrize("cleanup", ["pass", "os.killpg(0, signal.SIGINT)"])
def test_it_is_one_line_and_130(code, cleanup):
    program = INTERRUPTED.format(code=code, cleanup=cleanup)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, start_new_session=True, check=False
    )
    assert stopped(done), (done.returncode, done.stderr)
    assert done.stdout == "cleaned up\n"


def test_the_word_to_end_is_143_where_python_drops_exceptions():
    code = "D = type('D', (), {'__del__': lambda self: os.kill(os.getpid(), 15)}); D(); __import__('time').sleep(60)"
    program = INTERRUPTED.format(code=code, cleanup="pass")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (143, "reprise: terminated\n", "cleaned up\n")


def test_workers_never_see_it():
    program = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    with starting():
        inside = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    after = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (inside.stdout, after.stdout) == ("True\n", "False\n")


def test_a_data_set_goes_on_where_it_was_stopped(tmp_path):
    for genre in "ab":
        (tmp_path / "corpus" / genre).mkdir(parents=True)
        for k in range(4):
            with wave.open(str(tmp_path / "corpus" / genre / f"{k}.wav"), "wb") as file:
                file.setparams((1, 2, 22050, 0, "NONE", ""))
                file.writeframes(os.urandom(22050 * 4))
    command = [sys.executable, "-m", "reprise_kit", "dataset", str(tmp_path / "corpus"), "-o", str(tmp_path / "d.npz")]
    command += ["--workers", "1"]
    parts = tmp_path / "d.npz.parts"
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    until = time.monotonic() + 120
    while not list(parts.glob("*.npy")) and time.monotonic() < until:
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert stopped(subprocess.CompletedProcess(command, run.returncode, out, err)), (run.returncode, err)
    assert out == "the same command goes on from here\n" and not (tmp_path / "d.npz").exists()
    kept = {path: path.stat().st_mtime_ns for path in parts.glob("*.npy")}
    assert kept  # and perhaps the room of one track, which the next run clears
    subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / "d.npz").is_file() and not parts.exists()


# A library's thread takes the signal that the main one blocks; Python handles it in the main one all the same.
STARTED = """
import os, signal, threading, time
from reprise_kit.compare.workers import starting
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
try:
    with starting():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
        print("begun")
except KeyboardInterrupt:
    print("interrupted")
"""


def test_what_starts_a_worker_is_not_broken_into():
    done = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, text=True, check=True)
    assert done.stdout == "begun\ninterrupted\n"
