"""Whatever a library raises on somebody's file is an InputError that names it."""

import errno
import json
import lzma
import zipfile

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import out_of_memory, reading
from reprise_kit.compare.trace import Trace, load


@pytest.mark.parametrize(
    "error", [ValueError("x"), lzma.LZMAError("x"), RecursionError("x"), OSError(5, "x"), MemoryError(), KeyError("x")]
)
def test_a_readers_failure_is_bad_input(error, tmp_path):
    with pytest.raises(InputError, match=str(tmp_path)), reading(tmp_path, "trace"):
        raise error


@pytest.fixture
def trace(tmp_path):
    Trace("deepsound_crnn", "a.wav", "0" * 64, {"native": np.zeros(4, np.float32)}).save(tmp_path / "trace")
    return tmp_path / "trace"


@pytest.mark.parametrize(
    ("key", "value"),
    [("system", 3), ("clip", {"name": "a", "sha256": 7}), ("clip", [1]), ("provenance", []), ("scalars", "x")],
)
def test_a_trace_with_values_of_other_kinds_is_refused(key, value, trace):
    about = json.loads((trace / "trace.json").read_text())
    assert load(trace).system == "deepsound_crnn"
    (trace / "trace.json").write_text(json.dumps({**about, key: value}))
    with pytest.raises(InputError, match="not a readable trace"):
        load(trace)


def test_a_damaged_compression_nobody_uses_is_refused(trace):
    with zipfile.ZipFile(trace / "trace.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("native.npy", bytes(1000))
    content = bytearray((trace / "trace.npz").read_bytes())
    at = content.index(b"native.npy") + 20
    content[at : at + 20] = bytes(20)
    (trace / "trace.npz").write_bytes(content)
    with pytest.raises(InputError, match="not a readable trace"):
        load(trace)


@pytest.mark.parametrize(
    ("error", "yes"),
    [(MemoryError(), True), (OSError(errno.ENOMEM, "x"), True), (OSError(errno.EIO, "x"), False),
     (type("ResourceExhaustedError", (Exception,), {})(), True), (ValueError("x"), False)],
)  # fmt: skip
def test_any_librarys_word_for_too_little_memory_is_known(error, yes):
    assert out_of_memory(error) is yes
