"""What a process gives up before it reads a stranger's file: each step where the kernel has it, said by name.

Landlock keeps it from every file but the one it is to read and the libraries it runs on, and from all writing; a
filter of system calls (seccomp) from sockets, programs, other processes and signals to them; limits from more
processor time, memory and open files than it needs. Nothing here can be taken back, and children inherit it.
Sources: man pages landlock(7), seccomp(2), setrlimit(2), unshare(2).
"""

import ctypes
import math
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from errno import ENOSYS, EPERM
from pathlib import Path

NAMES = ("limits", "landlock", "seccomp", "network namespace")
FILES = 64  # descriptors beyond those that are open already

_LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 1, 38, 22, 2

# Landlock: system calls have these numbers on every machine.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
ASK_VERSION, PATH_BENEATH = 1, 1
READ_FILE, READ_DIR = 1 << 2, 1 << 3
RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # of files: how many there are by version of the interface
NO_TCP, NO_SIGNALS = 0b11, 0b11

# seccomp: numbers of the calls that are refused, on x86-64 and on 64-bit ARM.
REFUSED = {
    **{"socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201)},
    **{"fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281), "clone3": (435, 435)},
    **{"ptrace": (101, 117), "kill": (62, 129), "tkill": (200, 130), "pidfd_send_signal": (424, 424)},
    **{"process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "perf_event_open": (298, 241)},
    **{"rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276), "unlink": (87, None)},
    **{"unlinkat": (263, 35), "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None), "creat": (85, None)},
    **{"link": (86, None), "linkat": (265, 37), "symlink": (88, None), "symlinkat": (266, 36), "truncate": (76, 45)},
    **{"chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "chown": (92, None), "fchownat": (260, 54)},
    **{"mknod": (133, None), "mknodat": (259, 33), "utimensat": (280, 88), "setxattr": (188, 5)},
    **{"mount": (165, 40), "umount2": (166, 39), "unshare": (272, 97), "setns": (308, 268), "bpf": (321, 280)},
    **{"io_uring_setup": (425, 425), "keyctl": (250, 219), "openat2": (437, 437)},
}
NOT_THERE = ("clone3", "openat2")  # said to be missing: the C library then takes the older call, which can be looked at
OPEN = (("open", (2, None), 1), ("openat", (257, 56), 2))  # and which argument holds the flags
CLONE, CLONE_THREAD = (56, 220), 0x10000
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
AUDIT_ARCH = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


def begin() -> list[str]:
    """Leave the network, once for a process and its children; return the names of what could be done."""
    new_user, new_net = 0x10000000, 0x40000000
    with suppress(AttributeError):
        if _LIBC.unshare(new_net if os.geteuid() == 0 else new_user | new_net) == 0:
            return ["network namespace"]
    return []


def confine(paths: Sequence[Path], also: Iterable[Path], memory: int, seconds: int, opened: int = 0) -> list[str]:
    """Give up all but reading `paths` and what is `also` named; return the names of what could be done.

    memory: bytes of address space beyond what is mapped now. seconds: of processor time for each path, and for each
    of so many that come `opened` already.
    """
    _limit(len(paths) + opened, memory, seconds)
    done = ["limits"]
    with suppress(OSError, AttributeError):
        _call(_LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
    with suppress(OSError, AttributeError):
        _call(_LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        with suppress(OSError, KeyError):
            _landlock(_readable([*paths, *also]))
            done.append("landlock")
        with suppress(OSError, KeyError):
            _seccomp()
            done.append("seccomp")
    return done


def begin_file(seconds: int) -> None:
    """Allow so many seconds of processor time from now on, within what was given in all."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    used = math.ceil(sum(os.times()[:2]))
    resource.setrlimit(resource.RLIMIT_CPU, (min(used + seconds, hard), hard))


def _limit(n_files: int, memory: int, seconds: int) -> None:
    mapped = resource.getpagesize()
    with suppress(OSError):
        mapped *= int(Path("/proc/self/statm").read_text("ascii").split()[0])
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CPU, n_files * (seconds + 1)),
        (resource.RLIMIT_AS, mapped + memory),
        (resource.RLIMIT_NOFILE, FILES),
    ):
        hard = resource.getrlimit(kind)[1]
        least = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (least, least))


def _call(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _readable(paths: Sequence[Path]) -> Iterator[Path]:
    """The files, and where this interpreter's own code lies."""
    own = [*sys.path, sys.prefix, sys.base_prefix, "/usr/lib", "/lib", "/lib64", "/etc/ld.so.cache"]
    yield from dict.fromkeys([*paths, *(place for place in map(Path, own) if place.is_absolute())])


def _landlock(readable: Iterable[Path]) -> None:
    version = _call(_LIBC.syscall(CREATE_RULESET, None, 0, ASK_VERSION))
    rights = (1 << RIGHTS[min(version, 5)]) - 1
    size = 8 if version < 4 else 16 if version < 6 else 24
    attributes = struct.pack("<QQQ", rights, NO_TCP, NO_SIGNALS)[:size]
    ruleset = _call(_LIBC.syscall(CREATE_RULESET, attributes, size, 0))
    try:
        for path in readable:
            _allow(ruleset, path)
        _call(_LIBC.syscall(RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path) -> None:
    """Let a file be read, or all below a folder."""
    with suppress(OSError):  # not there, or not for us: then it cannot be read either
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            rule = struct.pack("<Qi", READ_FILE | (READ_DIR if path.is_dir() else 0), place)
            _call(_LIBC.syscall(ADD_RULE, ruleset, PATH_BENEATH, rule, 0))
        finally:
            os.close(place)


def _seccomp() -> None:
    program = b"".join(_filter(*AUDIT_ARCH[platform.machine()]))
    buffer = ctypes.create_string_buffer(program, len(program))
    about = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    _call(_LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_char_p(about), 0, 0))


def _filter(architecture: int, column: int) -> Iterator[bytes]:
    """The filter's instructions: (code, steps ahead if true, if false, number), 8 bytes each."""
    yield _op(LOAD, 4)
    yield from (_op(EQUAL, architecture, 1, 0), _op(RETURN, KILL))
    yield _op(LOAD, 0)
    if column == 0:  # the same calls by other numbers
        yield from (_op(AT_LEAST, 0x40000000, 0, 1), _op(RETURN, KILL))
    for name, numbers in REFUSED.items():
        if (number := numbers[column]) is not None:
            error = ENOSYS if name in NOT_THERE else EPERM
            yield from (_op(EQUAL, number, 0, 1), _op(RETURN, ERRNO | error))
    for _, numbers, argument in OPEN:
        if (number := numbers[column]) is not None:
            yield from _unless(number, argument, WRITING, refused_if_set=True)
    yield from _unless(CLONE[column], 0, CLONE_THREAD, refused_if_set=False)
    yield _op(RETURN, ALLOW)


def _unless(number: int, argument: int, bits: int, refused_if_set: bool) -> Iterator[bytes]:
    """Answer a call by whether its argument has one of some bits."""
    yield _op(EQUAL, number, 0, 4)
    yield _op(LOAD, 16 + 8 * argument)
    yield _op(ANY_BIT, bits, *((0, 1) if refused_if_set else (1, 0)))
    yield _op(RETURN, ERRNO | EPERM)
    yield _op(RETURN, ALLOW)


def _op(code: int, number: int, true: int = 0, false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, true, false, number)
