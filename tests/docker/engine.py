"""A private container engine for the tests: `python -m tests.docker.engine COMMAND...` runs a command with one.

Debian's docker.io, installed where it is missing (root only); its own socket; its data in memory, for speed, where
there is enough; stopped by its process id whatever happens. The command finds it through DOCKER_HOST.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

START_SECONDS = 60
STOP_SECONDS = 60
MEMORY_FOLDER = Path("/dev/shm")
# Images of 6 GB, twice while an archive of them is made, and what the tests beside them take. Where memory is nearly
# full everything crawls.
ENOUGH_MEMORY = 30 * 2**30  # bytes
# A machine without rules saves nothing, and restoring nothing changes nothing: the engine's rules would stay.
NO_RULES = b"""*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
COMMIT
"""


def install() -> None:
    """Install the engine and compose from Debian where they are missing."""
    if Path("/usr/sbin/dockerd").exists() and Path("/usr/bin/docker-compose").exists():
        return
    quiet = {"stdout": subprocess.DEVNULL, "check": True}
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], **quiet)
    packages = ["docker.io", "docker-compose", "iptables"]
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], env=environment, **quiet)


def client_environment(folder: Path) -> dict[str, str]:
    """Environment variables for the client that belongs to this engine; a newer one would want buildx."""
    programs = folder / "bin"
    programs.mkdir()
    for name in ("docker", "docker-compose"):
        (programs / name).symlink_to(Path("/usr/bin", name))
    return {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "DOCKER_HOST": f"unix://{folder}/d.sock",
        "DOCKER_BUILDKIT": "1",
        "COMPOSE_DOCKER_CLI_BUILD": "1",
    }


@contextlib.contextmanager
def kept_firewall() -> Iterator[None]:
    """Put the firewall's rules back as they were; the engine adds its own."""
    rules = subprocess.run(["iptables-save"], capture_output=True, check=True).stdout
    try:
        yield
    finally:
        subprocess.run(["iptables-restore"], input=NO_RULES + rules, check=True)


@contextlib.contextmanager
def engine(*options: str) -> Iterator[dict[str, str]]:
    """Run a private dockerd; yields the environment variables to reach it with. Raises RuntimeError with its log.

    options: further ones for dockerd.
    """
    # A short path: a socket's name holds at most 108 characters.
    folder = Path(tempfile.mkdtemp(prefix="rd-", dir=data_parent()))
    bridge_was_there = Path("/sys/class/net/docker0").exists()
    environment = client_environment(folder)
    command = ["dockerd", "--host", environment["DOCKER_HOST"], "--pidfile", f"{folder}/pid"]
    command += ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", *options]
    with kept_firewall(), (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_for_answer(process, environment, folder / "log")
            yield environment
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)
            if not bridge_was_there:
                subprocess.run(["ip", "link", "delete", "docker0"], check=False, capture_output=True)
    shutil.rmtree(folder)
    left = [line for line in Path("/proc/mounts").read_text().splitlines() if str(folder) in line]
    if left:
        raise RuntimeError(f"the engine left mounts behind: {left}")


def data_parent() -> Path:
    """Return where an engine's data go: memory where there is enough or no disk that layers can lie on."""
    disk = Path(tempfile.gettempdir())
    kind = subprocess.run(["stat", "-f", "-c", "%T", disk], capture_output=True, text=True, check=True).stdout.strip()
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    available = min(int(lines["MemAvailable"].split()[0]) * 1024, shutil.disk_usage(MEMORY_FOLDER).free)
    chosen = MEMORY_FOLDER if available >= ENOUGH_MEMORY or kind == "overlayfs" else disk
    print(f"engine: data in {chosen} ({available / 1e9:.1f} GB of memory to be had, {disk} is {kind})", flush=True)
    return chosen


def wait_for_answer(process: subprocess.Popen[bytes], environment: dict[str, str], log: Path) -> None:
    """Wait until the engine answers; raises RuntimeError with the end of its log."""
    for _ in range(START_SECONDS * 5):
        done = subprocess.run(["docker", "version"], env=environment, capture_output=True, check=False)
        if done.returncode == 0:
            return
        if process.poll() is not None:
            break
        time.sleep(0.2)
    raise RuntimeError("the container engine did not start:\n" + "\n".join(log.read_text().splitlines()[-20:]))


def main(command: list[str]) -> int:
    """Run a command with a private engine and return its exit code."""
    install()
    # A stopped run must stop its engine too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with engine() as environment:
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
