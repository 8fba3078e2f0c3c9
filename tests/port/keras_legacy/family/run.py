"""Make the whole family of models of real Keras 1, Keras 2 (Python 2.7 and 3.7, both backends) and tf.keras.

    python -m tests.port.keras_legacy.family.run OUT [--python27 python2.7] [--only 1.2.2-theano ...] [--models X ...]
    python -m tests.port.keras_legacy.family.run OUT --record tests/port/keras_legacy/recorded

Needs a Python 2.7 and a 3.7 with pip (--python27, --python37), and g++. The pins are installed into OUT/.env without
touching those Pythons. The second form packs the small share of OUT that is kept in the repository.
`py27/make.py` tells the layout of OUT.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
VERSIONS = ("1.0.6", "1.0.7", "1.1.0", "1.2.2", "2.0.9", "2.1.6", "2.2.4", "2.3.1")
# tf.keras: the Python of each TensorFlow, and its pins. 1.15's is beside Keras 2, in BASE_2.
OLD_NUMPY = ("numpy==1.18.5", "h5py==2.10.0", "protobuf==3.20.3", "pyyaml==5.3.1")
TENSORFLOWS: dict[str, tuple[str, tuple[str, ...]]] = {
    "1.13.2": ("3.7", ("tensorflow==1.13.2", *OLD_NUMPY)),
    "1.15.5": ("3.7", ("tensorflow==1.15.5", *OLD_NUMPY)),
    "2.3.4": ("3.8", ("tensorflow-cpu==2.3.4", *OLD_NUMPY)),
    "2.8.4": ("3.10", ("tensorflow-cpu==2.8.4", "numpy==1.23.5", "protobuf==3.19.6", "pyyaml==6.0.1")),
    "2.15.1": ("3.11", ("tensorflow-cpu==2.15.1", "numpy==1.26.4", "pyyaml==6.0.1")),
}
COMBINATIONS = (
    *(f"{keras}-{backend}" for keras in VERSIONS for backend in ("theano", "tensorflow")),
    *(f"tf{version}-tensorflow" for version in TENSORFLOWS),
)
BASE_2 = (
    *("numpy==1.18.5", "scipy==1.4.1", "h5py==2.10.0", "pyyaml==5.3.1", "protobuf==3.20.3", "tensorflow==1.15.5"),
    *("keras-applications==1.0.8", "keras-preprocessing==1.1.2", "Theano==1.0.5"),
)
BASE = (
    "numpy==1.11.3",
    "scipy==0.17.0",
    "h5py==2.6.0",
    "pyyaml==3.12",
    "six==1.10.0",
    "protobuf==3.1.0",
    "mock==2.0.0",
    "tensorflow==0.12.1",
)
# Keras 1.2.2 wants Theano 0.9's three-dimensional convolution; the others are of 0.8's time.
THEANO = {"1.0.6": "0.8.2", "1.0.7": "0.8.2", "1.1.0": "0.8.2", "1.2.2": "0.9.0"}
FILES = ("model.json", "weights.h5", "golden.npz", "twice.json", "twice.yaml")
OTHER_FORMS = ("model.yaml", "whole.h5")
WHOLE_EVERY = 12  # of the recorded models, how many keep their whole-model and YAML files too
EVERYWHERE = (
    *("bn_mode0_4d_axis1", "bn_mode0_dense", "bn_mode1_3d", "conv1d_same_4_s1", "crnn", "dense_trained"),
    *("bn_plain", "conv1d_same_3_1_1", "conv_net_th", "conv_net_tf"),
)


def install(python27: str, target: Path, *pins: str, dependencies: bool = True) -> None:
    """Install `pins` into the folder `target` once."""
    if target.exists():
        return
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    extra = [] if dependencies else ["--no-deps"]
    subprocess.run([python27, "-m", "pip", "install", "-q", *extra, "--target", part, *pins], check=True)
    part.rename(target)


def environment(python27: str, out: Path, keras: str, backend: str) -> dict[str, str]:
    """Install what one combination needs and return the environment its process runs in."""
    env = out / ".env"
    env.mkdir(parents=True, exist_ok=True)
    base, theano = env / "base", env / f"theano-{THEANO[keras]}"
    install(python27, base, *BASE)
    (base / "google" / "__init__.py").touch()  # protobuf's namespace works from site-packages only
    install(python27, theano, f"Theano=={THEANO[keras]}", dependencies=False)
    install(python27, env / f"keras-{keras}", f"Keras=={keras}", dependencies=False)
    libraries = base / "numpy" / ".libs"
    blas = env / "blas" / "libopenblas.so"  # the wheel's own BLAS, under the name a linker looks for
    if not blas.exists():
        blas.parent.mkdir(exist_ok=True)
        blas.symlink_to(next(libraries.glob("libopenblas*")).resolve())
    flags = f"base_compiledir={theano}.cache,floatX=float32,optimizer=fast_compile"
    return os.environ | {
        "HOME": str(env),
        "KERAS_BACKEND": backend,
        "LD_LIBRARY_PATH": str(libraries),
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(map(str, (env / f"keras-{keras}", theano, base, HERE / "py27"))),
        "THEANO_FLAGS": f"{flags},blas.ldflags=-L{blas.parent} -lopenblas",
    }


def environment_2(python37: str, out: Path, keras: str, backend: str) -> dict[str, str]:
    """As `environment`, for a Keras 2 in Python 3.7."""
    env = out / ".env"
    env.mkdir(parents=True, exist_ok=True)
    install(python37, env / "base-2", *BASE_2)
    install(python37, env / f"keras-{keras}", f"Keras=={keras}", dependencies=False)
    places = (env / f"keras-{keras}", env / "base-2", HERE / "py37", HERE / "py27")
    return os.environ | {
        "HOME": str(env),
        "KERAS_BACKEND": backend,
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(map(str, places)),
        "THEANO_FLAGS": f"base_compiledir={env / 'theano-2.cache'},floatX=float32,optimizer=fast_compile,blas.ldflags=",
    }


def generate(pythons: dict[str, str], out: Path, combinations: list[str], models: list[str]) -> None:
    for combination in combinations:
        keras, backend = combination.split("-")
        if keras.startswith("tf"):
            generate_tf(out, keras.removeprefix("tf"), models)
            continue
        python = pythons[keras[0]]
        env = (environment if keras < "2" else environment_2)(python, out, keras, backend)
        print(combination, flush=True)
        command = [python, HERE / "py27" / "make.py", out, *models]
        subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)


def generate_tf(out: Path, version: str, models: list[str]) -> None:
    """As `generate`, by the tf.keras of a TensorFlow, in the Python that it ran in (python3.7 ... on PATH)."""
    minor, pins = TENSORFLOWS[version]
    python, packages = f"python{minor}", out / ".env" / f"tf-{version}"
    packages.parent.mkdir(parents=True, exist_ok=True)
    install(python, packages, *pins)
    quiet = {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONDONTWRITEBYTECODE": "1"}
    env = os.environ | quiet | {"PYTHONPATH": str(packages)}
    print(f"tf{version}-tensorflow", flush=True)
    command = [python, HERE / "tf_keras" / "make_tf.py", out, *models]
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)


def record(out: Path, target: Path, combinations: list[str], added: list[str]) -> None:
    """Keep every model once, from one combination after the other, and a few from every combination.

    With `added`, models of these names are put into the archives that are there, from every combination that has them.
    """
    for combination in combinations if added else ():
        _add(out / combination, target / f"{combination}.zip", added)
    if added:
        return
    for generation in ("1", "2", "tf"):
        chosen = [combination for combination in combinations if combination.startswith(generation)]
        if chosen:
            _record(out, target, chosen)


def _record(out: Path, target: Path, combinations: list[str]) -> None:
    made = {c: json.loads((out / c / "index.json").read_text())["made"] for c in combinations}
    taken = {c: [(name, True) for name in EVERYWHERE if name in made[c]] for c in combinations}
    for place, name in enumerate(sorted(set().union(*made.values()) - set(EVERYWHERE))):
        able = [combination for combination in combinations if name in made[combination]]
        taken[able[place % len(able)]].append((name, place % WHOLE_EVERY == 0))
    target.mkdir(parents=True, exist_ok=True)
    for combination, models in taken.items():
        with zipfile.ZipFile(target / f"{combination}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            keep(archive, "index.json", json.dumps(shortened(out / combination, models), indent=1, sort_keys=True))
            for name, every_form in sorted(models):
                for file in FILES + (OTHER_FORMS if every_form else ()):
                    source = out / combination / name / file
                    if source.exists():
                        keep(archive, f"{name}/{file}", source.read_bytes())


def _add(source: Path, path: Path, names: list[str]) -> None:
    made = json.loads((source / "index.json").read_text())["made"]
    names = [name for name in sorted(names) if name in made]
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist() if name.partition("/")[0] not in names}
    index = json.loads(held.pop("index.json"))
    index["made"] |= {name: {"classes": made[name]["classes"]} for name in names}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        keep(archive, "index.json", json.dumps(index, indent=1, sort_keys=True))
        for name, data in held.items():
            keep(archive, name, data)
        for name, file in ((name, file) for name in names for file in FILES):
            if (source / name / file).exists():
                keep(archive, f"{name}/{file}", (source / name / file).read_bytes())


def keep(archive: zipfile.ZipFile, name: str, data: str | bytes) -> None:
    """Add one entry without a date, so that the same family gives the same archive."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, data)


def shortened(folder: Path, models: list[tuple[str, bool]]) -> dict[str, object]:
    """The index of what is kept: versions, classes of each model, and what Keras itself could not make."""
    index = json.loads((folder / "index.json").read_text())
    index["made"] = {name: {"classes": index["made"][name]["classes"]} for name, _ in models}
    return dict(index)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--python27", default="python2.7")
    parser.add_argument("--python37", default="python3.7")
    parser.add_argument("--only", nargs="+", choices=COMBINATIONS, default=list(COMBINATIONS))
    parser.add_argument(
        "--models", nargs="+", default=[], help="make, or add to the record, only these, of those combinations"
    )
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    if options.record:
        record(options.out.resolve(), options.record, options.only, options.models)
    else:
        generate({"1": options.python27, "2": options.python37}, options.out.resolve(), options.only, options.models)


if __name__ == "__main__":
    sys.exit(main())
