"""Files of old Keras, from the recorded random graphs: architectures, weights, whole models, Lambdas, recordings."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import yaml

from reprise_kit.apps.adopt import checkpoints
from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import lambdas, read, recording, saved_under
from reprise_kit.port.keras_legacy.inspect import inspect
from reprise_kit.port.keras_legacy.prepare import prepare
from reprise_kit.port.keras_legacy.safe_yaml import load_yaml
from tests.fuzz import formats
from tests.fuzz.readers.reader import Reader, Seeds
from tests.fuzz.trees import changed, changed_bytes
from tests.port.keras_legacy import recorded as family
from tests.port.keras_legacy.generator import recorded

_CONTENTS = read._contents
SMALL = 120_000  # bytes of a seed's weights


@dataclass
class Seed:
    """A recorded model: its architecture, the file of its weights as a tree, its recording."""

    architecture: Any
    weights: Path
    tree: Any
    golden: Path | None


def _seeds(folder: Path) -> list[Seed]:
    folders = recorded.unpack(folder / "graphs")
    folders += [family.folder(name, folder / "family") for g in ("1", "2") for name in family.names(g)[::40]]
    found = [seed for each in folders for seed in _seed(each)]
    assert len(found) > 60
    return found


def _seed(folder: Path) -> Iterator[Seed]:
    weights = next((folder / name for name in ("weights.h5", "whole.h5") if (folder / name).exists()), None)
    if weights is None or weights.stat().st_size > SMALL:
        return
    tree, architecture = formats.hdf5_tree(weights), None
    for name, parse in (("model.json", json.loads), ("model.yaml", load_yaml)):
        if (folder / name).exists():
            architecture = parse((folder / name).read_text())
    golden = next(iter(sorted(folder.glob("golden*.npz"))), None)
    architecture = architecture or tree["attrs"].get("model_config")
    if isinstance(architecture, dict):
        yield Seed(architecture, weights, tree, golden)


def _put_json(seeds: Seeds, random: Random, folder: Path) -> Path:
    seed, path = random.choice(seeds), folder / "model.json"
    others = [random.choice(seeds).architecture for _ in range(2)]
    path.write_text(json.dumps(changed(seed.architecture, others, random)), "utf-8", "surrogatepass")
    (folder / "weights.h5").symlink_to(seed.weights)
    return path


def _put_yaml(seeds: Seeds, random: Random, folder: Path) -> Path:
    seed, path = random.choice(seeds), folder / "model.yaml"
    others = [random.choice(seeds).architecture for _ in range(2)]
    text = yaml.dump(changed(seed.architecture, others, random), Dumper=yaml.CSafeDumper).encode("utf-8", "replace")
    path.write_bytes(
        changed_bytes(text, [b"!!python/name:os.system ''", b"&a [*a, *a]"], random) if random.random() < 0.2 else text
    )
    (folder / "weights.h5").symlink_to(seed.weights)
    return path


def _put_text(seeds: Seeds, random: Random, folder: Path) -> Path:
    path, texts = folder / "model.json", [json.dumps(random.choice(seeds).architecture).encode() for _ in range(2)]
    path.write_bytes(changed_bytes(texts[0], texts, random))
    (folder / "weights.h5").symlink_to(random.choice(seeds).weights)
    return path


def _put_hdf5(seeds: Seeds, random: Random, folder: Path) -> Path:
    """A file of changed names, forms and links; of ten one is changed in its bytes instead."""
    seed, path = random.choice(seeds), folder / "model.h5"
    if random.random() < 0.1:
        path.write_bytes(changed_bytes(seed.weights.read_bytes(), [random.choice(seeds).weights.read_bytes()], random))
    else:
        tree = changed(seed.tree, [random.choice(seeds).tree], random)
        datasets = [node for node in formats.places(tree) if isinstance(node, dict) and "as" in node]
        if datasets and random.random() < 0.3:
            random.choice(datasets)["as"] = random.choice(formats.KINDS)
        formats.write_hdf5(path, tree)
    (folder / "model.json").write_text(json.dumps(seed.architecture))
    return path


def _ask_architecture(path: Path) -> None:
    """Inspect it, give it its weights, and go as far as is gone without Keras 3."""
    inspect(path)
    checkpoints.architectures(path.parent, [path.name])
    prepared(path, path.parent / "weights.h5", known=True)


def _ask_hdf5(path: Path) -> None:
    found = checkpoints.find(path.parent, [path.name])
    read.is_whole(path)
    inspect(path)
    prepared(None if found and found[0].whole else path.parent / "model.json", path)


def prepared(architecture: Path | None, weights: Path, known: bool = False) -> None:
    """Go on to what is built; known: weights that were read before are not read again, which takes most of the time."""
    kept = read._contents
    if known:
        read._contents = lambda path: _known(path.resolve())
    try:
        model = read.read(architecture, weights)
    finally:
        read._contents = kept
    prepare(model)
    saved_under.from_names(model)


@cache
def _known(path: Path) -> Any:
    return _CONTENTS(path)


def _functions(folder: Path) -> list[bytes]:
    """The marshalled code of the family's Lambdas."""
    configs = [node for seed in _seeds(folder) for node in formats.places(seed.architecture)]
    texts = [one for node in configs if isinstance(node, dict) for one in _code(node.get("function"))]
    assert texts
    return [text.encode("raw_unicode_escape") for text in texts]


def _code(function: Any) -> list[str]:
    first = function[0] if isinstance(function, list) and function else function
    return [first] if isinstance(first, str) else []


def _put_lambda(seeds: Seeds, random: Random, folder: Path) -> Path:
    path = folder / "code"
    path.write_bytes(changed_bytes(random.choice(seeds), [random.choice(seeds)], random))
    return path


def _ask_lambda(path: Path) -> None:
    if lambdas.recognise({"function": path.read_bytes().decode("latin-1"), "function_type": "lambda"}) is None:
        raise InputError("not recognised")


def _recordings(folder: Path) -> list[Any]:
    found = []
    for seed in _seeds(folder):
        if seed.golden:
            with np.load(seed.golden, allow_pickle=False) as arrays:
                found.append(formats.npz_tree(dict(arrays)))
    return found


def _put_recording(seeds: Seeds, random: Random, folder: Path) -> Path:
    path = folder / "golden.npz"
    formats.write_npz(path, changed(random.choice(seeds), [random.choice(seeds)], random))
    if random.random() < 0.1:
        path.write_bytes(changed_bytes(path.read_bytes(), [b"PK\x01\x02"], random))
    return path


def _ask_recording(path: Path) -> None:
    found = recording.load(path)
    recording.nothing_proven(found)


def _put_build(seeds: Seeds, random: Random, folder: Path) -> Path:
    put = random.choice((_put_json, _put_json, _put_hdf5))
    path = put(seeds, random, folder)
    seed = random.choice(seeds)
    if seed.golden:
        (folder / "golden.npz").symlink_to(seed.golden)
    return path


def _ask_build(path: Path) -> None:
    """Build it for each backend, as migrate does, without writing."""
    import keras

    from reprise_kit.port.keras_legacy import build

    keras.backend.clear_session()
    weights = path if path.suffix == ".h5" else path.parent / "weights.h5"
    model = read.read(None if weights == path and read.is_whole(path) else path.parent / "model.json", weights)
    prepare(model)
    backend = saved_under.from_names(model).backend or "theano"
    build.migrate(model, backend)


READERS = [
    Reader("architecture, JSON", 100, _seeds, _put_json, _ask_architecture),
    Reader("architecture, YAML", 40, _seeds, _put_yaml, _ask_architecture),
    Reader("architecture, bytes", 50, _seeds, _put_text, _ask_architecture),
    Reader("HDF5", 30, _seeds, _put_hdf5, _ask_hdf5),
    Reader("Lambda", 120, _functions, _put_lambda, _ask_lambda),
    Reader("recording, npz", 70, _recordings, _put_recording, _ask_recording),
    Reader("build", 2, _seeds, _put_build, _ask_build, heavy=True),
]
