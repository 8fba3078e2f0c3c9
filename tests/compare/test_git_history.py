"""The commit that a repository's HEAD names, read without running git there; and blobs in batches."""

import os
import subprocess
from pathlib import Path

import pytest

from reprise_kit.compare import git_history, git_objects
from reprise_kit.compare.errors import InputError


def git(folder: Path, *words: str, given: bytes | None = None) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org", *words]
    return subprocess.run(command, input=given, capture_output=True, check=True).stdout.decode().strip()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "commit", "-qm", "x", "--allow-empty")
    git(folder, "commit", "-qm", "y", "--allow-empty")
    return folder


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("detached", [False, True])
def test_head_is_what_git_says(source: Path, tmp_path: Path, packed: bool, detached: bool) -> None:
    if detached:
        git(source, "checkout", "-q", "--detach", "HEAD~1")
    if packed:
        git(source, "pack-refs", "--all")
    wanted = git(source, "rev-parse", "HEAD")
    assert git_history.head(source) == git_history.head(source / ".git") == wanted
    git(source, "worktree", "add", "-q", *(["--detach"] if detached else ["-b", "other"]), str(tmp_path / "linked"))
    assert git_history.head(tmp_path / "linked") == wanted


@pytest.mark.parametrize(
    "said",
    ["", "ref: refs/heads/none", "ref: refs/../../secret", "ref: /etc/passwd", "main", "0123", "ref: ", "ref: HEAD"],
)
def test_a_head_that_names_no_commit(source: Path, said: str) -> None:
    (source / "secret").write_text("1" * 40 + "\n")
    (source / ".git" / "HEAD").write_text(said + "\n")
    assert git_history.head(source) == ""


def test_no_reference_leads_out_of_the_repository(source: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("1" * 40 + "\n")
    (source / ".git/refs/heads/main").unlink()
    (source / ".git/refs/heads/main").symlink_to(tmp_path / "outside")
    assert git_history.head(source) == ""
    (source / ".git/refs/heads/main").unlink()
    (source / ".git/refs/heads/main").write_text("no id\n")
    assert git_history.head(source) == ""


def test_a_pointer_to_a_repository_that_does_not_know_it_is_refused(source: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / ".git").write_text(f"gitdir: {source / '.git'}\n")
    with pytest.raises(InputError, match="knows no such worktree"):
        git_history.head(tmp_path / "linked")


def test_a_shallow_clone_can_be_read(source: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth", "1", source.as_uri(), str(tmp_path / "shallow"))
    with git_history.open_history(tmp_path / "shallow") as home:
        log = git_history.ask(home, 1000, "log", "--format=%s", git_history.head(tmp_path / "shallow"))
    assert log == b"y\n"


@pytest.mark.parametrize("largest", [1, 2, 3, 100])
def test_blobs_of_every_size_come_out_in_batches(source: Path, monkeypatch: pytest.MonkeyPatch, largest: int) -> None:
    """Some are missing, or of another size than said; the ones behind them are still read."""
    contents = [os.urandom(n) for n in (0, 1, 300, 70, 1)] + [b"0 missing\n" * 3, b"last\n"]
    ids = [git(source, "hash-object", "-w", "--stdin", given=content) for content in contents]
    asked = list(zip(ids, map(len, contents), strict=True))
    asked.insert(2, ("1" * 40, 5))
    asked.insert(5, (ids[3], 69))  # it has 70
    monkeypatch.setattr(git_objects, "BATCH", largest)
    with git_history.open_history(source) as home:
        found = list(git_history.read_all(home, asked))
    wanted: list[bytes | None] = list(contents)
    wanted.insert(2, None)
    wanted.insert(5, None)
    assert found == wanted
