"""Hostile and odd Keras-1 files: refused with one line, or read without running anything."""

import json
import re
import struct
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.read import read, weights
from reprise_kit.port.keras_legacy.safe import load_architecture, open_hdf5

MODEL = {"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {"output_dim": 3}}]}


def _yaml(value: str) -> bytes:
    return f"class_name: Sequential\nconfig:\n- class_name: Dense\n  config: {value}\n".encode()


def _value(value: str) -> object:
    return load_architecture(_yaml(value))["config"][0]["config"]


@pytest.mark.parametrize("encode", [json.dumps, yaml.dump])
@pytest.mark.parametrize("times", [1, 2])
def test_json_and_yaml_once_and_twice(encode, times: int, tmp_path: Path) -> None:
    text: object = MODEL
    for _ in range(times):
        text = encode(text)
    path = tmp_path / "model"
    path.write_text(str(text))
    assert load_architecture(path) == MODEL
    assert load_architecture(str(text).encode()) == MODEL


def test_inert_tags_are_decoded() -> None:
    assert _value("{shape: !!python/tuple [1, 2], name: !!python/unicode 'a', b: !!python/str b}") == {
        "shape": [1, 2],
        "name": "a",
        "b": "b",
    }


def test_anchors_are_shared_values() -> None:
    assert _value("{a: &x [1, 2], b: *x}") == {"a": [1, 2], "b": [1, 2]}


NUMPY = """
    p: !!python/object/apply:numpy.core.multiarray.scalar
    - &d !!python/object/apply:numpy.dtype
      args: [f8, 0, 1]
      state: !!python/tuple [3, <, null, null, null, -1, -1, 0]
    - !!binary |
      AAAAAAAA4D8=
    q: !!python/object/apply:numpy.core.multiarray.scalar
    - *d
    - !!python/str "\\0\\0\\0\\0\\0\\0\\0@"
"""


def test_numpy_scalars_are_read_from_their_bytes() -> None:
    assert _value(NUMPY) == {"p": 0.5, "q": 2.0}


ARRAY = """
    alpha: !!python/object/apply:numpy.core.multiarray._reconstruct
      args: [!!python/name:numpy.ndarray '', !!python/tuple [0], b]
      state: !!python/tuple
      - 1
      - !!python/tuple %s
      - !!python/object/apply:numpy.dtype
        args: [f4, 0, 1]
        state: !!python/tuple [3, <, null, null, null, -1, -1, 0]
      - false
      - %s
"""


def test_numpy_arrays_are_read_from_their_bytes() -> None:
    """Keras 1.0.6 wrote the alpha of an ELU so."""
    assert _value(ARRAY % ("[]", "333?")) == {"alpha": pytest.approx(0.7)}
    assert _value(ARRAY % ("[1, 2]", '"\\0\\0\\0@\\0\\0\\0@"')) == {"alpha": [[2.0, 2.0]]}


@pytest.mark.parametrize(
    ("shape", "raw"), [("[]", "3"), ("[2]", "333?"), ("[-1]", "333?"), ("[x]", "333?"), ("[]", "7")]
)
def test_numpy_arrays_that_do_not_fit_are_refused(shape: str, raw: str) -> None:
    with pytest.raises(InputError, match="numpy"):
        _value(ARRAY % (shape, raw))


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("!!python/object/apply:os.system ['touch pwned']", "python/object/apply:os.system"),
        ("!!python/object/new:os.system [x]", "python/object/new:os.system"),
        ("!!python/object:os.PathLike {}", "python/object:os.PathLike"),
        ("!!python/name:os.system ''", "python/name:os.system"),
        ("!!python/module:os ''", "python/module:os"),
        ("!!python/object/apply:numpy.core.multiarray._reconstruct [1]", "_reconstruct"),
        ("!local [1]", "!local"),
        ("{<<: {a: 1}}", "merge"),
    ],
)
def test_tags_that_call_are_refused_by_name(value: str, named: str) -> None:
    with pytest.raises(InputError, match=named):
        _value(value)


BOMB = "- &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"- &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(12)
)


@pytest.mark.parametrize(
    ("source", "named"),
    [
        (b"", "empty"),
        (b"hello", "is a str"),
        (b"[1, 2]", "is a list"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b'{"class_name": "Seq', "JSON cannot be read"),
        (b"a: [b", "YAML cannot be read"),
        (b"{}", "no class_name"),
        (b"a: &a [*a]", "cycle"),
        (b"a: *b", "no anchor"),
        (b"[" * 100_000, "nested"),
        (b'{"a":' * 100_000, "nested"),
        (b"a: " + b"[" * 500 + b"]" * 500, "nested"),
        (b"- " * 100_000, "nested"),
        (b"[" + b"1," * 3_000_000 + b"1]", "marks"),
        (b"x" * (16 * 2**20 + 1), "bytes"),
        (BOMB.encode(), "aliases expanded"),
        (b"a: 1\n--- \nb: 2\n", "several documents"),
        (b"? [a]\n: 1\n", "key"),
        (b"a: " + b"9" * 5000, "number of 5000"),
        (b'{"a": ' + b"9" * 5000 + b"}", "number of 5000"),
        (b"a: !!int x", "cannot be read"),
        (b"\x89HDF\r\n\x1a\nxxxx", "HDF5"),
        (json.dumps({"layers": []}).encode(), "class_name and config"),
        (json.dumps(MODEL | {"keras_version": "3.1.0"}).encode(), "Keras '3.1.0'"),
    ],
)
def test_hostile_architectures_are_refused_soon(source: bytes, named: str) -> None:
    start = time.process_time()
    with pytest.raises(InputError, match=named) as caught:
        load_architecture(source)
    assert "\n" not in str(caught.value)
    assert time.process_time() - start < 20


def _external(file: h5py.File) -> None:
    file["x"] = h5py.ExternalLink("other.h5", "/x")


def _soft(file: h5py.File) -> None:
    file["x"] = h5py.SoftLink("/x")


def _cycle(file: h5py.File) -> None:
    group = file.create_group("a/b")
    group["up"] = file["a"]


def _twice(file: h5py.File) -> None:
    file["a"] = np.zeros(3)
    file["b"] = file["a"]


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((10,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (10,))
    file.create_virtual_dataset("v", layout)


def _huge(file: h5py.File) -> None:
    file.create_dataset("x", (2**40,), "f4")


def _compressed(file: h5py.File) -> None:
    file.create_dataset("x", (2**26,), "f4", chunks=(2**26,), compression="gzip")


def _deep(file: h5py.File) -> None:
    file.create_group("/".join("a" * 100))


def _filter(file: h5py.File) -> None:
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((64,))
    properties.set_filter(h5py.h5z.FILTER_NBIT, h5py.h5z.FLAG_OPTIONAL)
    h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple((64,)), properties)


def _compound(file: h5py.File) -> None:
    file.create_dataset("x", (3,), [("a", "f4"), ("b", "i4")])


def _keras3(file: h5py.File) -> None:
    file.attrs["keras_version"] = "3.0.4"


def _null_shape(file: h5py.File) -> None:
    file["x"] = h5py.Empty("f4")


@pytest.mark.parametrize(
    ("write", "named"),
    [
        (_external, "ExternalLink"),
        (_soft, "SoftLink"),
        (_cycle, "two names"),
        (_twice, "two names"),
        (_virtual, "another file"),
        (_huge, "declared bytes"),
        (_compressed, "declared bytes"),
        (_deep, "nested"),
        (_filter, "filter"),
        (_compound, "type"),
        (_keras3, "Keras '3.0.4'"),
        (_null_shape, "without a shape"),
    ],
)
def test_hostile_hdf5_is_refused(write, named: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        write(file)
    with pytest.raises(InputError, match=named):
        open_hdf5(path)


@pytest.mark.parametrize(
    ("data", "named"),
    [(b"", "empty"), (b"not hdf5", "not an HDF5"), (b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "damaged")],
)
def test_files_that_are_not_hdf5(data: bytes, named: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    path.write_bytes(data)
    with pytest.raises(InputError, match=named):
        open_hdf5(path)


@pytest.mark.parametrize("size", [0, 2**64 - 16, 2**63, 5000])
def test_a_heap_that_never_ends_is_refused(size: int, tmp_path: Path) -> None:
    """The HDF5 library loops for ever on a text heap whose object overruns it; found by mutation."""
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = "1.2.2"
    data = bytearray(path.read_bytes())
    heap = data.index(b"GCOL")
    index = 0 if size == 0 else 1  # the free rest may not be empty, an object may not overrun
    data[heap + 16 : heap + 18] = index.to_bytes(2, "little")
    data[heap + 24 : heap + 32] = size.to_bytes(8, "little")
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"damaged HDF5 file|processor time|crashed"):
        weights(path)


def test_many_texts_that_are_one_are_refused(tmp_path: Path) -> None:
    """A list of names, each of them the same megabyte of a heap."""
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file.attrs.create("layer_names", ["x" * 2**20, *["a"] * 999], dtype=h5py.string_dtype())
    data = path.read_bytes()
    heaps = [at.start() for at in re.finditer(b"GCOL", data)]
    (at,) = (at for heap in heaps if (at := data.find(struct.pack("<IQ", 2**20, heap))) >= 0)
    path.write_bytes(data[:at] + 1000 * data[at : at + 16] + data[at + 16_000 :])
    with h5py.File(path) as file:
        assert file.attrs["layer_names"].shape == (1000,)
    with pytest.raises(InputError, match="memory"):
        weights(path)


def test_plain_weights_are_opened(tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"dense_1"]
        group = file.create_group("dense_1")
        group.attrs["weight_names"] = [b"dense_1_W"]
        group.create_dataset("dense_1_W", data=np.ones((2, 3), "f4"), chunks=(2, 3), compression="gzip")
        file.attrs["keras_version"] = "1.2.2"
    with open_hdf5(path) as file:
        assert file["dense_1/dense_1_W"].shape == (2, 3)


@pytest.mark.parametrize("name", [b"", b"a\xff", b"missing"])
def test_layer_names_that_lead_nowhere_are_refused(name: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    (tmp_path / "model.json").write_text(json.dumps(MODEL))
    with h5py.File(path, "w") as file:
        file.attrs.create("layer_names", [name], dtype=h5py.string_dtype())
        file.create_group("dense_1").attrs["weight_names"] = [b"w"]
    with pytest.raises(InputError):
        read(tmp_path / "model.json", path)


def test_a_broken_chunk_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    (tmp_path / "model.json").write_text(json.dumps(MODEL))
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"dense_1"]
        group = file.create_group("dense_1")
        group.attrs["weight_names"] = [b"w"]
        chunk = group.create_dataset("w", data=np.arange(999.0), chunks=(999,), compression="gzip")
        at = chunk.id.get_chunk_info(0).byte_offset
    data = bytearray(path.read_bytes())
    data[at + 2 : at + 40] = b"\xff" * 38
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        read(tmp_path / "model.json", path)
