"""Packages that a test reads or runs beside the kit: from PyPI at test time, pinned, in a folder of their own."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.require import require

# Kept from run to run: REPRISE_TEST_PACKAGES, else in the system's temporary folder.
PLACE = Path(os.environ.get("REPRISE_TEST_PACKAGES", Path(tempfile.gettempdir()) / f"reprise-packages-{os.getuid()}"))


def installed(*pins: str) -> Path:
    """Return a folder, for a path of imports, with NAME==VERSION of each pin and none of what they ask for.

    Skips, naming the first, where they cannot be had.
    """
    folder = PLACE / "+".join(pins).replace("==", "-")
    if folder.is_dir():
        return folder
    PLACE.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=PLACE))
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--only-binary=:all:", "--target", str(part)]
    done = subprocess.run([*pip, *pins], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        shutil.rmtree(part)
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["no message"]
        require("pypi", f"{pins[0]} cannot be had: {said[-1]}")
    part.rename(folder)
    return folder
