"""Both trainers on the same start and the same batches: the original's live in Python 2.7, and the port."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reprise_kit.compare import registry, trace
from reprise_kit.compare.diff import compare_arrays
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.programs import run_program
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.runners.python27 import Python27Runner, last_line
from reprise_kit.compare.stage import Stage, Tolerance
from reprise_kit.compare.system import System
from reprise_kit.compare.verdict import Verdict

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Parity:
    """What both sides did. verdicts: losses, then every weight, chained, then the last step alone, isolated."""

    original: Arrays
    port: Arrays
    verdicts: list[Verdict]


def rows(system: System) -> dict[str, Any]:
    """Read a system's training.toml; raises InputError where the system has no trainer."""
    path = system.folder / "training.toml"
    if not path.is_file():
        raise InputError(f"{system.name} has no trainer: no training.toml in its folder")
    return tomllib.loads(path.read_text())


def make_request(x: np.ndarray, y: np.ndarray, start: Arrays, steps: int, batch: int = 32, seed: int = 0) -> Arrays:
    """Return what both sides are given: x and y float32, `steps` batches of the training part, and the start.

    Weights are recorded after the first step and the last two. Raises InputError on fewer tracks than a batch.
    """
    n_train = len(x) - int(np.ceil(0.3 * len(x)))
    if n_train < batch or steps < 2:
        raise InputError(f"{n_train} tracks to train on and {steps} steps; give at least {batch} tracks and 2 steps")
    random = np.random.default_rng(seed)
    whole = n_train // batch
    epochs = [random.permutation(n_train)[: whole * batch].reshape(whole, batch) for _ in range(-(-steps // whole))]
    given = {"x": x, "y": y, "batches": np.concatenate(epochs)[:steps], "keep": np.array([1, steps - 1, steps])}
    return given | {f"start/{name}": array for name, array in start.items()}


def run_original(settings: Settings, request: Arrays, folder: Path) -> Arrays:
    """Train the original in its Python 2.7; raises InputError where that cannot be run or fails.

    folder: gets request.npz and the trace in `original`.
    """
    runner = Python27Runner(settings)
    reason = runner.unavailable_reason()
    if reason:
        raise InputError(reason)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "request.npz", **request)  # type: ignore[arg-type]
    try:
        command, variables = runner.command()
        adapter = settings.system.folder / "train_trace.py"
        arguments = ["--upstream", str(runner.copied), "--request", str(folder / "request.npz")]
        words = [command[0], adapter, *arguments, "--out", folder / "original"]
        done = run_program(words, settings.time_limit, env=variables)
    finally:
        runner.close()
    if done.returncode:
        raise InputError(f"the original failed to train: {last_line(done.stderr)}")
    return trace.load(folder / "original").arrays


def compare(system: System, request: Arrays, original: Arrays) -> Parity:
    """Train the port on the same request and compare losses and every weight, chained and isolated."""
    port = registry.trainer(system)
    steps, allowed = len(request["batches"]), rows(system)
    chained = port.train_trace(request)
    alone = port.one_step(request, original, steps)
    wanted = {"losses": original["losses"]} | port.under(original, f"after_{steps}")
    last = wanted | {"losses": original["losses"][-1:]}
    verdicts = [
        compare_arrays(
            _stage(name, array, allowed, mode),
            mode,
            array,
            made.get(name if name == "losses" else f"after_{steps}/{name}"),
        )
        for mode, made, arrays in (("chained", chained, wanted), ("isolated", alone, last))
        for name, array in arrays.items()
    ]
    return Parity(original, chained, verdicts)


def _stage(name: str, array: np.ndarray, allowed: Mapping[str, Any], mode: str) -> Stage:
    row = allowed[mode]["losses" if name == "losses" else "weights"]
    axes = ("n_steps",) if name == "losses" else tuple(f"axis_{i}" for i in range(array.ndim))
    unit = "nats" if name == "losses" else "weight"
    return Stage(name, axes, str(array.dtype), unit, "clip", {mode: Tolerance(**row)})
