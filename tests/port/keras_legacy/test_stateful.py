"""What a stateful layer keeps from batch to batch, where steps are masked."""

from typing import Any

import keras
import numpy as np
import pytest

from reprise_kit.port.keras_legacy.build import migrate
from tests.port.keras_legacy.models import group, layer, model, normal, sequential

RANDOM = np.random.RandomState(11)
GATES = {"LSTM": "icfo", "GRU": "zrh"}
N_OUT = 4


def _arrays(class_name: str) -> dict[str, np.ndarray]:
    shapes = {"W": (2, N_OUT), "U": (N_OUT, N_OUT), "b": (N_OUT,)}
    return {f"{part}_{gate}": normal(RANDOM, *shapes[part]) for gate in GATES[class_name] for part in "WUb"}


def _made(class_name: str, backend: str) -> Any:
    masking = layer("Masking", "m", mask_value=0.0, batch_input_shape=[3, 5, 2])
    cell = {"activation": "tanh", "inner_activation": "hard_sigmoid", "stateful": True}
    config = sequential(masking, layer(class_name, "r", output_dim=N_OUT, **cell))
    return migrate(model(config, group("r", **_arrays(class_name))), backend).model


@pytest.mark.parametrize("class_name", ["LSTM", "GRU"])
@pytest.mark.parametrize("backend", ["tensorflow", "theano"])
def test_a_wholly_masked_sample(class_name: str, backend: str, tmp_path: Any) -> None:
    """Real Keras 1.2.2 gave such a sample the state it had kept on TensorFlow 0.12.1, and 0 on Theano 0.9."""
    _made(class_name, backend).save(tmp_path / "m.keras")
    made = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    x = normal(RANDOM, 3, 5, 2)
    kept = made.predict(x, batch_size=3, verbose=0)
    x[1] = 0.0
    found = made.predict(x, batch_size=3, verbose=0)
    assert np.abs(kept[1]).min() > 1e-4
    assert np.allclose(found[1], kept[1] if backend == "tensorflow" else 0.0, atol=1e-6)
    assert np.abs(found[[0, 2]] - kept[[0, 2]]).max() > 1e-2
