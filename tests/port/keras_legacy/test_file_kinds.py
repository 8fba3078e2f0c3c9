"""A file that is no checkpoint of Keras is named for what it is, in one line, before TensorFlow starts."""

import gzip
import io
import json
import pickle
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import file_kinds, saved_under
from reprise_kit.port.keras_legacy.build import build
from reprise_kit.port.keras_legacy.inspect import inspect
from reprise_kit.port.keras_legacy.read import read
from reprise_kit.port.keras_legacy.read import weights as layer_weights
from tests.port.keras_legacy import models


def zipped(*names: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return data.getvalue()


def saved(array: np.ndarray) -> bytes:
    data = io.BytesIO()
    np.save(data, array)
    return data.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"
FILES = [
    ("w.h5", LFS, "git lfs pull"),
    ("w.h5", b"\n<!DOCTYPE html>\n<html><body>Not found", "a web page"),
    ("w.h5", gzip.compress(b"x"), "gzip"),
    ("w.h5", pickle.dumps([1]), "a pickle"),
    ("w.pkl", pickle.dumps([1], protocol=0), "a pickle"),
    ("w.h5", saved(np.zeros(2)), "NumPy array"),
    ("w.npz", zipped("arr_0.npy"), r"\.npz"),
    ("model.ckpt.data-00000-of-00001", bytes(64), "TensorFlow checkpoint"),
    ("checkpoint", b'model_checkpoint_path: "model.ckpt"\n', "TensorFlow checkpoints"),
    ("m.keras", zipped("metadata.json", "config.json"), "Keras 3"),
    ("w.h5", zipped("w/weights.h5"), "zip archive"),
    ("w.h5", zipped("archive/data.pkl"), "PyTorch"),
    ("w.h5", b"\x1c\0\0\0TFL3" + bytes(20), "TensorFlow Lite"),
    ("w.h5", json.dumps(models.dense_net(np.random.RandomState(0))[0]).encode(), "an architecture without weights"),
    ("w.h5", bytes(range(64)), "not an HDF5 file"),
]


@pytest.mark.parametrize(("name", "data", "words"), FILES, ids=[words for _, _, words in FILES])
def test_each_is_named(name: str, data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError, match=words) as refused:
        read(None, path)
    assert "\n" not in str(refused.value) and path.name in str(refused.value)


@pytest.mark.parametrize(("data", "words"), [(LFS, "git lfs pull"), (b"<html>", "a web page"), (zipped("x"), "zip")])
def test_an_architecture_is_named_too(data: bytes, words: str, tmp_path: Path) -> None:
    _, weights = models.save(tmp_path, *models.dense_net(np.random.RandomState(0)))
    (tmp_path / "model.json").write_bytes(data)
    with pytest.raises(InputError, match=words):
        read(tmp_path / "model.json", weights)


def test_folders(tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="SavedModel"):
        read(None, tmp_path / "saved")
    with pytest.raises(InputError, match="a folder; give a file"):
        read(None, tmp_path / "empty")


@pytest.fixture
def net() -> tuple:
    return models.dense_net(np.random.RandomState(0))


@pytest.mark.parametrize("size", [512, 2048])
def test_a_user_block_is_stepped_over(net: tuple, size: int, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w", userblock_size=size) as file:
        models.write(file, net[1])
    (tmp_path / "m.json").write_text(json.dumps(net[0]))
    with (tmp_path / "w.h5").open("r+b") as file:
        file.write(b"the user's own")
    assert file_kinds.is_hdf5(tmp_path / "w.h5")
    same(read(tmp_path / "m.json", tmp_path / "w.h5"), net)
    assert len(inspect(tmp_path / "w.h5").rows) == 2


@pytest.mark.parametrize("how", [{"compression": "lzf"}, {"scaleoffset": 6}, {"compression": "gzip", "shuffle": True}])
def test_filters_that_need_no_plug_in(net: tuple, how: dict, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        models.write(file, net[1])
        for group in net[1]:
            for name, array in group.arrays:
                del file[group.layer_name][name]
                file[group.layer_name].create_dataset(name, data=array, chunks=array.shape, **how)
    (tmp_path / "m.json").write_text(json.dumps(net[0]))
    same(read(tmp_path / "m.json", tmp_path / "w.h5"), net)


def test_names_in_pieces(net: tuple, tmp_path: Path) -> None:
    """Keras cuts an attribute of more than 64 kB into layer_names0, layer_names1, ..."""
    with h5py.File(tmp_path / "w.h5", "w") as file:
        models.write(file, net[1])
        for node, key in ((file, "layer_names"), (file["zeta"], "weight_names")):
            names = node.attrs[key]
            del node.attrs[key]
            for i, name in enumerate(names):
                node.attrs[f"{key}{i}"] = [name]
    (tmp_path / "m.json").write_text(json.dumps(net[0]))
    same(read(tmp_path / "m.json", tmp_path / "w.h5"), net)


def legacy(path: Path, groups: list, extra: int = 0) -> Path:
    """Write weights as Keras 0.x did: numbers instead of names, for every layer."""
    with h5py.File(path, "w") as file:
        file.attrs["nb_layers"] = len(groups) + extra
        for i, arrays in enumerate([*groups, *[[]] * extra]):
            made = file.create_group(f"layer_{i}")
            made.attrs["nb_params"] = len(arrays)
            for j, array in enumerate(arrays):
                made[f"param_{j}"] = array
    return path


def test_keras_0_weights_under_a_keras_1_architecture(net: tuple, tmp_path: Path) -> None:
    config, groups = net
    config["config"].insert(1, models.layer("Dropout", "drop", p=0.5))
    arrays = [[array for _, array in group.arrays] for group in groups]
    (tmp_path / "m.json").write_text(json.dumps(config))
    found = read(tmp_path / "m.json", legacy(tmp_path / "w.h5", [arrays[0], [], arrays[1]]))
    same(found, net)
    assert saved_under.from_names(found).backend is None, "numbers instead of names tell no backend"
    with pytest.raises(InputError, match=r"nb_layers.*2 layers.*architecture has 3"):
        build(read(tmp_path / "m.json", legacy(tmp_path / "short.h5", arrays)), "theano")
    with h5py.File(tmp_path / "w.h5", "r+") as file:
        del file["layer_2/param_1"]
    with pytest.raises(InputError, match="param_1"):
        read(tmp_path / "m.json", tmp_path / "w.h5")


def same(model: object, net: tuple) -> None:
    """The model that was read computes what the two dense layers do."""
    (_, w1), (_, b1), (_, w2), (_, b2) = [pair for group in net[1] for pair in group.arrays]
    x = models.normal(np.random.RandomState(1), 5, 3)
    assert np.allclose(build(model, "theano")(x), np.maximum(x @ w1 + b1, 0) @ w2 + b2, atol=1e-5)


def test_a_graphs_one_list_of_arrays_is_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "graph.h5", "w") as file:
        group = file.create_group("graph")
        group.attrs["nb_params"] = 1
        group["param_0"] = np.zeros((3, 2), np.float32)
    with pytest.raises(InputError, match=r"weights of a Graph of Keras 0\.x, one list of all its arrays"):
        layer_weights(tmp_path / "graph.h5")
