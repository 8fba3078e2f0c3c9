"""An .npz is measured before it is unpacked; each reader's rule alone, in this process."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reprise_kit.compare import npz
from reprise_kit.compare.errors import InputError

MB = 1 << 20


def inside(path: Path, largest: int = 4 * MB) -> dict[str, Any]:
    items = npz.arrays_inside(path, "whole .npz", largest)
    return {name: next(items) for name in items}


def member(shape: tuple[int, ...], data: bytes, dtype: str = "<f4", version: tuple[int, int] = (1, 0)) -> bytes:
    """An .npy that claims a shape."""
    head = io.BytesIO()
    about: Any = {"descr": dtype, "fortran_order": False, "shape": shape}
    write = np.lib.format.write_array_header_1_0 if version == (1, 0) else np.lib.format.write_array_header_2_0
    write(head, about)
    return head.getvalue() + data


def archive(path: Path, *members: tuple[str, bytes], packed: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", packed) as file:
        for name, data in members:
            file.writestr(name, data)
    return path


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_honest_arrays_come_out(version: tuple[int, int], tmp_path: Path) -> None:
    data = np.arange(6, dtype="<f4")
    path = archive(tmp_path / "a.npz", ("a.npy", member((2, 3), data.tobytes(), version=version)),
                   ("b.npy", member((0,), b"", version=version)))  # fmt: skip
    found = inside(path)
    np.testing.assert_array_equal(found["a"], data.reshape(2, 3))
    assert found["b"].shape == (0,)
    np.savez_compressed(tmp_path / "zeros.npz", zeros=np.zeros(MB // 4))  # packed as far as can be
    assert inside(tmp_path / "zeros.npz")["zeros"].size == MB // 4


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_a_header_that_claims_more_than_there_is(version: tuple[int, int], tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz", ("a.npy", member((10_000,), bytes(24), version=version)))
    with pytest.raises(InputError, match=r"a\.npy claims the shape \(10000,\)"):
        inside(path)


def test_members_that_claim_more_than_the_file_can_hold(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz", ("a.npy", member((6,), bytes(24))))
    size = path.stat().st_size
    raw = path.read_bytes()
    true = (24 + len(member((6,), b""))).to_bytes(4, "little")
    path.write_bytes(raw.replace(true, (size * 1200).to_bytes(4, "little")))
    with pytest.raises(InputError, match="more than a file of"):
        inside(path, 1 << 40)


def test_more_than_may_be_unpacked(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", zeros=np.zeros(MB))
    with pytest.raises(InputError, match="unpacks to more than"):
        inside(tmp_path / "a.npz")
    assert inside(tmp_path / "a.npz", 9 * MB)["zeros"].size == MB


def test_pickles_are_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", objects=np.array([{}, None], object))
    with pytest.raises(InputError, match=r"whole \.npz"):
        inside(tmp_path / "a.npz")


def test_two_arrays_of_one_name(tmp_path: Path) -> None:
    one = ("a.npy", member((6,), bytes(24)))
    with pytest.warns(UserWarning, match="Duplicate"):
        path = archive(tmp_path / "a.npz", one, one)
    with pytest.raises(InputError, match="two arrays of one name"):
        inside(path)


def test_four_gigabytes_are_the_most(tmp_path: Path) -> None:
    """Two members that claim 2.2 GB each."""
    path = archive(tmp_path / "a.npz", *[(f"{name}.npy", member((6,), bytes(24))) for name in "ab"])
    true = (24 + len(member((6,), b""))).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(true, (2_200_000_000).to_bytes(4, "little")))
    with pytest.raises(InputError, match="unpacks to more than 4 GB"):
        inside(path, npz.LARGEST)
