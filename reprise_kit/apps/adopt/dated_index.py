"""A package index on loopback that answers as of a day, by *release*: one is there if its first file was by then.

A public index filters by file at best, and an old release's wheel is often younger than its sdist. pypi-timemachine
does that too, on a web framework; the filter by release, the wheels' rule and the passing on of files are this page.
Files come through it as well, their SHA-256 checked and kept in the user's cache: pip talks to nothing else.
"""

import datetime
import hashlib
import html
import json
import os
import re
import socketserver
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name
from packaging.utils import parse_wheel_filename as parse_wheel
from packaging.version import InvalidVersion, Version

from reprise_kit.compare import facts
from reprise_kit.compare.atomic import atomic_file
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.fetch import cache

INDEX = "https://pypi.org/simple"  # or what REPRISE_INDEX names: one that answers in JSON
JSON = "application/vnd.pypi.simple.v1+json"
SECONDS = 60
LARGEST = 1 << 30  # bytes of one file
SDIST = (".tar.gz", ".zip")


@dataclass(frozen=True)
class File:
    """A file of a release as the index lists it. tags: of a wheel, empty for an sdist."""

    name: str
    url: str
    sha256: str
    day: str
    requires_python: str
    tags: frozenset[Tag]


@dataclass
class DatedIndex:
    """What the index had on `day` for an interpreter that takes wheels of `tags`.

    wanted: by package, a specifier that must be met, by the first release after the day where none before it does.
    asked: what was asked for, in order. moved: by package and version, a line on what is offered beside the day.
    """

    day: str
    tags: frozenset[Tag]
    wanted: dict[str, SpecifierSet] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    moved: dict[tuple[str, str], str] = field(default_factory=dict)
    _all: dict[str, dict[Version, list[File]]] = field(default_factory=dict)

    def everything(self, name: str) -> dict[Version, list[File]]:
        """Return every release of a package, {} for one that the index does not know."""
        name = canonicalize_name(name)
        if name not in self._all:
            self._all[name] = _releases(name)
        return self._all[name]

    def had(self, name: str) -> bool:
        """Say whether the package had a release by the day, of whatever kind."""
        return any(f.day <= self.day for files in self.everything(name).values() for f in files)

    def releases(self, name: str) -> dict[Version, list[File]]:
        """Return the releases of the day."""
        name = canonicalize_name(name)
        broken = {version for rule in facts.load().broken if rule.package == name for version in rule.versions}
        every = {v: files for v, files in self._usable(name).items() if name in self.wanted or str(v) not in broken}
        for rule in facts.load().release:
            if canonicalize_name(rule.package) == name and rule.only:
                return {v: files for v, files in every.items() if str(v) in rule.only}
            if canonicalize_name(rule.package) == name and rule.least:
                return self._dated(name, {v: f for v, f in every.items() if v >= Version(rule.least)}, rule.reason)
        return self._dated(name, every, "")

    def _usable(self, name: str) -> dict[Version, list[File]]:
        """Return every release, of a package in C those that have a wheel for the interpreter."""
        every = self.everything(name)
        if name not in {canonicalize_name(package) for package in facts.load().wheels.packages}:
            return every
        return {v: kept for v, files in every.items() if (kept := [f for f in files if f.tags & self.tags])}

    def _dated(self, name: str, releases: dict[Version, list[File]], reason: str) -> dict[Version, list[File]]:
        first = {v: min(f.day for f in self.everything(name)[v]) for v in releases}
        there = {v: files for v, files in releases.items() if first[v] <= self.day}
        spec = self.wanted.get(name)
        if spec is None and any(not v.is_prerelease for v in there):
            return there
        if spec is not None and any(spec.contains(v, prereleases=True) for v in there):
            return there
        later = [v for v in sorted(releases) if first[v] > self.day and not v.is_prerelease]
        later = [v for v in later if spec is None or v in spec][:1]
        for version in later:
            why = (reason or self._why(name)) + (f" and {spec} is asked for" if spec else "")
            self.moved[name, str(version)] = f"{name} {version} is of {first[version]}, after {self.day}: {why}"
        return there | {v: releases[v] for v in later}

    def _why(self, name: str) -> str:
        older = any(min(f.day for f in files) <= self.day for files in self.everything(name).values())
        return "the first that meets the need" if older else "there was none before"

    def has_wheel(self, name: str, spec: SpecifierSet) -> bool:
        """Say whether a release that a specifier takes has a wheel for the interpreter."""
        taken = (files for v, files in self.everything(name).items() if spec.contains(v, prereleases=True))
        return any(f.tags & self.tags for files in taken for f in files)

    def nearest(self, name: str, spec: SpecifierSet) -> Version | None:
        """Return the first usable release from a pinned one on, None where `spec` pins none or it is usable."""
        pinned = [Version(s.version) for s in spec if s.operator == "==" and not s.version.endswith("*")]
        usable = sorted(v for v in self._usable(canonicalize_name(name)) if not v.is_prerelease)
        if not pinned or pinned[0] in usable or not usable:
            return None
        return next((v for v in usable if v >= pinned[0]), usable[-1])

    def hashes(self, name: str, version: str) -> list[str]:
        """Return the SHA-256 of every file of a release that was offered; raises InputError where it was not."""
        files = self.releases(name).get(Version(version))
        if not files:
            raise InputError(f"{name} {version} was installed but is none of {self.day}: something went past the index")
        return sorted(f.sha256 for f in files)

    def page(self, name: str) -> str | None:
        """Return the simple page of a package, None where the day has it not."""
        self.asked.append(canonicalize_name(name))
        links = []
        for files in self.releases(name).values():
            for f in files:
                need = f' data-requires-python="{html.escape(f.requires_python)}"' if f.requires_python else ""
                place = f"/files/{f.sha256}/{urllib.parse.quote(f.name)}#sha256={f.sha256}"
                links.append(f'<a href="{place}"{need}>{html.escape(f.name)}</a>')
        return "<!DOCTYPE html><html><body>\n" + "<br>\n".join(links) + "</body></html>" if links else None

    def content(self, sha256: str) -> bytes | None:
        """Return a listed file's bytes, from the cache or the index, checked; None where none is listed so."""
        found = [f for each in self._all.values() for files in each.values() for f in files if f.sha256 == sha256]
        return _content(found[0]) if found else None


def _releases(name: str) -> dict[Version, list[File]]:
    found: dict[Version, list[File]] = {}
    for row in _listing(name):
        try:
            version, tags = _parsed(row["filename"], name)
            sha256, day = row["hashes"]["sha256"], row["upload-time"][:10]
            datetime.date.fromisoformat(day)
        except (KeyError, TypeError, ValueError, InvalidVersion):
            continue  # eggs, installers, names that no pip reads
        if not row.get("yanked"):
            file = File(row["filename"], row["url"], sha256, day, row.get("requires-python") or "", tags)
            found.setdefault(version, []).append(file)
    return found


def _parsed(filename: str, name: str) -> tuple[Version, frozenset[Tag]]:
    try:
        if filename.endswith(".whl"):
            _, version, _, tags = parse_wheel(filename)
            return version, tags
        if filename.endswith(SDIST):
            # By the package's name, as pip does: a version may have a hyphen (functools32-3.2.3-2).
            stem = filename.removesuffix(".zip").removesuffix(".tar.gz")
            ends = (found.end() for found in re.finditer("-", stem))
            return Version(next(stem[k:] for k in ends if canonicalize_name(stem[: k - 1]) == name)), frozenset()
    except (InvalidWheelFilename, StopIteration) as error:
        raise ValueError(filename) from error
    raise ValueError(filename)


def _listing(name: str) -> list[dict[str, Any]]:
    index = os.environ.get("REPRISE_INDEX", INDEX).rstrip("/")
    request = urllib.request.Request(f"{index}/{urllib.parse.quote(name)}/", headers={"Accept": JSON})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            files: list[dict[str, Any]] = json.load(answer)["files"]
            return files
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return []
        raise InputError(f"the package index answers {error.code} for {name}; try again later") from None
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"the package index does not answer ({error}); the environment is made online, or REPRISE_INDEX names an "
            "index that answers in JSON"
        ) from None


def _content(file: File) -> bytes | None:
    kept = cache() / "files" / file.sha256 / file.name
    if kept.is_file():
        content: bytes = kept.read_bytes()
        if hashlib.sha256(content).hexdigest() == file.sha256:
            return content
    with urllib.request.urlopen(file.url, timeout=SECONDS) as answer:
        content = answer.read(LARGEST)
    if hashlib.sha256(content).hexdigest() != file.sha256:
        return None
    with atomic_file(kept) as temporary:
        temporary.write_bytes(content)
    return content


@dataclass(frozen=True)
class Served:
    """port: on loopback. socket: a file, which a box without a network can be given."""

    port: int
    socket: Path

    @property
    def url(self) -> str:
        """What pip's --index-url is."""
        return f"http://127.0.0.1:{self.port}/simple/"


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextmanager
def served(index: DatedIndex) -> Iterator[Served]:
    """Serve it on loopback and on a socket in a file, for a box without a network, while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = re.fullmatch(r"/simple/([A-Za-z0-9._-]+)/?", self.path)
            file = re.fullmatch(r"/files/([0-9a-f]{64})/.*", self.path)
            try:
                text = index.page(page[1]) if page else None
                body = text.encode() if text else index.content(file[1]) if file else None
            except (InputError, OSError) as error:
                self.send_error(502, str(error)[:200].encode("ascii", "replace").decode().replace("\n", " "))
                return
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if page else "application/octet-stream")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):  # pip hangs up on a wheel once it has read what it wants
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with tempfile.TemporaryDirectory(prefix="reprise-index-") as folder:
        path = Path(folder, "index.sock")
        servers = [ThreadingHTTPServer(("127.0.0.1", 0), Handler), _UnixServer(str(path), Handler)]
        for server in servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield Served(servers[0].server_address[1], path)
        finally:
            for server in servers:
                server.shutdown()
                server.server_close()
