"""Models of real Keras 2, on Theano and TensorFlow, migrated by what their files record and compared after a reload."""

from pathlib import Path

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import saved_under
from reprise_kit.port.keras_legacy.build import migrate
from reprise_kit.port.keras_legacy.read import read
from tests.port.keras_legacy import recorded
from tests.port.keras_legacy.outcome import TOLERANCE, golden, relative_error, reloaded

CLASSES = set(
    """
    Add AlphaDropout Average AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization Bidirectional
    Concatenate Conv1D Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM2D Cropping1D Cropping2D Dense
    DepthwiseConv2D Dot ELU Embedding Flatten GRU GaussianDropout GaussianNoise GlobalAveragePooling1D
    GlobalAveragePooling3D GlobalMaxPooling2D LSTM LeakyReLU LocallyConnected1D LocallyConnected2D Masking Maximum
    MaxPooling1D MaxPooling2D MaxPooling3D Minimum Multiply PReLU Permute RNN ReLU RepeatVector Reshape SeparableConv1D
    SeparableConv2D SimpleRNN Softmax Subtract ThresholdedReLU TimeDistributed UpSampling1D UpSampling2D UpSampling3D
    ZeroPadding1D ZeroPadding2D ZeroPadding3D
    """.split()  # noqa: SIM905
)


pytestmark = pytest.mark.usefixtures("fresh_session")


def test_the_set_is_complete() -> None:
    assert {name.partition("-")[2] for name in recorded.indexes("2")} == {"theano", "tensorflow"}
    classes = {
        c for index in recorded.indexes("2").values() for made in index["made"].values() for c in made["classes"]
    }
    assert classes >= CLASSES, f"no recorded model has {sorted(CLASSES - classes)}"


@pytest.mark.parametrize("name", recorded.names("2"))
def test_migrates(name: str, scratch: Path, tmp_path: Path) -> None:
    folder = recorded.folder(name, scratch)
    inputs, expected = golden(folder)
    whole = folder / "whole.h5"
    model = read(None, whole) if whole.exists() else read(folder / "model.json", folder / "weights.h5")
    found = saved_under.decide(model, "auto", None)
    assert (found.backend, found.sure) == (name.partition("/")[0].partition("-")[2], "recorded")
    assert relative_error(reloaded(migrate(model, str(found.backend)), tmp_path)(inputs), expected) <= TOLERANCE


def _conv_net(scratch: Path, backend: str) -> Path:
    names = [name for name in recorded.names("2") if backend in name and name.endswith("/conv_net_tf")]
    return recorded.folder(names[0], scratch)


def test_the_wrong_backend_is_seen(scratch: Path, tmp_path: Path) -> None:
    folder = _conv_net(scratch, "theano")
    inputs, expected = golden(folder)
    model = read(folder / "model.json", folder / "weights.h5")
    assert relative_error(reloaded(migrate(model, "tensorflow"), tmp_path)(inputs), expected) > 1e-2


@pytest.mark.parametrize(("key", "named"), [("causal", "causal"), ("scale", "scale")])
def test_a_key_that_keras_2_never_had_is_refused(key: str, named: str, scratch: Path, tmp_path: Path) -> None:
    folder = _conv_net(scratch, "tensorflow")
    text = (folder / "model.json").read_text()
    changed = tmp_path / "model.json"
    changed.write_text(text.replace('"filters":', f'"{key}": 2, "filters":', 1))
    with pytest.raises(InputError, match=named):
        migrate(read(changed, folder / "weights.h5"), "tensorflow")


def test_a_class_that_keras_2_never_had_is_refused(scratch: Path, tmp_path: Path) -> None:
    folder = _conv_net(scratch, "tensorflow")
    changed = tmp_path / "model.json"
    changed.write_text((folder / "model.json").read_text().replace('"SpatialDropout2D"', '"MyDropout"'))
    with pytest.raises(InputError, match="MyDropout"):
        migrate(read(changed, folder / "weights.h5"), "tensorflow")


def test_cntk_is_not_guessed(scratch: Path, tmp_path: Path) -> None:
    folder = _conv_net(scratch, "tensorflow")
    changed = tmp_path / "model.json"
    changed.write_text((folder / "model.json").read_text().replace('"backend": "tensorflow"', '"backend": "cntk"'))
    model = read(changed, folder / "weights.h5")
    assert model.backend == "cntk"
    with pytest.raises(InputError, match="cntk, whose convolutions"):
        saved_under.decide(model, "auto", None)
    assert saved_under.decide(model, "tensorflow", None).backend == "tensorflow"


def test_cudnn_arrays_are_those_of_a_plain_layer() -> None:
    """Against the definition: cuDNN holds each gate's kernels transposed in memory, and two biases that are added."""
    from reprise_kit.port.keras_legacy import convert

    random = np.random.RandomState(0)
    n_in, n_units = 3, 2
    plain = {"W": random.normal(size=(n_in, 4 * n_units)), "U": random.normal(size=(n_units, 4 * n_units))}
    gates = [np.split(plain[role], 4, axis=1) for role in "WU"]
    stored = {
        "W": np.concatenate([w.T.reshape(n_in, n_units) for w in [np.ascontiguousarray(g) for g in gates[0]]], axis=1),
        "U": np.concatenate([u.T for u in gates[1]], axis=1),
        "b": np.arange(16.0),
    }
    # A gate's (n_in, n_units) kernel as Keras 2 shows cuDNN's buffer: its transpose's numbers in that shape.
    found = convert.cudnn(stored, 4)
    assert np.array_equal(found["U"], plain["U"])
    assert np.array_equal(found["W"], plain["W"])
    assert np.array_equal(found["b"], np.arange(16.0).reshape(2, 8).sum(axis=0))
    three = {"W": stored["W"][:, :6], "U": stored["U"][:, :6], "b": np.arange(12.0)}  # a GRU's gates, biases kept apart
    assert np.array_equal(convert.cudnn(three, 3)["b"], np.arange(12.0).reshape(2, 6))
