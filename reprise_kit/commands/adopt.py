"""`reprise adopt`: the five steps, with the words of a terminal."""

from pathlib import Path
from typing import Any

from reprise_kit.compare.shown import say


def adopt(out: Path, **asked: Any) -> int:
    """Adopt a repository into `out`; return the exit code of `apps/adopt/steps.py`."""
    from reprise_kit.apps.adopt import steps

    return steps.adopt(steps.Request(**asked), out, say)
