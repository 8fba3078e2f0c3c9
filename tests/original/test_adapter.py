"""The half of a trace.py that no system changes: it does not outlive the process that started it."""

import os
import subprocess
import sys

import pytest

from reprise_kit.compare.system import ROOT

BEGIN = "import adapter; adapter.end_with_parent(); print('goes on')"


@pytest.mark.parametrize(("parent", "code"), [(None, 0), ("this", 0), ("another", 2)])
def test_an_adapter_whose_parent_ended_while_it_was_importing_ends(parent, code):
    ids = {"this": str(os.getpid()), "another": str(os.getpid() + 1)}
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "original" / "eras")} | (
        {"REPRISE_PARENT": ids[parent]} if parent else {}
    )
    done = subprocess.run([sys.executable, "-c", BEGIN], env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert done.stdout == ("" if code else "goes on\n")
