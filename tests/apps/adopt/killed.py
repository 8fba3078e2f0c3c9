"""`python -m tests.apps.adopt.killed STEP REQUEST OUT OLD`: adopts, and is killed as STEP is about to name its file.

REQUEST: its fields as JSON; OLD: python and variables of an environment, as JSON. Run by test_kills.py.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reprise_kit.apps.adopt import environment, evidence, steps
from reprise_kit.compare.atomic import atomic_file


def given(old: dict[str, Any], entry: str) -> None:
    """Steps 1 and 2 as in test_steps.py: an environment that is there."""
    found = evidence.Evidence("ours", None, "2016-10-01", "", "2.7", "1.1.0", "theano", "th", {}, entry_points=[entry])

    def make(found: evidence.Evidence, out: Path, *_: object) -> environment.Environment:
        with atomic_file(out / "environment.lock") as temporary:
            temporary.write_text("# given\n")
        return environment.Environment(Path(old["python"]), old["variables"], out / "environment.lock", [])

    evidence.gather = lambda *_: found
    environment.make = make  # type: ignore[assignment]


def killed_before(name: str) -> None:
    """The process dies where a file of that name is about to appear."""

    def dying(rename: Callable[..., Any]) -> Callable[..., Any]:
        def call(source: Any, target: Any, *more: Any, **named: Any) -> Any:
            if Path(target).name == name:
                os.kill(os.getpid(), signal.SIGKILL)
            return rename(source, target, *more, **named)

        return call

    os.replace, os.rename = dying(os.replace), dying(os.rename)
    Path.replace, Path.rename = dying(Path.replace), dying(Path.rename)  # type: ignore[method-assign]


if __name__ == "__main__":
    step, request, out, old = sys.argv[1:]
    given(json.loads(old), json.loads(request)["entry"])
    if step:
        killed_before(steps.FILES[step])
    sys.exit(steps.adopt(steps.Request(**json.loads(request)), Path(out), print))
