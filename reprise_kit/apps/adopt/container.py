"""A container for the adopted repository: a Dockerfile and a compose.yaml that run its entry point as it was found."""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from packaging.utils import canonicalize_name

from reprise_kit.apps.adopt.run import ALONE, SPY, command
from reprise_kit.compare import facts
from reprise_kit.compare.atomic import atomic_folder, write_text
from reprise_kit.compare.digest import sha256
from reprise_kit.compare.walk import followed

# The lists of Debian's releases of the time lie in its archive only.
APT = Template("""RUN (apt-get -qq update \\
      || (sed -i 's/[a-z]*.debian.org/archive.debian.org/; /-updates/d' /etc/apt/sources.list \\
        && apt-get -qq -o Acquire::Check-Valid-Until=false update)) \\
 && apt-get install -y -qq --no-install-recommends $packages && rm -rf /var/lib/apt/lists/*
""")
# Theano's convolutions link to a BLAS; NumPy's wheel carries one.
BLAS = """RUN cd "$(python -c 'import numpy; print(numpy.__path__[0])')/.libs" \\
 && ln -s "$PWD"/libopenblas*.so* /usr/local/lib/libopenblas.so && pwd > /etc/ld.so.conf.d/numpy.conf && ldconfig
ENV THEANO_FLAGS=floatX=float32,device=cpu,blas.ldflags=-lopenblas
"""
DOCKERFILE = Template("""# The adopted repository in its environment of the time: docker compose up
ARG BASE=
FROM $${BASE:-python:$python}
# Given or not by `docker compose build`; pip keeps its own defaults where they are empty.
ARG PIP_CERT=
ARG PIP_INDEX_URL=
ARG PIP_TRUSTED_HOST=
# A user with a name: a debugger of Flask's asks for it.
RUN mkdir -p /home/adopted && chown 1000:1000 /home/adopted \\
 && echo 'adopted:x:1000:1000::/home/adopted:/bin/sh' >> /etc/passwd && echo 'adopted:x:1000:' >> /etc/group
${system}COPY environment.lock container/numpy.lock /locks/
# NumPy before what compiles against it; the versions of pip and setuptools are the last for Python 2.7.
RUN python -m pip install -q --no-cache-dir 'pip==20.3.4' 'setuptools==44.1.1' 'wheel==0.37.1' \\
 && for lock in numpy environment; do \\
      pip install -q --no-cache-dir --no-deps --no-build-isolation --require-hashes -r /locks/$$lock.lock \\
        || exit 1; done
${blas}# The spy puts right what the nearest releases lack, and keeps what the models are asked in /tmp/caught.
COPY container/spy /spy
COPY --chown=1000:1000 container/keras.json /home/adopted/.keras/keras.json
COPY --chown=1000:1000 source /adopted
USER 1000:1000
ENV HOME=/home/adopted
WORKDIR /adopted
RUN mkdir /tmp/caught /home/adopted/.theano
ENV PYTHONPATH=/spy$root REPRISE_SPY_OUT=/tmp/caught PYTHONUNBUFFERED=1
$variables
CMD $command
""")
COMPOSE = """# Boxed as it was when it was adopted: no network, no privileges, bounded.
services:
  original:
    platform: linux/amd64
    build:
      context: .
      args: [BASE, PIP_CERT, PIP_INDEX_URL, PIP_TRUSTED_HOST]
    network_mode: none
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    pids_limit: 256
    mem_limit: 12g
"""
IGNORED = "*\n!environment.lock\n!source\n!container\n"
# Of this machine, not of the repository.
LOCAL = frozenset({"HOME", "PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "PYTHONHOME", "THEANO_FLAGS"})


def write(
    out: Path,
    python: str,
    entry: str,
    variables: Mapping[str, str],
    imports: Sequence[str],
    display: bool,
    stand_in: Path | None = None,
) -> None:
    """Write Dockerfile, compose.yaml, .dockerignore and container/ into `out`, beside environment.lock and source/.

    python: the version, like "2.7", of the interpreter that the lock was made for. stand_in: laid over the source.
    """
    portable = ALONE | {k: v for k, v in variables.items() if k not in LOCAL and "/" not in v}
    lines = [f"ENV {name}={json.dumps(value).replace('$', chr(92) + '$')}" for name, value in sorted(portable.items())]
    lock = (out / "environment.lock").read_text("utf-8")
    packages = _system(lock, imports, display)
    text = DOCKERFILE.substitute(
        python=python,
        system=APT.substitute(packages=" ".join(packages)) if packages else "",
        blas=BLAS if portable.get("KERAS_BACKEND") == "theano" else "",
        root="" if (out / "source" / "keras").is_dir() else ":/adopted",
        variables="\n".join(lines),
        command=json.dumps(["/bin/sh", "-c", _displayed(command(entry)) if display else command(entry)]),
    )
    with atomic_folder(out / "container", "adopt") as made:
        shutil.copytree(SPY, made / "spy", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        (made / "numpy.lock").write_text("".join(re.findall(r"^numpy==(?:.*\\\n)*.*\n", lock, flags=re.M)))
        shutil.copyfile(Path(variables["HOME"]) / ".keras" / "keras.json", made / "keras.json")
    mounted = _mounted(stand_in) if stand_in else []
    compiled = f"compiled-{sha256(out / 'environment.lock')[:12]}" if portable.get("KERAS_BACKEND") == "theano" else ""
    compose = COMPOSE + _volumes(mounted, compiled)
    for name, content in (("Dockerfile", text), ("compose.yaml", compose), (".dockerignore", IGNORED)):
        write_text(out / name, content)


def _system(lock: str, imports: Sequence[str], display: bool) -> list[str]:
    """Return the Debian packages that the environment's packages and the program's modules need."""
    table = facts.load()
    installed = {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", lock, flags=re.M)}
    found = {name for row in table.debian if row.package in installed for name in row.debian}
    found |= {name for row in table.debian if row.module in imports for name in row.debian}
    return sorted(found | ({"xvfb"} if display else set()))


def _displayed(entry: str) -> str:
    return f"Xvfb :97 -screen 0 1280x1024x24 -nolisten tcp >/dev/null 2>&1 & sleep 1; export DISPLAY=:97; {entry}"


def _mounted(stand_in: Path) -> list[str]:
    """Each of the stand-in's files and folders is mounted where it was laid; of _home in the user's own."""
    rows = []
    for path in sorted(stand_in.iterdir()):
        if path.name == "_home":
            rows += [f"{followed(inner)}:/home/adopted/{inner.name}:ro" for inner in sorted(path.iterdir())]
        elif path.name == "_root":
            rows += [f"{followed(inner)}:/{inner.relative_to(path)}:ro" for inner in sorted(path.glob("*/*"))]
        else:
            rows.append(f"{followed(path)}:/adopted/{path.name}")
    return rows


def _volumes(mounted: Sequence[str], compiled: str) -> str:
    """What is mounted, and the volume where what Theano compiles (for minutes, an LSTM) is kept for the next start."""
    rows = [*mounted, *([f"{compiled}:/home/adopted/.theano"] if compiled else [])]
    if not rows:
        return ""
    listed = "".join(f"      - {json.dumps(row.replace('$', '$$'))}\n" for row in rows)
    return f"    volumes:\n{listed}" + (f"volumes:\n  {compiled}:\n" if compiled else "")
