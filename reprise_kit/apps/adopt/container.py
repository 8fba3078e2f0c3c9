"""A container for the adopted repository: a Dockerfile and a compose.yaml that run its entry point as it was found."""

import json
from collections.abc import Mapping
from pathlib import Path
from string import Template

from reprise_kit.apps.adopt.run import command

DOCKERFILE = Template("""# The adopted repository in its environment of the time: docker compose up
FROM python:$python
RUN useradd --create-home adopted
COPY environment.lock /environment.lock
RUN pip install --no-cache-dir --no-deps --require-hashes -r /environment.lock
COPY --chown=adopted source /adopted
USER adopted
WORKDIR /adopted
$variables
CMD $command
""")
COMPOSE = """# Boxed as it was when it was adopted: no network, no privileges, bounded.
services:
  original:
    build: .
    network_mode: none
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    pids_limit: 256
    mem_limit: 12g
"""
IGNORED = "*\n!environment.lock\n!source\n"
# Of this machine, not of the repository.
LOCAL = frozenset({"HOME", "PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "PYTHONHOME"})


def write(out: Path, python: str, entry: str, variables: Mapping[str, str]) -> None:
    """Write Dockerfile, compose.yaml and .dockerignore into `out`, beside environment.lock and source/."""
    portable = {k: v for k, v in variables.items() if k not in LOCAL and "/" not in v}
    lines = [f"ENV {name}={json.dumps(value).replace('$', chr(92) + '$')}" for name, value in sorted(portable.items())]
    words = json.dumps(["/bin/sh", "-c", command(entry)])
    text = DOCKERFILE.substitute(python=python, variables="\n".join(lines), command=words)
    for name, content in (("Dockerfile", text), ("compose.yaml", COMPOSE), (".dockerignore", IGNORED)):
        part = out / f".{name}.part"
        part.write_text(content, "utf-8")
        part.replace(out / name)
