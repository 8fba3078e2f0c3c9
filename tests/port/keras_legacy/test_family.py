"""Models of real Keras 1.0.6 to 1.2.2, on Theano and TensorFlow, migrated and compared with their real outputs."""

import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.build import build, migrate
from reprise_kit.port.keras_legacy.read import OldModel, read
from tests.port.keras_legacy import recorded
from tests.port.keras_legacy.outcome import (
    TOLERANCE,
    Combination,
    Outcome,
    golden,
    outcome,
    port_loader,
    relative_error,
)

# What is rightly refused: a pattern of combination/name, and what the refusal must say.
REFUSED = {
    r"/called_in_a_loop$": "at the end of a loop",  # all three as the last one
    r"/time_distributed_dense_length$": "only in the architecture",  # Keras 1 never saved these weights
    r"1\.(0\.7|1\.0)-.*/deconv2d_.*same.*": "this version saved an output_shape",  # and wrote a wrong one here
    r"1\.0\.7-tensorflow/merge_functional_(dot|cos)_default$": "here the samples",
}

CLASSES = set(
    """
    Activation ActivityRegularization AtrousConvolution1D AtrousConvolution2D AveragePooling1D AveragePooling2D
    AveragePooling3D BatchNormalization Bidirectional ConvLSTM2D Convolution1D Convolution2D Convolution3D Cropping1D
    Cropping2D Cropping3D Deconvolution2D Dense Dropout ELU Embedding Flatten GRU GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D
    GlobalMaxPooling3D Highway LSTM Lambda LeakyReLU LocallyConnected1D LocallyConnected2D Masking MaxPooling1D
    MaxPooling2D MaxPooling3D MaxoutDense Merge Model PReLU ParametricSoftplus Permute RepeatVector Reshape SReLU
    SeparableConvolution2D Sequential SimpleRNN SpatialDropout1D SpatialDropout2D SpatialDropout3D ThresholdedReLU
    TimeDistributed TimeDistributedDense UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D
    ZeroPadding3D
    """.split()  # noqa: SIM905
)
COMBINATIONS = {f"{keras}-{of}" for keras in ("1.0.6", "1.0.7", "1.1.0", "1.2.2") for of in ("theano", "tensorflow")}

outcomes: dict[str, Outcome] = {}


pytestmark = pytest.mark.usefixtures("fresh_session")


def test_the_set_is_complete() -> None:
    assert set(recorded.indexes()) == COMBINATIONS
    classes = {c for index in recorded.indexes().values() for made in index["made"].values() for c in made["classes"]}
    assert classes >= CLASSES, f"no recorded model has {sorted(CLASSES - classes)}"
    for combination, index in recorded.indexes().items():
        # Whatever a version could not make, it said why.
        assert all(index["refused"].values()) or "atrous" in str(index["refused"]), combination


@pytest.mark.parametrize("name", [name for name in recorded.names() if "convlstm_stride" not in name])
def test_migrates(name: str, scratch: Path) -> None:
    folder = recorded.folder(name, scratch)
    found = outcomes[name] = outcome(folder, port_loader("model.json"))
    reasons = [reason for pattern, reason in REFUSED.items() if re.search(pattern, name)]
    if found.kind == "refused" and reasons:
        assert re.search(reasons[0], found.message), found
    else:
        assert found.kind == "right" and not name.endswith("_in_a_loop"), found


@pytest.mark.parametrize("name", [name for name in recorded.names() if "convlstm_stride" in name])
def test_a_stride_that_keras_lost(name: str, scratch: Path) -> None:
    """Keras 1 never saved a ConvLSTM2D's subsample: said in a note, and right once it is put into the file."""
    folder = recorded.folder(name, scratch)
    inputs, expected = golden(folder)
    model = read(folder / "model.json", folder / "weights.h5")
    backend = Combination.of(folder.parent).backend
    assert any("subsample" in note for note in migrate(model, backend).notes)
    model.config["config"][0]["config"]["subsample"] = [2, 2]
    error = relative_error(build(model, backend)(inputs), expected)
    outcomes[name] = Outcome("right" if error <= TOLERANCE else "wrong", error)
    assert error <= TOLERANCE


def _same(one: OldModel, other: OldModel) -> bool:
    weights = [(layer.layer_name, *pair) for layer in one.weights for pair in layer.arrays]
    others = [(layer.layer_name, *pair) for layer in other.weights for pair in layer.arrays]
    keys = ("class_name", "config")
    return (
        len(weights) == len(others)
        and all(a[:2] == b[:2] and np.array_equal(a[2], b[2]) for a, b in zip(weights, others, strict=True))
        and [one.config[key] for key in keys] == [other.config[key] for key in keys]
    )


FORMS = {
    "yaml": ("model.yaml", "weights.h5"),
    "JSON twice": ("twice.json", "weights.h5"),
    "YAML twice": ("twice.yaml", "weights.h5"),
    "whole model": (None, "whole.h5"),
    "weights of a whole model": ("model.json", "whole.h5"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_reads_alike(form: str, scratch: Path) -> None:
    architecture, weights = FORMS[form]
    compared = 0
    for name in recorded.names():
        folder = recorded.folder(name, scratch)
        if (folder / (architecture or weights)).exists() and (folder / weights).exists():
            plain = read(folder / "model.json", folder / "weights.h5")
            assert _same(plain, read(architecture and folder / architecture, folder / weights)), name
            compared += 1
    assert compared >= 4


def test_the_wrong_backend_is_seen(scratch: Path) -> None:
    name = "1.1.0-theano/crnn"
    folder = recorded.folder(name, scratch)
    inputs, expected = golden(folder)
    model = read(folder / "model.json", folder / "weights.h5")
    assert relative_error(build(model, "theano", "1.1.0")(inputs), expected) < 1e-5
    assert relative_error(build(model, "tensorflow", "1.1.0")(inputs), expected) > 1e-2


@pytest.mark.parametrize("break_it", ["value", "shape", "nan", "count"])
def test_a_wrong_result_is_seen(break_it: str, scratch: Path) -> None:
    folder = recorded.folder("1.2.2-theano/dense_trained", scratch)

    def load(folder: Path):
        model = port_loader("model.json")(folder)

        def predict(inputs):
            good = np.array(model(inputs))
            if break_it == "value":
                good[0, 0] += 1e-4 * np.abs(good).max()
            if break_it == "nan":
                good[0, 0] = np.nan
            return {"shape": good[:, :1], "count": [good, good]}.get(break_it, good)

        return predict

    assert outcome(folder, load).kind == "wrong"


def test_the_version_decides_batch_normalisation(scratch: Path) -> None:
    """Until 1.0.6 on Theano the file's running_std is a standard deviation, later a variance."""
    folder = recorded.folder("1.0.6-theano/bn_mode0_dense", scratch)
    inputs, expected = golden(folder)
    model = read(folder / "model.json", folder / "weights.h5")
    assert relative_error(build(model, "theano", "1.0.6")(inputs), expected) < 1e-5
    assert relative_error(build(model, "theano", "1.1.0")(inputs), expected) > 1e-2
    with pytest.raises(InputError, match="--keras-version"):
        build(replace(model, version=None), "theano")


@pytest.mark.parametrize(
    ("version", "normalised"),
    [
        ("1.0.6", lambda x, mean, stored, epsilon: (x - mean) / (stored + epsilon)),
        ("1.0.7", lambda x, mean, stored, epsilon: (x - mean) / (np.sqrt(stored) + epsilon)),
        ("1.0.8", lambda x, mean, stored, epsilon: (x - mean) / np.sqrt(stored + epsilon)),
        ("1.1.0", lambda x, mean, stored, epsilon: (x - mean) / np.sqrt(stored + epsilon)),
    ],
)
def test_each_version_reads_running_std_its_own_way(version, normalised, scratch: Path) -> None:
    """As K.batch_normalization of each has it (keras/backend/theano_backend.py at its tag)."""
    folder = recorded.folder("1.0.6-theano/bn_mode0_dense", scratch)
    model = read(folder / "model.json", folder / "weights.h5")
    layer = next(layer for layer in model.weights if "batchnormalization" in layer.layer_name)
    gamma, beta, mean, stored = (array.astype(np.float64) for _, array in layer.arrays)
    built = build(model, "theano", version)
    k = next(i for i, one in enumerate(built.layers) if "batchnormalization" in one.name)
    x = np.random.default_rng(0).normal(size=(5, len(mean)))
    expected = (gamma * normalised(x, mean, stored, 1e-6) + beta).astype(np.float32)
    np.testing.assert_allclose(built.layers[k](x.astype(np.float32)), expected, rtol=1e-5, atol=1e-6)


def test_table_of_classes() -> None:
    """Prints the table of classes by version and backend: right / all, and the largest relative error."""
    cells: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for name, found in outcomes.items():
        combination, _, model = name.partition("/")
        for kind in recorded.indexes()[combination]["made"][model]["classes"]:
            cells[kind, combination].append(found)
    columns = sorted({combination for _, combination in cells}, key=lambda text: Combination.of(Path(text)).backend)
    print("\n| class | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for kind in sorted({kind for kind, _ in cells}):
        row = []
        for column in columns:
            found = cells.get((kind, column), [])
            right = [item.error for item in found if item.kind == "right"]
            row.append(f"{len(right)}/{len(found)} {max(right, default=0):.0e}" if found else "")
        print(f"| {kind} | " + " | ".join(row) + " |")
    if len(outcomes) == len(recorded.names()):  # not when a single model was asked for
        assert len(outcomes) > 300
