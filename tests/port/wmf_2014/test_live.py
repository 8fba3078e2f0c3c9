"""The live original in Python 2.7 on MovieLens-100k, 50 factors and 15 iterations, and 40 with a bias.

Measured from the file on, on one thread: scores 2.7e-6 and 4.8e-6, the objective 5.4e-10 and 2.5e-10 of itself.
"""

from pathlib import Path

import pytest

from reprise_kit.compare import runners
from reprise_kit.compare.diff import diff
from reprise_kit.compare.input import Input
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.verdict import first_difference
from tests.original.test_live_systems import settings as live
from tests.port.wmf_2014 import movielens
from tests.require import require


@pytest.mark.parametrize(("factors", "bias"), [(50, False), (40, True)])
def test_movielens(factors: int, bias: bool, tmp_path: Path) -> None:
    at = live("wmf_2014")
    table = movielens.table(tmp_path)
    chosen = Settings(at.system, movielens.settings(tmp_path, factors=factors, bias=bias), "none", at.upstream)
    original, port = (runners.open_runner(kind, chosen) for kind in ("python27", "port"))
    reason = original.unavailable_reason()
    if reason:
        require("python27", reason)
    stages = at.system.stages
    try:
        reference = original.trace(Input.open(table), stages)
    finally:
        original.close()
    assert reference.arrays["scores"].shape == (943, 1682)
    assert reference.arrays["users_15"].shape[1] == factors + bias
    verdicts = diff(reference, port.trace(Input.open(table), stages), stages)
    assert first_difference(verdicts) is None
    found = {verdict.stage: verdict for verdict in verdicts}
    assert found["scores"].max_abs <= 1e-5 and found["objective"].max_rel <= 1e-7
