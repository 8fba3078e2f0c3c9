"""Requirements as a repository states them: requirements.txt, setup.py, environment.yml, Dockerfile and README.

A setup.py is parsed, never run. What names a place to fetch from (a URL, a git repository, another index) is not
followed; it is told.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import yaml

LINE = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*((?:[=<>!~]{1,3}\s*[\w.*+!-]+\s*,?\s*)*)")
PIN = re.compile(r"(?<![\w/.-])([A-Za-z][\w-]*)\s*==\s*(\d[\w.]*\w)")
PIP_INSTALL = re.compile(r"\bpip[23]?\s+install\s+([^\n;&|`]+)")
CONDA_INSTALL = re.compile(r"\bconda\s+install\s+([^\n;&|`]+)")
PROSE = re.compile(
    r"(?<![\w.-])(keras|tensorflow|theano|numpy|scipy|h5py)[`*_\]]*(?:\(https?://[^)\s]*\))?"
    r"[`*_]*\s*[:(]?\s*(?:version\s*|ver\.?\s*|v\.?\s*)?(\d+\.\d+(?:\.\d+)?)"
    r"(?![\w-])(\s*(?:\+|or (?:higher|later|above|newer|greater)))?",
    re.I,
)
BOUNDED = re.compile(r"(?<![\w.-])([A-Za-z][\w-]*)\s*[<>]=?\s*\d")
# What only those need who test, document or release it.
OF_MAKERS = re.compile(r"(^|/)((docs?|tests?)/|\.travis\.yml$)|(^|[-_/])(dev|tests?|docs?|lint)[-_.][^/]*$", re.I)
ASIDE = 3  # their rank, the last
NO_PACKAGE = {"pip", "python", "setuptools", "wheel", "conda", "virtualenv", "distribute", "argparse"}


@dataclass(frozen=True)
class Requirement:
    """A stated requirement: the package's name, its version specifier ("" for any) and the file that states it.

    binding: False for a conda package, a README's word, and what its makers test and document with: these say a
    version and not that the program needs it.
    """

    name: str
    spec: str
    file: str
    binding: bool = True


def stated(texts: Mapping[str, str]) -> tuple[list[Requirement], list[str]]:
    """Return the requirements of a repository's files, by path, and a line for each that is not followed."""
    found: list[Requirement] = []
    notes: list[str] = []
    for path in sorted(texts, key=lambda p: (_rank(p), p.count("/"), p)):
        for row in _of(path, texts[path], notes):
            same = [other for other in found if other.name.lower() == row.name.lower()]
            if not same or (row.spec and not any(other.spec for other in same)):
                found.append(replace(row, binding=row.binding and _rank(path) < ASIDE))
    return found, notes


def _rank(path: str) -> int:
    """Where files say different things: requirements come before commands, those before a README's words."""
    if OF_MAKERS.search(path):
        return ASIDE
    name = PurePosixPath(path).name.lower()
    return 2 if name.startswith("readme") else 1 if name.startswith("dockerfile") or name.endswith(".sh") else 0


def _of(path: str, text: str, notes: list[str]) -> Iterator[Requirement]:
    name = PurePosixPath(path).name.lower()
    if re.fullmatch(r"(.*[-_])?req(s|uirements?|uires?)?([-_.].*)?\.(txt|pip|in)", name):
        yield from _lines(path, text.splitlines(), notes)
    elif name == "setup.py":
        yield from _lines(path, setup_requirements(text), notes)
    elif name in ("environment.yml", "environment.yaml", "env.yml"):
        yield from _conda(path, text, notes)
    elif name.startswith("dockerfile") or name in (".travis.yml", "setup.sh", "install.sh"):
        yield from _commands(path, text, notes)
    elif name.startswith("readme"):
        yield from _commands(path, text, notes)
        yield from _prose(path, text)


def _prose(path: str, text: str) -> Iterator[Requirement]:
    """Versions that a README names; of a package that it bounds too (1.2 >= keras > 1.0.6) none is the one."""
    bounded = {name.lower() for name in BOUNDED.findall(text)}
    pins = [(name, f"=={version}") for name, version in PIN.findall(text)]
    for name, spec in [*pins, *((name, _meant(version, more)) for name, version, more in PROSE.findall(text))]:
        if name.lower() not in bounded:
            yield Requirement(name, spec, path, False)


def _meant(version: str, more: str) -> str:
    """Return the specifier that prose means: "2.0+" is that or later, "2.0" any 2.0."""
    return f">={version}" if more else f"=={version}" if version.count(".") > 1 else f"=={version}.*"


def _lines(path: str, lines: list[str], notes: list[str]) -> Iterator[Requirement]:
    for raw in lines:
        line = raw.split(" #")[0].split(";")[0].strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("-") or "://" in line or line.startswith((".", "/")):
            notes.append(f"{path}: {line[:120]!r} names a place to fetch from, which is not followed")
            continue
        match = LINE.match(line)
        if match and match[1].lower() not in NO_PACKAGE:
            yield Requirement(match[1], re.sub(r"\s", "", match[2]).rstrip(","), path)


def setup_requirements(text: str) -> list[str]:
    """Return the strings of install_requires in a setup.py, through one assignment; [] where it is computed."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # Python 2 alone: what is written out is read
        block = re.search(r"install_requires\s*=\s*\[([^\]]*)\]", text)
        return re.findall(r"['\"]([^'\"]+)['\"]", block[1]) if block else []
    lists = {
        t.id: n.value for n in ast.walk(tree) if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "install_requires":
            value = lists.get(node.value.id) if isinstance(node.value, ast.Name) else node.value
            if isinstance(value, ast.List | ast.Tuple):
                return [e.value for e in value.elts if isinstance(e, ast.Constant) and isinstance(e.value, str)]
    return []


def _conda(path: str, text: str, notes: list[str]) -> Iterator[Requirement]:
    try:
        rows = (yaml.safe_load(text) or {}).get("dependencies") or []
    except (yaml.YAMLError, AttributeError, RecursionError):  # tags of Python's own types among them: never obeyed
        rows = re.findall(r"^\s*-\s+([\w:.-]+=[\w.=]+)\s*$", text, flags=re.M)
        notes.append(f"{path}: no plain YAML; its lines NAME=VERSION are read")
    for row in rows:
        if isinstance(row, dict):
            yield from _lines(path, [str(line) for line in row.get("pip") or []], notes)
        elif isinstance(row, str):
            name, _, version = row.rpartition("::")[2].partition("=")
            spec = re.match(r"=?(\d[\w.]*)", version)
            if re.fullmatch(r"[A-Za-z0-9][\w.-]*", name.strip()) and name.strip().lower() not in NO_PACKAGE:
                yield Requirement(name.strip(), f"=={spec[1]}" if spec else "", path, False)


def _commands(path: str, text: str, notes: list[str]) -> Iterator[Requirement]:
    joined = text.replace("\\\n", " ")
    for pattern, binding in ((PIP_INSTALL, True), (CONDA_INSTALL, False)):
        for words in pattern.findall(joined):
            skip = False
            for word in words.replace('"', "").replace("'", "").split():
                taken = not skip and not word.startswith("-") and "/" not in word and word != "="
                skip = word in ("-r", "-c", "-n", "--name", "-i", "-f", "--index-url", "--channel")
                match = LINE.fullmatch(word.replace("=", "==") if not binding and "==" not in word else word)
                if taken and match and match[1].lower() not in NO_PACKAGE:
                    yield Requirement(match[1], match[2].rstrip(","), path, binding and ".md" not in path.lower())
