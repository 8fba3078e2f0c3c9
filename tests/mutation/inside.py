"""A mutant put into a running process: its functions' code in place of theirs, its constants in place of theirs.

So a fork of a process that has imported and collected everything meets the mutant at no cost. The mutant lies in the
file too, for programs that a test starts and for modules that are imported later.
"""

import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import is_dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

SIMPLE = (int, float, str, bytes, tuple, list, dict, set, frozenset, type(None))


def put(path: str, source: str, good: str) -> None:
    """Put a mutant's source, of a file by its path below the root, into its module, where that was imported."""
    module = sys.modules.get("reprise_kit." + path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    if module is None:
        return
    codes = dict(_codes(compile(source, str(module.__file__), "exec")))
    for holder in (module, *(value for value in vars(module).values() if _own(value, module))):
        for value in list(vars(holder).values()):
            for function in _functions(value):
                found = codes.get(function.__qualname__)
                if found is not None and function.__module__ == module.__name__:
                    _exchange(function, found)
    _constants(module, _executed(module, source), _executed(module, good))


def _executed(module: ModuleType, source: str) -> dict[str, Any]:
    """What a module of this source has at its top."""
    scratch: dict[str, Any] = {**vars(module), "__name__": module.__name__}
    with _unregistered():
        exec(compile(source, str(module.__file__), "exec"), scratch)  # our own source
    return scratch


@contextmanager
def _unregistered() -> Iterator[None]:
    """Take out of the kit's tables what was added meanwhile: a module that is executed again registers its rules anew.

    Else tests would meet those functions, whose globals are the scratch's, and never the mutant.
    """
    modules = [module for name, module in sys.modules.items() if name.startswith("reprise_kit.")]
    values = [value for module in modules for name, value in vars(module).items() if not name.startswith("__")]
    tables = {id(value): (value, value.copy()) for value in values if isinstance(value, (dict, list, set))}
    try:
        yield
    finally:
        for table, before in tables.values():
            table.clear()
            (table.extend if isinstance(table, list) else table.update)(before)


def _own(value: Any, module: ModuleType) -> bool:
    return isinstance(value, type) and value.__module__ == module.__name__


def _codes(code: CodeType) -> Iterator[tuple[str, CodeType]]:
    """The code of every function by its qualified name."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner.co_qualname, inner
            yield from _codes(inner)


def _functions(value: Any) -> Iterator[FunctionType]:
    """The functions behind a value of a module or class: decorated ones, properties, methods."""
    if isinstance(value, FunctionType):
        yield value
    if isinstance(value, functools._lru_cache_wrapper):
        value.cache_clear()
    for name in ("__wrapped__", "__func__", "fget", "func"):
        inner = getattr(value, name, None) if not isinstance(value, (type, ModuleType)) else None
        if isinstance(inner, FunctionType):
            yield from _functions(inner)


def _exchange(function: FunctionType, code: CodeType) -> None:
    if len(code.co_freevars) == len(function.__code__.co_freevars):
        function.__code__ = code


def _constants(module: ModuleType, mutant: dict[str, Any], good: dict[str, Any]) -> None:
    """Set what the mutant says at the top and the good source does not: numbers, texts and tables of them; defaults.

    What is the same in both stays: tables that other modules have added to since.
    """
    for name, value in mutant.items():
        old = vars(module).get(name)
        if isinstance(value, FunctionType) and isinstance(old, FunctionType) and value.__module__ == module.__name__:
            old.__defaults__, old.__kwdefaults__ = value.__defaults__, value.__kwdefaults__
        elif _own(value, module) and isinstance(old, type):
            _defaults(old, value, good[name])
        elif is_dataclass(value) and repr(value) != repr(good.get(name)):
            vars(old).update(vars(value))
        elif _differs(value, good.get(name)) and type(old) is type(value):
            _everywhere(name, old, value)


def _everywhere(name: str, old: Any, value: Any) -> None:
    """Set a constant in its module and in those that import it by name."""
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("reprise_kit.") and vars(module).get(name) is old:
            setattr(module, name, value)


def _differs(value: Any, good: Any) -> bool:
    return isinstance(value, SIMPLE) and repr(value) != repr(good)


def _defaults(old: type, new: type, good: type) -> None:
    for name, value in list(vars(new).items()):
        before = vars(old).get(name)
        if isinstance(value, FunctionType) and isinstance(before, FunctionType):
            before.__defaults__, before.__kwdefaults__ = value.__defaults__, value.__kwdefaults__
        elif _differs(value, vars(good).get(name)) and not name.startswith("__") and type(before) is type(value):
            setattr(old, name, value)


class Collected:
    """A plugin of pytest that, once all tests are collected, does something else than run them all."""

    def __init__(self, then: Any) -> None:
        """Take what to do with the tests by name; it runs tests by `failed`."""
        self.then, self.red = then, False

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In place of running them."""
        self.then({item.nodeid: item for item in session.items}, self)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember a failure."""
        self.red = self.red or report.failed

    def failed(self, items: list[pytest.Item], running: Path) -> bool:
        """Run tests; return whether one failed, at the first. running: gets the name of the one that runs."""
        for item, after in zip(items, [*items[1:], None], strict=True):
            running.write_text(item.nodeid)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            if self.red:
                return True
        return False
