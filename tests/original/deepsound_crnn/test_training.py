"""The original's own trainer, live: the adapter still records what was recorded."""

import numpy as np
import pytest

from reprise_kit.compare import registry, system, training
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.runners.python27 import Python27Runner
from reprise_kit.port.deepsound_crnn.train_trace import under
from tests.port.deepsound_crnn.inputs import STRIDE, training_request
from tests.port.deepsound_crnn.test_train import RECORDED
from tests.require import require


@pytest.mark.timeout(1800)  # Theano compiles the gradient the first time: two minutes alone, more in company
def test_the_live_original_trains_as_recorded_and_as_the_port(tmp_path):
    settings = Settings(registry.load("deepsound_crnn"), None, "theano", time_limit=1700)
    reason = Python27Runner(settings).unavailable_reason()
    if reason:
        require("upstream" if reason.startswith("upstream") else "python27", reason)
    request = training_request()
    request |= {"batches": request["batches"][:3], "keep": np.array([1, 2, 3])}
    original = training.run_original(settings, request, tmp_path)
    with np.load(RECORDED) as recorded:
        np.testing.assert_allclose(original["losses"], recorded["losses"][:3], rtol=1e-6)
        for name, array in under(original, "after_1").items():
            apart = np.abs(array.ravel()[::STRIDE] - recorded[f"after_1/{name}"])
            assert apart.max() < 1e-5, name
    parity = training.compare(settings.system, request, original)
    assert len(parity.verdicts) == 24
    assert all(parity.verdicts), [verdict for verdict in parity.verdicts if not verdict]
    broken = {**original, "losses": original["losses"] * 1.01}
    odd = [verdict for verdict in training.compare(settings.system, request, broken).verdicts if not verdict]
    assert {(verdict.mode, verdict.stage) for verdict in odd} == {("chained", "losses"), ("isolated", "losses")}
