"""Choi's published weights, layer by layer against what the originals computed under real Keras 1."""

import keras
import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.build import Migrated, migrate
from tests.port.keras_legacy import choi
from tests.shared import SHARED, needs_shared

GOLDEN = SHARED / "golden/choi"
TOLERANCE = 1e-5
# TensorFlow 0.12 summed 130,560 numbers of a batch in float32: in float64 its first block is off by 1.4e-5 itself.
COMPACT_TOLERANCE = {"theano": TOLERANCE, "tensorflow": 2e-5}
# Golden file, model, the version whose reading of running_std and epsilon it was made with.
LAYERS = [
    ("music_tagger_crnn_layers_k1.1.0", "crnn", "1.1.0", 1e-5),
    ("music_tagger_crnn_layers_standardised_input_k1.0.6", "crnn", "1.0.6", 1e-6),
    ("music_tagger_cnn_layers_k1.0.6", "cnn", "1.0.6", 1e-6),
    ("music_tagger_cnn_layers_standardised_input_k1.0.6", "cnn", "1.0.6", 1e-6),
]
pytestmark = needs_shared


def differences(built: Migrated, golden: dict[str, np.ndarray]) -> dict[str, float]:
    """Return max |d| / max |golden| for every recorded layer; large ones are recorded thinned out."""
    names = [key for key in golden if key not in ("x", "names", "stats")]
    probe = keras.Model(built.model.input, [built.outputs[name.removesuffix("_slice")] for name in names])
    found = [np.asarray(value) for value in probe(golden["x"], training=False)]
    result = {}
    for name, value in zip(names, found, strict=True):
        expected = golden[name]
        kept = value[:, :8, ::8, ::16] if name.endswith("_slice") else value
        assert kept.shape == expected.shape, name
        result[name] = float(np.abs(kept - expected).max() / np.abs(expected).max())
    return result


def load(name: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / f"{name}.npz") as arrays:
        return {key: arrays[key] for key in arrays.files}


@pytest.mark.parametrize(("golden", "kind", "version", "epsilon"), LAYERS)
def test_every_layer_equals_the_original(golden: str, kind: str, version: str, epsilon: float) -> None:
    built = migrate(choi.tagger(kind, "theano", epsilon), "theano", version)
    found = differences(built, load(golden))
    assert len(found) >= 20
    assert not built.needs
    assert max(found.values()) <= TOLERANCE, {k: v for k, v in found.items() if v > TOLERANCE}


@pytest.mark.parametrize(("backend", "version"), [("tensorflow", "1.0.6"), ("theano", "1.1.0")])
def test_a_wrong_reading_shows(backend: str, version: str) -> None:
    built = migrate(choi.tagger("cnn", "theano", 1e-6), backend, version)
    assert differences(built, load(LAYERS[3][0]))["conv2_slice"] > 1e-2


def test_an_unknown_version_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"bn_0_freq.*--keras-version"):
        migrate(choi.tagger("crnn", "theano", 1e-5), "theano")


@pytest.mark.parametrize("kind", ["crnn", "cnn"])
def test_the_twins_agree(kind: str) -> None:
    x = load(LAYERS[1][0])["x"]
    outputs = [
        np.asarray(migrate(choi.tagger(kind, backend, 1e-5), backend, "1.1.0").model(x))
        for backend in ("theano", "tensorflow")
    ]
    assert np.abs(outputs[0]).max() > 0.01
    assert np.abs(outputs[0] - outputs[1]).max() <= 1e-6


@pytest.mark.parametrize("backend", ["theano", "tensorflow"])
@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_compact_cnn_uses_the_batch_statistics(depth: int, backend: str) -> None:
    golden = load(f"compact_cnn_{backend}")
    built = migrate(choi.compact_blocks(depth, backend), backend)
    found = np.asarray(built.model(golden["melgram_layer"]))[0]
    expected = golden[f"feat_layer{depth - 1}"]
    assert np.abs(found - expected).max() <= COMPACT_TOLERANCE[backend] * np.abs(expected).max()
