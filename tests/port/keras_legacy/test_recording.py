"""Recordings are read with suspicion: what is broken, hostile or no recording is one line."""

import io
import struct
import zipfile

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import recording


def saved(path, **arrays):
    np.savez(path, **arrays)
    return path


def good():
    random = np.random.RandomState(0)
    return {"in_0": random.rand(3, 2), "in_1": random.rand(3, 1), "out_0": random.rand(3, 4), "layer_a": random.rand(3)}


def test_what_record_writes_is_read(tmp_path):
    path = saved(tmp_path / "g.npz", **good(), provenance=np.array(b'{"backend": "theano", "seed": 0}'))
    found = recording.load(path)
    assert [a.shape for a in found.inputs] == [(3, 2), (3, 1)] and len(found.outputs) == 1
    assert set(found.layers) == {"a"} and found.provenance == {"backend": "theano", "seed": "0"}
    assert recording.nothing_proven(found) is None


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b'"x"', b"\xff", b"[" * 100_000])
def test_a_provenance_that_is_none_is_none(text):
    assert recording.of({**good(), "provenance": np.array(text)}).provenance == {}


@pytest.mark.parametrize("missing", ["in_0", "in_1"])
def test_a_missing_input_is_named(missing):
    arrays = {**good(), "in_2": np.ones(3)}
    arrays.pop(missing)
    with pytest.raises(InputError, match="holds no in_0, in_1"):
        recording.of(arrays)


def test_text_is_no_array_of_numbers():
    with pytest.raises(InputError, match="out_0 holds <U1"):
        recording.of({**good(), "out_0": np.array(["a"])})


def huge(path):
    """A header that claims 4 TB, in a small file."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }"
    member = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("in_0.npy", member)


def cut(path):
    saved(path, **good())
    path.write_bytes(path.read_bytes()[:400])


def damaged(path):
    np.savez_compressed(path, **good())
    data = bytearray(path.read_bytes())
    data[60:90] = b"\xff" * 30
    path.write_bytes(data)


def pickled(path):
    np.savez(path, in_0=np.array([{}], dtype=object))


def plain(path):
    with io.BytesIO() as stream:
        np.save(stream, np.ones(3))
        path.write_bytes(stream.getvalue())


def other_members(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no array")


def bomb(path):
    """More than 4 GB when unpacked; only its directory says so."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("in_0.npy", b"x")
        for info in archive.infolist():
            info.file_size = 5 << 30


def single(path):
    np.savez(path, in_0=np.float32(1), out_0=np.float32(1))


@pytest.mark.parametrize("make", [huge, cut, damaged, pickled, plain, other_members, bomb, single])
def test_what_is_no_recording_is_one_line(make, tmp_path):
    path = tmp_path / "g.npz"
    make(path)
    with pytest.raises(InputError) as caught:
        recording.load(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_samples_that_differ_by_rounding_do_not_vary():
    ones = np.ones((3, 2), np.float32)
    assert not recording.varies(ones) and not recording.varies(ones[:1])
    ones[1, 0] = np.nextafter(np.float32(1), np.float32(2))
    assert not recording.varies(ones)
    ones[1, 0] += 1e-5
    assert recording.varies(ones)
