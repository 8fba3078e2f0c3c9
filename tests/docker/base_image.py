"""Stand-ins for the base images where no registry can be reached: this host's Debian packages and Pythons.

They are Debian 12, not what the Dockerfiles name: a pass says nothing about pulling the real bases, nor about
their compilers and C libraries. `python -m tests.docker.base_image 2.7 TAG` imports one into the engine.
"""

import io
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

COMPILER = ("gcc", "g++", "libc6-dev")
PASSWD = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
# Folders of a Python tree that a base image would not carry.
LEFT_OUT = re.compile(r"/(test|tests|__pycache__)(/|$)|\.py[co]$|/share/")


def python_tree(version: str) -> Path | None:
    """Return the newest installed Python of a version like "2.7" that pyenv built, or None."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = sorted(path for path in root.glob(f"{version}.*") if (path / "bin/python").exists())
    return found[-1] if found else None


def _query(*words: str) -> str:
    return subprocess.run(["dpkg-query", *words], check=True, capture_output=True, text=True).stdout


def _libraries(tree: Path) -> set[str]:
    """Return the Debian packages that a Python tree's own binaries are linked against."""
    binaries = [str(tree / "bin/python"), *map(str, tree.glob("lib/python*/lib-dynload/*.so"))]
    linked = subprocess.run(["ldd", *binaries], capture_output=True, text=True, check=False).stdout
    files = {os.path.realpath(path) for path in re.findall(r"=> (/\S+)", linked) if str(tree) not in path}
    owners = _query("--search", *(f"*{file.removeprefix('/usr')}" for file in sorted(files)))
    return {line.split(":")[0] for line in owners.splitlines()}


def packages(tree: Path) -> set[str]:
    """Return the essential packages, a compiler, what Python links to, and everything they depend on."""
    depends: dict[str, set[str]] = {}
    wanted: set[str] = {*COMPILER, "ca-certificates"} | _libraries(tree)
    listing = _query("-W", "-f", "${Package}\t${Essential}\t${Depends}, ${Pre-Depends}\n")
    for name, essential, names in (line.split("\t") for line in listing.splitlines()):
        depends[name] = set(re.findall(r"(?:^|[,|])\s*([a-z0-9][a-z0-9+.-]+)", names))
        if essential == "yes":
            wanted.add(name)
    closed: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in depends and name not in closed:
            closed.add(name)
            wanted |= depends[name]
    return closed


def _files(tree: Path) -> Iterator[tuple[Path, str]]:
    """Yield (file of this host, its name in the image); parents' links (/bin -> usr/bin) are resolved."""
    listed = set(_query("--listfiles", *sorted(packages(tree))).splitlines())
    for name in sorted(listed):
        path = Path(name)
        if path.is_symlink() or path.is_file():
            where = Path(os.path.realpath(path.parent), path.name)
            if not str(where).startswith(("/usr/share/doc", "/usr/share/man", "/usr/share/locale")):
                yield path, str(where).lstrip("/")
    for name in ("bin", "sbin", "lib", "lib64"):
        if Path("/", name).is_symlink():
            yield Path("/", name), name
    for folder in ("/etc/ssl/certs", "/etc/ld.so.conf.d", "/etc/alternatives"):
        for path in sorted(Path(folder).iterdir()):
            yield path, str(path).lstrip("/")
    for path in sorted(tree.rglob("*")):
        inside = path.relative_to(tree)
        site = re.match(r"lib/python[\d.]+/site-packages/(?!pip|setuptools|pkg_resources|easy_install)", str(inside))
        if not site and not LEFT_OUT.search(f"/{inside}") and (path.is_symlink() or path.is_file()):
            yield path, f"usr/local/{inside}"


def _text(archive: tarfile.TarFile, name: str, text: str) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(text)
    archive.addfile(member, io.BytesIO(text.encode()))


def import_base(version: str, tag: str) -> None:
    """Pipe the stand-in for a Python version into `docker import` under `tag`."""
    tree = python_tree(version)
    if tree is None:
        raise SystemExit(f"no Python {version} under pyenv: a stand-in base image is made from it")
    command = ["docker", "import", "-", tag]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        with tarfile.open(fileobj=process.stdin, mode="w|", dereference=False) as archive:
            seen = set()
            for path, name in _files(tree):
                if name not in seen:
                    seen.add(name)
                    archive.add(path, name, recursive=False)
            _text(archive, "etc/passwd", PASSWD)
            _text(archive, "etc/group", "root:x:0:\nnogroup:x:65534:\n")
            for folder, mode in (
                ("tmp", 0o1777),
                ("root", 0o700),
                ("proc", 0o755),
                ("sys", 0o755),
                ("dev", 0o755),
            ):
                member = tarfile.TarInfo(folder)
                member.type, member.mode = tarfile.DIRTYPE, mode
                archive.addfile(member)
        assert process.stdin is not None
        process.stdin.close()
        if process.wait():
            raise SystemExit(f"docker import of {tag} failed")
    # The linker's cache is remade inside, where /usr/local/lib holds libpython.
    recipe = f"FROM {tag}\nRUN ldconfig\nCMD python\n"
    subprocess.run(["docker", "build", "-q", "-t", tag, "-"], input=recipe.encode(), check=True)


if __name__ == "__main__":
    import_base(*sys.argv[1:])
