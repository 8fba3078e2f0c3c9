"""The DeepSound CRNN of 2016, layer by layer against what the real Keras 1.1.0 on Theano computed."""

import keras
import numpy as np
import pytest

from reprise_kit.port.keras_legacy.build import migrate
from reprise_kit.port.keras_legacy.read import read, weights
from tests.shared import SHARED, needs_shared

MODEL = SHARED / "data/deepsound-2016/model.yaml"
WEIGHTS = SHARED / "golden/deepsound-2016/weights.h5"
LAYERS = [
    "convolution_1",
    "maxpooling1d_2",
    "convolution_3",
    "lstm_1",
    "timedistributed_1",
    "output_realtime",
]


def worst(source_backend: str) -> dict[str, float]:
    """Return max |d| / max |golden| per layer, over one real song."""
    replace = {"output_merged": keras.layers.GlobalAveragePooling1D(name="output_merged")}
    built = migrate(read(MODEL, WEIGHTS), source_backend, replace=replace)
    golden = np.load(SHARED / "golden/deepsound-2016/bensound-cute.mp3.npz")
    probe = keras.Model(built.model.inputs, {name: built.outputs[name] for name in LAYERS})
    ours = probe.predict(golden["log_mel"][None].astype(np.float32), verbose=0)
    theirs = {name: golden[f"layer_{name}"] for name in LAYERS}
    return {name: float(np.abs(ours[name][0] - t).max() / np.abs(t).max()) for name, t in theirs.items()}


@needs_shared
def test_layers_equal_the_original() -> None:
    differences = worst("theano")
    assert set(differences) == set(LAYERS)
    # The confident weights make the LSTM sensitive: the facts measure 3e-5 for the model alone.
    assert max(differences[name] for name in LAYERS[:3]) < 5e-6
    assert max(differences.values()) < 2e-4


@needs_shared
def test_the_wrong_backend_shows() -> None:
    assert worst("tensorflow")["convolution_1"] > 0.1


@needs_shared
def test_weights_follow_the_attributes() -> None:
    layers = weights(WEIGHTS)
    assert [layer.layer_name for layer in layers][:3] == ["input", "convolution_1", "activation_1"]
    lstm = next(layer for layer in layers if layer.layer_name == "lstm_1")
    assert [name for name, _ in lstm.arrays][3:6] == ["lstm_1_W_c", "lstm_1_U_c", "lstm_1_b_c"]
    assert sum(array.size for layer in layers for _, array in layer.arrays) == 1_347_850


@needs_shared
def test_a_missing_array_is_named(tmp_path) -> None:
    model = read(MODEL, WEIGHTS)
    short = [
        layer if layer.layer_name != "lstm_1" else type(layer)("lstm_1", layer.arrays[:-1]) for layer in model.weights
    ]
    with pytest.raises(Exception, match="lstm_1"):
        migrate(type(model)(model.config, short, model.version, model.whole), "theano")
