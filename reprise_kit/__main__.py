"""The command `reprise`, and `python -m reprise_kit`: Ctrl-C is one line from here on, before anything is imported."""

import os
import signal
from typing import Any, NoReturn


def stop_at_once(number: int, frame: Any) -> NoReturn:
    """End: nothing has begun."""
    os.write(2, b"reprise: stopped\n")
    os._exit(130)


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGINT, stop_at_once)
    from reprise_kit import cli  # which takes a while

    cli.main(alone=True)


if __name__ == "__main__":
    main()
