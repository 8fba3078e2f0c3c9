"""The runner of originals in Node: what it says where it cannot run, and what it starts."""

from pathlib import Path

import pytest

from reprise_kit.compare import registry, runners
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.runners import Settings, node

SYSTEM = registry.load("deepsound_cnn_2018")


def opened(folder: Path, name: str = "deepsound_cnn_2018") -> runners.Runner:
    return runners.open_runner("node", Settings(registry.load(name), None, "tensorflow", folder))


def test_a_python_original_is_none_for_node(tmp_path: Path) -> None:
    assert "no JavaScript" in (opened(tmp_path, "deepsound_crnn").unavailable_reason() or "")


def test_a_javascript_original_is_none_for_python(tmp_path: Path) -> None:
    runner = runners.open_runner("python27", Settings(SYSTEM, None, "tensorflow", tmp_path))
    assert "has no environment of the time" in (runner.unavailable_reason() or "")


@pytest.mark.parametrize("missing", ["node", "npm", "ffmpeg"])
def test_a_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setattr(node.shutil, "which", lambda program: None if program == missing else f"/bin/{program}")
    assert f"no {missing} program" in (opened(tmp_path).unavailable_reason() or "")


def test_upstream_that_is_not_fetched_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node.shutil, "which", lambda program: f"/bin/{program}")
    assert "reprise fetch deepsound_cnn_2018" in (opened(tmp_path / "none").unavailable_reason() or "")


def npm_that(does: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "npm").write_text(f"#!/bin/sh\n{does}\n")
    (programs / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))


def test_packages_that_cannot_be_installed_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm_that("echo 'npm error network' >&2\nexit 1", tmp_path, monkeypatch)
    with pytest.raises(InputError, match="npm error network"):
        node.node_modules(SYSTEM.folder / "package-lock.json")
    assert not list((tmp_path / "cache").rglob("node_modules"))


def test_packages_that_were_altered_since_are_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm_that("mkdir -p node_modules/fft && echo 1 > node_modules/fft/index.js", tmp_path, monkeypatch)
    lock = SYSTEM.folder / "package-lock.json"
    modules = node.node_modules(lock)
    assert node.node_modules(lock) == modules
    (modules / "fft/index.js").write_text("2")
    with pytest.raises(InputError, match=r"node_modules/fft/index\.js was altered"):
        node.node_modules(lock)
