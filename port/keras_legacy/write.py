"""Write a migrated model in the format a person asks for, and run what was written once before it gets its name."""

import itertools
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from reprise_kit.compare.atomic import atomic_file, atomic_folder, refuse_folder, refuse_foreign
from reprise_kit.compare.errors import InputError

FORMATS = ("keras", "weights", "savedmodel", "onnx", "tflite")
# Lengths that are tried for axes a model leaves open: a valid convolution or pooling needs a smallest one.
_OPEN = (8, 32, 128, 512)


def write(model: Any, out: Path, to: str, custom: dict[str, Any] | None = None) -> list[str]:
    """Write `model` to `out` in the format `to`, after the file has run once forward; return notes.

    custom: a person's own classes by name, which a .keras file that has them needs to be loaded. Raises InputError,
    and leaves nothing, where the format cannot hold the model or what was written does not run.
    """
    if to == "savedmodel":
        with atomic_folder(out, "migrate") as folder, _temporaries(folder.parent):
            model.export(str(folder), verbose=False)
            return _run(model, folder, to, custom or {})
    with atomic_file(out) as temporary, _temporaries(temporary.parent), _quiet():
        if to == "keras":
            model.save(temporary)
        elif to == "weights":
            from reprise_kit.port.keras_legacy.weights_file import write_weights

            write_weights(model, temporary)
        elif to == "onnx":
            _write_onnx(model, temporary)
        else:
            temporary.write_bytes(_tflite(model, temporary.parent / "exported"))
        return _run(model, temporary, to, custom or {})


def _run(model: Any, path: Path, to: str, custom: dict[str, Any]) -> list[str]:
    """Load what was written and run it once on zeros; return notes. What fails is an InputError."""
    runs = {"keras": _run_keras, "weights": _run_weights, "savedmodel": _run_saved, "onnx": _run_onnx}
    try:
        return runs.get(to, _run_tflite)(model, path, custom)
    except (InputError, OSError):
        raise
    except Exception as error:  # TensorFlow, Keras and the other runtimes have many types
        text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise InputError(f"the migrated model does not run as --to {to}, nothing is written: {text}") from error


def _inputs(model: Any) -> Iterator[list[np.ndarray]]:
    """Yield zeros for a model's inputs, in longer and longer sizes along the axes that it leaves open."""
    tensors = model.inputs
    open_axes = any(None in tensor.shape[1:] for tensor in tensors)
    for length in _OPEN if open_axes else _OPEN[:1]:
        shapes = [(tensor.shape[0] or 1, *(size or length for size in tensor.shape[1:])) for tensor in tensors]
        yield [np.zeros(shape, tensor.dtype) for shape, tensor in zip(shapes, tensors, strict=True)]


def _first_that_runs(model: Any, call: Any) -> None:
    errors = []
    for arrays in _inputs(model):
        try:
            call(arrays)
        except Exception as error:
            errors.append(error)
        else:
            return
    raise errors[0]


def _predict(model: Any) -> None:
    _first_that_runs(model, lambda arrays: model.predict_on_batch(arrays[0] if len(arrays) == 1 else arrays))


def _run_keras(model: Any, path: Path, custom: dict[str, Any]) -> list[str]:
    import keras

    from reprise_kit.port.keras_legacy import layers  # noqa: F401  (registers what the model may need)

    _predict(keras.saving.load_model(path, custom_objects=custom, safe_mode=True))
    return []


def _run_weights(model: Any, path: Path, custom: dict[str, Any]) -> list[str]:
    import keras

    named = path.parent / "reloaded.weights.h5"  # a link: the file itself may have any name that ends so
    named.symlink_to(path.name)
    try:
        again = keras.models.clone_model(model)
        again.load_weights(named)
    finally:
        named.unlink()
    _predict(again)
    return []


def _run_saved(model: Any, path: Path, custom: dict[str, Any]) -> list[str]:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    _first_that_runs(model, lambda arrays: loaded.serve(*map(tf.constant, arrays)))
    return []


def _run_onnx(model: Any, path: Path, custom: dict[str, Any]) -> list[str]:
    try:
        import onnxruntime
    except ImportError:
        return ["not run: onnxruntime is not installed (pip install 'reprise-kit[onnx]')"]
    session = onnxruntime.InferenceSession(str(path))
    names = [given.name for given in session.get_inputs()]
    _first_that_runs(model, lambda arrays: session.run(None, dict(zip(names, arrays, strict=True))))
    return []


def _run_tflite(model: Any, path: Path, custom: dict[str, Any]) -> list[str]:
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(str(path))
    flex = sorted({op["op_name"] for op in interpreter._get_ops_details() if op["op_name"].startswith("Flex")})
    if flex:
        return [f"not run here: the .tflite needs TensorFlow's Flex delegate, for {', '.join(flex)}"]

    def call(arrays: list[np.ndarray]) -> None:
        pairs = _in_order(interpreter.get_input_details(), arrays)
        for place, array in pairs:
            interpreter.resize_tensor_input(place, array.shape)
        interpreter.allocate_tensors()
        for place, array in pairs:
            interpreter.set_tensor(place, array)
        interpreter.invoke()

    _first_that_runs(model, call)
    return []


def _in_order(given: list[dict[str, Any]], arrays: list[np.ndarray]) -> list[tuple[int, np.ndarray]]:
    """Pair an interpreter's inputs, which it lists in an order of its own, with arrays of fitting sizes."""
    for order in itertools.permutations(arrays):
        signatures = [tuple(one["shape_signature"]) for one in given]
        if all(_fits(signature, array.shape) for signature, array in zip(signatures, order, strict=True)):
            return [(one["index"], array) for one, array in zip(given, order, strict=True)]
    raise InputError("the .tflite takes other inputs than the model")


def _fits(signature: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return len(signature) == len(shape) and all(a in (-1, b) for a, b in zip(signature, shape, strict=True))


def check_name(out: Path, to: str) -> None:
    """Refuse a name that the format does not take, and a place that holds something else."""
    suffix = {"keras": ".keras", "weights": ".weights.h5", "onnx": ".onnx", "tflite": ".tflite"}.get(to, "")
    if not out.name.endswith(suffix):
        raise InputError(f"{out}: a file for --to {to} must end in {suffix}")
    if to == "savedmodel":
        refuse_foreign(out, "migrate")
    else:
        refuse_folder(out)


def check_export(model: Any, to: str) -> None:
    """Refuse what Keras 3 gets wrong outside itself: a TimeDistributed over an open time axis, in any export."""
    if to in ("keras", "weights"):
        return
    for layer in model._flatten_layers():
        if type(layer).__name__ == "TimeDistributed" and layer.input.shape[1] is None:
            raise InputError(
                f"layer {layer.name}: Keras 3 exports a TimeDistributed with an open number of steps wrongly; "
                "use --to keras, or give the model a fixed number of steps"
            )


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
