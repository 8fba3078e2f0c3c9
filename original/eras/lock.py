"""Makes this folder's locks from its .in files: `make lock-py27`, the one step that asks a package index.

uv hashes every file of each release, whatever the interpreter, so pip 20.3.4 on Python 2.7 may take wheel or
sdist. uv itself knows no Python 2.7 and resolves nothing here (`--no-deps`): the .in files list the whole
closure, and pip refuses the lock (`--require-hashes`) should one be missing.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
ENVIRONMENTS = (
    "requirements-theano",
    "requirements-tensorflow",
    "requirements-tensorflow010",
    "requirements-theano-keras106",
    "requirements-theano-keras122",
    "requirements-wmf",
)
# A wheel that no index serves: "name @ URL#sha256=HASH". It goes into the lock as it stands, unfetched.
BY_URL = re.compile(r"^(?P<name>[\w.-]+) @ (?P<url>https://[^#\s]+)#sha256=(?P<sha256>[0-9a-f]{64})", re.M)
OPTIONS = ["--generate-hashes", "--no-annotate", "--quiet", "--custom-compile-command", "make lock-py27"]


def compile_lock(source: Path, *options: str) -> str:
    """Return the hashed lock of one .in file as text."""
    command = [sys.executable, "-P", "-m", "uv", "pip", "compile", str(source), *OPTIONS, *options]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def lock_environment(name: str) -> None:
    """Write `name`.lock: uv's hashes for what an index serves, the stated hash for what comes by URL."""
    text = (HERE / f"{name}.in").read_text()
    with tempfile.TemporaryDirectory() as folder:
        indexed = Path(folder, "indexed.in")
        indexed.write_text(BY_URL.sub("", text))
        # 3.6 is the oldest Python that uv takes; TensorFlow 0.12.1 has a wheel for it beside the one for 2.7.
        lock = compile_lock(indexed, "--no-deps", "--python-version", "3.6")
    urls = (f"{m['url']} \\\n    --hash=sha256:{m['sha256']}\n" for m in BY_URL.finditer(text))
    (HERE / f"{name}.lock").write_text(lock + "".join(urls))


def lock_packages(packages: list[str]) -> str:
    """Return the hashed lock of exact pins as text."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "packages.in")
        source.write_text("\n".join(packages) + "\n")
        return compile_lock(source, "--no-deps", "--python-version", "3.6")


def lock_recording() -> None:
    """Write record-NAME.lock for every row of eras.toml, and every Keras, one block a version, to record-keras.lock."""
    rows = tomllib.loads((HERE / "eras.toml").read_text())["environment"]
    for row in rows:
        (HERE / f"record-{row['name']}.lock").write_text(lock_packages(row["packages"]))
    versions = {version for row in rows for version in row["keras"]}
    ordered = sorted(versions, key=lambda version: [int(part) for part in version.split(".")])
    blocks = [re.sub(r"^#.*\n", "", lock_packages([f"keras=={version}"]), flags=re.M) for version in ordered]
    (HERE / "record-keras.lock").write_text("# Made by lock.py from eras.toml.\n" + "".join(blocks))


if __name__ == "__main__":
    for environment in ENVIRONMENTS:
        lock_environment(environment)
    lock_recording()
    for tool, *options in (
        ("virtualenv", "--universal"),
        ("bootstrap", "--no-deps"),
        ("ffmpeg", "--no-deps"),
    ):
        (HERE / f"{tool}.lock").write_text(compile_lock(HERE / f"{tool}.in", *options))
