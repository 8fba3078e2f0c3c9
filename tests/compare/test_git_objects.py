"""Blobs of a hostile repository: nothing of it is obeyed, nothing outside it is read, nothing is unbounded."""

import hashlib
import os
import struct
import subprocess
import zlib

import pytest

from reprise_kit.compare import git_history, git_objects
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.git_objects import borrows, open_blobs
from reprise_kit.compare.pins import LARGEST, blob_id

CONTENT = b"GENRES = []\n" * 40
BLOB = blob_id(CONTENT)
ABSENT = "0123456789" * 4


def git(folder, *words, **variables):
    command = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **variables})
    return done.stdout.strip()


@pytest.fixture
def source(tmp_path):
    """A repository with one file, and another version of it, so that a pack holds a delta."""
    folder = tmp_path / "source"
    folder.mkdir()
    git(folder, "init", "-q")
    for content in (CONTENT, CONTENT + b"more = 1\n"):
        (folder / "common.py").write_bytes(content)
        git(folder, "add", ".")
        git(folder, "commit", "-qm", "x")
    return folder


def read(folder, blob=BLOB, largest=LARGEST):
    with open_blobs(folder, {blob}, largest) as stored:
        return stored(blob)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["checkout", "git directory", "bare", "worktree"])
def test_every_kind_of_repository_gives_its_blobs(source, tmp_path, packed, kind):
    if packed:
        git(source, "gc", "-q", "--aggressive")
        assert not (source / ".git/objects" / BLOB[:2]).exists()
    if kind == "bare":
        git(source, "clone", "-q", "--bare", ".", str(tmp_path / "other"))
    if kind == "worktree":
        git(source, "worktree", "add", "-q", "--detach", str(tmp_path / "other"))
    folder = {"checkout": source, "git directory": source / ".git"}.get(kind, tmp_path / "other")
    assert read(folder) == CONTENT
    assert read(folder, ABSENT) is None


def test_many_blobs_are_read_by_one_git_and_each_is_the_one_asked_for(source, tmp_path, monkeypatch):
    other = CONTENT + b"more = 1\n"
    asked = [(BLOB, len(CONTENT)), (ABSENT, 7), (blob_id(other), len(other)), (BLOB, 1)]
    with git_history.open_history(source) as home:
        assert list(git_objects.read_all(home, asked)) == [CONTENT, None, other, None]  # the last one's size is a lie
        runs = []
        monkeypatch.setattr(git_objects, "ask", lambda *words, **given: runs.append(words) or ask(*words, **given))
        ask = git_history.ask
        assert list(git_objects.read_all(home, asked[:1] * 500)) == [CONTENT] * 500 and len(runs) == 1


def promisor(folder, mark):
    git(folder, "config", "core.repositoryformatversion", "1")
    git(folder, "config", "extensions.partialClone", "evil")
    git(folder, "config", "remote.evil.url", ".")
    git(folder, "config", "remote.evil.promisor", "true")
    git(folder, "config", "remote.evil.uploadpack", f"touch {mark}; git-upload-pack")


@pytest.mark.parametrize("where", ["config", "included file", "worktree's config"])
def test_a_command_in_the_config_is_not_run(source, tmp_path, where):
    mark = tmp_path / "ran"
    promisor(source, mark)
    if where == "included file":
        (source / ".git/more").write_text((source / ".git/config").read_text())
        (source / ".git/config").write_text(f"[include]\n\tpath = {source}/.git/more\n")
    if where == "worktree's config":
        (source / ".git/config").replace(source / ".git/config.worktree")
        (source / ".git/config").write_text(
            "[extensions]\n\tworktreeConfig = true\n[core]\n\trepositoryformatversion = 1\n"
        )
    # That the trap bites: git itself runs it.
    subprocess.run(["git", "-C", str(source), "cat-file", "blob", ABSENT], capture_output=True, check=False)
    assert mark.exists()
    mark.unlink()
    assert read(source, ABSENT) is None
    assert read(source) == CONTENT
    assert not mark.exists()


def test_a_command_in_the_environment_is_not_run(source, tmp_path, monkeypatch):
    mark = tmp_path / "ran"
    promisor(source, mark)
    monkeypatch.setenv("GIT_DIR", str(source / ".git"))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", f"'remote.evil.uploadpack'='touch {mark}'")
    assert read(source, ABSENT) is None
    assert not mark.exists()


def test_the_repository_around_a_folder_is_not_asked(source):
    (source / "plain").mkdir()
    assert git(source / "plain", "cat-file", "-t", BLOB) == "blob"
    assert read(source / "plain") is None


@pytest.mark.parametrize("link", ["alternates", "objects", ".git", "pack", "loose"])
def test_nothing_outside_the_folder_is_read(source, tmp_path, link):
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    if link == "alternates":
        (other / ".git/objects/info").mkdir(exist_ok=True)
        (other / ".git/objects/info/alternates").write_text(f"{source}/.git/objects\n")
        assert git(other, "cat-file", "-t", BLOB) == "blob"
        assert read(other) is None and borrows(other) and not borrows(source)
    elif link == "pack":
        git(source, "gc", "-q")
        (other / ".git/objects/pack").rmdir()
        (other / ".git/objects/pack").symlink_to(source / ".git/objects/pack")
        assert git(other, "cat-file", "-t", BLOB) == "blob"
        assert read(other) is None
    elif link == "loose":
        (other / ".git/objects" / BLOB[:2]).mkdir()
        (other / ".git/objects" / BLOB[:2] / BLOB[2:]).symlink_to(source / ".git/objects" / BLOB[:2] / BLOB[2:])
        assert git(other, "cat-file", "-t", BLOB) == "blob"
        assert read(other) is None
    else:
        place = other / ".git/objects" if link == "objects" else other / ".git"
        place.rename(tmp_path / "aside")
        place.symlink_to(source / place.relative_to(other))
        assert git(other, "cat-file", "-t", BLOB) == "blob"
        with pytest.raises(InputError, match="link out of"):
            read(other)


@pytest.mark.parametrize("pointer", ["gitdir: {source}/.git", "gitdir: nowhere", "", "gitdir: /dev/zero\n" * 9])
def test_a_git_file_leads_only_to_a_repository_that_knows_it(source, tmp_path, pointer):
    other = tmp_path / "other"
    other.mkdir()
    (other / ".git").write_text(pointer.format(source=source))
    with pytest.raises(InputError, match=r"knows no such worktree.*--from"):
        read(other)


def loose(folder, blob, content):
    path = folder / ".git/objects" / blob[:2] / blob[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def test_a_large_object_is_refused_by_its_header(source):
    loose(source, ABSENT, zlib.compress(b"blob %d\0" % (1 << 40) + bytes(1 << 16)))
    with pytest.raises(InputError, match=f"{1 << 40} bytes; at most"):
        read(source, ABSENT)
    assert read(source, largest=len(CONTENT)) == CONTENT
    with pytest.raises(InputError, match="at most"):
        read(source, largest=len(CONTENT) - 1)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 99, zlib.compress(b"blob 3\0" + bytes(1 << 22)), zlib.compress(b"tree 0\0")]
)
def test_a_broken_object_is_none(source, content):
    loose(source, ABSENT, content)
    assert read(source, ABSENT) is None


def test_a_pipe_does_not_hang(source):
    (source / ".git/objects" / ABSENT[:2]).mkdir(exist_ok=True)
    os.mkfifo(source / ".git/objects" / ABSENT[:2] / ABSENT[2:])
    assert read(source, ABSENT) is None


def varint(value, first_bits=7, first=0):
    """Bytes of a number as packs write them: low bits first, `first_bits` of them in the byte that holds `first`."""
    made = [first | value & ((1 << first_bits) - 1)]
    value >>= first_bits
    while value:
        made[-1] |= 0x80
        made.append(value & 0x7F)
        value >>= 7
    return bytes(made)


def delta_pack(base_size):
    """A pack of kilobytes: a blob of zeros, and a small one that is a delta on it; and the small one's content."""
    base = varint(base_size, 4, 3 << 4) + zlib.compress(bytes(base_size), 1)
    copy = varint(base_size) + varint(8) + bytes([0x90, 8])  # copy 8 bytes from offset 0
    back = len(base)
    offset = [back & 0x7F]
    while back := back >> 7:
        back -= 1
        offset.insert(0, 0x80 | back & 0x7F)
    small = varint(len(copy), 4, 6 << 4) + bytes(offset) + zlib.compress(copy)
    body = b"PACK" + struct.pack(">II", 2, 2) + base + small
    return body + hashlib.sha1(body).digest(), bytes(8)


def test_a_small_delta_on_a_huge_base_takes_no_more_memory_than_allowed(source, monkeypatch):
    pack, content = delta_pack(200 << 20)
    assert len(pack) < 1 << 20
    subprocess.run(["git", "-C", str(source), "index-pack", "--stdin"], input=pack, capture_output=True, check=True)
    assert read(source, blob_id(content)) == content
    monkeypatch.setattr(git_objects, "MEMORY", 150 << 20)
    assert read(source, blob_id(content)) is None
    assert read(source) == CONTENT
