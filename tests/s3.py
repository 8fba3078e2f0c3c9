"""A local S3 server for the tests: moto's, from PyPI, in an environment of its own; loopback only."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reprise_kit.compare.fetch import cache
from reprise_kit.compare.lock import held
from tests.require import require

WANTED = "moto[s3,server]==5.2.5"  # its own dependencies contradict the kit's locks


@contextmanager
def s3_server() -> Iterator[str]:
    """Run it on a free port; yields its address, with credentials that it takes in the environment."""
    python = _environment()
    process = subprocess.Popen(
        [python, "-c", "from moto.server import main; main(['-H', '127.0.0.1', '-p', '0'])"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        address = _address(process)
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


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if "Running on http" in line:
            os.set_blocking(process.stderr.fileno(), False)
            return line.split("Running on ")[1].split()[0]
    raise AssertionError("the S3 server did not start")
