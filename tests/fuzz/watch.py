"""One input under limits and eyes: answered, refused, or a finding in words."""

import contextlib
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from reprise_kit.compare import box, box_pool, frames
from reprise_kit.compare.errors import InputError, UnforeseenError

SECONDS = 2.0  # of a core, for one input
MEMORY = 300 << 20  # bytes beyond what the libraries map
ANSWERED, REFUSED, FINDING = "answered", "refused", "finding"
STARTS = {
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.forkpty",
    "pty.spawn",
}
FORBIDDEN = STARTS | {"socket.connect", "socket.bind", "socket.sendto", "exec", "marshal.loads", "marshal.load"}
FORBIDDEN |= {"pickle.find_class", "ctypes.dlopen", "os.remove", "os.rename", "os.rmdir", "shutil.rmtree", "os.chmod"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Hook:
    """An audit hook: what was forbidden while it looks. allowed: programs that this reader is made of; `into`: where
    it may write."""

    def __init__(self, into: Path, allowed: Sequence[str] = ()) -> None:
        self.into, self.allowed, self.looks = f"{into}/", allowed, False
        self.seen: list[str] = []

    def __call__(self, event: str, details: tuple[Any, ...]) -> None:
        if not self.looks or (event not in FORBIDDEN and event != "open"):
            return
        if event == "open":
            path, _, flags = details
            written = isinstance(path, (str, bytes, os.PathLike)) and isinstance(flags, int) and flags & WRITING
            if written and not self._may_write(os.fsdecode(path)):
                self.seen.append(f"open to write {os.fsdecode(path)[:80]}")
        elif not self._is_own(event, details):
            self.seen.append(f"{event} {str(details)[:80]}")

    def _may_write(self, path: str) -> bool:
        return path == os.devnull or os.path.abspath(path).startswith(self.into) or _importing()  # noqa: PTH100

    def _is_own(self, event: str, details: tuple[Any, ...]) -> bool:
        if event == "subprocess.Popen":
            return os.path.basename(os.fsdecode(details[0])) in self.allowed  # noqa: PTH119
        inside = self._is_inside(details)
        return (bool(self.allowed) and event in STARTS) or inside or _importing()

    def _is_inside(self, details: tuple[Any, ...]) -> bool:
        """Whether a call is about a file in the scratch folder, named by itself or beside an open folder."""
        for part, folder in zip(details, (*details[1:], None), strict=True):
            if isinstance(part, (str, bytes, os.PathLike)):
                beside = f"/proc/self/fd/{folder}" if isinstance(folder, int) and folder >= 0 else "."
                return os.path.join(os.path.realpath(beside), os.fsdecode(part)).startswith(self.into)  # noqa: PTH118
        return False


def _importing() -> bool:
    """Whether what runs is the import of a module of the kit's or its libraries'."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


@contextlib.contextmanager
def unboxed() -> Iterator[None]:
    """Readers run in this process, and what they say still goes through the box's words."""
    kept = box.boxed_each, box_pool.asked
    box.boxed_each, box_pool.asked = _each, _asked  # type: ignore[assignment]
    try:
        yield
    finally:
        box.boxed_each, box_pool.asked = kept


def _each(
    reader: box.Reader, paths: Sequence[Path], *arguments: Any, handed: int | None = None, **_: Any
) -> Iterator[Iterator[Any]]:
    first = () if handed is None else (handed,)
    return (_said(reader(path, *first, *arguments)) for path in paths)


@contextlib.contextmanager
def _asked(reader: box.Reader, path: Path, handed: int, *arguments: Any, **_: Any) -> Iterator[Iterator[Any]]:
    yield _said(reader(path, handed, *arguments))


def _said(items: Iterator[Any]) -> Iterator[Any]:
    for item in items:
        if hasattr(item, "dtype"):
            if not frames.PLAIN.fullmatch(item.dtype.str):
                raise InputError(f"it holds an array of {item.dtype}; only numbers and text are read")
            yield item
        else:
            try:
                yield frames._value(frames.message(frames.VALUE, item)[frames.HEAD.size :])
            except frames.FrameError as error:
                raise InputError(f"its reader answered what it may not ({error}); refused") from None


def limit() -> None:
    """Take from this process what no input needs."""
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY, mapped + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def judged(ask: Callable[[Path], Any], path: Path, hook: Hook) -> tuple[str, str]:
    """Return the verdict on one input, and its words; a process that takes SECONDS too long is ended by SIGPROF."""
    hook.seen.clear()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    began, hook.looks = time.process_time(), True
    try:
        ask(path)
        verdict, words = ANSWERED, ""
    except UnforeseenError as error:
        verdict, words = FINDING, str(error)
    except InputError as error:
        verdict, words = REFUSED, str(error)
    except MemoryError:
        verdict, words = FINDING, f"MemoryError{_where(sys.exc_info()[2])}"
    except Exception as error:
        verdict, words = FINDING, f"{type(error).__name__}: {str(error)[:120]}{_where(error.__traceback__)}"
    finally:
        hook.looks = False
        signal.setitimer(signal.ITIMER_PROF, 0)
    if hook.seen:
        return FINDING, f"did what it may not: {hook.seen[0]}"
    if "takes more memory than there is" in words and box.boxed_each is _each:  # a box has its own end
        return FINDING, words
    used = time.process_time() - began
    return (FINDING, f"{used:.1f} s of a core") if used > SECONDS else (verdict, words)


def _where(trace: Any) -> str:
    """The kit's innermost line in a trace: findings of one line are one kind."""
    place = ""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if "/tests/" not in name and ("/port/" in name or "/compare/" in name or "/reprise_kit/" in name):
            place = f" at {'/'.join(Path(name).parts[-2:])}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
