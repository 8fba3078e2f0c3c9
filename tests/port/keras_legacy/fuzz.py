"""Mutated Keras-1 files through the readers, in a child process with a memory limit: nothing may crash, hang or run.

    python -m tests.port.keras_legacy.fuzz [--texts 50000] [--lambdas 48000] [--hdf5 4000] [--seed 1]

Every input comes from a recorded file by a seeded mutation (bits, cuts, repeats, numbers at their extremes, pieces
of other files, hostile tags). A reader may only return or raise InputError. The child is limited in address space,
watched by an alarm for each input, and an audit hook ends it if anything is executed, imported from a file,
unmarshalled, unpickled, spawned or connected to.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MEMORY = 2 * 2**30  # bytes a child may have beyond what its imports map
SECONDS = 60  # one input may take at most
KINDS = ("texts", "lambdas", "hdf5")
FORBIDDEN = {"exec", "marshal.loads", "marshal.load", "pickle.find_class", "os.system", "subprocess.Popen"}
FORBIDDEN |= {"socket.connect", "os.exec", "os.fork", "os.posix_spawn", "ctypes.dlopen", "compile"}
HOSTILE = (
    b"!!python/object/apply:os.system ['touch pwned']",
    b"!!python/object/new:subprocess.Popen [[touch, pwned]]",
    b"!!python/name:os.system ''",
    b"!!python/tuple [1, 2]",
    b"&a [*a, *a]",
    b"*id001",
    b"!!binary |",
    b"1" * 5000,
    b"[" * 200,
    b'{"a":' * 200,
    b"- " * 200,
    b"<<: *id001",
    b"\\ud800",
    b".inf",
    b"NaN",
    b"1e999",
    b"? ",
    b"\0",
    b"\xff\xfe",
)
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)


@dataclass
class Tally:
    """What became of the inputs of one kind; `faults` holds what must not happen, each with its input's number."""

    tried: int = 0
    accepted: int = 0
    refused: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    peak: int = 0  # bytes of resident memory above the start
    faults: list[str] = field(default_factory=list)


def mutate(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """Return `data` after one to four changes."""
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        data = _change(data, others, rng)
    return data


def _change(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    size = min(rng.choice((1, 1, 2, 4, 8, 16, 64, 256)), len(data))
    kind = rng.randrange(9)
    if kind == 0 and data:
        at = min(at, len(data) - 1)
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
    if kind == 1:
        return data[:at] + data[at + size :]
    if kind == 2:
        return data[:at] + data[at : at + size] * rng.choice((2, 3, 50)) + data[at + size :]
    if kind == 3:
        other = rng.choice(others)
        start = rng.randrange(len(other) + 1)
        return data[:at] + other[start : start + size] + data[at + size :]
    if kind == 4:
        width = rng.choice((1, 2, 4, 8))
        number = (rng.choice(NUMBERS) & (1 << 8 * width) - 1).to_bytes(width, "little")
        return data[:at] + number + data[at + width :]
    if kind == 5:
        return data[:at] + rng.choice(HOSTILE) + data[at:]
    if kind == 6:
        return data[: rng.randrange(len(data) + 1)]
    if kind == 7:
        return data[:at] + rng.randbytes(size) + data[at + size :]
    return data[:at] + str(rng.choice(NUMBERS) * rng.choice((1, -1))).encode() + data[at + size :]


def read_text(data: bytes, scratch: Path) -> Any:
    from reprise_kit.port.keras_legacy.safe import load_architecture

    return load_architecture(data)


def read_lambda(data: bytes, scratch: Path) -> Any:
    from reprise_kit.compare.errors import InputError
    from reprise_kit.port.keras_legacy.lambdas import recognise

    rule = recognise({"function": data.decode("latin-1"), "function_type": "lambda"})
    if rule is None:
        raise InputError("not recognised")
    return rule


def read_hdf5(data: bytes, scratch: Path) -> Any:
    from reprise_kit.port.keras_legacy.read import read

    path = scratch / "mutated.h5"
    path.write_bytes(data)
    return read(scratch / "model.json", path)


Reader = Callable[[bytes, Path], Any]
READERS: dict[str, Reader] = {"texts": read_text, "lambdas": read_lambda, "hdf5": read_hdf5}


def seeds(kind: str, folders: list[Path]) -> list[bytes]:
    """Return the real files that the mutations start from."""
    if kind == "hdf5":
        paths = [path for folder in folders for path in (folder / "weights.h5", folder / "whole.h5")]
        return [path.read_bytes() for path in paths if path.exists()]
    texts = [
        path.read_bytes()
        for folder in folders
        for path in (folder / f"{stem}.{kind}" for stem in ("model", "twice") for kind in ("json", "yaml"))
        if path.exists()
    ]
    return texts if kind == "texts" else list(_functions(texts))


def _functions(texts: list[bytes]) -> Iterator[bytes]:
    """The marshalled code of every Lambda in the recorded models."""
    for text in texts:
        if text.startswith(b"{"):
            for layer in _layers(json.loads(text)):
                code = layer.get("function")
                code = code[0] if isinstance(code, list) else code
                if isinstance(code, str):
                    yield code.encode("raw_unicode_escape")


def _layers(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _layers(part)


def _limit() -> None:
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY, mapped + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _watch(event: str, _: Any) -> None:
    if event in FORBIDDEN:
        os.write(2, f"an input made the reader {event}\n".encode())
        os._exit(77)


@dataclass
class Job:
    """What a child is to do; `read` stands in for the kind's own reader where the watching itself is tested."""

    kind: str
    sources: list[bytes]
    numbers: range
    seed: int
    scratch: Path
    seconds: int
    read: Reader | None = None


def _child(job: Job, pipe: Any) -> None:
    """Run the job's inputs; say each number before it is tried, so that a crash names its input."""
    from reprise_kit.compare.errors import InputError

    kind, scratch = job.kind, job.scratch
    for warm in job.sources[:20]:  # imports and compiled patterns happen before the watch
        with contextlib.suppress(InputError):
            READERS[kind](warm, scratch)
    read = job.read or READERS[kind]
    current = scratch / "current"
    tally = Tally()
    _limit()
    sys.addaudithook(_watch)
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    for number in job.numbers:
        rng = random.Random(f"{job.seed}/{kind}/{number}")
        data = mutate(rng.choice(job.sources), job.sources, rng)
        with current.open("w") as stream:
            stream.write(str(number))
        signal.alarm(job.seconds)  # the default action ends the process: a hang cannot be swallowed
        before = time.perf_counter()
        try:
            read(data, scratch)
            tally.accepted += 1
        except InputError as error:
            tally.refused += 1
            if "\n" in str(error):
                tally.faults.append(f"{kind} {number}: a message of several lines")
        except BaseException as error:
            tally.faults.append(f"{kind} {number}: {type(error).__name__}: {str(error)[:200]}")
        tally.slowest = max(tally.slowest, time.perf_counter() - before)
        tally.tried += 1
    signal.alarm(0)
    tally.seconds = time.perf_counter() - began
    tally.peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) * 1024
    pipe.send(tally)


def fuzz(
    kind: str,
    folders: list[Path],
    count: int,
    scratch: Path,
    seed: int = 1,
    seconds: int = SECONDS,
    read: Reader | None = None,
) -> Tally:
    """Try `count` mutated inputs of one kind; a child that dies is a fault, and the rest is tried in a new one."""
    sources = seeds(kind, folders)
    assert sources, f"no recorded file to mutate for {kind}"
    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / "model.json").write_bytes((folders[0] / "model.json").read_bytes())
    total, first = Tally(), 0
    context = multiprocessing.get_context("spawn")
    while first < count and len(total.faults) < 20:
        mine, theirs = context.Pipe(duplex=False)
        job = Job(kind, sources, range(first, count), seed, scratch, seconds, read)
        child = context.Process(target=_child, args=(job, theirs))
        child.start()
        theirs.close()
        try:
            tally = mine.recv()
            total = _sum(total, tally)
            first = count
        except EOFError:
            child.join()
            number = int((scratch / "current").read_text() or first)
            total.faults.append(f"{kind} {number}: the process ended with {child.exitcode}")
            total.tried += number - first + 1
            first = number + 1
        child.join()
    return total


def _sum(a: Tally, b: Tally) -> Tally:
    return Tally(
        a.tried + b.tried,
        a.accepted + b.accepted,
        a.refused + b.refused,
        a.seconds + b.seconds,
        max(a.slowest, b.slowest),
        max(a.peak, b.peak),
        a.faults + b.faults,
    )


def main() -> int:
    import tempfile

    from tests.port.keras_legacy import recorded

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for kind, count in zip(KINDS, (50_000, 48_000, 4_000), strict=True):
        parser.add_argument(f"--{kind}", type=int, default=count)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        folders = [recorded.folder(name, Path(folder) / "models") for name in recorded.names()]
        for kind in KINDS:
            tally = fuzz(kind, folders, getattr(options, kind), Path(folder) / kind, options.seed)
            faults, tally.faults = tally.faults, []
            bad += len(faults)
            print(kind, tally, *faults, sep="\n  ", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
