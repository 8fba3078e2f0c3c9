"""`python -m tests.docker.compose_up OUT...`: what adopted repositories' programs say in their containers.

OUT: folders that `reprise adopt` wrote. Each program must say in its container what it said in its box (OUT/run.log),
up to the last digits; one that never ends is stopped then. Prints a line for each with its seconds.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from reprise_kit.compare.container_engine import compose_command
from tests.docker.base_image import import_base
from tests.docker.kit import docker

SECONDS = 600  # that a program may take until it has said all: Theano compiles an LSTM, on a busy machine for minutes
BUILD_SECONDS = 900
PROJECT = "adopted-test"
# Of the libraries, a web server's log, and what is drawn anew each time.
NOISE = re.compile(
    r"WARNING \([^\n]*\n|^\S+ - - \[[^\n]*\n|^ \* [^\n]*\n|^[^\n]*cpu_feature_guard[^\n]*\n", re.MULTILINE
)


def said(text: str) -> set[str]:
    """The lines that a program said to their ends, its numbers to four digits."""
    whole = text[: text.rfind("\n") + 1]
    plain = NOISE.sub("", re.sub(r"^\S+ +\| ?", "", whole, flags=re.MULTILINE))
    return {re.sub(r"\d+\.\d+(e-?\d+)?", lambda n: f"{float(n[0]):.4g}", line).strip() for line in plain.splitlines()}


def base_of(out: Path) -> str:
    """The image that PY27_BASE names for 2.7, else a stand-in for the Dockerfile's, imported where it is missing."""
    found = re.search(r"FROM \$\{BASE:-python:([\d.]+)\}", (out / "Dockerfile").read_text())
    assert found, f"{out}: no base"
    if found[1] == "2.7" and "PY27_BASE" in os.environ:
        return os.environ["PY27_BASE"]
    tag = f"reprise-stand-in:{found[1]}"
    if not docker("image", "ls", "-q", tag):
        import_base(found[1], tag)
    return tag


class Composed:
    """One adopted repository under compose."""

    def __init__(self, out: Path) -> None:
        """Take its folder; nothing is built yet."""
        command = compose_command()
        assert command is not None, "no compose beside the engine"
        self._words = [*command, "-p", PROJECT, "-f", str(out / "compose.yaml")]
        self._variables = os.environ | {"BASE": base_of(out)}

    def __call__(self, *words: str) -> str:
        """Run compose; what it said. Fails with it where compose does."""
        done = subprocess.run(
            [*self._words, *words], env=self._variables, capture_output=True, text=True, timeout=BUILD_SECONDS
        )
        assert done.returncode == 0, f"compose {' '.join(words)}: {(done.stdout + done.stderr)[-3000:]}"
        return done.stdout

    def lines_until(self, wanted: set[str]) -> set[str]:
        """Start it; the lines that it has said when all that is wanted is among them, it has ended or time is over."""
        self("up", "-d")
        until = time.monotonic() + SECONDS
        while True:
            ended = not docker("ps", "-q", "--filter", f"label=com.docker.compose.project={PROJECT}")
            lines = said(self("logs", "--no-color"))
            if wanted <= lines or ended or time.monotonic() > until:
                return lines
            time.sleep(1)


def check(out: Path) -> str:
    """Build one and start it; the line about it. Fails where its program says other lines than it did in its box."""
    began = time.monotonic()
    composed, wanted = Composed(out), said((out / "run.log").read_text())
    assert wanted, f"{out / 'run.log'} is empty"
    try:
        composed("build")
        built = time.monotonic()
        missing = wanted - composed.lines_until(wanted)
        assert not missing, f"{out}: not said in the container: {sorted(missing)[:5]}\n{composed('logs', '--no-color')}"
    finally:
        composed("down", "--volumes", "--rmi", "local")
    seconds = f"built in {built - began:.0f} s, said in {time.monotonic() - built:.0f} s"
    return f"{out}: {len(wanted)} lines as in its box; {seconds}"


if __name__ == "__main__":
    for folder in sys.argv[1:]:
        print(check(Path(folder).resolve()), flush=True)
