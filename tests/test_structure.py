"""The house: arrows run down, from the front door over the port to the ground floor, and never in a circle."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from reprise_kit.compare.system import ROOT

NAME = "reprise_kit"
FLOORS = {"compare": 0, "port": 1}  # everything else of the package stands above both


def module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == NAME else (NAME, *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources() -> dict[str, Path]:
    own = [p for p in (ROOT / NAME).rglob("*.py") if not any(q.is_symlink() for q in p.parents)]
    tops = [p for top in FLOORS for p in (ROOT / top).rglob("*.py")]
    return {module(path): path for path in (*own, *tops)}


SOURCES = sources()


def imported(tree: ast.AST) -> set[str]:
    """Every module of ours that a file imports when it runs, wherever in it."""
    found: set[str] = set()
    for node in running(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the whole way"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in SOURCES else str(node.module))
    return {name for name in found if name in SOURCES}


def running(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those for a type checker alone."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from running(node)


ARROWS = {name: imported(ast.parse(path.read_text())) - {name} for name, path in SOURCES.items()}


def floor(name: str) -> int:
    return FLOORS.get(name.split(".")[1] if "." in name else "", 2)


def test_there_is_a_house() -> None:
    assert len(SOURCES) > 120 and sum(map(len, ARROWS.values())) > 300


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_arrows_run_down(name: str) -> None:
    assert [other for other in ARROWS[name] if floor(other) > floor(name)] == []


def test_no_circle_of_files() -> None:
    try:
        list(TopologicalSorter(ARROWS).static_order())
    except CycleError as error:
        pytest.fail(f"files import each other: {' -> '.join(error.args[1])}")


def package(name: str) -> str:
    """The folder of a file."""
    return ".".join(name.split(".")[:-1]) if SOURCES[name].name != "__init__.py" else name


def test_no_circle_of_packages_of_the_port() -> None:
    """Folders of the port, each as a whole."""
    folders: dict[str, set[str]] = {}
    for name, others in ARROWS.items():
        if floor(name) == 1:
            folders.setdefault(package(name), set()).update(package(o) for o in others if floor(o) == 1)
    edges = {folder: {other for other in others if other != folder} for folder, others in folders.items()}
    # A package's own sub-folders are rooms of it.
    edges = {a: {b for b in bs if not b.startswith(f"{a}.") and not a.startswith(f"{b}.")} for a, bs in edges.items()}
    try:
        list(TopologicalSorter(edges).static_order())
    except CycleError as error:
        pytest.fail(f"folders import each other: {' -> '.join(error.args[1])}")


def room(name: str) -> str:
    """The box of a file on a sheet of the whole house: a system is a system, whichever."""
    parts = name.split(".")[1:]
    if parts[:1] == ["compare"]:
        return "compare"
    if parts[:1] == ["port"]:
        return parts[1] if parts[1:2] and parts[1] in LIBRARIES else "systems"
    return ".".join(parts[:2]) if parts[:1] == ["apps"] else (parts or [NAME])[0]


LIBRARIES = ("audio", "keras_legacy", "shared")


def test_a_sheet_of_the_whole_house() -> None:
    """At most fourteen boxes that an arrow touches, and no arrow back up."""
    arrows: dict[str, set[str]] = {}
    for name, others in ARROWS.items():
        arrows.setdefault(room(name), set()).update(room(other) for other in others)
    arrows = {box: others - {box} for box, others in arrows.items()}
    touched = {box for box, others in arrows.items() if others}.union(*arrows.values())
    assert {"compare", "systems", *LIBRARIES} <= touched and len(touched) <= 14
    try:
        list(TopologicalSorter(arrows).static_order())
    except CycleError as error:
        pytest.fail(f"rooms import each other: {' -> '.join(error.args[1])}")


def test_only_the_registry_imports_by_name() -> None:
    """Imports by a string are arrows that nobody sees; --replace imports what a person names."""
    found = {
        name
        for name, path in SOURCES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "import_module"
    }
    # The box's process is told which reader by whoever imports that reader: the arrow is seen there.
    of_ours = {f"{NAME}.compare.{name}" for name in ("registry", "runners", "box_server")}
    of_a_person = {name for name in found if name.startswith(f"{NAME}.port.keras_legacy.")}
    assert of_ours <= found and len(of_a_person) <= 1 and found == of_ours | of_a_person


def test_nobody_imports_a_folder_past_the_package() -> None:
    tops = {"port", "compare", "original"}
    for path in (*SOURCES.values(), *(ROOT / "tests").rglob("*.py")):
        try:
            tree = ast.parse(path.read_text())
        except SyntaxError:  # Python 2
            continue
        for node in ast.walk(tree):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not tops & {name.split(".")[0] for name in names}, path


def calls(name: str) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(SOURCES[name].read_text())) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_what_programs_say_is_read_whatever_its_bytes(name: str) -> None:
    """A stranger's program, or a server that git asks, says what is no UTF-8: that is no fault of the kit."""
    words = [{keyword.arg for keyword in call.keywords} for call in calls(name)]
    assert [found for found in words if "capture_output" in found] == []  # compare/programs.py bounds it, too


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_a_user_whom_nobody_knows_is_no_error(name: str) -> None:
    """`Path.home` and `Path.expanduser` raise on them what is no OSError; `walk.at_home` does not."""
    asked = [call.func.attr for call in calls(name) if isinstance(call.func, ast.Attribute)]
    assert not {"home", "expanduser"} & set(asked) or name == "reprise_kit.compare.walk"


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_links_in_a_circle_are_followed_without_an_error(name: str) -> None:
    """`Path.resolve` raises on them, in Python 3.11 and 3.12, what is no OSError; `walk.followed` does not."""
    asked = [call for call in calls(name) if isinstance(call.func, ast.Attribute) and call.func.attr == "resolve"]
    assert [ast.unparse(call) for call in asked if not call.args and "__file__" not in ast.unparse(call)] == []
