"""Every stage that a system declares, held to its declaration: for systems whose original nobody has."""

from pathlib import Path

import numpy as np

from reprise_kit.compare.contract import Pipeline, Traced
from reprise_kit.compare.system import System


def every_stage(system: System, pipeline: Pipeline, clip: Path) -> Traced:
    """Return a clip's trace, each stage of which is declared, finite, and alone as in the chain."""
    traced = pipeline.trace(clip)
    assert set(traced.arrays) == {stage.name for stage in system.stages}
    for stage in system.stages:
        array = traced.arrays[stage.name]
        assert array.dtype == stage.dtype and array.ndim == len(stage.axes) and np.isfinite(array).all()
        if stage.source != "clip":
            alone = pipeline.stage(stage.name, stage.taken(traced.arrays), traced.scalars)
            np.testing.assert_allclose(alone, array, rtol=0, atol=stage.tolerances["isolated"].atol)
    return traced
