"""Migrate the files of a Keras-1 model to a Keras-3 file, with the evidence, the notes and a verification."""

import importlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reprise_kit.compare.atomic import atomic_file, atomic_folder, refuse_folder, refuse_foreign
from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import evidence, read, verify
from reprise_kit.port.keras_legacy.recording import Recording, load

FORMATS = ("keras", "weights", "savedmodel", "onnx", "tflite")


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


def migrate_files(
    architecture: Path | None,
    weights: Path,
    out: Path,
    options: Options,
    recording: Path | None = None,
    golden: Path | None = None,
) -> Report:
    """Read, decide, build, write and, with `golden`, verify. Raises InputError for what is refused."""
    from reprise_kit.port.keras_legacy import build

    _check_name(out, options.to)
    verify.check_tolerance(options.tolerance)
    if golden is not None and options.channels_last:
        raise InputError("--verify compares in Keras 1's own layout; leave out --channels-last")
    model = _read(architecture, weights)
    wanted = load(golden) if golden else None
    seen = load(recording) if recording else wanted
    settings: dict[str, Any] = {
        "keras_version": options.keras_version or _recorded_version(model, seen),
        "dim_ordering": options.dim_ordering,
        "legacy_bugs": options.legacy_bugs,
        "replace": dict(map(replacement, options.replace)),
    }
    found = evidence.decide(model, options.source_backend, seen, options.tolerance, **settings)
    migrated = build.migrate(model, str(found.backend), channels_last=options.channels_last, **settings)
    _check_export(migrated.model, options.to)
    _write(migrated.model, out, options.to)
    needs, module = ", ".join(migrated.needs), "reprise_kit.port.keras_legacy.layers"
    lines = [
        *found.lines,
        found.conclusion,
        *migrated.notes,
        f"needs {module} imported before loading ({needs})" if needs else "stock Keras 3, no import of ours",
    ]
    if settings["keras_version"] != options.keras_version:
        lines.append(f"Keras version {settings['keras_version']}: the recording's, for the files record none")
    if wanted is None:
        return Report(lines)
    verdict = verify.compare(migrated, wanted, options.tolerance, _predict(migrated.model, out, options.to))
    return Report(lines, verdict, _why(verdict, model, str(found.backend), settings, wanted))


def _recorded_version(model: read.Keras1Model, seen: Recording | None) -> str | None:
    """Return the Keras version that the old stack recorded with, where the files themselves say none."""
    return None if model.version or seen is None else seen.provenance.get("keras")


def _why(
    verdict: verify.Verdict, model: read.Keras1Model, backend: str, settings: dict[str, Any], wanted: Recording
) -> str:
    if verdict.nothing is not None or not verdict.differing:
        return ""
    from reprise_kit.port.keras_legacy import causes

    return causes.explain(model, backend, settings, wanted, verdict)


def _read(architecture: Path | None, weights: Path) -> read.Keras1Model:
    if architecture is not None and architecture.is_file():
        with architecture.open("rb") as file:
            # Whole models are called model.h5 and passed as either.
            if file.read(8) == b"\x89HDF\r\n\x1a\n":
                return read.read(None, architecture)
    return read.read(architecture, weights)


def replacement(text: str) -> tuple[str, Callable[[Any], Any]]:
    """Return the layer name and the function of NAME=module:function, imported from the working folder too."""
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
    return name, found() if isinstance(found, type) else found


def _check_name(out: Path, to: str) -> None:
    suffix = {"keras": ".keras", "weights": ".weights.h5", "onnx": ".onnx", "tflite": ".tflite"}.get(to, "")
    if not out.name.endswith(suffix):
        raise InputError(f"{out}: a file for --to {to} must end in {suffix}")
    if to == "savedmodel":
        refuse_foreign(out, "migrate")
    else:
        refuse_folder(out)


def _check_export(model: Any, to: str) -> None:
    """Refuse what Keras 3 gets wrong outside itself: a TimeDistributed over an open time axis, in any export."""
    if to in ("keras", "weights"):
        return
    for layer in model._flatten_layers():
        if type(layer).__name__ == "TimeDistributed" and layer.input.shape[1] is None:
            raise InputError(
                f"layer {layer.name}: Keras 3 exports a TimeDistributed with an open number of steps wrongly; "
                "use --to keras, or give the model a fixed number of steps"
            )


def _write(model: Any, out: Path, to: str) -> None:
    if to == "savedmodel":
        with atomic_folder(out, "migrate") as folder, _temporaries(folder.parent):
            model.export(str(folder), verbose=False)
        return
    with atomic_file(out) as temporary, _temporaries(temporary.parent), _quiet():
        if to == "keras":
            model.save(temporary)
        elif to == "weights":
            from reprise_kit.port.shared.weights_file import write_weights

            write_weights(model, temporary)
        elif to == "onnx":
            _write_onnx(model, temporary)
        else:
            temporary.write_bytes(_tflite(model, temporary.parent / "exported"))


@contextmanager
def _temporaries(folder: Path) -> Iterator[None]:
    """Have Keras and TensorFlow put what they write on the way into `folder`: where they fail, they leave it there."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the converters' C++ from writing to standard error: what they have to say to a person, they raise."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nothing:  # noqa: PTH123
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _write_onnx(model: Any, path: Path) -> None:
    try:
        import tf2onnx  # noqa: F401
    except ImportError as error:
        raise InputError("--to onnx needs the optional packages: pip install 'reprise-kit[onnx]'") from error
    try:
        model(model.input)  # Keras exports to ONNX only what has been called
        model.export(str(path), format="onnx", verbose=False)
    except OSError:
        raise
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise InputError(f"tf2onnx cannot convert this model with this TensorFlow: {text}") from error


def _tflite(model: Any, exported: Path) -> bytes:
    import tensorflow as tf

    # Not from_keras_model: where the disk is full it would try another way, which Keras 3 does not know.
    model.export(str(exported), verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(exported))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    return bytes(converter.convert())


def _predict(model: Any, out: Path, to: str) -> verify.Predict:
    """Return what runs the written file, loaded as a user would; another format than .keras: the model it is from."""
    if to == "keras":
        import keras

        from reprise_kit.port.keras_legacy import layers  # noqa: F401  (registers what the model may need)

        model = keras.saving.load_model(out, safe_mode=True)
    return lambda inputs: verify.run(model, inputs)
