"""Files of one JSON object a line, which a run that is resumed reads again."""

import json
from pathlib import Path
from typing import Any


def rows(file: Path) -> list[dict[str, Any]]:
    """Return a file's objects in order; none where there is no file yet."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.is_file() else []
