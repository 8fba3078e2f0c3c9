"""A box: a stranger's program with its own HOME and /tmp, no network, and of this machine only what it needs to read.

bubblewrap makes it. Where that is missing the program runs as any other of this user's, which a person must ask for.
"""

import os
import re
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reprise_kit.apps.adopt.written import Written
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.programs import run_program
from reprise_kit.compare.walk import at_home, followed
from reprise_kit.compare.workers import end_with_parent

HOME = "/home/adopted"
SYSTEM = ("/bin", "/sbin", "/lib", "/lib64", "/lib32")  # links into /usr on a merged system
SETTINGS = ("ld.so.cache", "alternatives", "fonts", "localtime", "passwd", "group", "ImageMagick-6",
            "protocols", "services", "nsswitch.conf", "mime.types", "magic", "magic.mime")  # fmt: skip
HOSTS = Path(__file__).with_name("hosts")  # the box's own names; it has no other host
# The box's first process. Its standard input is a pipe whose other end our own process alone has open: it is shut when
# that ends, in whatever moment, and then all that is in the box is killed, children that outlive their parents too.
# bwrap ends with its parent only from when the box is made.
GUARDED = 'exec 3<&0; { read -r _; kill -KILL -1; } <&3 >/dev/null 2>&1 & exec "$@" 3<&- </dev/null'
POLL_SECONDS = 0.2
SCRATCH = 2 << 30  # bytes of /tmp, and of /dev/shm, which are memory
LAST_WORDS = 30  # lines of output among which a message looks for what tells most
BUSY = 0.05  # of a core: a program below it is waiting for somebody
Asked = Callable[[], bool]
UNBOXED = (
    "no bubblewrap here (Debian: apt-get install bubblewrap), so nothing would be kept from the program: the network, "
    "your files and HOME; say --unboxed to run it all the same"
)


@dataclass(frozen=True)
class Limits:
    """seconds: of the clock, and as many of every core. memory, disk: bytes, of all its processes and of all its files.

    processes: how many at once. idle: seconds of waiting after which it is ended, once there is something to keep;
    vain: where there is nothing.
    """

    seconds: float = 900.0
    memory: int = 12 << 30
    disk: int = 4 << 30
    processes: int = 256
    idle: float = 20.0
    vain: float = 120.0


@dataclass(frozen=True)
class Ended:
    """How a program ended: its exit code, or None and why it was ended; seconds; the last lines that it wrote."""

    code: int | None
    why: str
    seconds: float
    said: str


@dataclass(frozen=True)
class Box:
    """Folders of a box. writable, readable: paths that exist inside as outside (or under the name they map to)."""

    home: Path
    writable: Mapping[Path, str]
    readable: Mapping[Path, str] = field(default_factory=dict)
    boxed: bool = True
    display: bool = False

    def run(
        self,
        command: list[str],
        variables: Mapping[str, str],
        folder: str,
        log: Path,
        limits: Limits,
        enough: Asked = lambda: False,
        kept: Asked = lambda: False,
    ) -> Ended:
        """Run a command in `folder` (a name inside) until it ends, has done `enough`, or passes a limit.

        kept: whether it has left something, so that waiting on and on is an end. All its processes end with it.
        """
        variables = self._at_home(variables)
        guarded = ["/bin/sh", "-c", GUARDED, "sh", *command] if self.boxed else command
        whole = self.command(guarded, variables, folder)
        began, parent = time.monotonic(), os.getpid()
        with log.open("wb") as output:
            process = subprocess.Popen(
                whole,
                stdin=subprocess.PIPE if self.boxed else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={"PATH": os.environ.get("PATH", os.defpath)} if self.boxed else variables,
                cwd=None if self.boxed else folder,
                start_new_session=True,
                preexec_fn=lambda: _limit(limits, None if self.boxed else parent),
            )
            try:
                written = Written([self.home, *self.writable, log], limits.disk)
                why = _watch(process, limits, written, enough, kept)
            finally:
                _end(process)
        return Ended(None if why else process.returncode, why, time.monotonic() - began, _last_words(log))

    def name(self, path: Path) -> str:
        """Return what a path is called inside; the path itself where it is not mapped."""
        if not self.boxed:
            return str(path)
        for outside, inside in {**self.readable, **self.writable, self.home: HOME}.items():
            if path.is_relative_to(outside):
                return str(Path(inside) / path.relative_to(outside))
        return str(path)

    def _at_home(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The variables with HOME, and what Theano compiles, in the box's own home."""
        home = self.name(self.home)
        flags = re.sub(r"base_compiledir=[^,]*", f"base_compiledir={home}/theano", variables.get("THEANO_FLAGS", ""))
        return {**variables, "HOME": home, **({"THEANO_FLAGS": flags} if flags else {})}

    def command(self, command: list[str], variables: Mapping[str, str], folder: str) -> list[str]:
        """Return the command line that runs a command inside, in `folder`; not a limit holds there yet."""
        if self.display:
            # By its number, not xvfb-run: that one wants xauth.
            script = 'Xvfb :97 -screen 0 1280x1024x24 -nolisten tcp >/dev/null 2>&1 & sleep 1; DISPLAY=:97 exec "$@"'
            command = ["/bin/sh", "-c", script, "sh", *command]
        if not self.boxed:
            return command
        words = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--hostname", "box", "--clearenv"]
        words += ["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"]
        words += ["--size", str(SCRATCH), "--tmpfs", "/tmp", "--size", str(SCRATCH), "--tmpfs", "/dev/shm"]
        words += ["--remount-ro", "/dev", "--ro-bind", str(HOSTS), "/etc/hosts"]
        for place in filter(os.path.lexists, SYSTEM):
            link = os.path.islink(place)  # noqa: PTH114
            words += ["--symlink", os.readlink(place), place] if link else ["--ro-bind", place, place]  # noqa: PTH115
        for name in SETTINGS:
            words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
        for outside, inside in self.readable.items():
            words += ["--ro-bind", str(outside), inside]
        for outside, inside in {**self.writable, self.home: HOME}.items():
            words += ["--bind", str(outside), inside]
        for name, value in {"PATH": "/usr/local/bin:/usr/bin:/bin", **variables}.items():
            words += ["--setenv", name, value]
        return [*words, "--remount-ro", "/", "--chdir", folder, "--", *command]


def open_box(
    home: Path, writable: Mapping[Path, str], readable: Mapping[Path, str], unboxed: bool, display: bool = False
) -> Box:
    """Make a box; raises InputError where none can be made here and the person did not ask to do without."""
    boxed = not unboxed
    if boxed and (problem := boxing_problem()) is not None:
        raise InputError(problem)
    home.mkdir(parents=True, exist_ok=True)
    return Box(home, writable, readable, boxed, display)


def boxing_problem() -> str | None:
    """Say in one line why nothing can be boxed here, and what to do; None where it can."""
    if shutil.which("bwrap") is None:
        return UNBOXED
    words = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"]
    done = run_program(words)
    if done.returncode == 0:
        return None
    said = " ".join(done.stderr.split())[:150]
    return f"bubblewrap cannot make a box here ({said}): allow user namespaces, or say --unboxed to do without"


def needed(python: Path, variables: Mapping[str, str]) -> dict[Path, str]:
    """Return what an interpreter and its variables name, for a box to show read-only; nothing of /usr and /tmp."""
    texts = [value for key, value in variables.items() if key not in ("HOME", "PATH")]
    named = {path for text in texts for path in re.findall(r"/[^\s:,=]+", text)}
    prefixes = [python.parent.parent, followed(python).parent.parent]
    base = python.parent.parent / "pyvenv.cfg"
    if base.is_file():
        named |= set(re.findall(r"/\S+", base.read_text("utf-8", "replace")))
    places = [*prefixes, *(Path(path) for path in sorted(named))]
    shown = [place for place in [*places, *(followed(place) for place in places)] if _may_be_shown(place)]
    return {place: str(place) for place in sorted(shown, key=lambda p: (len(p.parts), p))}


def _may_be_shown(place: Path) -> bool:
    """Whether it is there, is not there anyway, and holds neither the user's HOME nor everybody's."""
    private = at_home("~").is_relative_to(place) or len(place.parts) < 3
    return place.exists() and not private and place.parts[1] not in ("usr", "etc", "dev", "proc", "sys")


def _limit(limits: Limits, parent: int | None) -> None:
    """In the new process: bounds that every child inherits, and its end with `parent`.

    None for bwrap: killed while it makes a box, it would leave a process behind that waits for it for ever.
    """
    if parent is not None:
        end_with_parent(parent)
    cores = os.cpu_count() or 1
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, limits.disk),
        (resource.RLIMIT_CPU, int(limits.seconds * cores) + 1),
    ):
        resource.setrlimit(kind, (value, value))


def _watch(process: subprocess.Popen[bytes], limits: Limits, written: Written, enough: Asked, kept: Asked) -> str:
    """Wait for the program; return why it has to be ended, or "" where it ended itself."""
    began = quiet = time.monotonic()
    worked, looks, ready = 0.0, 0, 0
    while True:
        try:
            process.wait(POLL_SECONDS)
            return ""
        except subprocess.TimeoutExpired:
            now = time.monotonic()
        family = _family(process.pid)
        if enough():
            return "enough predictions were recorded"
        if now - began > limits.seconds:
            return f"it ran for {limits.seconds:g} s, the time limit"
        if len(family) > limits.processes:
            return f"it had {len(family)} processes, the limit is {limits.processes}"
        if (memory := sum(map(_memory, family))) > limits.memory:
            return f"it took {memory >> 20} MB of memory, the limit is {limits.memory >> 20}"
        if (disk := written.bytes()) > limits.disk:
            return f"it wrote {disk >> 20} MB of files, the limit is {limits.disk >> 20}"
        work = sum(map(_work, family))
        looks, ready = looks + 1, ready + any(map(_is_ready, family))
        if abs(work - worked) > BUSY * (now - quiet) or ready > looks / 4:
            quiet, worked, looks, ready = now, work, 0, 0
        elif now - quiet > (waited := limits.idle if kept() else limits.vain):
            return f"it did nothing for {waited:g} s (it waits for somebody)"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the box; the kernel ends whatever is in its process namespace with it."""
    family = _family(process.pid)
    for pid in [process.pid, *family]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _family(pid: int) -> list[int]:
    """Every process that a process began, and those that theirs did."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208
        if entry.isdigit() and (state := _stat(int(entry))):
            children.setdefault(int(state[1]), []).append(int(entry))
    found = [pid]
    for parent in found:
        found += children.get(parent, [])
    return found[1:]


def _stat(pid: int | str) -> list[str]:
    """The fields of /proc/PID/stat from the state on; none where it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []


def _memory(pid: int) -> int:
    state = _stat(pid)
    return int(state[21]) * os.sysconf("SC_PAGE_SIZE") if state else 0


def _work(pid: int) -> float:
    """Seconds of a core that a process has had, and its children that have ended (a compiler's many)."""
    return sum(map(int, _stat(pid)[11:15])) / os.sysconf("SC_CLK_TCK")


def _is_ready(pid: int) -> bool:
    """Whether one of its threads wants a core or a disk: on a machine that others use it may get little for long."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208
    except OSError:
        return False
    return any(_stat(f"{pid}/task/{thread}")[:1] in (["R"], ["D"]) for thread in threads)


def _last_words(log: Path) -> str:
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 8192))
        lines = stream.read().decode("utf-8", "replace").splitlines()
    return "\n".join(lines[-LAST_WORDS:])
