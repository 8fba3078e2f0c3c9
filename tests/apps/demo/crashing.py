"""Stands in for the decoding child: ends as a crash does."""

import os
import signal

os.kill(os.getpid(), signal.SIGSEGV)
