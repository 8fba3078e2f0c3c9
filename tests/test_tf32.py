"""TF32 is off before any library of NVIDIA's is loaded, unless a person wants it."""

import os
import subprocess
import sys

import pytest

from reprise_kit.compare.system import ROOT


@pytest.mark.parametrize(("given", "found"), [({}, "0"), ({"NVIDIA_TF32_OVERRIDE": "1"}, "1")])
def test_the_override_is_there_after_the_import(given, found):
    bare = {name: value for name, value in os.environ.items() if name != "NVIDIA_TF32_OVERRIDE"}
    code = "import os, reprise_kit; print(os.environ['NVIDIA_TF32_OVERRIDE'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**bare, **given}, capture_output=True, text=True)
    assert done.stdout.strip() == found
