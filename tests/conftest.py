"""What every test relies on: TensorFlow is quiet, what is drawn is drawn alike, an interrupt reaches the programs that
a test starts, and a failure is shown when it happens: a run that is cut off has said what it found."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.require import require

pytest_plugins = ["tests.unboxed", "tests.chromium"]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before anything imports it
os.environ["REPRISE_PATIENCE"] = "3600"  # a slow machine's lines would stand among those that tests count
# Where the tests themselves run in the background SIGINT is ignored, and every child would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """A model made without a seed has the same weights each time: Keras takes its seeds from here.

    A training that ran before in the same process leaves TensorFlow deterministic, which then draws by a seed only.
    """
    random.seed(6)
    np.random.seed(6)
    if "tensorflow" in sys.modules:
        sys.modules["tensorflow"].random.set_seed(6)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        print(
            f"\n{report.nodeid} ({report.when}) failed after {report.duration:.0f} s\n{report.longreprtext}", flush=True
        )


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder on a disk of its own, of the size that the test names."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={request.param}", "none", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        require("root", "no small disk to fill: mounting a tmpfs needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
