"""A demo server as its own process, the requests that tests send to it, and what it takes of the machine."""

import http.client
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from reprise_kit.compare import registry
from reprise_kit.compare.pins import blob_id
from reprise_kit.compare.scratch import LOCK
from tests.shared import SHARED

ROOT = Path(__file__).parents[3]
CLIPS = ROOT / "tests" / "clips"
FIXTURE = ROOT / "original" / "deepsound_crnn" / "recorded" / "fixture.h5"
FETCHED = ("deepsound_cnn_2018", "music_tagger_crnn", "compact_cnn")  # by the second server
START_SECONDS = 120
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Running:
    """A server that listens on the loopback; `temporary` is the folder all its temporary files go to."""

    process: "subprocess.Popen[bytes]"
    port: int
    temporary: Path
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def request(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> "Answer":
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def get(self, path: str) -> "Answer":
        return self.request("GET", path)

    def upload(
        self,
        content: bytes,
        name: str = "clip",
        path: str = "/api/v1/predict",
        stream: bool = False,
        system: str | None = None,
    ) -> "Answer":
        body, headers = form(content, name, system)
        return self.request("POST", path, body, headers | ({"Accept": "text/event-stream"} if stream else {}))

    def uploads_left(self) -> list[str]:
        return sorted(str(path) for path in self.temporary.rglob("*") if path.is_file() and path.name != LOCK)

    def children(self) -> list[int]:
        """Processes that work for the server: its own, and the boxes that files are read in."""
        own = _children(self.process.pid)
        boxes = [box for pid in own if _forks_boxes(pid) for box in _children(pid)]
        return [pid for pid in own if not _forks_boxes(pid)] + boxes

    def clips_inside(self) -> int:
        """Clips at work or waiting, by the server's own count."""
        text = self.get("/metrics").body.decode()
        return int(float(text.split("\nreprise_clips_inside ")[1].split("\n")[0]))

    def memory(self) -> int:
        """Bytes resident in the server and its children."""
        return sum(_resident(pid) for pid in {self.process.pid, *self.children()})

    def events(self) -> list[dict[str, Any]]:
        """The lines of its log that are JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


def _children(pid: int) -> list[int]:
    try:
        every = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:  # it has ended, or a thread of it has
        return []
    return [int(child) for child in " ".join(every).split()]


def _forks_boxes(pid: int) -> bool:
    """Whether a process is the one that files are read from, which stays as long as the server."""
    try:
        return b"box_server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def stream(self) -> list[tuple[str, dict[str, Any]]]:
        blocks = [block.split("\n") for block in self.body.decode().strip().split("\n\n")]
        return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


def form(content: bytes, name: str, system: str | None = None) -> tuple[bytes, dict[str, str]]:
    """A multipart body with one file in the field `clip`, and its header; `system` is a field of its own."""
    boundary = secrets.token_hex(12)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="system"\r\n\r\n{system}\r\n' if system else ""
    head += f'--{boundary}\r\nContent-Disposition: form-data; name="clip"; filename="{name}"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def fetched(cache: Path, *names: str) -> Path:
    """Fill a cache as `reprise fetch` does, with what of the systems' upstream is among the shared files."""
    shared = {blob_id(path.read_bytes()): path for path in (SHARED / "data").rglob("*") if path.is_file()}
    for name in names:
        pinned = registry.load(name)
        for file in pinned.files:
            if file.blob in shared:
                path = cache / "upstream" / name / pinned.upstream.commit / file.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(shared[file.blob].read_bytes())
    return cache


@contextmanager
def running(
    *options: str,
    weights: Path | None = FIXTURE,
    cache: Path | None = None,
    temporary: Path | None = None,
    read_until: str | None = None,
) -> Iterator[Running]:
    """Start `reprise serve` on a free port and end it afterwards; without a cache nothing was ever fetched.

    temporary: the folder for its temporary files; else one of its own. read_until: its log goes into a pipe, whose
    reader ends at the first line with this.
    """
    command = [sys.executable, "-m", "reprise_kit", "serve", "--port", "0", *options]
    command += ["--weights", str(weights)] if weights else []
    with tempfile.TemporaryDirectory() as folder:
        temporary, log = temporary or Path(folder) / "tmp", Path(folder) / "log"
        temporary.mkdir(exist_ok=True)
        with log.open("wb") as file, _reader(read_until, file) as out:
            environment = os.environ | {"TMPDIR": str(temporary), "REPRISE_CACHE": str(cache or Path(folder) / "cache")}
            process = subprocess.Popen(command, cwd=ROOT, stderr=out, stdout=out, env=environment)
        server = Running(process, 0, temporary, log)
        try:
            server.port = _port(server)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(30)
            finally:
                process.kill()


@contextmanager
def _reader(until: str | None, log: IO[bytes]) -> Iterator[IO[bytes]]:
    """Where a server's lines go: the log itself, or a pipe to what writes the log up to a line."""
    if until is None:
        yield log
        return
    with subprocess.Popen(["sed", "-u", f"/{until}/q"], stdin=subprocess.PIPE, stdout=log) as reader:
        assert reader.stdin is not None
        with suppress(BrokenPipeError), reader.stdin:
            yield reader.stdin


def _port(server: Running) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.process.poll() is None:
        for event in server.events():
            if event["event"] == "listening":
                return int(event["port"])
        time.sleep(0.2)
    raise AssertionError(f"the server did not start: {server.log.read_text()[-2000:]}")


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (FileNotFoundError, ProcessLookupError):
        return 0
