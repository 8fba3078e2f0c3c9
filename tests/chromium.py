"""Debian's Chromium for the tests of pages, deaf to what changes of the machine's network.

Chromium ends every request, those to this machine too, when any network device comes or goes (ERR_NETWORK_CHANGED),
and tests that run beside these start and end containers. It hears of devices over netlink sockets; refused those it
takes the network for one that is there and stays. `python -m tests.chromium PROGRAM WORDS...` runs a program so.
"""

import ctypes
import os
import platform
import shlex
import shutil
import socket
import struct
import sys
from errno import EAFNOSUPPORT
from pathlib import Path

import pytest

from reprise_kit.compare import confinement as c
from tests.require import require

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program to start; skips, or fails where it is required, if there is none."""
    found = shutil.which("chromium")
    if found is None:
        require("chromium", "no chromium on PATH; Debian: apt-get install chromium")
    program = tmp_path_factory.mktemp("chromium") / "chromium"
    words = shlex.join([sys.executable, "-m", "tests.chromium", found])
    program.write_text(f'#!/bin/sh\ncd {shlex.quote(str(ROOT))} && exec {words} "$@"\n')
    program.chmod(0o755)
    return str(program)


def refuse_netlink() -> None:
    """Answer socket(AF_NETLINK, ...) with an error, for this process and all that it becomes or begins."""
    architecture, column = c.AUDIT_ARCH[platform.machine()]
    rules = [
        *(c._op(c.LOAD, 4), c._op(c.EQUAL, architecture, 0, 4)),
        *(c._op(c.LOAD, 0), c._op(c.EQUAL, c.REFUSED["socket"][column], 0, 2)),
        *(c._op(c.LOAD, 16), c._op(c.EQUAL, socket.AF_NETLINK, 1, 0)),
        *(c._op(c.RETURN, c.ALLOW), c._op(c.RETURN, c.ERRNO | EAFNOSUPPORT)),
    ]
    program = ctypes.create_string_buffer(b"".join(rules))
    about = struct.pack("@HP", len(rules), ctypes.addressof(program))
    c._call(c._LIBC.prctl(c.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    c._call(c._LIBC.prctl(c.PR_SET_SECCOMP, c.SECCOMP_MODE_FILTER, ctypes.c_char_p(about), 0, 0))


if __name__ == "__main__":
    refuse_netlink()
    os.execv(sys.argv[1], sys.argv[1:])
