"""Batches of inputs, each in a process of its own; what was done is kept, so that a stopped run goes on."""

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.fuzz import watch
from tests.fuzz.readers.reader import Reader, Seeds

BATCH = 400
ENDED = {-signal.SIGPROF: "more than 2 s of a core", -signal.SIGKILL: "killed: memory"}


@dataclass
class Tally:
    """What became of a reader's inputs; findings: [number, words] of what must not happen."""

    reader: str
    first: int
    tried: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    findings: list[tuple[int, str]] = field(default_factory=list)
    seconds: float = 0.0
    peak: int = 0  # bytes of resident memory above the batch's start


def put(reader: Reader, seeds: Seeds, seed: int, number: int, folder: Path) -> Path:
    """Write an input into an empty folder; the same each time. One that its format cannot write is drawn anew."""
    for attempt in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        with suppress(Exception):
            return reader.put(seeds, Random(f"{seed}/{reader.name}/{number}/{attempt}"), folder)
    raise RuntimeError(f"{reader.name} {number}: no input can be written")


def batch(reader: Reader, seeds: Seeds, seed: int, first: int, count: int, scratch: Path) -> Tally:
    """Read inputs first, first + 1, ...; findings are judged once more, as the kit itself reads."""
    tally, began, at = Tally(reader.name, first), time.perf_counter(), first
    while at < first + count:
        done, ended = _forked(reader, seeds, seed, range(at, first + count), scratch, boxed=False)
        tally.tried += len(done)
        tally.verdicts = dict(Counter(tally.verdicts) + Counter(verdict for verdict, _, _ in done))
        tally.peak = max(tally.peak, *(peak for _, _, peak in done), 0)
        suspects = [(at + i, words) for i, (verdict, words, _) in enumerate(done) if verdict == watch.FINDING]
        at += len(done)
        if ended is not None:
            suspects.append((at, ended))
            tally.tried += 1
            tally.verdicts[watch.FINDING] = tally.verdicts.get(watch.FINDING, 0) + 1
            at += 1
        for number, words in suspects:
            _again(reader, seeds, seed, number, words, scratch, tally)
    tally.seconds = time.perf_counter() - began
    return tally


def _again(reader: Reader, seeds: Seeds, seed: int, number: int, words: str, scratch: Path, tally: Tally) -> None:
    """Judge a finding by how the kit itself ends: what the box stops is refused. What was done to it stays one."""
    if not words.startswith("did"):
        done, ended = _forked(reader, seeds, seed, range(number, number + 1), scratch, boxed=True)
        verdict, words, _ = done[0] if done else (watch.FINDING, f"{ended} (first: {words})", 0)
        if verdict != watch.FINDING:
            tally.verdicts[watch.FINDING] -= 1
            tally.verdicts[verdict] = tally.verdicts.get(verdict, 0) + 1
            return
    tally.findings.append((number, words))


def _forked(
    reader: Reader, seeds: Seeds, seed: int, numbers: range, scratch: Path, boxed: bool
) -> tuple[list[tuple[str, str, int]], str | None]:
    """Read inputs in a fork; return what became of each, and how it ended where it did before the last."""
    with tempfile.TemporaryFile() as said:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                _child(reader, seeds, seed, numbers, scratch, boxed, said.fileno())
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        said.seek(0)
        done = [tuple(json.loads(line)) for line in said.read().splitlines()]
    if len(done) == len(numbers):
        return done, None
    code = os.waitstatus_to_exitcode(status)
    return done, ENDED.get(code, f"the process ended with {code}")


def _child(reader: Reader, seeds: Seeds, seed: int, numbers: range, scratch: Path, boxed: bool, out: int) -> None:
    place = scratch / "input"
    os.chdir(scratch)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1), os.dup2(null, 2)
    _warm(reader, seeds, place, boxed)
    tempfile.tempdir = str(scratch / "temporary")
    Path(tempfile.tempdir).mkdir(exist_ok=True)
    hook = watch.Hook(scratch, reader.allowed)
    if not boxed:
        sys.addaudithook(hook)
    watch.limit()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with nullcontext() if boxed else watch.unboxed():
        for number in numbers:
            path = put(reader, seeds, seed, number, place)
            verdict, words = watch.judged(reader.ask, path, hook)
            peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
            os.write(out, json.dumps([verdict, words, peak]).encode() + b"\n")


def _warm(reader: Reader, seeds: Seeds, place: Path, boxed: bool) -> None:
    """What is imported and compiled with the first files is no input's."""
    with nullcontext() if boxed else watch.unboxed():
        for number in range(3):
            try:
                reader.ask(put(reader, seeds, -1, number, place))
            except Exception:
                continue
