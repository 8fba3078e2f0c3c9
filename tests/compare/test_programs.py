import subprocess
import sys
import time

import pytest

from reprise_kit.compare import diagnosis
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.programs import run_program

ENDLESS = "import os\nwhile True: os.write({}, b'y' * 9999)"


def test_what_it_says_is_text_whatever_its_bytes(tmp_path):
    program = "import os, sys; os.write(1, b'a\\xff\\r\\n' + sys.stdin.buffer.read()); os.write(2, b'b'); sys.exit(3)"
    done = run_program([sys.executable, "-c", program], given="é", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (3, "a\\xff\né", "b")


@pytest.mark.parametrize("output", [1, 2])
def test_who_says_more_than_is_bounded_is_ended(output):
    began = time.monotonic()
    done = run_program([sys.executable, "-c", ENDLESS.format(output)], most=1 << 20)
    assert done.returncode == -9 and len(done.stdout + done.stderr) < 2 << 20 and time.monotonic() - began < 30


@pytest.mark.parametrize("before", ["", "exec >&- 2>&-; "])  # by a shell: it is there before its time is over
def test_who_takes_longer_is_ended(before):
    began = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        run_program(["sh", "-c", f"{before}exec sleep 300"], seconds=2)
    assert time.monotonic() - began < 100


def test_what_is_left_in_the_background_is_not_waited_for():
    began = time.monotonic()
    done = run_program(["sh", "-c", "sleep 45 & echo said"])
    assert done.stdout == "said\n" and time.monotonic() - began < 30


def test_an_environment_that_talks_without_end_is_refused_at_once(tmp_path):
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text("#!/bin/sh\nexec yes\n")
    python.chmod(0o755)
    began = time.monotonic()
    with pytest.raises(InputError, match="does not run as a Python"):
        diagnosis.inspect(tmp_path)
    assert time.monotonic() - began < 30
