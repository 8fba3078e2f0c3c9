"""Finds systems, reads their system.toml and opens their modules: the only place that imports a system's modules.

A system is a folder. The kit's own are original/<name> (what is pinned) with port/<name> (what plays it). Others are
folders anywhere that hold both: named in REPRISE_SYSTEMS (folders, or folders of such folders, separated as PATH is),
by an installed package's entry point in the group `reprise.systems`, or by a path instead of a name.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from importlib.machinery import ModuleSpec
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from reprise_kit.compare import keras_settings
from reprise_kit.compare import system as systems
from reprise_kit.compare.contract import Causes, Live, Pipeline, Trainer
from reprise_kit.compare.errors import InputError, Terminated
from reprise_kit.compare.system import OTHERS, System
from reprise_kit.compare.walk import at_home, followed
from reprise_kit.compare.weights import Weights

FILE = "system.toml"
DEFAULT = "deepsound_crnn"  # the system where none is named
KIT = "reprise_kit.port"
OFFERED = [name for name in (*Pipeline.__annotations__, *vars(Pipeline)) if not name.startswith("_")]


def names() -> list[str]:
    """Return the names of all systems that can be found."""
    return sorted(_folders())


def load(name: str | Path) -> System:
    """Read a system by its name or its folder; raises InputError on an unknown name or an unreadable system.toml."""
    folders = _folders()
    if str(name) in folders:
        return _read(folders[str(name)])
    folder = Path(name)
    if (folder / FILE).is_file():
        return _read(followed(folder))
    raise InputError(
        f"no system {str(name)!r}; there are: {', '.join(folders)}; or give the path of a folder with a {FILE}"
    )


def part(system: System, name: str) -> ModuleType | None:
    """Import a system's module (`pipeline`, `live`, ...), or return None where it has none.

    Raises what the module raises where it is imported; InputError where it is no Python, or would end the program.
    """
    if system.package.startswith(OTHERS):
        _package(system)
    module = f"{system.package}.{name}"
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in (system.package, module):
            raise
        return None
    except SyntaxError as error:
        raise InputError(f"{error.filename}, line {error.lineno}: {error.msg}") from None
    except Terminated:
        raise
    except SystemExit:
        raise InputError(
            f"{system.name}: its {name}.py ends the program where it is imported; it must only define"
        ) from None


def has_part(system: System, name: str) -> bool:
    """Tell whether a system has a module, without importing it."""
    if system.package.startswith(OTHERS):
        return (system.folder / f"{name}.py").is_file()
    return (systems.ROOT / "port" / system.name / f"{name}.py").is_file()


def options(system: System, given: Mapping[str, Any]) -> Any:
    """Return the system's own `Options` with what is given; raises InputError on an option that it does not have."""
    kind = _offered(_pipeline_module(system), "Options")
    known = [field.name for field in fields(kind)]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise InputError(f"{system.name} has no option {unknown[0]!r}; it has: {', '.join(known) or 'none'}")
    return kind(**given)


def open_pipeline(system: System, weights: Weights, given: Mapping[str, Any] | None = None) -> Pipeline:
    """Open a system's pipeline; raises InputError where it lacks any of it, or weights or options do not fit."""
    with keras_settings.imported():
        chosen, module = options(system, given or {}), _pipeline_module(system)
    if not system.package.startswith(OTHERS):
        keras_settings.refuse_others()
    opened: Pipeline = _offered(module, "open_pipeline")(weights.path, weights.backend, chosen)
    missing = [name for name in OFFERED if not hasattr(opened, name)]
    if missing:
        raise InputError(f"{module.__file__}: its pipeline has no {', '.join(missing)} (compare/contract.py)")
    return opened


def live(system: System) -> Live | None:
    """Return what answers while sound still arrives, or None where a system has no live path."""
    return cast("Live | None", part(system, "live"))


def trainer(system: System) -> Trainer:
    """Return a system's trainer; raises InputError where it has none."""
    return cast("Trainer", _needed(system, "train_trace", "no trainer to compare"))


def causes(system: System) -> Causes | None:
    """Return the table by which a system's differences are explained, or None where it has none."""
    return cast("Causes | None", part(system, "causes"))


def _pipeline_module(system: System) -> ModuleType:
    return _needed(system, "pipeline", "no port yet")


def _needed(system: System, name: str, without: str) -> ModuleType:
    module = part(system, name)
    if module is None:
        raise InputError(f"system {system.name} has {without}: its {name}.py is missing")
    return module


def _offered(module: ModuleType, name: str) -> Any:
    if not hasattr(module, name):
        raise InputError(f"{module.__file__}: defines no {name} (compare/contract.py)")
    return getattr(module, name)


def _folders() -> dict[str, Path]:
    """Every system's folder by name; raises InputError where two have one name."""
    found: dict[str, Path] = {}
    for folder in (*_kit(), *_named(), *_installed()):
        known = found.setdefault(folder.name, folder)
        if known != folder:
            raise InputError(f"two systems are called {folder.name}: {known} and {folder}; rename one of the folders")
    return found


def _kit() -> Iterator[Path]:
    yield from sorted(path.parent for path in systems.ORIGINAL.glob(f"*/{FILE}"))


def _named() -> Iterator[Path]:
    for place in filter(None, os.environ.get("REPRISE_SYSTEMS", "").split(os.pathsep)):
        folder = followed(at_home(place))
        if not folder.is_dir():
            raise InputError(f"REPRISE_SYSTEMS names {place!r}, which is no folder")
        inside = [folder] if (folder / FILE).is_file() else sorted(path.parent for path in folder.glob(f"*/{FILE}"))
        if not inside:
            raise InputError(f"REPRISE_SYSTEMS names {place!r}, where there is no {FILE}, nor in a folder of it")
        yield from inside


def _installed() -> Iterator[Path]:
    for entry in entry_points(group="reprise.systems"):
        spec = importlib.util.find_spec(entry.value)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            if (Path(place) / FILE).is_file():
                yield followed(Path(place))


def _read(folder: Path) -> System:
    own = folder.parent == systems.ORIGINAL
    package = f"{KIT}.{folder.name}" if own else f"{OTHERS}.{folder.name.replace('-', '_').replace('.', '_')}"
    return systems.read(folder, folder.name, package)


def _package(system: System) -> None:
    """Make a system's folder a package, so that its modules can import each other."""
    for name, places in ((OTHERS, []), (system.package, [str(system.folder)])):
        if name not in sys.modules:
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = places
            sys.modules[name] = importlib.util.module_from_spec(spec)
    known = list(sys.modules[system.package].__path__)
    if known != [str(system.folder)]:
        raise InputError(f"two systems are called {system.name}: {known[0]} and {system.folder}; rename a folder")
