import numpy as np
import pytest

from reprise_kit.compare import registry, training
from reprise_kit.compare.errors import InputError
from reprise_kit.port.deepsound_crnn.training import initial_weights as start


@pytest.fixture(scope="module")
def both():
    """A request, and an original that is the port itself: what is compared is the comparing."""
    from reprise_kit.port.deepsound_crnn.train_trace import train_trace

    random = np.random.default_rng(0)
    x = random.normal(size=(24, 36, 128)).astype(np.float32)
    y = np.eye(10, dtype=np.float32)[np.arange(24) % 10]
    request = training.make_request(x, y, start.keras1_weights(0), steps=2, batch=8)
    return request, train_trace(request)


def test_a_request_holds_batches_of_the_training_part(both):
    request, _ = both
    assert request["batches"].shape == (2, 8) and request["batches"].max() < 16
    assert len(set(request["batches"].ravel())) == 16
    assert request["keep"].tolist() == [1, 1, 2] and len([n for n in request if n.startswith("start/")]) == 20


@pytest.mark.parametrize("tracks, steps", [(24, 1), (8, 2)])
def test_too_little_to_train_on_is_an_input_error(tracks, steps):
    x, y = np.zeros((tracks, 36, 128), np.float32), np.zeros((tracks, 10), np.float32)
    with pytest.raises(InputError, match="at least 8 tracks and 2 steps"):
        training.make_request(x, y, {}, steps, batch=8)


def test_a_system_without_a_trainer_says_so(tmp_path):
    import dataclasses

    other = dataclasses.replace(registry.load("deepsound_crnn"), name="other", folder=tmp_path)
    with pytest.raises(InputError, match="other has no trainer"):
        training.rows(other)


@pytest.mark.parametrize(("name", "unit", "row", "axes"), [("losses", "nats", 1e-3, ("n_steps",)),
                                                           ("lstm/kernel", "weight", 1e-6, ("axis_0",))])  # fmt: skip
def test_losses_and_weights_have_their_own_row_and_unit(name, unit, row, axes):
    allowed = {"chained": {what: {"atol": atol, "rtol": 0.0, "reason": "measured"}
                           for what, atol in (("losses", 1e-3), ("weights", 1e-6))}}  # fmt: skip
    stage = training._stage(name, np.zeros(3, np.float32), allowed, "chained")
    assert (stage.unit, stage.axes, stage.tolerances["chained"].atol) == (unit, axes, row)
