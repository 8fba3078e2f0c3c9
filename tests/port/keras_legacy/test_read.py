from pathlib import Path

import h5py
import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.build import build
from reprise_kit.port.keras_legacy.read import functions_beside, read, weights
from tests.port.keras_legacy import models


@pytest.fixture
def net() -> tuple:
    return models.dense_net(np.random.RandomState(0))


def expected(net: tuple, x: np.ndarray) -> np.ndarray:
    (_, w1), (_, b1), (_, w2), (_, b2) = [pair for group in net[1] for pair in group.arrays]
    return np.maximum(x @ w1 + b1, 0) @ w2 + b2


def test_order_comes_from_the_attributes(net: tuple, tmp_path: Path) -> None:
    _, path = models.save(tmp_path, *net)
    assert [g.layer_name for g in weights(path)] == ["zeta", "alpha"]
    with h5py.File(path) as file:
        assert list(file) == ["alpha", "zeta"], "HDF5 itself sorts, or this test shows nothing"


@pytest.mark.parametrize("name", ["whole.h5", "weights.h5"])
def test_whole_model_whatever_its_name(net: tuple, tmp_path: Path, name: str) -> None:
    path = models.save_whole(tmp_path / name, *net, version="1.1.0")
    model = read(None, path)
    assert model.whole and model.version == "1.1.0"
    assert [g.layer_name for g in model.weights] == ["zeta", "alpha"]
    x = np.random.RandomState(1).standard_normal((5, 3)).astype(np.float32)
    assert np.allclose(build(model, "theano")(x), expected(net, x), atol=1e-6)


def test_weights_alone_need_an_architecture(net: tuple, tmp_path: Path) -> None:
    _, path = models.save(tmp_path, *net)
    with pytest.raises(InputError, match="--architecture"):
        read(None, path)


def test_odd_names(tmp_path: Path) -> None:
    random = np.random.RandomState(2)
    config = models.sequential(models.first(models.layer("Dense", "block/a+1", output_dim=2), 3))
    w, b = models.normal(random, 3, 2), models.normal(random, 2)
    groups = [models.LayerWeights("block/a+1", [("scope/block/a+1_W:0", w), ("scope/block/a+1_b:0", b)])]
    built = build(read(*models.save(tmp_path, config, groups)), "tensorflow")
    x = models.normal(random, 4, 3)
    assert np.allclose(built(x), x @ w + b, atol=1e-6)


@pytest.mark.parametrize(("gone", "named"), [("alpha", "'alpha'"), ("alpha/alpha_b", "'alpha_b'")])
def test_a_listed_group_or_array_that_is_not_there(net: tuple, tmp_path: Path, gone: str, named: str) -> None:
    _, path = models.save(tmp_path, *net)
    with h5py.File(path, "r+") as file:
        del file[gone]
    with pytest.raises(InputError, match=named):
        weights(path)


def test_a_listed_layer_that_is_an_array_is_refused(net: tuple, tmp_path: Path) -> None:
    _, path = models.save(tmp_path, *net)
    with h5py.File(path, "r+") as file:
        del file["alpha"]
        file["alpha"] = np.zeros(3)
    with pytest.raises(InputError, match="'alpha', which is no group but a Dataset"):
        weights(path)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"functions": {"own": ["c", [], []]}, "event": "built"}', {"own": {"function": ["c", [], []]}}),
        ('{"functions": {"own": null}}', {"own": {"function": None}}),
        ('{"functions": ["own"]}', {}),
        ('{"name": "another program\'s"}', {}),
        ("[]", {}),
        ("{", {}),
        ("[" * 100_000, {}),
        ('{"functions": {"own": "' + "c" * (4 << 20) + '"}}', {}),
        (None, {}),
    ],
)
def test_the_own_functions_that_are_told_of_beside_an_architecture(
    tmp_path: Path, text: str | None, found: dict[str, object]
) -> None:
    if text is not None:
        (tmp_path / "about.json").write_text(text)
    assert functions_beside(tmp_path / "model.json") == found
