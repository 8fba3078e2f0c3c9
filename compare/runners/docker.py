"""Traces of the live original, in a container: the `python27` runner's trace.py, with another prefix.

The container has no network, a read-only root and no capabilities. It sees upstream, original/, the weights
and the clip read-only, and one folder that it may write to.
"""

import contextlib
import dataclasses
import glob
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from reprise_kit.compare.container_engine import PLATFORM, ask, engine_problem, image_id
from reprise_kit.compare.input import Input
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.runners.python27 import Python27Runner
from reprise_kit.compare.stage import Stage
from reprise_kit.compare.system import ORIGINAL
from reprise_kit.compare.trace import Trace
from reprise_kit.compare.walk import followed

MEMORY = "4g"  # a 31 s clip takes about 0.5 GB
PROCESSES = "1024"  # libraries start a thread a core, and some hosts have 128
TMP = "/tmp:exec,size=512m,mode=1777"  # Theano runs what it compiles there
KILLED = 137  # exit code of a container that got SIGKILL
NON_ROOT = 1000  # who runs inside when the caller is root


class DockerRunner(Python27Runner):
    """Keeps one container with the original loaded and hands it one clip after another through a folder."""

    def __init__(self, settings: Settings) -> None:
        """Remember what to run; nothing is started yet."""
        super().__init__(settings)
        self.killed = False
        self.name = f"reprise-{uuid.uuid4().hex[:12]}"
        self.user = os.getuid() or NON_ROOT
        self.folder: tempfile.TemporaryDirectory[str] | None = None

    def unavailable_reason(self) -> str | None:
        """Say what is missing: an environment for the backend, an engine, the image or upstream."""
        if self.row is None:
            return f"{self.system.name} has no image on {self.settings.backend}"
        if not self.row.image:
            return f"{self.system.name} has no image: its environment needs no more than Python 2.7; --runner python27"
        problem = engine_problem()
        if problem:
            return problem
        if image_id(self.row.image) is None:
            return f"image {self.row.image} is not built; build it with: make image-{Path(self.row.image).name}"
        return self._upstream_problem()

    def trace(self, clip: Input, stages: Sequence[Stage], given: Trace | None = None) -> Trace:
        """Trace a clip in the container; raises InputError in one line where it refuses, dies or hangs."""
        traced = super().trace(clip, stages, given)
        assert self.row is not None
        about = {**traced.provenance, "runner": "docker", "image": image_id(self.row.image)}
        return dataclasses.replace(traced, provenance=about)

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return the command, `docker run ...`, and its environment; makes the exchange folder."""
        assert self.row is not None
        self.folder = tempfile.TemporaryDirectory(prefix="reprise-docker-")
        for name in ("clips", "out"):
            folder = Path(self.folder.name, name)
            folder.mkdir()
            if os.getuid() == 0:
                os.chown(folder, self.user, self.user)
        run = self.checked()
        weights = followed(run.weights.path)
        mounts = [
            f"{run.upstream}:/upstream:ro,z",
            f"{ORIGINAL}:/original:ro,z",
            *(f"{path}:/weights/{path.name}:ro,z" for path in _numbered_alike(weights)),
            f"{self.folder.name}/clips:/clips:ro,z",
            f"{self.folder.name}/out:/out:z",
        ]
        command = [
            *("docker", "run", "--platform", PLATFORM, "--rm", "--interactive", "--init", "--name", self.name),
            *("--network", "none"),
            *("--read-only", "--tmpfs", TMP, "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
            *("--memory", MEMORY, "--pids-limit", PROCESSES, "--user", f"{self.user}:{self.user}"),
            *(word for mount in mounts for word in ("--volume", mount)),
            *("--env", "OPENBLAS_CORETYPE", self.row.image),
            *("python", f"/original/{self.system.name}/trace.py", "--backend", self.row.backend),
            *("--upstream", "/upstream", "--weights", f"/weights/{weights.name}"),
        ]
        return command, dict(os.environ)

    def close(self) -> None:
        """End the container and whatever talks to it."""
        process = self.process
        super().close()
        if process is not None:
            self.killed = process.returncode == KILLED
            ask("rm", "--force", self.name)
        if self.folder is not None:
            self.folder.cleanup()
            self.folder = None

    def _last_words(self) -> str:
        return f"killed from outside, or out of its {MEMORY} of memory" if self.killed else super()._last_words()

    def _ask(self, request: dict[str, str], what: str) -> None:
        self._ensure_started()
        assert self.folder is not None
        clip = Path(self.folder.name, "clips", Path(request["clip"]).name)
        made = Path(self.folder.name, "out")
        shutil.copyfile(request["clip"], clip)
        try:
            super()._ask({"clip": f"/clips/{clip.name}", "out": "/out"}, what)
            for path in made.iterdir():
                shutil.move(path, request["out"])
        finally:
            clip.unlink(missing_ok=True)


def _numbered_alike(weights: Path) -> list[Path]:
    """Return the checkpoint and its siblings of other numbers: some originals keep one file a layer."""
    pattern = re.sub(r"\d", "[0-9]", glob.escape(weights.stem))
    return sorted(weights.parent.glob(pattern + glob.escape(weights.suffix)))


# As the container of the original sees a clip: a copy, so that no name and no right of the user's can be in the way.
FFMPEG = """#!/bin/sh
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && chmod 755 "$folder"
for word do
  shift
  if [ -f "$word" ]; then cp "$word" "$folder/clip" && chmod 644 "$folder/clip" && word=/clips/clip; fi
  set -- "$@" "$word"
done
docker run --platform linux/amd64 --rm --network none --read-only --cap-drop ALL --security-opt no-new-privileges \
  --user 1000:1000 --memory 4g --volume "$folder:/clips:ro,z" --entrypoint ffmpeg IMAGE "$@"
"""


@contextlib.contextmanager
def ffmpeg_on_path(settings: Settings) -> Iterator[None]:
    """For a while the first `ffmpeg` on PATH is the image's, so that the port decodes as the original does."""
    row, path = settings.system.file.environments.get(settings.backend), os.environ["PATH"]
    if row is None or image_id(row.image) is None:
        yield  # the runner says what is missing
        return
    with tempfile.TemporaryDirectory(prefix="reprise-ffmpeg-") as folder:
        program = Path(folder, "ffmpeg")
        program.write_text(FFMPEG.replace("IMAGE", row.image))
        program.chmod(0o755)
        os.environ["PATH"] = f"{folder}{os.pathsep}{path}"
        try:
            yield
        finally:
            os.environ["PATH"] = path


def open_runner(settings: Settings) -> DockerRunner:
    """Open the live original in a container."""
    return DockerRunner(settings)
