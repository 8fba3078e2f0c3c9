"""The packages that an environment is asked to hold: what is stated, what is imported, and what Keras needs unsaid."""

from collections.abc import Iterator

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from reprise_kit.apps.adopt.dated_index import DatedIndex
from reprise_kit.apps.adopt.evidence import Evidence
from reprise_kit.compare import facts

FILES_IN_H5 = {"load_weights", "save_weights", "load_model", "save", "ModelCheckpoint"}
SCIPY_IMAGES = {"imread", "imsave", "imresize", "imrotate", "toimage", "fromimage"}  # scipy.misc has them with Pillow
IMAGES = {"load_img", "img_to_array", "ImageDataGenerator", "flow_from_directory", "array_to_img"}


def roots(evidence: Evidence, index: DatedIndex) -> tuple[dict[str, str], list[str]]:
    """Return what is asked for, specifiers by package, and a line for each decision that no file states."""
    table, notes = facts.load(), []
    stated: dict[str, tuple[str, bool, str]] = {}
    name: str
    for row in evidence.requirements:
        name = canonicalize_name(table.same.get(row.name.lower(), row.name))
        stated.setdefault(name, (row.spec, row.binding, row.file))
    asked: dict[str, str] = {name: spec for name, (spec, binding, _) in stated.items() if binding}
    by_system = {row.module: row.package for row in table.system}
    packages = table.modules | table.rarer
    for module in evidence.imports:
        if module in by_system:
            notes.append(f"`import {module}` needs {by_system[module]}, which a person must install")
            continue
        name = _package(module)
        if module not in packages and name not in asked and name not in stated and not index.had(name):
            # A guess by the module's name: a package of a later day is somebody else's.
            notes.append(f"`import {module}`: no package of that name on {index.day}; a person must give it")
            continue
        asked.setdefault(name, stated[name][0] if name in stated else "")
    for name, why in _implied(evidence):
        if name not in asked:
            asked[name] = stated[name][0] if name in stated else ""
            notes.append(f"{name}: stated nowhere, {why}")
    asked["keras"] = f"=={evidence.keras_version}" if evidence.keras_version else facts.load().keras.own_until
    for name in _beside_another_keras(stated, evidence):
        if asked.get(name):
            notes.append(
                f"{name}{asked[name]} is stated beside another Keras: what {evidence.keras_version} runs on is taken"
            )
            asked[name] = ""
    notes += _on_what_keras_runs(asked, evidence.newest_keras, index)
    asked.pop("setuptools", None)
    return _fitted(asked, stated, index, notes, evidence.newest_keras), notes


def _on_what_keras_runs(asked: dict[str, str], keras: str, index: DatedIndex) -> list[str]:
    """Ask of each package for what Keras runs on, where nothing else is stated, or what is can never do; say so."""
    notes = []
    for fit in facts.fits_of(keras):
        spec = asked.get(fit.package)
        if spec and fit.never and (found := _best(index, fit.package, spec)) and found in SpecifierSet(fit.never):
            notes.append(f"{fit.package}{spec} is stated, on which Keras {keras} does not run: {fit.spec} is taken")
            spec = ""
        if spec == "":
            asked[fit.package] = fit.spec
    return notes


def _best(index: DatedIndex, name: str, spec: str) -> str:
    """Return the newest release of a package on the day that a specifier allows, "" of none."""
    try:
        wanted = SpecifierSet(spec)
    except InvalidSpecifier:
        return ""
    return str(max((version for version in index.releases(name) if version in wanted), default=""))


def _beside_another_keras(stated: dict[str, tuple[str, bool, str]], evidence: Evidence) -> tuple[str, ...]:
    """Return what Keras stands on, where that is stated beside a pin of another Keras than the one that is taken."""
    spec, _, _ = stated.get("keras", ("", False, ""))
    if not spec.startswith("==") or not evidence.keras_version or evidence.keras_version in SpecifierSet(spec):
        return ()
    return ("numpy", "h5py", evidence.backend)


def used(evidence: Evidence) -> set[str]:
    """Return the packages that the program imports, or that Keras needs unsaid."""
    return {"keras", *map(_package, evidence.imports), *(name for name, _ in _implied(evidence))}


def _package(module: str) -> NormalizedName:
    table = facts.load()
    return canonicalize_name(table.rarer.get(module) or table.modules.get(module, module))


def has_files(evidence: Evidence) -> bool:
    """Say whether the program reads or writes Keras's files, or the repository has some."""
    return bool(FILES_IN_H5 & set(evidence.calls) or evidence.checkpoints)


def has_images(evidence: Evidence) -> bool:
    """Say whether the program reads or writes pictures through Keras or SciPy, which do it with Pillow."""
    calls = set(evidence.calls)
    return bool(IMAGES & calls or ("scipy" in evidence.imports and SCIPY_IMAGES & calls))


def _implied(evidence: Evidence) -> Iterator[tuple[str, str]]:
    yield "numpy", "Keras computes with it"
    yield evidence.backend, "Keras runs on it here"
    yield "h5py", "Keras' files need it" if has_files(evidence) else "what is captured is saved with it"
    if has_images(evidence):
        yield "pillow", "pictures need it"
        yield "scipy", "Keras' own reader of pictures imports it"


def _fitted(
    asked: dict[str, str], stated: dict[str, tuple[str, bool, str]], index: DatedIndex, notes: list[str], keras: str
) -> dict[str, str]:
    """Return specifiers that the index can meet: a package it lacks is left out, a pin without a wheel is moved."""
    fitted = {}
    for name, spec in asked.items():
        if not index.everything(name):
            notes.append(f"{name}: the index has no such package; what imports it fails unless a person gives it")
            continue
        try:
            wanted = SpecifierSet(spec)
        except InvalidSpecifier:
            wanted, spec = SpecifierSet(), ""
        near = index.nearest(name, wanted) if spec else None
        if near:
            notes.append(f"{name}{spec} has no wheel for this Python: {near}, the nearest from it on, is taken")
            spec = f"=={near}"
        elif spec and name != "keras" and not stated.get(name, ("", True, ""))[1] and not _met(index, name, wanted):
            notes.append(f"{name}{spec} ({stated[name][2]}) is no release of {index.day}: the day decides")
            spec = facts.need(keras, name)
        if spec:
            index.wanted[name] = SpecifierSet(spec)
        fitted[name] = spec
    return fitted


def _met(index: DatedIndex, name: str, spec: SpecifierSet) -> bool:
    return any(spec.contains(version, prereleases=True) for version in index.releases(name))
