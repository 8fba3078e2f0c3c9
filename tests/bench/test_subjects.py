"""The bench counts what is used below it, by processes that go on living, too."""

import subprocess
import sys

from tests.bench.subjects import cpu

SPINS = "import time\nwhile time.process_time() < 0.4: pass\nprint(flush=True)\ninput()"
BELOW = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {SPINS!r}])"


def test_a_living_grandchild_counts_and_still_does_when_it_has_ended() -> None:
    before = cpu()
    with subprocess.Popen([sys.executable, "-c", BELOW], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin and child.stdout
        child.stdout.readline()
        alive = cpu() - before
        child.stdin.close()
    assert 0.3 < alive <= cpu() - before + 0.05
