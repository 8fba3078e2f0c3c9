"""Small models of real Keras 1.2.2 on Theano with every layer recorded (family/py27/layered.py made them)."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from reprise_kit.port.keras_legacy import build, recording, verify
from reprise_kit.port.keras_legacy.read import LayerWeights, OldModel, read
from reprise_kit.port.keras_legacy.recording import Recording

FOLDER = Path(__file__).parent / "recorded" / "layered"
LIVE = {"image": "image", "sequence": "sequence", "logits": "logits", "cancel": "cancel", "dead": "dead_live"}


def model_of(name: str) -> OldModel:
    return read(None, FOLDER / f"{name}.h5")


def recorded(name: str) -> Recording:
    return recording.load(FOLDER / f"{name}.npz")


def verdict(model: OldModel, wanted: Recording, backend: str = "theano") -> verify.Verdict:
    return verify.compare(build.migrate(model, backend), wanted)


def with_weights(model: OldModel, layer: str, role: str, change: Any) -> OldModel:
    """Return the model with one array changed; `change` maps the array to another."""
    groups, changed = [], 0
    for group in model.weights:
        arrays = []
        for name, array in group.arrays:
            wanted = group.layer_name == layer and name.endswith(f"_{role}")
            changed += wanted
            arrays.append((name, change(array.copy()).astype(array.dtype) if wanted else array))
        groups.append(LayerWeights(group.layer_name, arrays))
    assert changed == 1, f"{layer} has {changed} arrays called {role}"
    return dataclasses.replace(model, weights=groups)


def with_config(model: OldModel, layer: str, **entries: Any) -> OldModel:
    """Return the model with entries of one layer's config changed."""
    layers = [dict(one, config=dict(one["config"])) for one in model.config["config"]]
    (found,) = [one for one in layers if one["config"].get("name") == layer]
    found["config"].update(entries)
    return dataclasses.replace(model, config={**model.config, "config": layers})


def array_of(model: OldModel, layer: str, role: str) -> np.ndarray:
    (array,) = [a for g in model.weights if g.layer_name == layer for n, a in g.arrays if n.endswith(f"_{role}")]
    return array
