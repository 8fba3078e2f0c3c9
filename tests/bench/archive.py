"""`python -m tests.bench.archive [N] [--store]`: `reprise predict --recursive` on N clips, killed, and run again.

Says how much of the cores it used, whether its memory is flat, and that no clip was lost or answered twice. With
--store clips and answers lie on a local S3 server; what it takes of the cores itself is said, and taken out.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from pyarrow import fs

from reprise_kit.apps.archive.stores import opened
from reprise_kit.compare.system import ROOT
from tests.bench import clips
from tests.bench.__main__ import machine
from tests.s3 import s3_server

TICK = os.sysconf("SC_CLK_TCK")
BEGUN = 5  # samples
WORKER_MB = 200  # resident, at least: TensorFlow is there
SOUNDS = 40  # that differ
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass
class Watched:
    """Samples of a run: resident memory of the whole process tree, workers that could run, CPU seconds."""

    memory: list[float] = field(default_factory=list)  # MB
    runnable: list[float] = field(default_factory=list)  # of the workers
    cpu: float = 0.0
    others: float = 0.0  # CPU seconds of this program's other processes: the store's server
    seconds: float = 0.0


@dataclass
class Place:
    """A folder of clips and one for the answers, as the command takes them, and where this program reads them."""

    clips: str
    out: str
    files: fs.FileSystem
    path: str  # of the answers in `files`

    def parts(self) -> list[str]:
        """The finished parts of the table of rows."""
        found = self.files.get_file_info(fs.FileSelector(f"{self.path}/rows", allow_not_found=True))
        return sorted(entry.path for entry in found if entry.base_name[:1].isdigit())

    def rows(self) -> list[dict[str, object]]:
        """The rows of all finished parts."""
        return [row for part in self.parts() for row in pq.read_table(part, filesystem=self.files).to_pylist()]

    def finished(self) -> int:
        """How many rows the finished parts have."""
        return sum(pq.read_metadata(part, filesystem=self.files).num_rows for part in self.parts())


def main() -> None:
    """Run, print, and fail where a clip was lost or came twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("n", nargs="?", type=int, default=2000, help="clips")
    parser.add_argument("--store", action="store_true", help="from and to an S3 server on this machine")
    options = parser.parse_args()
    workers = len(os.sched_getaffinity(0))
    with (
        tempfile.TemporaryDirectory(prefix="reprise-archive-") as name,
        s3_server() if options.store else nullcontext(),
    ):
        folder = Path(name) / "clips"
        folder.mkdir()
        make(folder, options.n)
        place = (
            in_store(folder)
            if options.store
            else Place(str(folder), f"{name}/out", fs.LocalFileSystem(), f"{name}/out")
        )
        print(
            f"{machine()}; load {os.getloadavg()[0]:.1f}; {options.n} mp3s of 5 to 7 s, {workers} workers", flush=True
        )
        run(place, {path.name for path in folder.iterdir()}, workers)


def in_store(folder: Path) -> Place:
    """Put the clips into a bucket of the server that is there."""
    files, bucket = opened("s3://archive?allow_bucket_creation=true&allow_delayed_open=true")
    files.create_dir(bucket)
    fs.copy_files(str(folder), f"{bucket}/clips", destination_filesystem=files)
    return Place(f"s3://{bucket}/clips", f"s3://{bucket}/out", files, f"{bucket}/out")


def run(place: Place, names: set[str], workers: int) -> None:
    """Answer until killed at the first part past a quarter, then the rest."""
    command = [sys.executable, "-c", "from reprise_kit import cli; cli.main()", "predict", "--recursive"]
    command += [place.clips, "--out", place.out, "--workers", str(workers)]
    report("until killed", watch(command, place, workers, len(names) // 4), workers)
    held = {row["sha256"] for row in place.rows()}
    assert len(held) < len(names), "all were answered before the kill: give more clips"
    report("after the restart", watch(command, place, workers, None), workers)
    rows = place.rows()
    keys = {row["sha256"] for row in rows}
    assert len(keys) == len(rows) and held <= keys, "a clip twice, or a finished one lost"
    met = pq.read_table(f"{place.path}/files", filesystem=place.files)["path"].to_pylist()
    assert sorted(met) == sorted(names), "a clip lost"
    assert not any(row["error"] for row in rows)
    print(f"{len(held)} rows kept over the kill; {len(rows)} rows for {len(names)} clips: none lost, none twice")


def make(folder: Path, n: int) -> None:
    """Write n mp3s of 5 to 7 seconds, each with a tag of its own (ID3v1), so that no two are the same file."""
    rng, first = np.random.default_rng(n), []
    for k in range(n):
        clip = folder / f"{k:05d}.mp3"
        if k < SOUNDS:
            clips.write(clip, rng.uniform(5, 7), int(rng.integers(clips.RATE * 50)))
            first.append(clip.read_bytes())
        clip.write_bytes(first[k % SOUNDS] + b"TAG" + f"{k:0125d}".encode())


def watch(command: list[str], place: Place, workers: int, kill_at: int | None) -> Watched:
    """Run a command, sampling its process tree; kill it (SIGKILL) when so many rows are in finished parts.

    What is measured begins when every worker has had a box that decodes for BEGUN samples: it has loaded its model.
    """
    seen, began, first, last, looked, begun = Watched(), time.monotonic(), None, None, 0.0, 0
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        tree = family(process.pid)
        working = {p: row for p, row in tree.items() if p != process.pid and row[3] > WORKER_MB}
        begun += len({tree[row[0]][0] for row in tree.values() if row[0] in tree} & set(working)) == workers
        if begun > BEGUN and working:
            seen.memory.append(sum(memory for *_, memory in tree.values()))
            seen.runnable.append(sum(state == "R" for _, state, *_ in working.values()) / len(working))
            last = time.monotonic(), used(tree), used(family(os.getpid()))
            first = first or last
        if kill_at and time.monotonic() - looked > 2:  # a store's server answers on the same cores
            looked = time.monotonic()
            if place.finished() >= kill_at:
                process.send_signal(signal.SIGKILL)
        time.sleep(0.2)
    print(f"  ({time.monotonic() - began:.0f} s, start included)")
    assert first and last and last > first, "it ended before it was measured: give more clips"
    seen.seconds, seen.cpu, everything = (after - before for before, after in zip(first, last, strict=True))
    seen.others = everything - seen.cpu
    return seen


def used(tree: dict[int, tuple[int, str, float, float]]) -> float:
    """CPU seconds of these processes."""
    return sum(cpu for _, _, cpu, _ in tree.values())


def family(root: int) -> dict[int, tuple[int, str, float, float]]:
    """Process id: parent, state, CPU seconds, resident MB; of a process and all below it."""
    everyone = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rsplit(") ", 1)[1].split()
        except (OSError, IndexError):
            continue
        seconds = sum(map(int, fields[11:15])) / TICK  # with what children that ended used: a box stays for some clips
        everyone[int(entry.name)] = int(fields[1]), fields[0], seconds, int(fields[21]) * PAGE_MB
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
    cores = seen.seconds * workers  # what they can give
    print(
        f"{what}: {seen.cpu / cores:.0%} of {workers} cores' time used, {seen.others / cores:.0%} by what else was "
        f"started here, {seen.cpu / (cores - seen.others):.0%} of what that left; workers ready to run "
        f"{statistics.mean(seen.runnable):.0%} of the time; resident memory {second:.0f} MB in the second quarter, "
        f"{last:.0f} in the last ({last / second - 1:+.1%})",
        flush=True,
    )


if __name__ == "__main__":
    main()
