"""The .caffemodel reader and CaffeNet against OpenCV's Caffe importer on random weights, layer by layer."""

import struct
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from reprise_kit.cli import cli
from reprise_kit.compare.errors import InputError
from reprise_kit.port.gwardys_2014 import caffemodel, caffenet, extractors
from tests.port.gwardys_2014 import caffe
from tests.pypi import installed

OPENCV = "opencv-python-headless==4.14.0.94"
LAYERS = ["conv1", "relu1", "pool1", "norm1", "conv2", "relu2", "pool2", "norm2", "conv3", "relu3", "conv4", "relu4",
          "conv5", "relu5", "pool5", "fc6", "relu6", "fc7", "relu7", "fc8", "prob"]  # fmt: skip
SIZES = (227, 223)  # at 223 a pooling window hangs over the edge


def ours(folder: Path, blobs: caffe.Blobs, size: int, picture: np.ndarray) -> dict[str, np.ndarray]:
    path = folder / "ours.caffemodel"
    path.write_bytes(caffe.caffemodel(blobs))
    network = caffenet.build(caffemodel.read(path), size)
    left = network(picture.transpose(0, 2, 3, 1), training=False)
    arrays = {name: np.asarray(array) for name, array in left.items()}
    return {name: a.transpose(0, 3, 1, 2) if a.ndim == 4 else a for name, a in arrays.items()}


def picture(size: int) -> np.ndarray:
    return np.random.default_rng(3).uniform(-120, 135, (1, 3, size, size)).astype(np.float32)


@pytest.mark.parametrize("size", SIZES)
def test_every_layer_as_opencv_imports_it(size: int, tmp_path: Path) -> None:
    blobs = caffe.random_blobs(size)
    theirs = caffe.by_opencv(installed(OPENCV), tmp_path, blobs, size, picture(size), LAYERS)
    found = ours(tmp_path, blobs, size, picture(size))
    assert list(found) and set(found) == set(LAYERS)
    off = {name: np.abs(found[name] - theirs[name]).max() for name in LAYERS}
    spread = {name: theirs[name].std() for name in LAYERS}
    assert min(spread.values()) > 1e-3, spread  # nothing died on the way
    print({name: float(value) for name, value in off.items()})
    assert max(off.values()) <= 1e-4, off


@pytest.mark.parametrize(
    ("broken", "first"),
    [("groups", "conv2"), ("floor", "pool1"), ("alpha", "norm1"), ("flip", "conv1"), ("flatten", "fc6")],
)
def test_breaking_it_is_seen_at_its_layer(
    broken: str, first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of Caffe's own ways, done in another one, first shows where it belongs."""
    size = 223
    blobs = caffe.random_blobs(size)
    right = ours(tmp_path, blobs, size, picture(size))
    if broken == "groups":  # the groups' filters in each other's place
        wrong = {**blobs, "conv2": [np.roll(blobs["conv2"][0], 12, axis=0), blobs["conv2"][1]]}
    elif broken == "flip":
        wrong = {**blobs, "conv1": [blobs["conv1"][0][:, :, ::-1, ::-1].copy(), blobs["conv1"][1]]}
    elif broken == "flatten":  # as if flattened channels last
        shape = blobs["fc6"][0].shape
        wrong = {**blobs, "fc6": [blobs["fc6"][0].reshape(shape[0], 36, 24).transpose(0, 2, 1).reshape(shape),
                                  blobs["fc6"][1]]}  # fmt: skip
    else:
        wrong = blobs
    if broken == "alpha":
        monkeypatch.setattr(caffenet, "ALPHA", 1e-4 * caffenet.LOCAL)  # alpha not divided by the window
    if broken == "floor":  # as everybody else rounds: pictures of 223 then leave another size for fc6
        monkeypatch.setattr(caffenet, "ceil_pool", lambda x: caffenet.ops.max_pool(x, 3, 2, "valid"))
        with pytest.raises(InputError, match=r"fc6 of this \.caffemodel does not fit"):
            ours(tmp_path, blobs, size, picture(size))
        return
    found = ours(tmp_path, wrong, size, picture(size))
    assert next(name for name in LAYERS if np.abs(found[name] - right[name]).max() > 1e-4) == first


def test_both_layouts_of_the_file(tmp_path: Path) -> None:
    blobs = caffe.random_blobs(227)
    for old in (False, True):
        path = tmp_path / "net.caffemodel"
        path.write_bytes(caffe.caffemodel(blobs, old))
        found = caffemodel.read(path)
        assert list(found) == list(blobs)
        for name, arrays in blobs.items():
            for array, one in zip(arrays, found[name], strict=True):
                assert np.array_equal(one.reshape(array.shape), array)


def test_numbers_one_by_one(tmp_path: Path) -> None:
    """Not packed, as protobuf allows too."""
    data = b"".join(bytes([5 << 3 | 5]) + struct.pack("<f", value) for value in (1.5, -2.0))
    content = data + caffe.field(7, caffe.number(1, 2))
    path = tmp_path / "net.caffemodel"
    path.write_bytes(caffe.field(100, caffe.field(1, b"a") + caffe.field(7, content)))
    assert caffemodel.read(path)["a"][0].tolist() == [1.5, -2.0]


def test_files_cut_short(tmp_path: Path) -> None:
    whole = caffe.caffemodel({"fc6": [np.ones((3, 4), "<f4"), np.ones(3, "<f4")]})
    path = tmp_path / "cut.caffemodel"
    taken = 0
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        try:
            caffemodel.read(path)
            taken += 1
        except InputError as error:
            assert "\n" not in str(error)
    assert taken == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 40,
        caffe.field(100, caffe.field(1, b"a") + caffe.field(7, caffe.field(7, caffe.field(1, b"\xff" * 9 + b"\x01")))),
        caffe.field(100, caffe.field(1, b"a") + caffe.field(7, caffe.field(5, b"\0" * 6))),
        caffe.field(100, caffe.field(1, b"\xff") + caffe.field(7, b"")),
        caffe.caffemodel({"fc6": [np.ones((1, 1), "<f4")]}) * 2,
        b"PK\x03\x04" + b"\0" * 100,
    ],
    ids=["empty", "ones", "a shape of 2^64", "half a number", "no text", "twice", "zip"],
)
def test_hostile_files(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "hostile.caffemodel"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"not a readable whole \.caffemodel"):
        caffemodel.read(path)


def test_another_net_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.caffemodel"
    path.write_bytes(caffe.caffemodel(caffe.random_blobs(227)))
    with pytest.raises(InputError, match="is not bvlc_reference_caffenet: SHA-1"):
        extractors.load(path)
    with pytest.raises(InputError, match="its layer conv1 has no weights"):
        caffenet.build({"fc6": [np.ones((1, 1), np.float32)]})
    blobs = caffe.random_blobs(227)
    with pytest.raises(InputError, match=r"conv3 of this \.caffemodel does not fit"):
        caffenet.build({**blobs, "conv3": [blobs["conv3"][0][:, :5], blobs["conv3"][1]]})


def test_the_command_says_it_in_one_line(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    for genre in ("a", "b"):
        (corpus / genre).mkdir(parents=True)
        (corpus / genre / "x.wav").touch()
    path = tmp_path / "cut.caffemodel"
    path.write_bytes(caffe.caffemodel(caffe.random_blobs(227))[:-7])
    done = CliRunner().invoke(cli, ["evaluate", str(corpus), "--weights", str(path)])
    assert isinstance(done.exception, InputError) and "cut short" in str(done.exception)
