"""Stands in for a decoder that a file has taken over: it does what the file's first word says."""

import ctypes
import json
import os
import socket
import subprocess
from itertools import count

import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio import parts

COUNT = count()


def heard(path, file, *asked):
    word = os.pread(file, 5, 0).decode("latin-1")
    if word not in DEEDS:
        yield from parts.heard(path, file, *asked)
        return
    try:
        DEEDS[word](path)
    except OSError as error:
        raise InputError(f"could not: {word} ({error.strerror})") from None
    yield {"rate": 22_050, "expected": 1.0, "channels": 1, "origin": {"decoder": word, "codec": "was done"}}


def midway(path, file, *asked):
    told = parts.heard(path, file, *asked)
    yield next(told)
    yield next(told)
    os.abort()


def tells_its_process(path, file, *asked):
    yield {"rate": 22_050, "expected": 1.0, "channels": 1, "origin": {"decoder": "x", "codec": str(os.getpid())}}
    yield np.zeros(5, np.float32)


def counts(path, file, *asked):
    """Two arrays, and no number twice in a box."""
    yield {"rate": 22_050, "expected": 1.0, "channels": 1, "origin": {"decoder": "x", "codec": str(os.getpid())}}
    yield np.full(1 << 16, next(COUNT), np.float32)
    yield np.full(1 << 16, next(COUNT), np.float32)


def lies(path, file, *asked):
    """Answer with the lines of the file, each JSON, or "array" and the dtype and shape of one of zeros."""
    for line in os.pread(file, 1 << 16, 0).decode().splitlines():
        yield np.zeros(*reversed(json.loads(line[6:]))) if line.startswith("array ") else json.loads(line)


def spin(path):
    while True:
        pass


DEEDS = {
    "crash": lambda path: ctypes.string_at(0),
    "spins": spin,
    "grows": lambda path: bytearray(20 << 30),
    "reads": lambda path: (path.parent / "secret").read_text(),
    "lists": lambda path: list(path.parent.iterdir()),
    "again": lambda path: path.read_bytes(),  # what it was handed is all that it has
    "write": lambda path: (path.parent / "written").write_text("x"),
    "calls": lambda path: socket.create_connection(("127.0.0.1", 9)),
    "runs ": lambda path: subprocess.run(["true"], check=True),
}
ENDS = {"crash": "its reader crashed on it (SIGSEGV)", "spins": "of processor time", "grows": "takes more memory"}
