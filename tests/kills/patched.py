"""The command line with parts of an archive that are written often, and an upstream of our own to fetch."""

import signal
import sys
from importlib import import_module

from reprise_kit.__main__ import main, stop_at_once


def patch() -> None:
    """Change what the command will use."""
    if "fetch" in sys.argv:
        system = import_module("tests.kills.jobs").system()
        import_module("reprise_kit.compare.registry").load = lambda name: system
    else:
        import_module("reprise_kit.apps.archive.archive").PART_ROWS = 3


if __name__ == "__main__":  # not in the archive's workers
    signal.signal(signal.SIGINT, stop_at_once)  # as main does before it imports
    patch()
    main()
