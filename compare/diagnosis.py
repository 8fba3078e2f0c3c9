"""Explains the errors of a Keras-1 environment by what is installed in it: symptom, cause, cure.

Source of each rule: measured with the originals' code on Python 2.7 (and Keras 1.1.0 on a current TensorFlow).
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reprise_kit.compare.errors import InputError

# Runs inside the environment, on Python 2.7 or 3: looks, imports nothing of it.
PROBE = r"""
import json, os, re, sys
try:
    from importlib.metadata import distributions
    found = dict((d.metadata["Name"], d.version) for d in reversed(list(distributions())))  # the first one counts
except ImportError:
    import pkg_resources
    found = dict((d.project_name, d.version) for d in pkg_resources.working_set)
default = None
for folder in sys.path:
    source = os.path.join(folder, "keras", "backend", "__init__.py")
    if os.path.isfile(source):
        match = re.search(r"^_BACKEND = '(\w+)'", open(source).read(), re.M)
        default = match.group(1) if match else None
        break
print(json.dumps({"python": sys.version.split()[0], "packages": found, "default_backend": default}))
"""
UNPINNED_THEANO = (0, 9)
FIRST_BROKEN_TENSORFLOW = (0, 12)
FIRST_WITHOUT_PYTHON = (1,)
FIRST_WITHOUT_PLACEHOLDER = (2,)
FIRST_BROKEN_JOBLIB = (0, 12)


@dataclass(frozen=True)
class Environment:
    """What is installed: Python's version, packages by lower-case name, and the backend that Keras would choose."""

    python: str
    packages: dict[str, str]
    backend: str | None

    def version(self, name: str) -> tuple[int, ...] | None:
        """Return a package's version as numbers, or None where it is not installed."""
        text = self.packages.get(name)
        return tuple(int(n) for n in re.findall(r"\d+", text)[:3]) if text else None


@dataclass(frozen=True)
class Finding:
    """One explained error. symptom: what a person sees (or "no error: ..."), cause and cure in words."""

    symptom: str
    cause: str
    cure: str


def inspect(path: Path) -> Environment:
    """Look into an environment (its folder or its interpreter); raises InputError where there is no Python."""
    candidates = [path] if path.is_file() else [path / "bin" / "python", path / "python"]
    interpreter = next((p for p in candidates if p.is_file()), None)
    if interpreter is None:
        raise InputError(f"{path}: no Python in it; give a virtual environment's folder or an interpreter")
    try:
        done = subprocess.run([str(interpreter), "-c", PROBE], capture_output=True, text=True, timeout=60, check=False)
        found = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        raise InputError(f"{interpreter}: does not run as a Python interpreter") from None
    packages = {name.lower(): version for name, version in found["packages"].items() if name}
    return Environment(found["python"], packages, _backend(found["default_backend"]))


def _backend(default: str | None) -> str | None:
    """Return the backend that Keras 1 takes: KERAS_BACKEND, then ~/.keras/keras.json, then its own default."""
    if os.environ.get("KERAS_BACKEND"):
        return os.environ["KERAS_BACKEND"]
    try:
        named = json.loads((Path.home() / ".keras" / "keras.json").read_text()).get("backend")
    except (OSError, ValueError, AttributeError):
        named = None
    return named or default


def explain(environment: Environment) -> list[Finding]:
    """Return every error that this environment leads to, loud ones first."""
    keras = environment.version("keras")
    if keras is None:
        cure = "install a lock of original/eras with pip --require-hashes"
        return [Finding("ImportError: No module named keras", "Keras is not installed here", cure)]
    findings = [*_python(environment), *_audio(environment)]
    if keras[0] != 1:
        cause = f"Keras {environment.packages['keras']} is installed; the original pins 1.1.0, whose files it needs"
        return [*findings, Finding("model.yaml or weights cannot be read", cause, "install Keras==1.1.0")]
    return [*findings, *(_tensorflow(environment) if environment.backend == "tensorflow" else _theano(environment))]


def _python(environment: Environment) -> Iterator[Finding]:
    if not environment.python.startswith("2.7"):
        yield Finding(
            "ValueError: bad marshal data (and other errors on loading model.yaml)",
            f"this is Python {environment.python}; the model holds a function marshalled by Python 2.7",
            "make the environment with Python 2.7 (virtualenv 20.15.1 is the last that can)",
        )


def _tensorflow(environment: Environment) -> Iterator[Finding]:
    version = environment.version("tensorflow")
    if version is None:
        yield Finding(
            "ImportError: No module named tensorflow; and pip: No matching distribution found for tensorflow==0.10.0",
            "Keras is set to TensorFlow, which is not installed; PyPI's oldest is 0.12.0, so pip cannot find 0.10.0",
            "use Theano, as the original's authors did: KERAS_BACKEND=theano "
            "(0.10.0 comes by URL only: original/eras/requirements-tensorflow010.lock)",
        )
    elif version >= FIRST_BROKEN_TENSORFLOW:
        missing = "'python'" if version >= FIRST_WITHOUT_PYTHON else "'control_flow_ops'"
        if version >= FIRST_WITHOUT_PLACEHOLDER:
            missing += ", 'placeholder' or the like"
        yield Finding(
            f"AttributeError: module has no attribute {missing}",
            f"Keras 1.1.0 reads tensorflow.python.control_flow_ops and other names of 2016, which TensorFlow "
            f"{environment.packages['tensorflow']} no longer has (0.10 has them; 0.12 and newer do not)",
            "use Theano: KERAS_BACKEND=theano; on 0.12 the shim original/eras/shims/control_flow_ops.py answers it",
        )
    yield Finding(
        "AssertionError: Output to a TensorFlow backend function should be a list or tuple.",
        "the original hands K.function a bare tensor, which only Keras' Theano backend takes: on every TensorFlow",
        "use Theano: KERAS_BACKEND=theano; or the shim original/eras/shims/bare_tensor.py",
    )
    yield Finding(
        "no error: the answers are silently wrong (other genres on most steps)",
        "weights saved under Theano on the TensorFlow backend: Theano's convolution flips its kernels, TensorFlow's "
        "does not, and the weights file does not say where it was saved",
        "use Theano: KERAS_BACKEND=theano; or flip every convolution kernel when crossing over, as the port does",
    )


def _theano(environment: Environment) -> Iterator[Finding]:
    version = environment.version("theano")
    if version is None:
        yield Finding("ImportError: No module named theano", "Keras is set to Theano", "install Theano==0.8.2")
    elif version >= UNPINNED_THEANO:
        cause = f"Theano {environment.packages['theano']} is what an unpinned Keras 1.1.0 installs; the era's is 0.8.2"
        yield Finding("no error, or errors deep inside Theano's optimiser", cause, "install Theano==0.8.2")


def _audio(environment: Environment) -> Iterator[Finding]:
    joblib, librosa = environment.version("joblib"), environment.version("librosa")
    if librosa and librosa < (0, 5) and joblib and joblib >= FIRST_BROKEN_JOBLIB:
        yield Finding(
            "import librosa: TypeError: expected string or buffer",
            f"librosa {environment.packages['librosa']} does not work with joblib {environment.packages['joblib']}",
            "install joblib==0.10.3",
        )
    if environment.version("scikits.samplerate"):
        yield Finding(
            "no error: samples, and with them probabilities, differ from the original's",
            "scikits.samplerate is installed, so librosa resamples with it; the original had none and used SciPy",
            "pip uninstall scikits.samplerate",
        )
