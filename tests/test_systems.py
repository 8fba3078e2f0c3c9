"""The contract that every system meets: a folder in original/ that pins, one of the same name in port/ that plays."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from reprise_kit.compare import registry, system
from reprise_kit.compare.checks import FIRST, THEN, check
from reprise_kit.compare.checks.subject import Subject
from reprise_kit.compare.pins import blob_id
from reprise_kit.compare.system import ROOT
from reprise_kit.compare.weights import Weights, find
from tests.require import require
from tests.shared import SHARED

NAMES = registry.names()
TABLE_ROW = re.compile(r"^\|(.+)\|$", re.M)
TEST = re.compile(r"(tests/[\w/]+\.py)(?:::(\w+))?")  # a whole file, or one test of it
CLIP = ROOT / "tests/clips/piano_22050.wav"

PAPERS = [name for name in NAMES if registry.load(name).file.paper]
originals = pytest.mark.parametrize("name", [name for name in NAMES if name not in PAPERS])
systems = pytest.mark.parametrize("name", NAMES)


def test_the_scan_finds_the_systems_of_the_story() -> None:
    assert len(NAMES) >= 6
    ported = {path.parent.name for path in ROOT.glob("port/*/pipeline.py")} - {
        "keras_legacy"
    }  # its pipeline is of any old network
    assert ported == set(NAMES)


@systems
def test_system_toml_is_complete(name: str) -> None:
    loaded = registry.load(name)
    assert loaded.title and loaded.file.licence and len(set(loaded.labels)) == len(loaded.labels) > 1
    if loaded.file.paper:  # nothing else was published
        assert "doi" in loaded.file.paper or "20" in loaded.file.paper
        assert loaded.file.upstream is None and not loaded.file.environments and not loaded.recorded.exists()
        return
    assert loaded.upstream.url.startswith("https://github.com/")
    assert re.fullmatch(r"[0-9a-f]{40}", loaded.upstream.commit)
    assert loaded.files and len({file.path for file in loaded.files}) == len(loaded.files)
    for file in loaded.files:
        assert re.fullmatch(r"[0-9a-f]{40}", file.blob), file.path
        assert bool(file.url) == bool(file.commit), file.path
        assert not Path(file.path).is_absolute() and ".." not in Path(file.path).parts
    assert loaded.file.weights is not None
    theirs = {file.path for file in loaded.files if file.optional}
    assert loaded.file.weights.path in theirs or (loaded.folder / loaded.file.weights.path).is_file()


@originals
def test_the_environment_of_the_original_is_locked(name: str) -> None:
    loaded = registry.load(name)
    locks = [row.requirements for row in loaded.file.environments.values()]
    adapter = "trace.py"
    if loaded.file.node:
        locks.append(loaded.file.node.lock)
        adapter = "trace.js"
    assert locks
    assert (loaded.folder / adapter).is_file()
    for lock in locks:
        text = (ROOT / lock).read_text()
        assert "--hash=sha256:" in text or '"integrity": "sha512-' in text, lock


def defined_tests(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


@originals
def test_quirks_name_tests_that_exist(name: str) -> None:
    text = (ROOT / "original" / name / "QUIRKS.md").read_text()
    _, rule, *rows = TABLE_ROW.findall(text)
    assert set(rule) <= set("-| :") and rows
    named = [found for row in rows for found in TEST.findall(row)]
    assert len(named) >= len(rows) - 1  # a behaviour of the pages that the port does not have may go without
    for path, test in named:
        defined = defined_tests(ROOT / path)
        assert test in defined if test else any(found.startswith("test_") for found in defined), f"{path}::{test}"


def weights_of(name: str) -> Path | None:
    """Return a system's weights: its own, those fetched, or of the shared files the one whose blob id it pins."""
    loaded = registry.load(name)
    found = find(loaded)
    if found is not None:
        return found.path
    wanted = {file.path: file.blob for file in loaded.files}[loaded.file.weights.path]
    candidates = [p for p in (SHARED / "data").rglob("*") if p.suffix in (".h5", ".hdf5", ".json") and p.is_file()]
    return next((path for path in candidates if blob_id(path.read_bytes()) == wanted), None)


@originals
def test_the_system_keeps_the_contract(name: str) -> None:
    loaded, weights = registry.load(name), weights_of(name)
    if weights is None:
        require("shared", f"no weights of {name}: reprise fetch {name}")
    # Published features that one system learns from; the others know no such option.
    learns = "data_csv/gtzan_genre.csv" in {file.path for file in loaded.files} and SHARED.is_dir()
    options = {"gtzan": SHARED / "data/choi/transfer"} if learns else {}
    inputs = [CLIP] if loaded.file.input == "sound" else []
    found = list(check(Subject(loaded, inputs, Weights(weights, loaded.backend, "given"), options)))
    assert [(one.what, one.problems) for one in found if not one] == [] and len(found) == len(FIRST) + len(THEN)


@pytest.mark.parametrize("name", PAPERS)
def test_a_paper_has_a_page_that_says_what_is_ours(name: str) -> None:
    """Its stages are held to the contract by tests of its own, which bring weights."""
    page = (ROOT / "docs" / f"{name}.md").read_text()
    assert "ours" in page and registry.load(name).file.paper.rpartition(" ")[2].rpartition("/")[2] in page
    assert list((ROOT / "tests" / "port" / name).glob("test_*.py"))


def test_every_key_of_system_toml_is_on_the_page() -> None:
    page = (ROOT / "docs" / "own-system.md").read_text().partition("## Every key of system.toml")[2]
    named = set(re.findall(r"`[\[]*([\w.]+)[\]]*`", page))
    rows = (system.SystemFile, system.Upstream, system.PinnedFile, system.PinnedWeights, system.Fixture)
    keys = {key for row in (*rows, system.Environment, system.Node, system.Demo) for key in row.__struct_fields__}
    assert len(keys) > 25
    assert {key for key in keys if not named & {key, f"{key}.BACKEND"}} == set()


def test_the_contract_bites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder whose table lacks a reason is no system."""
    folder = tmp_path / "other"
    folder.mkdir()
    row = tomllib.loads((ROOT / "original" / NAMES[0] / "system.toml").read_text())
    assert row["stage"][0]["chained"]["reason"]
    text = (ROOT / "original" / NAMES[0] / "system.toml").read_text()
    (folder / "system.toml").write_text(text.replace(row["stage"][0]["chained"]["reason"], ""))
    monkeypatch.setattr(system, "ORIGINAL", tmp_path)
    from reprise_kit.compare.errors import InputError

    with pytest.raises(InputError, match="tolerance with a reason"):
        registry.load("other")
