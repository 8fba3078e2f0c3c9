"""Layer outputs of the real originals as traces, and those of a port's network to compare with them."""

from pathlib import Path

import keras
import numpy as np

from reprise_kit.compare.diff import diff
from reprise_kit.compare.stage import MODES, Stage, Tolerance
from reprise_kit.compare.trace import Trace
from reprise_kit.compare.verdict import Verdict
from tests.shared import SHARED

DATA, GOLDEN = SHARED / "data/choi", SHARED / "golden/choi"
CLIPS = ("cute", "actionable", "dubstep", "thejazzpiano")
NOT_LAYERS = {"x", "names", "stats"}
REAL = 5e-6  # of a layer's largest value; measured at most 2.4e-6: float32, in another order of adding


def theirs(name: str) -> dict[str, np.ndarray]:
    """Return the original's layers by name, (4, ...); large ones are every 8th mel and 16th frame of 8 channels."""
    with np.load(GOLDEN / name) as stored:
        return {key: stored[key] for key in stored.files if key not in NOT_LAYERS}


def network_input(name: str) -> np.ndarray:
    """Return what the original was given, (4, 96, 1366, 1) float32."""
    with np.load(GOLDEN / name) as stored:
        return np.moveaxis(stored["x"], 1, -1).astype(np.float32)


def ours(model: keras.Model, golden: str) -> dict[str, np.ndarray]:
    """Return the same layers of a network on the same input, in the originals' order of axes."""
    names = [layer.name for layer in model.layers]
    wanted = {key: key.removesuffix("_slice") for key in theirs(golden) if key.removesuffix("_slice") in names}
    tapped = keras.Model(model.input, [model.get_layer(name).output for name in wanted.values()])
    made = {}
    for key, output in zip(wanted, tapped(network_input(golden), training=False), strict=True):
        array = np.asarray(output)
        if array.ndim == 4:
            array = np.moveaxis(array, -1, 1)
        made[key] = array[:, :8, ::8, ::16] if key.endswith("_slice") else array
    return made


def verdicts(model: keras.Model, golden: str) -> list[Verdict]:
    """Compare every layer that both sides have, in the network's order, by the kit's own `diff`."""
    reference, candidate = theirs(golden), ours(model, golden)
    order = {layer.name: i for i, layer in enumerate(model.layers)}
    keys = sorted(candidate, key=lambda key: order[key.removesuffix("_slice")])
    stages = []
    for key in keys:
        allowed = Tolerance(REAL * float(np.abs(reference[key]).max()), 0.0, "float32")
        axes = tuple(f"axis_{i}" for i in range(reference[key].ndim))
        stages.append(Stage(key, axes, "float32", "activation", "", dict.fromkeys(MODES, allowed)))
    sides = [Trace(golden, golden, golden, arrays) for arrays in (reference, candidate)]
    return diff(*sides, stages)


def published(clip: str) -> np.ndarray:
    """Return the author's stored mel spectrogram of a clip, (1, 96, 1366, 1) float32."""
    return np.moveaxis(np.load(DATA / f"clips/bensound-{clip}.npy"), 1, -1).astype(np.float32)


def song(clip: str) -> Path:
    """Return a clip's sound file."""
    return DATA / f"clips/bensound-{clip}.mp3"


def spread_over_stored(model: keras.Model, golden: str, number: int) -> float:
    """Return the median over channels of a convolution's spread on real input over its stored running_std.

    Where the input is what the network was trained on, it is near 1.
    """
    tapped = keras.Model(model.input, model.get_layer(f"conv{number}").output)
    spread = np.asarray(tapped(network_input(golden), training=False)).std(axis=(0, 1, 2))
    stored = np.sqrt(np.asarray(model.get_layer(f"bn{number}").moving_variance))
    return float(np.median(spread / stored))
