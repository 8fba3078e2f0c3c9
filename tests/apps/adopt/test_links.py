"""Links of a stranger's repository: none of them leads the kit out of the copy, and none ends the run."""

import subprocess
from pathlib import Path

import pytest

from reprise_kit.apps.adopt import repository, run
from reprise_kit.compare.git_objects import first_line
from tests.compare.test_walk import too_deep

IDENTITY = ("-c", "user.name=x", "-c", "user.email=x@example.org")


def empty(path: Path) -> Path:
    path.mkdir()
    return path


def committed(folder: Path, links: dict[str, bytes]) -> Path:
    """A git repository of a README and of links, as their trees say them, whatever a disk would hold."""

    def git(*words: str, given: bytes = b"") -> str:
        done = subprocess.run(["git", *IDENTITY, *words], cwd=folder, input=given, capture_output=True, check=True)
        return done.stdout.decode().strip()

    empty(folder)
    git("init", "-q")
    blobs = {name: ("120000", git("hash-object", "-w", "--stdin", given=target)) for name, target in links.items()}
    blobs["README"] = ("100644", git("hash-object", "-w", "--stdin", given=b"readme\n"))
    for name, (mode, blob) in blobs.items():
        git("update-index", "--add", "--cacheinfo", f"{mode},{blob},{name}")
    git("commit", "-q", "-m", "links")
    return folder


def taken(source: Path, copy: Path) -> list[str]:
    """Copy a repository's last commit; return the notes."""
    return repository.checkout(source, None, empty(copy)).notes


@pytest.mark.parametrize(
    ("links", "left_out"),
    [
        (
            {"0": b"a/b/c/../../../x", "a/b/c": b"../.."},
            ["0 is a link out of"],
        ),  # the second turns where the first leads
        ({"0": b"1", "1": b"2", "2": b"../.."}, ["0 is a link out", "1 is a link out", "2 is a link out"]),
        ({"a": b"/etc/passwd", "b": b"README"}, ["a is a link out of"]),
        ({"a": b"b", "b": b"c", "c": b"a"}, []),
        ({"a": b"x\0y", "b": b""}, ["a is a link to no name", "b is a link to no name"]),
    ],
)
def test_of_a_commit(links: dict[str, bytes], left_out: list[str], tmp_path: Path) -> None:
    source = committed(tmp_path / "source", links)
    notes = taken(source, tmp_path / "copy")
    assert [note[: len(words)] for note, words in zip(sorted(notes), left_out, strict=True)] == left_out
    kept = [path for path in (tmp_path / "copy").rglob("*") if path.is_symlink()]
    assert len(kept) == len(links) - len(left_out)
    assert (tmp_path / "copy" / "README").read_text() == "readme\n"


def test_of_a_folder(tmp_path: Path) -> None:
    source = empty(tmp_path / "source")
    (source / "data").mkdir()
    (source / "round").symlink_to("round")
    (source / "near").symlink_to("data")
    (source / "far").symlink_to(source / "data")
    notes = taken(source, tmp_path / "copy")
    assert notes == ["far is a link out of the repository: left out"]
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["near", "round"]


def test_a_stand_in_is_not_written_through_them(tmp_path: Path) -> None:
    source, stand_in = empty(tmp_path / "source"), empty(tmp_path / "stand_in")
    empty(source / "data")
    (source / "input").symlink_to(source / "data")
    empty(stand_in / "input")
    (stand_in / "input" / "x.txt").write_text("mine")
    taken(source, tmp_path / "copy")
    repository.lay_over(stand_in, tmp_path / "copy")
    assert list((source / "data").iterdir()) == []


def test_no_place_of_a_box_is_one_that_a_link_leads_to(tmp_path: Path) -> None:
    """Whatever is bound into a box may be written there; the second link is inside only by the name of its folder."""
    work, root = empty(tmp_path / "run"), tmp_path / "run" / run.ROOT
    (root / "data" / "songs").mkdir(parents=True)
    (root / "data" / "mine").symlink_to(empty(tmp_path / "mine"))
    (root / "data" / "source").symlink_to("../../../source")
    (root / "data" / "near").symlink_to("songs")
    empty(tmp_path / "source")
    assert sorted(run._places(work).values()) == ["/data/near", "/data/songs"]


def test_two_links_make_no_place_of_a_box(tmp_path: Path) -> None:
    """Each is inside by itself; through the second the first would show the folder above to a program, to write."""
    deep = "a/b/c/d"
    links = {"_root/0/0": f"{deep}/../../../../mine".encode(), f"_root/0/{deep}": b"../../../../.."}
    source = committed(tmp_path / "source", links)
    assert [note.split()[0] for note in taken(source, tmp_path / "copy")] == ["_root/0/0"]
    assert "/0/0" not in run._places(tmp_path / "copy").values()


def test_a_name_in_a_git_directory_that_no_file_can_have(tmp_path: Path) -> None:
    (tmp_path / "commondir").write_bytes(b"..\0/x\n")
    assert first_line(tmp_path / "commondir") == ""


def test_a_folder_that_cannot_be_listed_is_said(tmp_path: Path) -> None:
    source = empty(tmp_path / "source")
    (source / "a.py").touch()
    too_deep(source)
    (note,) = taken(source, tmp_path / "copy")
    assert note.endswith("cannot be listed (File name too long): left out")
    assert (tmp_path / "copy" / "a.py").is_file()
