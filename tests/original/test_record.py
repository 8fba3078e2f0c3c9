"""record.py in a real Python 2.7 with Keras 1.1.0, and its recording through the migration."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from reprise_kit.compare import registry, python27, system
from reprise_kit.compare.system import ROOT
from reprise_kit.port.keras_legacy import recording
from reprise_kit.port.keras_legacy.migrate import Options, migrate_files
from tests.port.keras_legacy import models
from tests.require import require


@pytest.fixture(scope="module")
def old_python() -> Path:
    interpreter = python27.find_interpreter()
    if interpreter is None:
        require("python27", "no Python 2.7 found (REPRISE_PYTHON27, PATH, pyenv)")
    lock = registry.load("deepsound_crnn").file.environments["theano"].requirements
    return python27.environment(interpreter, ROOT / lock)


def record(old_python: Path, folder: Path, *arguments: object) -> Path:
    out = folder / "golden.npz"
    command = [old_python, ROOT / "original/record.py", *arguments, "--out", out]
    private = python27.private_settings(folder / "settings", "theano")
    done = subprocess.run(list(map(str, command)), env=private, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return out


def test_record_migrate_verify(old_python: Path, tmp_path: Path) -> None:
    config, groups = models.dense_net(np.random.RandomState(0))
    architecture, weights = models.save(tmp_path, config, groups)
    golden = record(old_python, tmp_path, "--architecture", architecture, "--weights", weights, "--layers")
    arrays = recording.arrays(golden)
    assert b'"keras": "1.1.0"' in arrays["provenance"].item()
    assert arrays["in_0"].shape == (4, 3) and arrays["layer_zeta"].shape == (4, 4)
    report = migrate_files(architecture, weights, tmp_path / "m.keras", Options(), golden=golden)
    compared = [*report.verdict.layers, *report.verdict.outputs]
    assert [d.name for d in compared] == ["zeta", "alpha", "out_0"]
    assert report.agrees and max(d.max_rel for d in compared) < 1e-6


def test_given_inputs_are_the_ones_recorded(old_python: Path, tmp_path: Path) -> None:
    files = models.save(tmp_path, *models.dense_net(np.random.RandomState(0)))
    inputs = tmp_path / "inputs.npz"
    np.savez(inputs, in_0=models.normal(np.random.RandomState(7), 2, 3))
    golden = record(old_python, tmp_path, "--architecture", files[0], "--weights", files[1], "--inputs", inputs)
    arrays = recording.arrays(golden)
    assert np.array_equal(arrays["in_0"], np.load(inputs)["in_0"])
    assert arrays["out_0"].shape == (2, 2) and not any(key.startswith("layer_") for key in arrays)
