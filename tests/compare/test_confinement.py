"""What the filter of system calls answers, run here by hand: each call by its number in the kernel's own headers."""

import errno
import os
import re
import struct
from pathlib import Path
from typing import Any

import pytest

from reprise_kit.compare import confinement
from reprise_kit.compare.confinement import AUDIT_ARCH, NOT_THERE, OPEN, REFUSED
from tests.require import require

HEADERS = {
    "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "aarch64": "/usr/include/asm-generic/unistd.h",
}
ALLOWED, REFUSED_AS, KILLED = 0x7FFF0000, 0x00050000, 0x80000000
O_CREAT = 0o100


def numbers(machine: str) -> dict[str, int]:
    """The system calls of a machine by name."""
    header = Path(HEADERS[machine])
    if not header.is_file():
        require("kernel headers", f"no {header}, which has the numbers of system calls")
    found = re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)$", header.read_text("ascii"), re.MULTILINE)
    return {name: int(number) for name, number in found}


def answer(machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """Run the filter on a call as the kernel does (struct seccomp_data); return its verdict."""
    expected, column = AUDIT_ARCH[machine]
    architecture = expected if architecture is None else architecture
    words = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("<iIQ6Q", number, architecture, 0, *words)
    program = [struct.unpack("<HBBI", op) for op in confinement._filter(expected, column)]
    at = held = 0
    while True:
        code, true, false, value = program[at]
        at += 1
        if code == 0x06:  # return
            return int(value)
        if code == 0x20:  # load a word
            (held,) = struct.unpack_from("<I", data, value)
        else:  # jump if equal, at least, any bit
            holds = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[code]
            at += true if holds else false


@pytest.mark.parametrize("machine", HEADERS)
def test_each_call_is_refused_by_the_number_that_the_kernel_gives_it(machine: str) -> None:
    known, column = numbers(machine), AUDIT_ARCH[machine][1]
    assert {name for name in REFUSED if REFUSED[name][column] is None} == set(REFUSED) - set(known)
    for name in set(REFUSED) & set(known):
        error = errno.ENOSYS if name in NOT_THERE else errno.EPERM
        assert answer(machine, known[name]) == REFUSED_AS | error, name
    for name in ("read", "close", "mmap", "brk", "futex", "lseek", "exit_group", "fstat", "munmap", "getdents64"):
        assert answer(machine, known[name]) == ALLOWED, name


@pytest.mark.parametrize("machine", HEADERS)
def test_a_file_is_opened_to_be_read_only(machine: str) -> None:
    known = numbers(machine)
    for name, before in {"open": (), "openat": (1,)}.items():
        if name not in known:
            assert {call[0]: call[1] for call in OPEN}[name][AUDIT_ARCH[machine][1]] is None
            continue
        for flags, told in {
            os.O_RDONLY: ALLOWED,
            os.O_RDONLY | os.O_CLOEXEC: ALLOWED,
            os.O_WRONLY: REFUSED_AS | errno.EPERM,
            os.O_RDWR: REFUSED_AS | errno.EPERM,
            os.O_RDONLY | O_CREAT: REFUSED_AS | errno.EPERM,
        }.items():
            assert answer(machine, known[name], *before, 7, flags) == told, (name, flags)


@pytest.mark.parametrize("machine", HEADERS)
def test_a_thread_may_be_begun_but_no_process(machine: str) -> None:
    clone = numbers(machine)["clone"]
    assert answer(machine, clone, 0x10000 | 0x100) == ALLOWED
    assert answer(machine, clone, 0x100 | 17) == REFUSED_AS | errno.EPERM


def test_a_call_by_the_numbers_of_another_machine_ends_the_process() -> None:
    assert answer("x86_64", 0, architecture=0x40000003) == KILLED
    assert answer("x86_64", 0x40000000) == KILLED  # the same calls by other numbers
    assert answer("x86_64", 0x3FFFFFFF) == ALLOWED
    assert answer("aarch64", 63, architecture=0x40000028) == KILLED


class Libc:
    """Takes system calls down in place of the kernel, whose landlock has a version."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.rights, self.size = b"", 0
        self.allowed: list[int] = []
        self.restricted = False

    def syscall(self, number: int, *arguments: Any) -> int:
        if number == 444 and arguments[0] is None:
            assert arguments[1:] == (0, 1)  # a question for the version
            return self.version
        if number == 444:
            self.rights, self.size = arguments[:2]
            assert len(self.rights) == self.size and arguments[2] == 0
            return os.open(os.devnull, os.O_RDONLY)
        if number == 445:
            assert arguments[1] == 1 and arguments[3] == 0
            self.allowed.append(struct.unpack("<Qi", arguments[2])[0])
        self.restricted = self.restricted or number == 446
        return 0


@pytest.mark.parametrize(
    ("version", "n_rights", "size"),
    [(1, 13, 8), (2, 14, 8), (3, 15, 8), (4, 15, 16), (5, 16, 16), (6, 16, 24), (9, 16, 24)],
)
def test_each_landlock_is_asked_for_all_that_it_can(
    version: int, n_rights: int, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By linux/landlock.h: what a version added to the rights of files (13 to begin with), to TCP and to scopes."""
    libc = Libc(version)
    monkeypatch.setattr(confinement, "_LIBC", libc)
    file = tmp_path / "file"
    file.touch()
    confinement._landlock([file, tmp_path, tmp_path / "absent"])
    assert libc.restricted and libc.size == size
    words = struct.unpack(f"<{size // 8}Q", libc.rights)
    assert words == ((1 << n_rights) - 1, 0b11, 0b11)[: size // 8]
    assert libc.allowed == [1 << 2, 1 << 2 | 1 << 3]  # to read; of a folder, to list it too
