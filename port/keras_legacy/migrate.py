"""Migrate the files of a Keras-1 model to a Keras-3 file, with the evidence, the notes and a verification."""

import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reprise_kit.compare import keras_settings
from reprise_kit.compare.errors import InputError, Terminated
from reprise_kit.port.keras_legacy import file_kinds, keras3, read, saved_under, verify
from reprise_kit.port.keras_legacy.dialects.dialect import TF_KERAS
from reprise_kit.port.keras_legacy.prepare import prepare
from reprise_kit.port.keras_legacy.recording import Recording, load, no_numbers
from reprise_kit.port.keras_legacy.write import check_export, check_name, write


@dataclass(frozen=True)
class Options:
    """What a person may settle that the files leave open; see reprise_kit.port.keras_legacy.build.migrate."""

    source_backend: str = "auto"
    keras_version: str | None = None
    dim_ordering: str | None = None
    legacy_bugs: str | None = None
    channels_last: bool = False
    replace: tuple[str, ...] = ()
    to: str = "keras"
    tolerance: float = verify.TOLERANCE
    ignore: tuple[str, ...] = ()
    pair_by: str | None = None
    output_shape: tuple[str, ...] = ()
    input_shape: tuple[str, ...] = ()

    def settings(self, recorded_version: str | None = None) -> dict[str, Any]:
        """Return the settings of build.migrate that these options are. Raises InputError."""
        return {
            "keras_version": self.keras_version or recorded_version,
            "dim_ordering": self.dim_ordering,
            "legacy_bugs": self.legacy_bugs,
            "replace": dict(map(replacement, self.replace)),
            "ignore": self.ignore,
            "pair_by": self.pair_by,
            "output_shapes": dict(map(output_shape, self.output_shape)),
            "input_shapes": dict(map(input_shape, self.input_shape)),
        }


@dataclass(frozen=True)
class Report:
    """What to tell a person: lines, and with a verification its verdict and, where it fails, why."""

    lines: list[str]
    verdict: verify.Verdict | None = None
    explanation: str = ""

    @property
    def agrees(self) -> bool:
        """Return whether there is nothing to say against the migrated model."""
        return self.verdict is None or self.verdict.agrees


@keras_settings.imported()
def migrate_files(
    architecture: Path | None,
    weights: Path,
    out: Path,
    options: Options,
    recording: Path | None = None,
    golden: Path | None = None,
) -> Report:
    """Read, decide, build, write and, with `golden`, verify. Raises InputError for what is refused."""
    check_name(out, options.to)
    verify.check_tolerance(options.tolerance)
    if golden is not None and options.channels_last:
        raise InputError("--verify compares in Keras 1's own layout; leave out --channels-last")
    model = _read(architecture, weights)
    wanted = _golden(golden) if golden else None
    seen = load(recording) if recording else wanted
    settings = options.settings(_recorded_version(model, seen))
    # Whatever is refused here takes no start of TensorFlow.
    prepare(model, **{key: settings[key] for key in inspect.signature(prepare).parameters if key != "model"})
    found = saved_under.decide(model, options.source_backend, seen, options.tolerance, **settings)
    from reprise_kit.port.keras_legacy import build

    migrated = build.migrate(model, str(found.backend), channels_last=options.channels_last, **settings)
    check_export(migrated.model, options.to)
    custom = {own.__name__: own for own in settings["replace"].values() if isinstance(own, type)}
    notes = write(migrated.model, out, options.to, custom)
    lines = [*found.lines, found.conclusion, *migrated.notes, *notes, _needs(migrated.needs)]
    if model.dialect is TF_KERAS and architecture is None and options.to == "keras":
        lines += keras3.says(weights, model.written, migrated.model)
    if settings["keras_version"] != options.keras_version:
        lines.append(f"Keras version {settings['keras_version']}: the recording's, for the files record none")
    if wanted is None:
        return Report([*lines, *filter(None, [no_numbers(migrated.model)])])
    verdict = verify.compare(migrated, wanted, options.tolerance, _predict(migrated.model, out, options.to, custom))
    return Report(lines, verdict, _why(verdict, model, str(found.backend), settings, wanted))


def _golden(path: Path) -> Recording:
    wanted = load(path)
    if not all(array.size for array in wanted.inputs + wanted.outputs):
        raise InputError(f"{path}: the recording is empty, which proves nothing; record it with samples")
    return wanted


def _needs(layers: list[str]) -> str:
    if not layers:
        return "stock Keras 3, no import of ours"
    return f"needs reprise_kit.port.keras_legacy.layers imported before loading ({', '.join(layers)})"


def _recorded_version(model: read.OldModel, seen: Recording | None) -> str | None:
    """Return the Keras version that the old stack recorded with, where the files themselves say none."""
    return None if model.version or seen is None else seen.provenance.get("keras")


def _why(
    verdict: verify.Verdict, model: read.OldModel, backend: str, settings: dict[str, Any], wanted: Recording
) -> str:
    if verdict.nothing is not None or not verdict.differing:
        return ""
    from reprise_kit.port.keras_legacy import causes

    return causes.explain(model, backend, settings, wanted, verdict)


def _read(architecture: Path | None, weights: Path) -> read.OldModel:
    # Whole models are called model.h5 and passed as either.
    if architecture is not None and file_kinds.is_hdf5(architecture):
        return read.read(None, architecture)
    return read.read(architecture, weights)


def replacement(text: str) -> tuple[str, Callable[[Any], Any]]:
    """Return the name and the function or class of NAME=module:function, imported from the working folder too.

    NAME is a layer's, a class's or an activation's. A function takes the layer's input tensor or list of them (and
    its mask, where it has an argument `mask`). A class of keras.layers.Layer is made with the config keys that its
    constructor names, called, and given the layer's weights in the file's order; every layer with weights needs one.
    """
    name, _, target = text.partition("=")
    module, _, attribute = target.partition(":")
    if not (name and module and attribute):
        raise InputError(f"--replace {text!r}; NAME=module:function is needed")
    if os.getcwd() not in sys.path:  # noqa: PTH109
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(f"--replace {text!r}: {error}") from error
    except Terminated:
        raise
    except (Exception, SystemExit) as error:  # whatever the module does where it is imported
        raise InputError(
            f"--replace {text!r}: {module} cannot be imported ({type(error).__name__}: {error})"
        ) from error
    return name, found


def output_shape(text: str) -> tuple[str, tuple[int, int]]:
    """Return the layer name and the (rows, columns) of LAYER=rows,columns."""
    name, _, sizes = text.rpartition("=")
    found = re.fullmatch(r"(\d+),(\d+)", sizes)
    if not name or not found:
        raise InputError(f"--output-shape {text!r}; LAYER=ROWS,COLUMNS is needed")
    return name, (int(found[1]), int(found[2]))


def input_shape(text: str) -> tuple[str, tuple[int | None, ...]]:
    """Return the layer name and the sizes of one input of LAYER=SIZE,SIZE,...; a size may be `-`, any."""
    name, _, sizes = text.rpartition("=")
    if not name or not re.fullmatch(r"([1-9]\d{0,8}|-)(,([1-9]\d{0,8}|-))*", sizes):
        raise InputError(
            f"--input-shape {text!r}; LAYER=SIZE,SIZE,... of one input is needed, - for a size that is any"
        )
    return name, tuple(None if size == "-" else int(size) for size in sizes.split(","))


def _predict(model: Any, out: Path, to: str, custom: dict[str, Any]) -> verify.Predict:
    """Return what runs the written file, loaded as a user would; another format than .keras: the model it is from."""
    if to == "keras":
        import keras

        from reprise_kit.port.keras_legacy import layers  # noqa: F401  (registers what the model may need)

        model = keras.saving.load_model(out, custom_objects=custom, safe_mode=True)
    return lambda inputs: verify.run(model, inputs)
