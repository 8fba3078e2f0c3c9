"""A local S3 server for the tests: moto's, from PyPI, in an environment of its own; loopback only."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reprise_kit.compare.fetch import cache
from reprise_kit.compare.lock import held
from tests.require import require

WANTED = "moto[s3,server]==5.2.5"  # its own dependencies contradict the kit's locks

# Its log goes nowhere: in a pipe that nobody reads, the server stands still after a few hundred requests.
SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print("http://%s:%d" % server.get_host_and_port(), flush=True)
sys.stdin.read()
"""


@contextmanager
def s3_server() -> Iterator[str]:
    """Run it on a free port; yields its address, with credentials that it takes in the environment."""
    python = _environment()
    process = subprocess.Popen(
        [python, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert address, "the S3 server did not start"
        with pytest.MonkeyPatch.context() as there:
            for name, value in _variables(address).items():
                there.setenv(name, value)
            yield address
    finally:
        process.kill()
        process.wait()


def _variables(address: str) -> dict[str, str]:
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    return {**keys, "AWS_ENDPOINT_URL": address, "AWS_EC2_METADATA_DISABLED": "true"}


def _environment() -> str:
    folder = cache() / "environments" / "tests-s3"
    python = folder / "bin" / "python"
    uv = [sys.executable, "-m", "uv", "-q"]
    with held(folder.with_name("tests-s3.lock"), "another run makes the S3 server", wait=300):
        if not (folder / "whole").exists():
            _made([*uv, "venv", "--clear", "--python", sys.executable, str(folder)])
            _made([*uv, "pip", "install", "--python", str(python), WANTED])
            (folder / "whole").touch()
    return str(python)


def _made(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        require("s3", f"no S3 server from PyPI: {done.stderr.strip()[:200]}")
