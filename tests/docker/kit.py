"""What the container tests share: the built images, compose with its overlay, and one HTTP upload.

The upstream is the stand-in; with REPRISE_UPSTREAM=DIR the same tests run the real one (REPRISE_WEIGHTS=FILE takes
other weights than the kit's own). Without PY27_BASE and PORT_BASE in the environment the base images are stand-ins.
"""

import json
import os
import secrets
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from reprise_kit.compare import registry
from reprise_kit.compare.container_engine import compose_command
from reprise_kit.compare.system import ROOT
from tests.docker.base_image import import_base

SYSTEM = registry.load("deepsound_crnn")
ENVIRONMENTS = ("theano", "theano-keras106", "theano-keras122", "tensorflow")  # locks of original/eras
IMAGES = (*(f"reprise/py27-{name}" for name in ENVIRONMENTS), "reprise/port")
BUILD_SECONDS = 1500  # that all images may take: fixtures have no limit of pytest's here
BASES = {"PY27_BASE": ("2.7", "reprise-stand-in:2.7"), "PORT_BASE": ("3.11", "reprise-stand-in:3.11")}
PROJECT = "kit-test"
HARDENED = ("--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
HARDENED += ("--tmpfs=/tmp:exec,size=512m,mode=1777", "--env=OPENBLAS_CORETYPE")


def docker(*words: str, check: bool = True) -> str:
    """Run docker and return its standard output."""
    return subprocess.run(["docker", *words], check=check, capture_output=True, text=True).stdout.strip()


def image_ids() -> dict[str, str]:
    """Return the id (sha256:...) of every image that is built."""
    found = {image: docker("image", "inspect", "-f", "{{.Id}}", image, check=False) for image in IMAGES}
    return {image: identity for image, identity in found.items() if identity}


@dataclass
class Kit:
    """compose.yaml with the tests' overlay, under one environment."""

    variables: dict[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ("compose.yaml", "tests/docker/stand_in.yaml")

    def compose(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run compose; never raises: the caller looks at the exit code and at what was said."""
        command = compose_command()
        assert command is not None, "no compose beside the engine"
        files = [word for file in self.files for word in ("-f", str(ROOT / file))]
        environment = {**os.environ, **self.variables, **variables}
        return subprocess.run(
            [*command, "-p", PROJECT, *files, *words], env=environment, capture_output=True, text=True, check=False
        )

    def make(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run make in the repository; never raises."""
        environment = {**os.environ, **self.variables, **variables}
        kept = {"capture_output": True, "text": True, "check": False, "timeout": BUILD_SECONDS}
        return subprocess.run(["make", *words], cwd=ROOT, env=environment, **kept)

    def build(self) -> float:
        """Build every image, by make and by compose; return the seconds it took."""
        started = time.monotonic()
        done = self.make("images")
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        # Without the overlay, which lends the service `upstream` the image of another.
        plain = Kit(self.variables, ("compose.yaml",))
        done = plain.compose("--profile", "tensorflow", "--profile", "compare", "build")
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return time.monotonic() - started

    def down(self) -> None:
        """Stop and remove everything of the project."""
        done = self.compose("--profile", "tensorflow", "--profile", "compare", "down", "--volumes", "--remove-orphans")
        assert done.returncode == 0, done.stderr


def make_kit() -> Kit:
    """Return the kit, its base images imported where none are named."""
    variables = {"REPRISE_TENSORFLOW": "tensorflow", "REPRISE_FROM": str(ROOT / "tests/original/stand_in")}
    variables["REPRISE_WEIGHTS"] = os.environ.get("REPRISE_WEIGHTS", str(SYSTEM.default_weights))
    if os.environ.get("REPRISE_UPSTREAM"):
        variables["REPRISE_FROM"] = os.environ["REPRISE_UPSTREAM"]
    for name, (version, tag) in BASES.items():
        if name not in os.environ:
            import_base(version, tag)
            variables[name] = tag
    return Kit(variables)


def wait_healthy(*services: str, seconds: float = 180) -> float:
    """Wait until every service of the project is healthy; returns the seconds it took, fails with the logs."""
    started = time.monotonic()
    states: dict[str, str] = {}
    while time.monotonic() - started < seconds:
        for service in services:
            names = docker("ps", "-a", "-q", "--filter", f"label=com.docker.compose.service={service}")
            shown = docker("inspect", "-f", "{{.State.Health.Status}} {{.State.Status}}", names, check=False)
            states[service] = shown
        if all(state == "healthy running" for state in states.values()):
            return time.monotonic() - started
        if any("exited" in state for state in states.values()):
            break
        time.sleep(1)
    logs = [docker("logs", container(s), check=False) for s in services]
    raise AssertionError(f"not healthy: {states}\n" + "\n".join(log[-2000:] for log in logs))


def container(service: str) -> str:
    """Return the id of a service's container."""
    return docker("ps", "-a", "-q", "--filter", f"label=com.docker.compose.service={service}").splitlines()[0]


def upload(url: str, name: str, clip: Path) -> bytes:
    """POST a clip as one multipart field and return the answer's body."""
    boundary = secrets.token_hex(16)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{clip.name}"\r\n'
    body = head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + clip.read_bytes()
    request = urllib.request.Request(url, body + f"\r\n--{boundary}--\r\n".encode())
    request.add_header("Content-Type", f"multipart/form-data; boundary={boundary}")
    with urllib.request.urlopen(request, timeout=300) as answer:
        return answer.read()


def original_answer(port: int, clip: Path) -> list[list[float]]:
    """Upload a clip to the original's own server; returns step_probs (n_steps, n_genres) from its JSON."""
    key = json.loads(upload(f"http://127.0.0.1:{port}/upload", "filearg", clip))
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/uploads/{key}.json", timeout=60) as answer:
        rows = json.load(answer)
    return [[probs[label] for label in SYSTEM.labels] for _, probs in rows]


def port_answer(clip: Path) -> list[list[float]]:
    """Upload a clip to the port's server; returns step_probs (n_steps, n_genres)."""
    return json.loads(upload("http://127.0.0.1:8081/api/v1/predict", "clip", clip))["step_probs"]
