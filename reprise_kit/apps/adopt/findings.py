"""What a repository's files say, as read, before anything follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from reprise_kit.apps.adopt import checkpoints, keras_names
from reprise_kit.apps.adopt.checkpoints import Architecture, Checkpoint
from reprise_kit.apps.adopt.imports import Module
from reprise_kit.apps.adopt.requirements import Requirement

MODULES_KERAS_2 = {"keras.initializers"}  # Keras 1 calls it initializations


@dataclass
class Findings:
    """What was read, for the conclusions: `modules` of the program alone, `texts` of files that state things."""

    modules: Mapping[str, Module]
    only_3: list[str]
    only_2: list[str]
    texts: Mapping[str, str]
    paths: list[str]
    kernels: Mapping[str, str]  # of notebooks by path, the Python
    checkpoints: list[Checkpoint]
    architectures: list[Architecture]
    requirements: list[Requirement]
    days: Mapping[str, str]
    head_day: str | None
    entry: str = ""
    makers: list[str] = field(default_factory=list)  # files that make a model
    asked_keras: str | None = None  # by the person who adopts
    disagreements: list[str] = field(default_factory=list)

    def words(self) -> set[str]:
        """Return every name, call and keyword of the program, and what it imports by name."""
        found: set[str] = set()
        for module in self.modules.values():
            found.update(module.names, module.calls, module.keywords, *(names for _, _, names in module.imports))
        return found

    def imported(self) -> set[str]:
        """Return every module that the program imports, with its dots."""
        return {name for module in self.modules.values() for name, _, _ in module.imports}

    def module_of_keras_2(self) -> str | None:
        """Return a module that the program imports and that only Keras 2 has."""
        names = {
            f"keras.{n}" for m in self.modules.values() for of, _, names in m.imports if of == "keras" for n in names
        }
        return min((self.imported() | names) & MODULES_KERAS_2, default=None)

    def names_of_keras(self) -> set[str]:
        """Return the modules of Keras that the program imports and the names that it takes of them, with dots."""
        rows = [(of, names) for m in self.modules.values() for of, level, names in m.imports if not level]
        asked = [(of, names) for of, names in rows if of.split(".")[0] == "keras"]
        read = {name for m in self.modules.values() for name in m.attributes if name.startswith("keras.")}
        return read | {of for of, _ in asked} | {f"{of}.{name}" for of, names in asked for name in names}

    def believed(self) -> list[Architecture]:
        """Return the architectures that the program can have written: none of Keras 1 where only Keras 2 runs it.

        Where there are no weights to read beside them, none of a Keras without what the program imports.
        """
        names, is_of_2 = self.names_of_keras(), self.module_of_keras_2() is not None
        return [a for a in self.architectures if not (is_of_2 and _is_of_1(a)) and not self._is_foreign(a, names)]

    def _is_foreign(self, file: Architecture, names: set[str]) -> bool:
        return not self.checkpoints and file.version is not None and keras_names.better(file.version, names) is not None

    def absent(self) -> str | None:
        """Return a file of weights of the repository that is not here: one that the program names, else the newest."""
        strings = {text for module in self.modules.values() for text in module.strings}
        paths = [p for p in set(self.days) - set(self.paths) if PurePosixPath(p).suffix.lower() in checkpoints.SUFFIXES]
        named = [p for p in paths if any(PurePosixPath(p).name in text for text in strings)]
        return max(named or paths, key=lambda p: (self.days[p], p), default=None)

    def coded(self) -> str | None:
        """Return the file of the program or of what it requires that changed last: prose changes without it."""
        files = [*self.modules, *(row.file for row in self.requirements if row.binding)]
        return max((p for p in files if p in self.days), key=lambda p: (self.days[p], p), default=None)

    def stated(self, package: str) -> tuple[SpecifierSet, str] | None:
        """Return what is stated of a package's version, and where; the first that says anything."""
        for row in self.requirements:
            if row.name.lower() in (package, f"{package}-gpu") and row.spec:
                try:
                    return SpecifierSet(row.spec), row.file
                except InvalidSpecifier:
                    continue
        return None


def _is_of_1(file: Architecture) -> bool:
    return file.before_1 or (file.version or "2").startswith(("0.", "1."))
