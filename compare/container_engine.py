"""The container engine of this machine: does one answer, which images has it, which compose is there."""

import shutil
import subprocess

from reprise_kit.compare.programs import run_program

PLATFORM = "linux/amd64"  # of the wheels of the time; another processor emulates it
TIME_LIMIT = 20.0  # seconds for a question to the engine


def ask(*words: str) -> subprocess.CompletedProcess[str]:
    """Run `docker WORDS...`, return what it said; no client or a silent engine is exit code 127."""
    command = ["docker", *words]
    try:
        return run_program(command, TIME_LIMIT)
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", "no docker program on PATH")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 127, "", f"no answer in {TIME_LIMIT:.0f} s")


def engine_problem() -> str | None:
    """Say in one line, with what mends it, why no engine can be used here; None where one answers."""
    if shutil.which("docker") is None:
        return "no docker program on PATH; install Docker Engine (Debian: apt-get install docker.io)"
    done = ask("version", "--format", "{{.Server.Version}}")
    if done.returncode == 0 and done.stdout.strip():
        return None
    said = " ".join(done.stderr.split())
    if "permission denied" in said.lower():
        return (
            "the engine refuses this user (permission denied on its socket); "
            "join its group: sudo usermod -aG docker $USER, then log in anew"
        )
    return f"no container engine answers ({said[:120] or 'no message'}); start it: sudo systemctl start docker"


def image_id(name: str) -> str | None:
    """Return the id (sha256:...) of a local image, or None where the engine does not have it."""
    done = ask("image", "inspect", "--format", "{{.Id}}", name)
    return done.stdout.strip() or None if done.returncode == 0 else None


def compose_command() -> list[str] | None:
    """Return the command that runs compose: the plugin `docker compose`, else `docker-compose`, else None."""
    if ask("compose", "version").returncode == 0:
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None
