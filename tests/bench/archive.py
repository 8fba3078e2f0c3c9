"""`python -m tests.bench.archive [N]`: `reprise predict --recursive` on N clips, killed at half and run again.

Says how much of the cores it used, whether its memory is flat, and that no clip was lost or answered twice.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from reprise_kit.compare.system import ROOT
from tests.bench import clips
from tests.bench.__main__ import machine

TICK = os.sysconf("SC_CLK_TCK")
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass
class Watched:
    """Samples of a run: resident memory of the whole process tree, workers that could run, CPU seconds."""

    memory: list[float] = field(default_factory=list)  # MB
    runnable: list[float] = field(default_factory=list)  # of the workers
    cpu: float = 0.0
    seconds: float = 0.0


def main() -> None:
    """Run, print, and fail where a clip was lost or came twice."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    workers = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="reprise-archive-") as name:
        folder, out = Path(name) / "clips", Path(name) / "out"
        folder.mkdir()
        make(folder, n)
        command = [sys.executable, "-c", "from reprise_kit import cli; cli.main()", "predict", "--recursive"]
        command += [str(folder), "--out", str(out), "--workers", str(workers)]
        print(f"{machine()}; load {os.getloadavg()[0]:.1f}; {n} mp3s of 5 to 7 s, {workers} workers", flush=True)
        report("until killed at half", watch(command, out, n // 2), workers)
        held = {row["sha256"] for part in parts(out) for row in pq.read_table(part).to_pylist()}
        report("after the restart", watch(command, out, None), workers)
        rows = pq.read_table(out / "rows").to_pylist()
        keys, paths = {row["sha256"] for row in rows}, pq.read_table(out / "files")["path"].to_pylist()
        assert len(keys) == len(rows) and held <= keys, "a clip twice, or a finished one lost"
        assert sorted(paths) == sorted(path.name for path in folder.iterdir()), "a clip lost"
        assert not any(row["error"] for row in rows)
        print(f"{len(held)} rows kept over the kill; {len(rows)} rows for {n} clips: none lost, none twice")


def make(folder: Path, n: int) -> None:
    """Write n different mp3s of 5 to 7 seconds."""
    rng = np.random.default_rng(n)
    for k in range(n):
        clips.write(folder / f"{k:05d}.mp3", rng.uniform(5, 7), int(rng.integers(clips.RATE * 50)))


def parts(out: Path) -> list[Path]:
    """Return the finished parts."""
    return sorted((out / "rows").glob("[0-9]*.parquet"))


def watch(command: list[str], out: Path, kill_at: int | None) -> Watched:
    """Run a command, sampling its process tree; kill it (SIGKILL) when so many rows are in finished parts."""
    seen, began, counted = Watched(), time.monotonic(), 0.0
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        tree = family(process.pid)
        working = [p for p in tree if p != process.pid and tree[p][3] > 200]
        if len(parts(out)) > 0 and working:
            seen.memory.append(sum(memory for *_, memory in tree.values()))
            seen.runnable.append(sum(tree[p][1] == "R" for p in working) / len(working))
            used = sum(cpu for _, _, cpu, _ in tree.values())
            seen.cpu, seen.seconds = seen.cpu or used, seen.seconds or time.monotonic()
            counted, ended = used, time.monotonic()
        if kill_at and sum(pq.read_metadata(part).num_rows for part in parts(out)) >= kill_at:
            process.send_signal(signal.SIGKILL)
        time.sleep(0.2)
    print(f"  ({time.monotonic() - began:.0f} s, start included)")
    seen.cpu, seen.seconds = counted - seen.cpu, ended - seen.seconds
    return seen


def family(root: int) -> dict[int, tuple[int, str, float, float]]:
    """Process id: parent, state, CPU seconds, resident MB; of a process and all below it."""
    everyone = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rsplit(") ", 1)[1].split()
        except (OSError, IndexError):
            continue
        used = (int(fields[11]) + int(fields[12])) / TICK
        everyone[int(entry.name)] = int(fields[1]), fields[0], used, int(fields[21]) * PAGE_MB
    tree, added = {root}, True
    while added:
        below = {p for p, row in everyone.items() if row[0] in tree} - tree
        tree |= below
        added = bool(below)
    return {p: everyone[p] for p in tree if p in everyone}


def report(what: str, seen: Watched, workers: int) -> None:
    """Print one run's figures, start-up left out."""
    quarter = len(seen.memory) // 4
    second, last = (statistics.mean(seen.memory[k * quarter : (k + 1) * quarter]) for k in (1, 3))
    print(
        f"{what}: {seen.cpu / seen.seconds / workers:.0%} of {workers} cores' time used; workers ready to run "
        f"{statistics.mean(seen.runnable):.0%} of the time; resident memory {second:.0f} MB in the second quarter, "
        f"{last:.0f} in the last ({last / second - 1:+.1%})",
        flush=True,
    )


if __name__ == "__main__":
    main()
