"""The command `reprise`, and `python -m reprise_kit`: Ctrl-C is one line from here on, before anything is imported."""

import os
import signal
import sys
from typing import Any, NoReturn


def stop_at_once(number: int, frame: Any) -> NoReturn:
    """End: nothing has begun."""
    os.write(2, b"reprise: stopped\n")
    os._exit(130)


def fill_streams() -> None:
    """Open what of standard input, output and error is closed: the next file that is opened would be taken for it."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it gets the lowest number that is free: this one
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGINT, stop_at_once)
    fill_streams()
    from reprise_kit import cli  # which takes a while

    cli.main(alone=True)


if __name__ == "__main__":
    main()
