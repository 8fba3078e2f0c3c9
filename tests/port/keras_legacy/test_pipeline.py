"""A network behind a front end, with stages before it, in it and after it, against the same in NumPy."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from reprise_kit.compare.contract import Traced
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.stage import StageRow, ToleranceRow
from reprise_kit.compare.system import System, SystemFile
from reprise_kit.port.keras_legacy.pipeline import FrontEnd, LegacyKerasPipeline
from tests.port.keras_legacy import models

TOLERANCE = ToleranceRow(1e-6, 0.0, "float32 sums")


def row(name: str, source: str, layer: str = "") -> StageRow:
    return StageRow(name, ("n",), "float32", "activation", source, TOLERANCE, TOLERANCE, layer=layer)


ROWS = (
    row("numbers", "clip"),
    row("halved", "numbers"),
    row("hidden", "halved", "zeta"),
    row("out", "hidden", "alpha"),
    row("sorted", "out"),
)
FRONT_END = FrontEnd(
    lambda path: Traced({"numbers": np.array(path.read_text().split(), np.float32)}, {"by": 2.0}),
    {
        "halved": lambda array, scalars: array / np.float32(scalars["by"]),
        "sorted": lambda array, scalars: np.sort(array),
    },
)


def system(folder: Path, rows: tuple[StageRow, ...] = ROWS) -> System:
    return System("own", folder, "own", SystemFile("Own", "none", rows, ("a", "b"), input="file"))


def opened(folder: Path, rows: tuple[StageRow, ...] = ROWS, front_end: FrontEnd = FRONT_END) -> LegacyKerasPipeline:
    config, groups = models.dense_net(np.random.RandomState(0))
    architecture, weights = models.save(folder, config, groups)
    return LegacyKerasPipeline(system(folder, rows), architecture, weights, "theano", front_end)


def test_every_stage_is_what_numpy_says(tmp_path: Path) -> None:
    pipeline, path = opened(tmp_path), tmp_path / "numbers.txt"
    path.write_text("1 -2 3")
    _, (zeta, alpha) = models.dense_net(np.random.RandomState(0))
    halved = np.array([0.5, -1, 1.5], np.float32)
    hidden = np.maximum(halved @ zeta.arrays[0][1] + zeta.arrays[1][1], 0)
    out = hidden @ alpha.arrays[0][1] + alpha.arrays[1][1]
    traced = pipeline.trace(path)
    assert list(traced.arrays) == [one.name for one in ROWS]
    for name, expected in (("halved", halved), ("hidden", hidden), ("out", out), ("sorted", np.sort(out))):
        np.testing.assert_allclose(traced.arrays[name], expected, atol=1e-6)
    for one in ROWS[1:]:
        alone = pipeline.stage(one.name, traced.arrays[one.source], traced.scalars)
        np.testing.assert_allclose(alone, traced.arrays[one.name], atol=1e-6)
    answer = pipeline.predict(path)
    np.testing.assert_allclose(answer.clip_probs, np.sort(out), atol=1e-6)
    assert answer.step_probs is None and answer.labels == ("a", "b")


def test_what_enters_must_fit(tmp_path: Path) -> None:
    pipeline, path = opened(tmp_path), tmp_path / "numbers.txt"
    path.write_text("1 2 3 4")
    with pytest.raises(InputError, match=r"\(4,\) enters, the network takes \(3,\)"):
        pipeline.trace(path)


@pytest.mark.parametrize(
    ("at", "change", "said"),
    [
        (2, {"layer": "nobody"}, "stage hidden: no layer 'nobody' in the network; there are: .*zeta"),
        (4, {"name": "ranked"}, "stage ranked: neither a layer nor a function"),
        (3, {"source": "numbers"}, "one stage enters the network, not 2: halved, numbers"),
    ],
)
def test_a_table_that_does_not_fit_is_one_line(at: int, change: dict[str, str], said: str, tmp_path: Path) -> None:
    rows = list(ROWS)
    rows[at] = msgspec.structs.replace(rows[at], **change)
    with pytest.raises(InputError, match=said):
        opened(tmp_path, tuple(rows))


def test_a_stage_without_a_function_is_one_line(tmp_path: Path) -> None:
    less = replace(FRONT_END, functions={"halved": FRONT_END.functions["halved"]})
    with pytest.raises(InputError, match="stage sorted: neither"):
        opened(tmp_path, ROWS, less)
