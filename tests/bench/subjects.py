"""What is timed: each subject takes a clip and returns its (CPU, wall) seconds."""

import json
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from reprise_kit.apps.archive.archive import KEPT, KEPT_ARRAY
from reprise_kit.compare.fetch import cache
from reprise_kit.compare.freed import keep_what_is_freed
from reprise_kit.compare.python27 import environment, environment_folder, private_settings
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.runners.python27 import Python27Runner
from reprise_kit.compare.system import ROOT, System

Seconds = tuple[float, float]
Subject = Callable[[Path], Seconds]


def cpu() -> float:
    """CPU seconds, user and system, of this process, of children that have ended, and of all processes below it.

    Sound is decoded in a box, which is a child of a child and stays for the next clip.
    """
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(r.ru_utime + r.ru_stime for r in used) + sum(map(_used_by, _below(os.getpid())))


def _below(pid: int) -> Iterator[int]:
    try:
        told = " ".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))
    except OSError:  # it has ended since
        return
    for child in map(int, told.split()):
        yield child
        yield from _below(child)


def _used_by(pid: int) -> float:
    """CPU seconds of a process, to the nanosecond, and of its children that have ended, to the clock's tick."""
    try:
        running = sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended since
        return 0.0
    return running / 1e9 + (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def timed(work: Callable[[], object]) -> Seconds:
    """Run `work` once."""
    began = cpu(), time.perf_counter()
    work()
    return cpu() - began[0], time.perf_counter() - began[1]


def port_subjects(system: System) -> dict[str, Subject]:
    """The port's whole path and each of its stages, in a process as an archive's workers are; a stage is fed what the
    stages before it gave."""
    import scipy.signal
    import tensorflow as tf

    keep_what_is_freed(KEPT_ARRAY, KEPT)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from reprise_kit.port.audio.decode import decode
    from reprise_kit.port.audio.librosa041.mel import log_mel
    from reprise_kit.port.audio.scipy017.resample import output_length, resample
    from reprise_kit.port.deepsound_crnn.pipeline import open_pipeline

    assert system.default_weights is not None
    pipeline = open_pipeline(system.default_weights, "theano")

    def samples(clip: Path):
        decoded = decode(clip)
        return resample(decoded.native, decoded.rate)[0]

    def resampling(clip: Path, scipy_alone: bool) -> Seconds:
        decoded = decode(clip)
        if not scipy_alone:
            return timed(lambda: resample(decoded.native, decoded.rate))
        wide, n_out = decoded.native.astype(float), output_length(len(decoded.native), decoded.rate)
        return timed(lambda: scipy.signal.resample(wide, n_out))

    def mel(clip: Path) -> Seconds:
        ready = samples(clip)
        return timed(lambda: log_mel(ready))

    def model(clip: Path) -> Seconds:
        heard = pipeline._heard(clip, pipeline._taken(clip))
        return timed(lambda: pipeline._answers([heard]))

    return {
        "port, whole path": lambda clip: timed(lambda: pipeline.predict(clip)),
        "  decode": lambda clip: timed(lambda: decode(clip)),
        "  resample": lambda clip: resampling(clip, False),
        "  mel": mel,
        "  model": model,
        "scipy.signal.resample alone, double": lambda clip: resampling(clip, True),
    }


def ffmpeg_subject() -> Subject | str:
    """The ffmpeg program decoding to 16-bit samples, or why not."""
    program = shutil.which("ffmpeg")
    if program is None:
        return "no ffmpeg program on PATH"
    command = [program, "-v", "quiet", "-nostdin", "-threads", "1", "-f", "s16le", "-"]

    def run(clip: Path) -> Seconds:
        whole = [*command[:4], "-i", str(clip), *command[4:]]
        return timed(lambda: subprocess.run(whole, stdout=subprocess.DEVNULL, check=True))

    return run


def original_subject(system: System, backend: str, close: list[Callable[[], object]]) -> Subject | str:
    """The live original, loaded once in its Python 2.7, or why not."""
    upstream = Path(os.environ["REPRISE_UPSTREAM"]) if "REPRISE_UPSTREAM" in os.environ else None
    runner = Python27Runner(Settings(system, None, backend, upstream))
    reason = runner.unavailable_reason()
    if reason:
        return reason
    assert runner.interpreter is not None and system.default_weights is not None
    lock = ROOT / system.file.environments[backend].requirements
    python = environment(runner.interpreter, lock)
    private = cache() / "environments" / "settings" / environment_folder(runner.interpreter, lock).name
    script = str(Path(__file__).with_name("time_original.py"))
    arguments = [str(runner.upstream.resolve()), str(system.default_weights), backend, str(ROOT / "original" / "eras")]
    variables = {**private_settings(private, backend), "OMP_NUM_THREADS": "1"}
    return _answering([str(python), script, *arguments], variables, close) or f"it did not start on {backend}"


def peer_subject(name: str, pythons: dict[str, str], close: list[Callable[[], object]]) -> Subject | str:
    """Another library in the environment of the Python named for it, or why not."""
    if name not in pythons:
        return f"give --peer {name}=PYTHON, of an environment that has it"
    command = [pythons[name], str(Path(__file__).with_name("time_peer.py")), name]
    return _answering(command, {**os.environ, "CUDA_VISIBLE_DEVICES": ""}, close) or f"{pythons[name]} lacks it"


def _answering(command: list[str], variables: Mapping[str, str], close: list[Callable[[], object]]) -> Subject | None:
    """A process that answers each line, a clip's path, with its seconds; None where it does not start."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=variables,
        text=True,
    )
    close.append(process.kill)
    assert process.stdin is not None and process.stdout is not None
    asked, answers = process.stdin, process.stdout
    if not answers.readline():
        return None

    def run(clip: Path) -> Seconds:
        asked.write(f"{clip}\n")
        asked.flush()
        used, wall = json.loads(answers.readline())
        return used, wall

    return run
