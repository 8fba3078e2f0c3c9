"""Small Keras-1 models made by hand, as configs and arrays, and the files that Keras 1 would have written."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from reprise_kit.port.keras_legacy.read import LayerWeights, OldModel

Arrays = dict[str, np.ndarray]


def layer(class_name: str, name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": {"name": name, **config}, "name": name}


def first(document: dict[str, Any], *shape: int | None) -> dict[str, Any]:
    document["config"]["batch_input_shape"] = [None, *shape]
    return document


def sequential(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": list(layers)}


def group(name: str, **arrays: np.ndarray) -> LayerWeights:
    return LayerWeights(name, [(f"{name}_{role}", array) for role, array in arrays.items()])


def model(config: dict[str, Any], *groups: LayerWeights, version: str | None = "1.2.2") -> OldModel:
    return OldModel(config, list(groups), version, False)


def write(target: Any, groups: list[LayerWeights]) -> None:
    """Write the groups as save_weights did."""
    target.attrs["layer_names"] = [g.layer_name.encode() for g in groups]
    for g in groups:
        made = target.create_group(g.layer_name)
        made.attrs["weight_names"] = [name.encode() for name, _ in g.arrays]
        for name, array in g.arrays:
            made[name] = array


def save(folder: Path, document: dict[str, Any], groups: list[LayerWeights]) -> tuple[Path, Path]:
    architecture, weights = folder / "model.json", folder / "weights.h5"
    architecture.write_text(json.dumps(document))
    with h5py.File(weights, "w") as file:
        write(file, groups)
    return architecture, weights


def save_whole(path: Path, document: dict[str, Any], groups: list[LayerWeights], version: str | None = None) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(document).encode()
        if version:
            file.attrs["keras_version"] = version.encode()
        write(file.create_group("model_weights"), groups)
        slots = file.create_group("optimizer_weights")
        slots["Variable_10"] = np.ones(3, np.float32)
        slots["Variable_2"] = np.ones(3, np.float32)
    return path


def dense_net(random: np.random.RandomState) -> tuple[dict[str, Any], list[LayerWeights]]:
    """Two dense layers, 3 -> 4 -> 2; the second's name sorts before the first's."""
    config = sequential(
        first(layer("Dense", "zeta", output_dim=4, activation="relu"), 3),
        layer("Dense", "alpha", output_dim=2, activation="linear"),
    )
    groups = [
        group("zeta", W=normal(random, 3, 4), b=normal(random, 4)),
        group("alpha", W=normal(random, 4, 2), b=normal(random, 2)),
    ]
    return config, groups


def normal(random: np.random.RandomState, *shape: int) -> np.ndarray:
    return random.standard_normal(shape).astype(np.float32)
