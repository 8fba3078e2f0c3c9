"""`reprise record`: original/record inside the old Keras itself, in a local environment or in a container."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

from reprise_kit.compare import eras
from reprise_kit.compare.container_engine import PLATFORM, engine_problem, image_id
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.fetch import cache
from reprise_kit.compare.patience import patience
from reprise_kit.compare.programs import run_program
from reprise_kit.compare.python27 import environment, environment_folder, private_settings
from reprise_kit.compare.shown import say
from reprise_kit.compare.system import RECORDER, ROOT

TMP = "/tmp:exec,size=1g,mode=1777"  # Theano runs what it compiles there
READ = ("--architecture", "--weights", "--inputs")


def _say(line: str) -> None:
    say(line, error=True)


def record(keras: str, backend: str, extras: Sequence[str], in_image: bool, arguments: Sequence[str]) -> int:
    """Run the recorder with `arguments` on this Keras and backend; return its exit code.

    in_image: in a container; else locally, or in a container where no such Python is here.
    """
    era = eras.choose(keras, backend)
    lock = eras.lock(era, keras, extras)
    interpreter = None if in_image else era.interpreter()
    if interpreter is None:
        problem = engine_problem()
        if problem:
            raise InputError(
                f"Keras {keras} needs a Python {' or '.join(era.python)} (pyenv install, or REPRISE_PYTHON"
                f"{era.python[0].replace('.', '')}=PATH), which is not here, or a container engine: {problem}"
            )
        command, variables = in_container(era, lock, arguments), dict(os.environ)
    else:
        python = environment(interpreter, lock, _say)
        settings = cache() / "environments" / "settings" / environment_folder(interpreter, lock).name
        command = [str(python), str(RECORDER), "--backend", backend, *arguments]
        variables = private_settings(settings, backend)
    with patience(lambda: f"recording in Keras {keras} on {backend}"):
        return subprocess.run(command, env=variables, check=False).returncode


def in_container(era: eras.Era, lock: Path, arguments: Sequence[str]) -> list[str]:
    """Return the command that runs the recorder in this era's image, which is built first where it is not there."""
    image = f"reprise/{lock.stem.removeprefix('requirements-')}"
    if image_id(image) is None:
        _say(f"building the image {image} (once, some minutes) ...")
        build(image, era, lock)
    here, out = Path.cwd(), Path(option(arguments, "--out") or "golden.npz").absolute().parent
    read = {Path(value).absolute().parent for value in (option(arguments, name) for name in READ) if value}
    mounts = [f"{folder}:{folder}:ro,z" for folder in sorted({here, *read} - {out})] + [f"{out}:{out}:z"]
    return [
        *("docker", "run", "--platform", PLATFORM, "--rm", "--init", "--name", f"reprise-{uuid.uuid4().hex[:12]}"),
        *("--network", "none", "--read-only", "--tmpfs", TMP, "--cap-drop", "ALL"),
        *("--security-opt", "no-new-privileges", "--user", f"{os.getuid()}:{os.getgid()}"),
        *("--env", "HOME=/tmp", "--env", "THEANO_FLAGS=base_compiledir=/tmp/t"),
        *("--workdir", str(here), "--volume", f"{RECORDER}:/record:ro,z"),
        *(word for mount in mounts for word in ("--volume", mount)),
        *(image, "python", "/record", "--backend", era.backend, *arguments),
    ]


def build(image: str, era: eras.Era, lock: Path) -> None:
    """Build an image of the lock's packages and nothing else; raises InputError with the engine's last line."""
    base = os.environ.get("REPRISE_BASE_" + era.python[0].replace(".", ""), era.image)
    with tempfile.TemporaryDirectory(prefix="reprise-image-") as folder:
        shutil.copy(lock, Path(folder, "requirements.lock"))
        shutil.copy(ROOT / "original" / "eras" / "Dockerfile", folder)
        words = ["docker", "build", "--platform", PLATFORM, "--quiet", "--build-arg", f"BASE={base}"]
        words += ["--tag", image, folder]
        done = run_program(words)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise InputError(f"cannot build {image} on {base}: {lines[-1].strip() if lines else 'no message'}")


def option(arguments: Sequence[str], name: str) -> str | None:
    """Return the value of --name VALUE or --name=VALUE."""
    for i, word in enumerate(arguments):
        if word == name and i + 1 < len(arguments):
            return arguments[i + 1]
        if word.startswith(name + "="):
            return word.partition("=")[2]
    return None
