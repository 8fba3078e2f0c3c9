"""One command in a place of its own: stopped, looked at, begun again, and held to an undisturbed run."""

import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from reprise_kit.compare.system import ROOT
from tests.kills.jobs import Job, Names
from tests.kills.warm import Fork, interpreter

MARK = "REPRISE_KILLED"  # a variable by which every process of a command is known, whatever it did to its group
LONGEST = 600.0  # seconds of the processor that a run takes at most
IDLE = 60.0  # seconds of the clock without one of them, after which a run is held to hang
STOPPED = re.compile(r"(.* \.\.\. \d+ s\n)*\n?reprise: stopped\n")  # after how long it took so far, which is no fault
TICKS = os.sysconf("SC_CLK_TCK")  # a second of the processor
GRACE = 1.0  # seconds after which no process may live


class Place:
    """A folder in which a command is run again and again; `found` is what must not happen, in words."""

    def __init__(self, job: Job, folder: Path, warm: bool = True) -> None:
        """Make what the command reads, and let it run as nobody disturbs it; warm: also by an interpreter at hand."""
        self.job, self.folder = job, folder
        self.given, self.place = folder / "given", folder / "place"
        self.mark = secrets.token_hex(8)
        self.held: Names = Counter()
        self.found: list[str] = []
        self.passed: set[str] = set()  # temporary files from before the last run
        self.lengths: dict[bool, float] = {}  # seconds of an unbroken run, warm or not
        shutil.rmtree(folder, ignore_errors=True)
        self.given.mkdir(parents=True)
        job.make(self.given)
        self.clear()
        self.warm = False
        self.ended = self.finish()
        assert self.ended == job.code, f"the undisturbed run ended with {self.ended}: {self.errors()}"
        self.answer: Any = job.answer(self.out)
        self.listed = self._listing()
        self.whole = job.kept(self.out)
        self.clear()
        if warm:
            self.warm = True
            self.check_end(self.finish())
            self.clear()

    @property
    def out(self) -> Path:
        """Where the command writes."""
        return self.place / self.job.file

    def clear(self) -> None:
        """Begin anew."""
        shutil.rmtree(self.place, ignore_errors=True)
        (self.place / "tmp").mkdir(parents=True)
        self.held = Counter()

    def again(self) -> None:
        """Begin where a finished answer is: it is written over, or known."""
        self.held = self.job.kept(self.out)

    @property
    def seconds(self) -> float:
        """How long an unbroken run takes."""
        return self.lengths[self.warm]

    def begin(self) -> Fork | subprocess.Popen[bytes]:
        """Start the command, in a session of its own: from nothing, or by an interpreter that has imported."""
        self.passed = set(self.temporary())
        words, variables = self.job.command(self.given, self.out), {name: str(v) for name, v in self._variables()}
        with (self.folder / "said").open("wb") as said, (self.folder / "errors").open("wb") as errors:
            if self.warm:
                return interpreter().run(words, variables, Path(said.name), Path(errors.name), ROOT)
            return subprocess.Popen(
                words,
                cwd=ROOT,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=errors,
                start_new_session=True,
                restore_signals=True,
            )

    def _variables(self) -> Iterator[tuple[str, object]]:
        yield "TMPDIR", self.place / "tmp"
        yield "REPRISE_CACHE", self.place / "cache"
        yield "TF_CPP_MIN_LOG_LEVEL", 3
        yield MARK, self.mark

    def errors(self) -> str:
        """Return what the command said on standard error."""
        return (self.folder / "errors").read_text("utf-8", "replace")

    def finish(self) -> int:
        """Run to the end; return the exit code."""
        process, began = self.begin(), time.monotonic()
        try:
            self._wait(process)
        finally:
            process.kill()  # where this run is stopped
        self._took(time.monotonic() - began)
        return process.wait()

    def _wait(self, process: Fork | subprocess.Popen[bytes]) -> None:
        """Wait for the end as long as the command gets on, however little of the machine it has; see `found`."""
        before, now = -1, self._spent(process.pid)
        while before != now < LONGEST * TICKS:
            with suppress(subprocess.TimeoutExpired):
                process.wait(IDLE)
                return
            before, now = now, self._spent(process.pid)
        self.found.append(
            f"hangs, or never ends: after {now / TICKS:.0f} s of the processor, {self.errors()[-1500:]!r}"
        )

    def _spent(self, session: int) -> int:
        """Return the ticks of the processor that the command's processes, and those they waited for, took."""
        return sum(map(ticks, alive(self.mark, session)))

    def _took(self, took: float) -> None:
        """Remember how many seconds the run that ended took; one that found something done is shorter."""
        self.lengths[self.warm] = max(took, self.lengths[self.warm]) if self.held else took

    def stop(self, number: signal.Signals, after: float) -> bool:
        """Begin, and stop after so many seconds; False where the command was done before. See `found`."""
        process, began = self.begin(), time.monotonic()
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            return self.stopped(process, number)
        finally:
            process.kill()
        self._took(time.monotonic() - began)
        self.check_end(process.returncode)
        return False

    def stopped(self, process: Fork | subprocess.Popen[bytes], number: signal.Signals) -> bool:
        """Stop a command now; False where it was before its first line, or done. See `found`."""
        if number == signal.SIGKILL:
            process.kill()
            process.wait()
            time.sleep(GRACE)
        else:
            os.killpg(process.pid, number)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                self.found.append("not ended 30 s after Ctrl-C")
            if self._not_begun(process.returncode) or (process.returncode == self.ended and not self.errors()):
                return False  # before the kit's first line, or at its end
            if process.returncode != 130 or not STOPPED.fullmatch(self.errors()):
                self.found.append(f"Ctrl-C: code {process.returncode}, said {self.errors()[-1500:]!r}")
            time.sleep(GRACE)
        self._end_others(process.pid)
        self._look(number)
        return True

    def _not_begun(self, code: int) -> bool:
        """Whether Python itself was stopped: it has read nothing of the kit yet."""
        said = self.errors()
        return code == -signal.SIGINT and (not said or (said.endswith("KeyboardInterrupt\n") and "reprise" not in said))

    def _end_others(self, session: int) -> None:
        """Name every process of the command that still lives, and end it."""
        for pid in alive(self.mark, session):
            self.found.append(f"lives on: {pid}")
            with suppress(OSError):  # it ended by itself, late
                self.found[-1] = (
                    f"lives on: {Path(f'/proc/{pid}/cmdline').read_bytes().replace(bytes(1), b' ')[:200]!r}"
                )
                os.kill(pid, signal.SIGKILL)

    def _look(self, number: signal.Signals) -> None:
        """Compare what is there with what was there before, and with all that may be."""
        kept = self.job.kept(self.out)
        if lost := self.held - kept:
            self.found.append(f"lost: {sorted(lost)[:3]}")
        if odd := kept - self.whole:
            self.found.append(f"twice, or wrong: {sorted(odd)[:3]}")
        self.held = kept
        rooms = [name for name in self._listing() if ".reprise/" not in name and not self._passes(name)]
        if stray := [name for name in rooms if name not in self.listed]:
            self.found.append(f"stray: {stray[:3]}")
        if number == signal.SIGINT and (left := set(self.temporary()) - self.passed):  # of a kill: until a run begins
            self.found.append(f"temporary files after Ctrl-C: {sorted(left)[:3]}")

    def _passes(self, name: str) -> bool:
        return any(fnmatch(name, pattern) for pattern in (*self.job.passing, "cache/*"))

    def _listing(self) -> set[str]:
        """Every file of the place but the temporary ones, and the folders that are empty."""
        found = set()
        for here, folders, files in os.walk(self.place):
            inside = Path(here).relative_to(self.place).as_posix()
            found |= {f"{inside}/{name}".removeprefix("./") for name in files}
            found |= {f"{inside}/"} if not folders and not files else set()
        return {name for name in found if not name.startswith("tmp/")}

    def temporary(self) -> list[str]:
        """Return what lies in the folder of temporary files."""
        return sorted(path.name for path in (self.place / "tmp").iterdir())

    def check_end(self, code: int) -> None:
        """Hold a finished run to the undisturbed one."""
        if code != self.ended:
            self.found.append(f"ended with {code}: {self.errors()[-1500:]!r}")
        elif self.job.answer(self.out) != self.answer:
            self.found.append("another answer than that of an undisturbed run")
        elif {name for name in self._listing() ^ self.listed if not self._passes(name)}:
            self.found.append(f"other files: {sorted(self._listing() ^ self.listed)[:3]}")
        if left := self.temporary():
            self.found.append(f"temporary files at the end: {left[:3]}")


def ticks(pid: int) -> int:
    """Return the processor time of a process and of its children that ended, 0 of one that is gone."""
    with suppress(OSError):
        return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:15]))
    return 0


def alive(mark: str, session: int) -> list[int]:
    """Return the processes that have the mark in their variables, or are of the session, but for those that ended."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            state, _, _, its_session = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:4]
            marked = f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if (marked or int(its_session) == session) and state != "Z":
            found.append(int(folder.name))
    return found
