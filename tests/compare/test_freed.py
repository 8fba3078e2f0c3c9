"""Memory that is freed serves again: the kernel gives no new pages for the arrays of the next clip."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
from reprise_kit.compare.freed import keep_what_is_freed
if sys.argv[1] == "kept":
    keep_what_is_freed(1 << 25, 1 << 27)
clip = lambda: [np.ones(24 << 20, np.uint8) for _ in range(4)]
clip()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    clip()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's mallopt")
def test_the_next_arrays_have_the_memory_of_the_last():
    assert 10 * faults("kept") < faults("given back")
