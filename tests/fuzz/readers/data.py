"""Data sets, traces and other systems' weights: npz, pickle, TFRecord, TensorFlow.js, Caffe, PyTorch, tables."""

import json
import pickle
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from reprise_kit.compare import registry, trace
from reprise_kit.compare.diff import diff
from reprise_kit.compare.digest import sha256
from reprise_kit.compare.input import Input
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.runners.recorded import RecordedRunner
from reprise_kit.port.deepsound_cnn_2018 import tfjs
from reprise_kit.port.deepsound_crnn.training import dataset, pickle_arrays
from reprise_kit.port.gwardys_2014 import caffemodel, torch_file
from reprise_kit.port.wmf_2014 import plays
from tests.fuzz import formats
from tests.fuzz.readers.reader import Reader, Seeds
from tests.fuzz.trees import changed, changed_bytes

SYSTEM = "deepsound_crnn"


def _arrays(n: int = 3) -> dict[str, np.ndarray]:
    y = np.eye(10, dtype=np.float32)[np.arange(n) % 10]
    return {"x": np.zeros((n, 4, 128), np.float32), "y": y}


def _datasets(_: Path) -> list[Any]:
    texts = {name: np.array([""] * n) for name, n in (("paths", 3), ("genres", 10), ("faults", 1))}
    tree = formats.npz_tree({**_arrays(), **texts})
    tree[1][2] = f"hex:{_arrays()['y'].tobytes().hex()}"  # one-hot
    return [tree]


def _put_npz(seeds: Seeds, random: Random, folder: Path) -> Path:
    formats.write_npz(folder / "data.npz", changed(random.choice(seeds), seeds, random))
    return folder / "data.npz"


def _pickles(folder: Path) -> list[list[bytes]]:
    paths = dict(enumerate("abc"))
    pickle_arrays.write(folder / "seed.pkl", {**_arrays(), "track_paths": paths})
    theirs = [pickle.dumps({**_arrays(), "track_paths": paths}, protocol) for protocol in (0, 1, 2)]
    return [formats.operations(data) for data in ((folder / "seed.pkl").read_bytes(), *theirs)]


def _put_operations(seeds: Seeds, random: Random, path: Path) -> Path:
    """Operations left out, repeated, changed, moved, and taken from another pickle."""
    kept = list(random.choice(seeds))
    for _ in range(random.choice((1, 1, 2, 3, 5))):
        at, other = random.randrange(len(kept)), random.choice(random.choice(seeds))
        step = random.randrange(5)
        if step == 0 and len(kept) > 2:
            del kept[at]
        elif step == 1:
            kept[at:at] = [kept[at]] * random.choice((1, 2, 200))
        elif step == 2:
            kept[at] = kept[at][:1] + changed_bytes(kept[at][1:], [other], random)
        else:
            kept[at] = random.choice((other, kept[random.randrange(len(kept))]))
    path.write_bytes(b"".join(kept))
    return path


def _records(_: Path) -> list[Any]:
    whole = {"genres": ["a", "b"], "faults": [], "n_tracks": [2]}
    rows = [{"x": ["zeros", 2048], "shape": [4, 128], "label": [i], "genre": ["ab"[i]], "path": ["p"]} for i in (0, 1)]
    return [[{**rows[0], **whole}, {**rows[1], "genres": [], "faults": [], "n_tracks": []}]]


def _put_records(seeds: Seeds, random: Random, folder: Path) -> Path:
    import tensorflow as tf

    path, tree = folder / "data.tfrecord", changed(random.choice(seeds), seeds, random)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in tree if isinstance(tree, list) else ():
            if isinstance(record, dict):
                features = {str(key): _feature(value) for key, value in record.items()}
                writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    if random.random() < 0.1:
        path.write_bytes(changed_bytes(path.read_bytes(), [b"\xff" * 8], random))
    return path


def _feature(values: Any) -> Any:
    import tensorflow as tf

    values = values if isinstance(values, list) else [values]
    if values and values[0] == "zeros":
        values = [bytes(n % formats.LARGEST) for n in values[1:] if isinstance(n, int)]
    if not values:
        return tf.train.Feature()
    if all(type(n) is int and abs(n) < 2**63 for n in values):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    if all(isinstance(n, float) for n in values):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    raw = [one if isinstance(one, bytes) else str(one).encode("utf-8", "replace") for one in values]
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=raw))


def _ask_corpus(path: Path) -> None:
    corpus = dataset.load(path)
    assert len(corpus.labels) == len(corpus.x)


def _traces(_: Path) -> list[Any]:
    folder = min(registry.load(SYSTEM).recorded.glob("theano/*/"), key=lambda f: (f / "trace.npz").stat().st_size)
    about = json.loads((folder / "trace.json").read_text())
    about["provenance"]["weights_sha256"] = sha256(folder / "trace.npz")  # which stands for the weights
    with np.load(folder / "trace.npz") as arrays:
        return [[about, formats.npz_tree(dict(arrays)), folder]]


def _put_trace(seeds: Seeds, random: Random, folder: Path) -> Path:
    about, arrays, whole = random.choice(seeds)
    place = folder / "traces" / "one"
    place.mkdir(parents=True)
    (place / "trace.json").write_text(json.dumps(changed(about, [about], random)))
    if random.random() < 0.4:
        formats.write_npz(place / "trace.npz", changed(arrays, [arrays], random))
    else:
        (place / "trace.npz").symlink_to(whole / "trace.npz")
    (folder / "whole").symlink_to(whole)
    return place


def _ask_trace(path: Path) -> None:
    """As `diff` and as a recorded reference."""
    system, whole = registry.load(SYSTEM), trace.load(path.parent.parent / "whole")
    clip = Input(whole_clip := path / "trace.json", whole.input_sha256)
    assert whole_clip.exists()
    RecordedRunner(Settings(system, path.parent.parent / "whole" / "trace.npz", "theano"), path.parent).trace(
        clip, system.stages
    )


def _ask_diff(path: Path) -> None:
    system, whole = registry.load(SYSTEM), trace.load(path.parent.parent / "whole")
    found = trace.load(path)
    for mode in ("isolated", "chained"):
        diff(whole, found, system.stages, mode)


def _tfjs(_: Path) -> list[Any]:
    layer = {"class_name": "Dense", "config": {"name": "d", "units": 3, "activation": "linear"}}
    topology = {"model_config": {"class_name": "Sequential", "config": {"layers": [layer, layer]}}}
    weights = [
        {"name": f"d/{name}", "shape": shape, "dtype": "float32"} for name, shape in (("kernel", [2, 3]), ("bias", [3]))
    ]
    return [{"modelTopology": topology, "weightsManifest": [{"paths": ["g1", "g2"], "weights": weights}]}]


def _put_tfjs(seeds: Seeds, random: Random, folder: Path) -> Path:
    for name in ("g1", "g2"):
        (folder / name).write_bytes(bytes(random.choice((18, 18, 18, 36, 0))))
    path = folder / "model.json"
    path.write_text(json.dumps(changed(random.choice(seeds), seeds, random)))
    return path


def _ask_tfjs(path: Path) -> None:
    tfjs.sha256(path)
    tfjs.read(path)


def _caffe(_: Path) -> list[Any]:
    def field(number: int, fields: Any) -> list[Any]:
        return [["varint", number << 3 | 2], ["nested", fields]]

    def blob(*shape: int) -> list[Any]:
        dims = [["varint", n] for n in shape]
        return [*field(7, field(1, dims)), *field(5, [["zeros", 4 * int(np.prod(shape))]])]

    old = [
        ["varint", 8],
        ["varint", 1],
        ["varint", 16],
        ["varint", 1],
        ["varint", 24],
        ["varint", 2],
        ["varint", 32],
        ["varint", 3],
    ]
    layers = [
        field(100, [*field(1, [["text", name]]), *field(7, blob(2, 3)), *field(7, blob(3))])
        for name in ("conv1", "fc6")
    ]
    first = field(2, [*field(4, [["text", "old"]]), *field(6, [*old, *field(5, [["zeros", 24]])])])
    return [[*field(1, [["text", "net"]]), *layers[0], *layers[1], *first]]


def _put_caffe(seeds: Seeds, random: Random, folder: Path) -> Path:
    path = folder / "net.caffemodel"
    path.write_bytes(formats.packed(changed(random.choice(seeds), seeds, random)))
    return path


def _torch(folder: Path) -> list[list[bytes]]:
    """An old PyTorch file's five pickles, the tensors written operation by operation, and its storages."""
    head = [pickle.dumps(value, 2) for value in (torch_file.MAGIC, 1001, {"little_endian": True})]
    tensor = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x00kX\x03\x00\x00\x00cpuK\x06NtQ"
    table = b"\x80\x02ccollections\nOrderedDict\n)R(X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n("
    table += tensor + b"K\x00K\x02K\x03\x86K\x03K\x01\x86\x89ccollections\nOrderedDict\n)RtRu."
    pieces = [part for each in (*head, table, b"\x80\x02](X\x01\x00\x00\x00ke.") for part in formats.operations(each)]
    return [[*pieces, (6).to_bytes(8, "little") + bytes(24)]]


def _plays(_: Path) -> list[Any]:
    return [[["u", "\t", "s", "\t", 1, "\n"], ["v", "\t", "s", "\t", 2.5, "\n"], ["v", "\t", "t", "\t", 1, "\n"]]]


def _put_plays(seeds: Seeds, random: Random, folder: Path) -> Path:
    path, rows = folder / "plays.tsv", changed(random.choice(seeds), seeds, random)
    rows = rows if isinstance(rows, list) else [rows]
    text = "".join(str(part) for row in rows for part in (row if isinstance(row, list) else [row]))
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path


READERS = [
    Reader("data set, npz", 60, _datasets, _put_npz, _ask_corpus),
    Reader("data set, pickle", 110, _pickles, lambda s, r, f: _put_operations(s, r, f / "data.pkl"), _ask_corpus),
    Reader("data set, TFRecord", 6, _records, _put_records, _ask_corpus, heavy=True),
    Reader("trace, diff", 8, _traces, _put_trace, _ask_diff),
    Reader("trace, recorded", 6, _traces, _put_trace, _ask_trace),
    Reader("TensorFlow.js", 60, _tfjs, _put_tfjs, _ask_tfjs),
    Reader("caffemodel", 70, _caffe, _put_caffe, caffemodel.read),
    Reader("PyTorch", 70, _torch, lambda s, r, f: _put_operations(s, r, f / "net.pth"), torch_file.read),
    Reader("table of plays", 25, _plays, _put_plays, plays.read),
]
