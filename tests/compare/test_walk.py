"""What is below a folder is met, or said: nothing in it ends the walk and nothing is passed over."""

import inspect
import os
import sys
from functools import partial
from pathlib import Path

import pytest

from reprise_kit.compare.atomic import atomic_folder
from reprise_kit.compare.input import find
from reprise_kit.compare.walk import walk


def nested(folder: Path, name: str, times: int) -> None:
    """Make folders in one another, however long their path becomes, with a file in the innermost."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(times):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("inmost.wav", os.O_CREAT, dir_fd=here))
    os.close(here)


def too_deep(folder: Path) -> None:
    """Put in a folder one that cannot be listed, by its path, for root neither."""
    nested(folder, "d" * 250, 20)


def test_links_are_met_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "round").symlink_to(tmp_path)
    (tmp_path / "a").symlink_to("a")
    (tmp_path / "c").symlink_to("nowhere")
    assert [met.name for met in walk(tmp_path) if isinstance(met, os.DirEntry)] == ["a", "round", "c"]


def test_depth_uses_up_no_stack(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    nested(tmp_path, "d", 300)
    request.addfinalizer(partial(sys.setrecursionlimit, sys.getrecursionlimit()))
    sys.setrecursionlimit(len(inspect.stack()) + 200)
    assert [met.name for met in walk(tmp_path) if isinstance(met, os.DirEntry)] == ["inmost.wav"]
    assert [path.name for path in find([tmp_path], recursive=True).files] == ["inmost.wav"]


def test_a_folder_that_cannot_be_listed_is_met(tmp_path: Path) -> None:
    too_deep(tmp_path)
    (tmp_path / "z.wav").touch()
    failed, met = walk(tmp_path)
    assert isinstance(failed, OSError) and failed.strerror == "File name too long"
    assert isinstance(met, os.DirEntry) and met.name == "z.wav"
    with pytest.raises(OSError, match="File name too long"):
        find([tmp_path], recursive=True)


def test_a_folder_with_one_that_cannot_be_listed_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    too_deep(out)
    with pytest.raises(OSError, match="File name too long"), atomic_folder(out, "compare"):
        pass
    assert sum(1 for _ in out.iterdir()) == 1
