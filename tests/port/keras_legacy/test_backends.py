"""Migrated models load and agree under every backend of Keras 3, those that say they need a layer of ours with it.

REPRISE_EVERY=1 takes every recorded model; the default is each eighth.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.build import Migrated, migrate
from reprise_kit.port.keras_legacy.read import read
from tests.port.keras_legacy import recorded
from tests.port.keras_legacy.outcome import Combination, golden, tolerance
from tests.port.keras_legacy.test_pooling import CASES, drawn, mean_of_windows, same_mean
from tests.require import require

ROOT = Path(__file__).parents[3]
EVERY = int(os.environ.get("REPRISE_EVERY", "8"))
LOST = "convlstm_stride"  # Keras 1 lost their stride: see test_family


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of migrated files, each with its recording; same-padded means with their definition's numbers."""
    scratch, folder = tmp_path_factory.mktemp("recorded"), tmp_path_factory.mktemp("written")
    for name in [name for name in recorded.names() if LOST not in name][::EVERY]:
        source = recorded.folder(name, scratch)
        alone = name.rpartition("_")[2] if "_alone_" in name else None
        try:
            files = read(source / "model.json", source / "weights.h5")
            made = migrate(files, Combination.of(source.parent).backend, dim_ordering=alone, legacy_bugs="keep")
        except InputError:
            continue  # what is rightly refused: test_family
        keep(folder / name.replace("/", "+"), made, *golden(source))
        keras.backend.clear_session()
    for i, (sizes, window, steps) in enumerate(CASES):
        x = drawn(*sizes)
        expected = [mean_of_windows(x, window, steps)]
        keep(folder / f"mean_{i}", same_mean(window, steps, *sizes), [x], expected)
        keep(folder / f"mean_{i}_open", same_mean(window, steps, *(None for _ in sizes)), [x], expected)
    return folder


def keep(path: Path, made: Migrated, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> None:
    """Write PATH.keras, and the recording into PATH.npz."""
    made.model.save(path.with_name(f"{path.name}.keras"))
    arrays = {f"in_{i}": x for i, x in enumerate(inputs)} | {f"out_{i}": y for i, y in enumerate(outputs)}
    np.savez(path.with_name(f"{path.name}.npz"), **arrays)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("backend", "module"), [("tensorflow", "tensorflow"), ("jax", "jax"), ("torch", "torch")])
def test_agrees(backend: str, module: str, written: Path) -> None:
    if importlib.util.find_spec(module) is None:
        require(backend, f"the package {module} is not installed")
    command = [sys.executable, "-m", "tests.port.keras_legacy.backends", str(written)]
    env = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"}
    ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-2000:]
    said = json.loads(ran.stdout.splitlines()[-1])
    found = said["found"]
    assert said["backend"] == backend and len(found) > 400 / EVERY, len(found)
    wrong = {name: one for name, one in found.items() if isinstance(one, str) or one > tolerance(name)}
    assert not wrong, f"{len(wrong)} of {len(found)}: {dict(list(wrong.items())[:8])}"
    print(f"\n{backend}: {len(found)} models, largest relative difference {max(found.values()):.1e}")


def test_a_wrong_file_is_seen(written: Path, tmp_path: Path) -> None:
    name = next(path.stem for path in sorted(written.glob("*.keras")) if "dense" in path.stem)
    (tmp_path / f"{name}.keras").write_bytes((written / f"{name}.keras").read_bytes())
    with np.load(written / f"{name}.npz") as arrays:
        np.savez(tmp_path / f"{name}.npz", **{key: arrays[key] + (0.01 if key == "out_0" else 0) for key in arrays})
    command = [sys.executable, "-m", "tests.port.keras_legacy.backends", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout.splitlines()[-1])["found"][name] > 1e-4
