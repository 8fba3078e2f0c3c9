"""`make bench`: what a clip costs, port, originals and floors side by side, in CPU seconds and ratios.

Subjects take turns clip by clip, so that a busy machine slows them alike; CPU seconds (user and system) are compared,
wall seconds only shown. One thread each.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from reprise_kit.compare.registry import load
from reprise_kit.compare.system import ROOT
from tests.bench import clips, history
from tests.bench.subjects import (
    Seconds,
    Subject,
    ffmpeg_subject,
    original_subject,
    peer_subject,
    port_subjects,
    timed,
)

LENGTHS = (10, 60, 600, 3600, 10_800)  # seconds
MP3S = (1152 * 1152, 1152 * 1148, 1152 * 1151)  # native samples: an mp3 has 1152 to a frame and any number of frames
PRIME = 1_323_001  # native samples, 30 s at 44.1 kHz
SMOOTH = 1_327_104  # 2^14 * 3^4

PEERS = {"musicnn": "musicnn 0.1.0, 50 tags", "essentia": "essentia, mel bands"}

PREDICT = """
import json, sys
from pathlib import Path
from tests.bench.subjects import timed
from reprise_kit.compare.registry import load
import tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
from reprise_kit.port.deepsound_crnn.pipeline import open_pipeline
pipeline = open_pipeline(load("deepsound_crnn").default_weights, "theano")
pipeline.predict(Path(sys.argv[1]))
took = [timed(lambda: pipeline.predict(Path(sys.argv[2])))[0] for _ in range(int(sys.argv[3]))]
status = Path("/proc/self/status").read_text()
# Not ru_maxrss: that keeps the peak of the process that started this one.
print(json.dumps([took, int(status.split("VmHWM:")[1].split()[0]) / 1024]))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--clips", type=Path, help="folder of 30 s mp3s; default: made by script")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--lengths", type=lambda text: [int(n) for n in text.split(",")], default=LENGTHS)
    parser.add_argument("--short", action="store_true", help="the ratios alone, on one clip, beside the last recorded")
    parser.add_argument("--record", action="store_true", help="add the ratios to tests/bench/history.jsonl")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON", help=f"of {', '.join(PEERS)}")
    options = parser.parse_args()
    console = Console(width=110)
    console.print(f"{machine()}; load {os.getloadavg()[0]:.1f}; CPU seconds, medians; one thread")
    with tempfile.TemporaryDirectory(prefix="reprise-bench-") as name:
        folder = Path(name)
        made = sorted(options.clips.glob("*.mp3")) if options.clips else []
        made = made or [clips.write(folder / f"{n}.mp3", n / clips.RATE) for n in MP3S]
        made = made[:1] if options.short else made
        ratios = per_clip(console, made, options.rounds, dict(peer.split("=", 1) for peer in options.peer))
        console.print(history.beside_the_last(machine(), ratios, len(made), history.read()))
        if options.record:
            history.append(machine(), ratios, len(made), options.rounds)
        if options.short:
            return
        by_number(console, made[0], options.rounds)
        cold_start(console, made[0], options.rounds)
        by_length(console, folder, options.lengths, options.rounds)


def machine() -> str:
    """Name processor and system."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, {platform.system()}"


def per_clip(console: Console, made: list[Path], rounds: int, pythons: dict[str, str]) -> dict[str, float]:
    """Print seconds for each subject, all taking turns, a table for each clip: a length's factors decide the cost.

    Returns CPU seconds over those of the port's whole path, summed over the clips, for each subject at hand.
    """
    system, close = load("deepsound_crnn"), []
    subjects: dict[str, Subject | str] = {**port_subjects(system), "ffmpeg's decode alone": ffmpeg_subject()}
    for backend, words in (("theano", "original, Theano 0.8.2"), ("tensorflow", "original, TensorFlow 0.12.1")):
        subjects[words] = original_subject(system, backend, close)
    for peer, words in PEERS.items():
        subjects[words] = peer_subject(peer, pythons, close)
    try:
        ready = {name: s for name, s in subjects.items() if not isinstance(s, str)}
        took = {clip: turns(ready, clip, rounds) for clip in made}
    finally:
        for end in close:
            end()
    for clip in made:
        port = median(took[clip]["port, whole path"])[0]
        table = Table(title=f"Warm, {described(clip)}, {rounds} rounds", title_justify="left")
        for column in ("", "CPU s", "wall s", "of the port's whole path"):
            table.add_column(column, justify="left" if not column else "right")
        for name, subject in subjects.items():
            if isinstance(subject, str):
                table.add_row(name, "-", "-", subject)
                continue
            used, wall = median(took[clip][name])
            table.add_row(name, f"{used:.4f}", f"{wall:.4f}", f"{used / port:.2f} x")
        console.print(table)
    summed = {name: sum(median(took[clip][name])[0] for clip in made) for name in ready}
    return {name: used / summed["port, whole path"] for name, used in summed.items()}


def described(clip: Path) -> str:
    """Name a clip by its length and what decides the cost of a transform over it."""
    from reprise_kit.port.audio.decode import decode
    from reprise_kit.port.audio.scipy017.fftpack import factors

    decoded = decode(clip)
    n = len(decoded.native)
    return f"{n / decoded.rate:.1f} s {clip.suffix[1:]} of {n} samples, largest factor {max(factors(n))}"


def median(pairs: list[Seconds]) -> Seconds:
    """Medians of CPU and of wall seconds."""
    used, wall = (statistics.median(column) for column in zip(*pairs, strict=True))
    return used, wall


def turns(subjects: dict[str, Subject], clip: Path, rounds: int) -> dict[str, list[Seconds]]:
    """Let every subject answer a clip `rounds` times, in turn, after one warm-up round."""
    took: dict[str, list[Seconds]] = {name: [] for name in subjects}
    for k in range(rounds + 1):
        for name, subject in subjects.items():
            seconds = subject(clip)
            if k:
                took[name].append(seconds)
    return took


def by_number(console: Console, clip: Path, rounds: int) -> None:
    """Print the network's cost on a clip by how many it is asked about at once, and with other runtimes."""
    from tests.bench.runtimes import runtimes

    table = Table(title="The network, 30 s of log-mel, a clip's share", title_justify="left")
    for column in ("", "CPU s", "of the port's", "largest difference"):
        table.add_column(column, justify="left" if not column else "right")
    first = 0.0
    for name, run, n_clips, difference in runtimes(clip):
        run()
        used = median([timed(run) for _ in range(rounds)])[0] / n_clips
        first = first or used
        table.add_row(name, f"{used:.4f}", f"{used / first:.2f} x", f"{difference:.0e}")
    console.print(table)


def cold_start(console: Console, clip: Path, rounds: int) -> None:
    """Print `import tensorflow` against `reprise predict one.mp3`, each in new processes, in turn."""
    commands = {
        "import tensorflow alone": [sys.executable, "-c", "import tensorflow"],
        "reprise predict one.mp3": [
            sys.executable,
            "-c",
            "from reprise_kit import cli; cli.main()",
            "predict",
            str(clip),
        ],
        "reprise --help": [sys.executable, "-m", "reprise_kit", "--help"],
    }
    took: dict[str, list[Seconds]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            took[name].append(timed(lambda c=command: run(c)))
    table = Table(title="Cold start", title_justify="left")
    for column in ("", "CPU s", "wall s"):
        table.add_column(column, justify="left" if not column else "right")
    for name, pairs in took.items():
        used, wall = median(pairs)
        table.add_row(name, f"{used:.2f}", f"{wall:.2f}")
    first, second = (took[name] for name in list(commands)[:2])
    more = [statistics.median(b[k] - a[k] for a, b in zip(first, second, strict=True)) for k in (0, 1)]
    table.add_row("more than the import", f"{more[0]:.2f}", f"{more[1]:.2f}")
    console.print(table)


def by_length(console: Console, folder: Path, lengths: list[int], rounds: int) -> None:
    """Print cost and peak memory by length, each length in a process of its own."""
    short = clips.write(folder / "short.wav", 10)
    table = Table(title="By length of clip", title_justify="left")
    for column in ("", "CPU s", "CPU ms per second of audio", "peak memory, MB", "runs"):
        table.add_column(column, justify="left" if not column else "right")

    def add(name: str, clip: Path, seconds: float, times: int) -> None:
        took, peak = measured(short, clip, times)
        used = statistics.median(took)
        table.add_row(name, f"{used:.3f}", f"{1000 * used / seconds:.2f}", f"{peak:.0f}", str(times))
        clip.unlink()

    for seconds in lengths:
        clip = clips.write(folder / f"{seconds}.mp3", seconds)
        add(f"{seconds} s mp3", clip, seconds, rounds if seconds <= 600 else 1)
    seconds = max(lengths)
    add(f"{seconds} s wav", clips.write(folder / "long.wav", seconds), seconds, 1)
    for form in ("mp3", "wav"):
        for name, n in (("2^14 3^4 samples", SMOOTH), ("a prime number of samples", PRIME)):
            add(f"30 s {form}, {name}", clips.write(folder / f"n.{form}", n / clips.RATE), n / clips.RATE, rounds)
    console.print(table)


def measured(short: Path, clip: Path, times: int) -> tuple[list[float], float]:
    """CPU seconds of `times` answers after a warm-up on a short clip, and the peak resident memory in MB."""
    done = run([sys.executable, "-c", PREDICT, str(short), str(clip), str(times)])
    took, peak = json.loads(done.stdout.splitlines()[-1])
    return took, peak


def run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    """Run a command of this project."""
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)


if __name__ == "__main__":
    main()
