"""Readers for the box's tests: some do what a taken-over reader would, none of it may work."""

import ctypes
import os
import resource
import signal
import socket
import stat
import subprocess
import time
from functools import cache
from pathlib import Path

import numpy as np

from reprise_kit.compare import frames
from reprise_kit.compare.errors import InputError

READY: list[int] = []


@cache
def before_the_box():
    READY.append(os.getpid())


def made_ready(path):
    yield [READY, os.getppid()]


def seconds(path):
    yield [resource.getrlimit(resource.RLIMIT_CPU)[0], sum(os.times()[:2])]


def content(path, *more):
    yield {"text": path.read_text(), "more": more}
    yield np.arange(6.0).reshape(2, 3)
    yield np.zeros((0, 4), "<i4")
    yield np.array(7, ">u2")
    yield np.array(["a", "bc"])
    yield np.arange(1 << 20)
    yield np.ones((3, 1 << 20), "f4")[:, ::2]


def chatter(path):
    for _ in range(100):
        yield "a hundred bytes, more or less, of which a hundred thousand would be too many, though no one is alone"


def each(path):
    kind = path.read_text()
    if kind == "bad":
        raise InputError(f"{path}: bad")
    if kind == "crash":
        os.abort()
    yield kind


def crash(path):
    yield "begun"
    ctypes.string_at(0)


def spin(path):
    while True:
        pass


def sleep(path):
    yield "begun"
    time.sleep(600)


def swallow(path):
    kept = []
    while True:
        kept.append(bytearray(1 << 24))


def wrong(path):
    raise ZeroDivisionError("nobody thought of it")
    yield


def refuse(path):
    raise InputError(f"{path}: not what it should be")
    yield


def objects(path):
    yield np.array([{}], object)


def children(path):
    """Wait until the process is ended from outside; its number first."""
    yield os.getpid()
    time.sleep(600)


def attempts(path, other, folder):
    """Say of each forbidden thing whether it could be done."""
    libc = ctypes.CDLL(None)
    tries = {
        "read another file": lambda: Path(other).read_bytes(),
        "list a folder": lambda: list(Path(folder).iterdir()),
        "write": lambda: Path(folder, "new").write_text("x"),
        "write to the file": lambda: path.open("r+b"),
        "remove": lambda: path.unlink(),
        "rename": lambda: path.rename(Path(folder, "moved")),
        "make a folder": lambda: Path(folder, "made").mkdir(),
        "link": lambda: Path(folder, "link").symlink_to(other),
        "change a mode": lambda: path.chmod(0o777),
        "open a socket": socket.socket,
        "open a local socket": lambda: socket.socket(socket.AF_UNIX),
        "run a program": lambda: subprocess.run(["true"], check=True),
        "become a program": lambda: os.execv("/bin/true", ["true"]),
        "fork": fork,
        "end the parent": lambda: os.kill(os.getppid(), signal.SIGKILL),
        "trace": lambda: checked(libc.ptrace(16, os.getppid(), 0, 0)),
        "leave": lambda: checked(libc.unshare(0x20000)),
        "grow": lambda: bytearray(3 << 30),
        "cut the memory that answers are put in": lambda: os.ftruncate(memory(), 0),
        "make it grow": lambda: os.ftruncate(memory(), 1 << 30),
        "open many": lambda: [os.dup(0) for _ in range(200)],
    }
    for name, attempt in tries.items():
        try:
            attempt()
        except (OSError, MemoryError):
            yield [name, False]
        else:
            yield [name, True]


def fork():
    if os.fork() == 0:
        os._exit(0)


def checked(result):
    if result < 0:
        raise OSError


def forged(path, frame, raw):
    """Send what is no honest frame."""
    pipe = next(n for n in range(3, 64) if is_pipe(n))
    frame = frames.HEAD.pack(frame.encode(), len(raw)) + raw.encode() if frame else raw.encode()
    os.write(pipe, frame)
    time.sleep(600)
    yield


def memory():
    """The descriptor of the memory that answers are put in; -1 outside of a box."""
    return next((n for n in range(3, 64) if is_memory(n)), -1)


def is_memory(descriptor):
    try:
        return Path(f"/proc/self/fd/{descriptor}").readlink().name.startswith("memfd:reprise")
    except OSError:
        return False


def is_pipe(descriptor):
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False
