"""Small files that declare, repeat or nest more than they hold end in one line, before any room is made for it."""

import json
import os
import re
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from reprise_kit import cli
from reprise_kit.compare import box, npz, trace
from reprise_kit.compare.errors import InputError
from reprise_kit.port.deepsound_crnn.training import dataset
from reprise_kit.port.keras_legacy.inspect import inspect
from tests.shared import SHARED, needs_shared

HOSTILE = SHARED / "cases" / "hostile"
SECONDS, BYTES = 2, 300 << 20


def used() -> float:
    """Seconds of a core that this process and the boxes it had have used."""
    server = box._SERVER.process
    if server is None:
        return time.process_time()
    _, _, children, of_theirs = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()[11:15]
    return time.process_time() + (int(children) + int(of_theirs)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def refused(words: str) -> Iterator[None]:
    """Hold a reader to one line with `words`, 2 CPU seconds and 300 MB."""
    tracemalloc.start()
    began = used()
    try:
        with pytest.raises(InputError, match=words) as caught:
            yield
        assert used() - began < SECONDS and tracemalloc.get_traced_memory()[1] < BYTES
        assert str(caught.value).isprintable()
    finally:
        tracemalloc.stop()


def dense(**changes: Any) -> dict[str, Any]:
    config = {"name": "d", "output_dim": 3, "batch_input_shape": [None, 2], "activation": "linear", **changes}
    return {"class_name": "Dense", "config": config}


def sequential(*layers: Any) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": list(layers), "keras_version": "1.1.0"}


def functional(**changes: Any) -> dict[str, Any]:
    ends = {"input_layers": [["d", 0, 0]], "output_layers": [["d", 0, 0]]}
    layer = {**dense(), "name": "d", "inbound_nodes": []}
    return {"class_name": "Model", "config": {"name": "m", "layers": [layer], **ends, **changes}}


def model_file(path: Path, config: Any, listed: int = 1) -> Path:
    """A whole model of one Dense, its kernel listed so many times."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config) if isinstance(config, dict) else config
        file.attrs["keras_version"] = "1.1.0"
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = np.array([b"d"])
        layer = group.create_group("d")
        layer.attrs["weight_names"] = np.array([b"d_W"] * listed + [b"d_b"])
        layer["d_W"], layer["d_b"] = np.ones((2, 3), np.float32), np.ones(3, np.float32)
    return path


def test_the_model_of_these_tests_is_read(tmp_path: Path) -> None:
    assert sum(row.parameters for row in inspect(model_file(tmp_path / "m.h5", sequential(dense()))).rows) == 9
    path = tmp_path / "m.json"
    path.write_text(json.dumps(functional()))
    assert [row.name for row in inspect(path).rows] == ["d"]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (sequential(1), "where a mapping"),
        (sequential([]), "where a mapping"),
        ({"class_name": "Model", "config": {"layers": 5}}, "where a list"),
        (functional(input_layers=None), "where a list"),
        (functional(output_layers=[None]), "layer's name, call, tensor"),
        (functional(output_layers=[["d", "0", {}]]), "layer's name, call, tensor"),
        (functional(layers=[{**dense(), "name": "d", "inbound_nodes": [None]}]), "where a list"),
        (functional(layers=[{**dense(), "name": "d", "inbound_nodes": [[None]]}]), "layer's name, call, tensor"),
        (functional(layers=[7]), "where a mapping"),
        (sequential({"class_name": "TimeDistributed", "config": {"name": "t", "layer": 3}}), "where a mapping"),
        (sequential(dense(output_dim=float("nan"))), "the number nan"),
        (sequential(dense(output_dim=float("-inf"))), "the number -inf"),
        (sequential(dense(output_dim=10**400)), "the number 1000"),
    ],
)
def test_an_architecture_of_other_kinds(document: Any, words: str, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document))
    with refused(words):
        inspect(path)


def test_a_dataset_listed_many_times(tmp_path: Path) -> None:
    with refused("more than once"):
        inspect(model_file(tmp_path / "m.h5", sequential(dense()), listed=3000))


@pytest.mark.parametrize("text", ["5", '["{", "}"]', "{", "", '{"a": 1}', "[" * 300])
def test_what_is_said_of_an_architecture_names_its_file(text: str, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(text)
    for file in (path, model_file(tmp_path / "m.h5", text)):
        with refused(re.escape(str(file))):
            inspect(file)


def test_a_model_config_that_is_a_number_is_no_model_without_layers(tmp_path: Path) -> None:
    with refused("the architecture is a int"):
        inspect(model_file(tmp_path / "m.h5", 5))


@pytest.mark.parametrize(
    ("attributes", "name", "words"),
    [(300, "x", "more than 256 attributes"), (1, "\x1b[2J", "control")],
)
def test_an_hdf5_file_of_odd_names_and_numbers(attributes: int, name: str, words: str, tmp_path: Path) -> None:
    path = model_file(tmp_path / "m.h5", sequential(dense()))
    with h5py.File(path, "a") as file:
        group = file.create_group(name)
        for i in range(attributes):
            group.attrs[f"a{i}"] = i
    with refused(words):
        inspect(path)


@pytest.mark.parametrize(
    ("class_name", "size"), [("Dense", 3 * 10**8), ("BatchNormalization", 10**9), ("Embedding", 10**9), ("LSTM", 10**6)]
)
def test_weights_larger_than_the_files_are_not_made(class_name: str, size: int) -> None:
    import keras

    from reprise_kit.port.keras_legacy.rules.weights import loaded
    from reprise_kit.port.keras_legacy.tree import Node

    keras_layer, shape = {
        "Dense": (lambda: keras.layers.Dense(3), (None, size)),
        "BatchNormalization": (keras.layers.BatchNormalization, (None, size)),
        "Embedding": (lambda: keras.layers.Embedding(size, 2), (None, 4)),
        "LSTM": (lambda: keras.layers.LSTM(3), (None, 4, size)),
    }[class_name]
    add_weight = keras.layers.Layer.add_weight
    apply = loaded(keras_layer(), [np.ones((2, 3), np.float32)], Node(class_name, "d", {}))
    with refused("its config asks for weights"):
        apply(keras.Input(batch_shape=shape))
    assert keras.layers.Layer.add_weight is add_weight


def npz_of(path: Path, shape: str, data: bytes, method: int = zipfile.ZIP_DEFLATED) -> Path:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode()
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data)
    return path


def damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[60:110] = bytes(50)
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
@pytest.mark.parametrize("harm", ["shape", "bytes"])
def test_an_npz_that_is_not_what_it_says(method: int, harm: str, tmp_path: Path) -> None:
    noise = np.random.RandomState(0).bytes(4000)
    shape = "(1000000, 10000, 128)" if harm == "shape" else "(1000,)"
    path = npz_of(tmp_path / "x.npz", shape, noise, method)
    if harm == "bytes":
        assert npz.load(path)["x"].shape == (1000,)
        damaged(path)
    for load in (npz.load, dataset.load):
        with refused("x.npz"):
            load(path)


def test_a_trace_is_read_as_any_npz(tmp_path: Path) -> None:
    (tmp_path / "trace.json").write_text('{"system": "s", "clip": {"name": "n", "sha256": "0"}}')
    npz_of(tmp_path / "trace.npz", "(1000000, 10000, 128)", b"")
    with refused("more than the file holds"):
        trace.load(tmp_path)


def test_an_npz_that_claims_more_than_its_file_can_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unboxed: None
) -> None:
    path = npz_of(tmp_path / "x.npz", "(1000,)", bytes(4000))
    monkeypatch.setattr(npz, "EXPANSION", 2)
    with refused("can hold"):
        npz.load(path)


def bomb(depth: int) -> bytes:
    """Tuples of the tuple before, 4 times each: 4 ** depth texts, if each were made."""
    rounds = b"".join(b"(" + 4 * bytes([ord("h"), i]) + b"tq" + bytes([i + 1]) for i in range(depth))
    return b"\x80\x02X\x01\x00\x00\x00aq\x00" + rounds


@pytest.mark.parametrize(
    "pickle",
    [
        bomb(40) + b".",
        bomb(15) + b".",
        b"\x80\x02}" + bomb(14)[2:] + b"K\x01s.",
        b"\x80\x02}q\x00(K\x00h\x00u.",
        b"\x80\x02" + b"(" * 100_000 + b"t" * 100_000 + b".",
        b"\x80\x02T\xff\xff\xff\x7f.",
        b"\x80\x02T\xff\xff\xff\xff.",
    ],
    ids=["repeats", "repeats, not deep", "repeats as a key", "holds itself", "deep", "long", "negative"],
)
def test_a_pickle_that_grows(pickle: bytes, tmp_path: Path) -> None:
    path = tmp_path / "data.pkl"
    path.write_bytes(pickle)
    with refused(r"data\.pkl"):
        dataset.load(path)


def migrate(architecture: str, weights: str = "mig/d.h5", *more: str) -> list[str]:
    files = ["--architecture", str(HOSTILE / architecture), "--weights", str(HOSTILE / weights)]
    return ["migrate", *files, "-o", "out.keras", *more]


def verify(recording: str, *more: str) -> list[str]:
    return migrate("mig/plain.json", "mig/d.h5", "--verify", str(HOSTILE / "mig" / recording), *more)


CASES: dict[str, Callable[[], list[str]]] = {
    **{
        f"h5/{name}.h5": lambda name=name: ["inspect", str(HOSTILE / "h5" / f"{name}.h5")]  # type: ignore[misc]
        for name in ("amplify_gz", "attrs_1500", "ansi", "mc_int", "names")
    },
    **{
        f"{name}.json": lambda name=name: migrate(f"{name}.json")  # type: ignore[misc]
        for name in (
            *("mig/dense_in_3e8", "mig/reversed1500", "mig/in_nan", "mig/in_huge", "mig/model_layers_int"),
            *("mig/inbound_none", "min/a", "min/b"),
        )
    },
    "mig/bn_in_1e9.json": lambda: migrate("mig/bn_in_1e9.json", "mig/b.h5"),
    **{f"mig/{n}.npz": lambda n=n: verify(f"{n}.npz") for n in ("trunc", "hugeshape", "batch0")},  # type: ignore[misc]
    "mig/nan.npz": lambda: verify("nan.npz", "--tolerance", "nan"),
    **{
        f"data/{name}": lambda name=name: ["train", str(HOSTILE / "data" / name), "-o", "run"]  # type: ignore[misc]
        for name in ("bomb_memo.pkl", "recur.pkl", "x_huge.npz", "zlibbad.npz")
    },
    **{
        f"data/{name}": lambda name=name: ["diff", *[str(HOSTILE / "data" / name)] * 2]  # type: ignore[misc]
        for name in ("bigint", "sha_int", "prov_list", "lzmabad")
    },
}


@needs_shared
@pytest.mark.parametrize("case", CASES)
def test_a_hostile_file_ends_in_one_line(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import keras  # noqa: F401  (imports are no part of what a file costs)

    from reprise_kit.port.deepsound_crnn.training import records  # noqa: F401
    from reprise_kit.port.keras_legacy import build  # noqa: F401

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["reprise", *CASES[case]()])
    began = used()
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert used() - began < SECONDS
    said = capsys.readouterr().err
    assert ended.value.code == 2, said
    assert said.startswith("reprise: ") and said.count("\n") == 1
    assert not list(tmp_path.iterdir())
