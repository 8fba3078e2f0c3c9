"""Upstream arrives whole and pinned, or not at all; what is missing or altered is named."""

import subprocess

import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.fetch import fetch
from reprise_kit.compare.pins import blob_id, check
from tests.pinned import FILES, with_contents, written


@pytest.fixture
def pinned():
    return with_contents()


@pytest.fixture
def copy(tmp_path):
    return written(tmp_path / "copy")


def test_blob_ids_are_gits(copy):
    done = subprocess.run(["git", "hash-object", str(copy / "common.py")], capture_output=True, text=True, check=True)
    assert blob_id(FILES["common.py"]) == done.stdout.strip()


def test_a_folder_is_copied_and_checked(pinned, copy, tmp_path):
    folder, state = fetch(pinned, [copy], tmp_path / "out")
    assert state.pinned
    assert not state.missing_optional
    assert {p: (folder / p).read_bytes() for p in FILES} == FILES


def test_a_git_directory_serves_too(pinned, copy, tmp_path):
    git = ["git", "-C", str(copy), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "x"], check=True)
    folder, state = fetch(pinned, [copy / ".git"], tmp_path / "out")
    assert state.pinned
    assert (folder / "models/model.yaml").read_bytes() == FILES["models/model.yaml"]


def test_missing_weights_are_named_and_the_code_stays(pinned, copy, tmp_path):
    (copy / "models/weights.h5").unlink()
    folder, state = fetch(pinned, [copy], tmp_path / "out")
    assert state.missing_optional == ("models/weights.h5",)
    assert (folder / "common.py").is_file()


@pytest.mark.parametrize("fault", ["missing", "altered"])
def test_a_fault_is_named_and_leaves_nothing_behind(pinned, copy, tmp_path, fault):
    if fault == "missing":
        (copy / "common.py").unlink()
    else:
        (copy / "common.py").write_bytes(b"GENRES = ['noise']\n")
    with pytest.raises(InputError, match=r"common\.py"):
        fetch(pinned, [copy], tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["copy"]


def test_a_later_change_is_noticed(pinned, copy, tmp_path):
    folder, _ = fetch(pinned, [copy], tmp_path / "out")
    (folder / "common.py").write_bytes(b"")
    assert check(pinned, folder).altered == ("common.py",)


def test_a_download_that_breaks_leaves_nothing(pinned, tmp_path, monkeypatch):
    import pooch

    served = []

    def retrieve(url, **_):
        served.append(url)
        if len(served) > 1:
            raise OSError("connection reset")
        path = tmp_path / "served"
        path.write_bytes(FILES["common.py"])
        return str(path)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(InputError, match=r"models/model\.yaml.*--from"):
        fetch(pinned, [], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert pinned.upstream.commit in served[0]


def test_weights_that_cannot_be_downloaded_are_named_and_the_code_stays(pinned, tmp_path, monkeypatch):
    import pooch

    def retrieve(url, **_):
        path = url.partition(pinned.upstream.commit + "/")[2]
        if path.endswith(".h5"):
            raise OSError("404")
        (tmp_path / "served").write_bytes(FILES[path])
        return str(tmp_path / "served")

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    folder, state = fetch(pinned, [], tmp_path / "out")
    assert state.pinned and state.missing_optional == ("models/weights.h5",)
    assert (folder / "common.py").read_bytes() == FILES["common.py"]


def committed(folder):
    git = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], check=True)


def test_a_clone_at_another_commit_serves_too(pinned, copy, tmp_path):
    committed(copy)
    (copy / "common.py").write_bytes(b"newer = True\n")
    folder, state = fetch(pinned, [copy], tmp_path / "out")
    assert state.pinned and (folder / "common.py").read_bytes() == FILES["common.py"]


def test_a_folder_inside_a_repository_is_not_looked_for_around_it(pinned, copy, tmp_path):
    committed(copy)
    (copy / "plain").mkdir()
    with pytest.raises(InputError, match=r"common\.py of deepsound_crnn is not in .*plain"):
        fetch(pinned, [copy / "plain"], tmp_path / "out")


def test_a_repository_that_borrows_its_objects_is_told_what_to_give(pinned, copy, tmp_path):
    committed(copy)
    subprocess.run(["git", "clone", "-q", "--shared", "--no-checkout", str(copy), str(tmp_path / "other")], check=True)
    with pytest.raises(InputError, match="borrows objects of another repository: give that one"):
        fetch(pinned, [tmp_path / "other"], tmp_path / "out")


def test_a_link_out_of_the_folder_is_refused_by_name(pinned, copy, tmp_path):
    (copy / "common.py").rename(tmp_path / "outside.py")
    (copy / "common.py").symlink_to(tmp_path / "outside.py")
    with pytest.raises(InputError, match=r"common\.py leads out of"):
        fetch(pinned, [copy], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def offline(monkeypatch):
    """No network; a list of what was asked of it."""
    import pooch

    asked = []

    def retrieve(url, **_):
        asked.append(url)
        raise OSError("no network")

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    return asked


def test_what_is_here_and_pinned_is_not_brought_again(pinned, copy, offline, tmp_path):
    folder, _ = fetch(pinned, [copy], tmp_path / "out")
    assert fetch(pinned, [], folder)[1].pinned and not offline
    (folder / "models/weights.h5").unlink()
    assert fetch(pinned, [], folder)[1].missing_optional == ("models/weights.h5",)
    assert len(offline) == 1


def test_an_altered_file_that_cannot_be_brought_again_is_an_error(pinned, copy, offline, tmp_path):
    fetch(pinned, [copy], tmp_path / "out")
    (tmp_path / "out/common.py").write_bytes(b"altered")
    with pytest.raises(InputError, match=r"^common\.py: cannot be downloaded"):
        fetch(pinned, [], tmp_path / "out")


def test_a_file_that_is_none_of_upstreams_is_refused_by_name(pinned, copy, offline, tmp_path):
    folder, _ = fetch(pinned, [copy], tmp_path / "out")
    (folder / "numpy.py").write_bytes(b"planted")
    with pytest.raises(InputError, match=r"holds numpy\.py"):
        fetch(pinned, [], folder)
    assert (folder / "numpy.py").read_bytes() == b"planted"


def test_a_system_of_two_repositories_takes_a_source_for_each(pinned, copy, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (copy / "common.py").rename(other / "common.py")
    with pytest.raises(InputError, match=r"common\.py of .* is not in "):
        fetch(pinned, [copy], tmp_path / "out")
    assert fetch(pinned, [copy, other], tmp_path / "out")[1].pinned
