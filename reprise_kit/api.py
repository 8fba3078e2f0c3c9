"""The functions of `import reprise_kit`: what the commands do, for programs. Bad input raises InputError."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reprise_kit.compare import diff as diffing
from reprise_kit.compare import registry, runners
from reprise_kit.compare.comparison import ClipComparison, compare_clips
from reprise_kit.compare.contract import Pipeline
from reprise_kit.compare.explain import explainer
from reprise_kit.compare.input import Input, find
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.system import System
from reprise_kit.compare.trace import Trace
from reprise_kit.compare.verdict import Verdict
from reprise_kit.compare.weights import needed
from reprise_kit.port.keras_legacy.inspect import Inspection
from reprise_kit.port.keras_legacy.migrate import Options, Report


def open_pipeline(
    system: System | str, weights: Path | str | None = None, source_backend: str | None = None, **options: Any
) -> Pipeline:
    """Open the port of a system.

    Parameters
    ----------
    system: a name, the path of a system's folder, or what `load_system` returned.
    weights: a checkpoint; default: the original's where it was fetched, else the kit's own.
    source_backend: "theano" or "tensorflow", the one that the checkpoint was saved under; default: the system's.
    options: of the system's `Options`, such as decoder="ffmpeg".

    Returns
    -------
    A `Pipeline` (compare/contract.py): predict, predict_many, trace, decode, stage, provenance.
    """
    chosen = _system(system)
    return registry.open_pipeline(chosen, needed(chosen, _path(weights), source_backend), options)


def trace(
    path: Path | str,
    system: System | str = registry.DEFAULT,
    runner: str = "port",
    weights: Path | str | None = None,
    source_backend: str | None = None,
    **options: Any,
) -> Trace:
    """Record what leaves every stage of one side on one input.

    Parameters
    ----------
    path: the input's file. system, weights, source_backend, options: as `open_pipeline`.
    runner: "port", "python27", "docker", "node", "recorded" or a folder of traces.

    Returns
    -------
    A `Trace`: arrays by stage name, no batch axis, with the dtypes and units of system.toml; scalars; provenance.
    """
    settings = _settings(system, weights, source_backend, options)
    with runners.running(runner, settings) as side:
        return side.trace(Input.open(Path(path)), settings.system.stages)


def diff(
    reference: Trace, candidate: Trace, system: System | str | None = None, mode: str = "chained"
) -> list[Verdict]:
    """Compare two traces of one input.

    Parameters
    ----------
    system: whose stages and tolerances count; default: the traces' own. mode: "chained" or "isolated".

    Returns
    -------
    One `Verdict` for each declared stage, in data order; only one whose outcome is "match" is true.
    """
    stages = _system(system or reference.system).stages
    return diffing.diff(reference, candidate, stages, mode)


def compare_inputs(
    paths: Sequence[Path | str],
    out: Path | str,
    system: System | str = registry.DEFAULT,
    reference: str = "recorded",
    weights: Path | str | None = None,
    source_backend: str | None = None,
    **options: Any,
) -> list[ClipComparison]:
    """Run the original and the port on inputs and compare them stage by stage, isolated and chained.

    Parameters
    ----------
    paths: files, or folders of them. out: a new folder for every trace. reference: as `runner` of `trace`.

    Returns
    -------
    One comparison for each input: both traces, a verdict for each stage in both modes, and `agrees`.
    """
    settings = _settings(system, weights, source_backend, options)
    files = [Input.open(path) for path in find([Path(path) for path in paths], settings.system).files]
    with runners.running(reference, settings) as original, runners.running("port", settings) as port:
        return compare_clips(files, settings.system.stages, original, port, Path(out), explain=explainer(settings))


def inspect(path: Path | str, weights: Path | str | None = None) -> Inspection:
    """Say what an old Keras file is: versions, backend evidence, layers, risks. Nothing is built or run."""
    from reprise_kit.port.keras_legacy.inspect import inspect as look

    return look(Path(path), _path(weights))


def migrate(
    weights: Path | str,
    out: Path | str,
    architecture: Path | str | None = None,
    golden: Path | str | None = None,
    **options: Any,
) -> Report:
    """Write the Keras-3 file of an old Keras model and, with a recording, verify it.

    Parameters
    ----------
    weights: a whole model, or the weights that belong to `architecture` (JSON or YAML).
    golden: what original/record wrote beside the old Keras. options: of keras_legacy.migrate.Options.

    Returns
    -------
    A `Report`: lines (evidence, notes), and with `golden` a verdict; `agrees`.
    """
    from reprise_kit.port.keras_legacy.migrate import migrate_files

    return migrate_files(_path(architecture), Path(weights), Path(out), Options(**options), None, _path(golden))


def _system(system: System | str) -> System:
    return system if isinstance(system, System) else registry.load(system)


def _path(path: Path | str | None) -> Path | None:
    return None if path is None else Path(path)


def _settings(
    system: System | str, weights: Path | str | None, source_backend: str | None, options: dict[str, Any]
) -> Settings:
    chosen = _system(system)
    return Settings(chosen, _path(weights), source_backend or chosen.backend, options=options)
