"""A folder that is no trace is refused by what is wrong with it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reprise_kit.compare import trace as traces
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.trace import Trace

WHOLE = Trace("tongue", "a.txt", "0" * 64, {"probs": np.ones(2)}, {"duration": 1.5}, {"keras": "1.0.6"})


def test_it_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    WHOLE.save(tmp_path / "trace")
    found = traces.load(tmp_path / "trace")
    for name in ("system", "input_name", "input_sha256", "scalars", "provenance"):
        assert getattr(found, name) == getattr(WHOLE, name)
    np.testing.assert_array_equal(found.arrays["probs"], np.ones(2))


@pytest.mark.parametrize("name", ["trace.npz", "trace.json"])
def test_a_file_less_is_named(name: str, tmp_path: Path) -> None:
    WHOLE.save(tmp_path / "trace")
    (tmp_path / "trace" / name).unlink()
    with pytest.raises(InputError, match=f"no {name}"):
        traces.load(tmp_path / "trace")


@pytest.mark.parametrize(
    "change",
    [
        {"system": 5},
        {"clip": {"name": None, "sha256": "0"}},
        {"clip": {"name": "a", "sha256": 7}},
        {"scalars": [1.0]},
        {"provenance": "keras"},
    ],
)
def test_a_value_of_another_kind_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    WHOLE.save(tmp_path / "trace")
    file = tmp_path / "trace" / "trace.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(InputError, match="values of other kinds"):
        traces.load(tmp_path / "trace")
