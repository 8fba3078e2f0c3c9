"""Archives in an object store: the same tables as from a folder, resumed, and its faults in one line."""

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from reprise_kit.apps.archive import archive as of_archive
from reprise_kit.apps.archive import copies as of_copies
from reprise_kit.apps.archive.archive import BATCH, Answerer
from reprise_kit.apps.archive.copies import AHEAD, Copies
from reprise_kit.apps.archive.rows import Task
from reprise_kit.apps.archive.sources import source
from reprise_kit.apps.archive.stores import fetched, is_address, opened
from reprise_kit.commands import archive
from reprise_kit.compare.digest import sha256
from reprise_kit.compare.errors import InputError
from tests.apps.archive.test_archive import make_folder, real_job, rows_of, run_stub, write_clip
from tests.s3 import s3_server

BUCKET = "s3://songs"


@pytest.fixture(scope="module")
def bucket() -> Iterator[fs.FileSystem]:
    """An empty bucket of a local server."""
    with s3_server():
        files, path = opened(f"{BUCKET}?allow_bucket_creation=true")
        files.create_dir(path)
        yield files


def put(files: fs.FileSystem, folder: Path, name: str) -> str:
    """Copy a folder into the bucket."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with files.open_output_stream(f"songs/{name}/{path.relative_to(folder).as_posix()}") as stream:
            stream.write(path.read_bytes())
    return f"{BUCKET}/{name}"


def table(files: fs.FileSystem, folder: str):
    return {row["sha256"]: row for row in pq.read_table(folder, filesystem=files).to_pylist()}


def fetching(job, tasks, workers):
    """An engine that fetches, and answers with the hash."""
    for task in tasks:
        with fetched(task.path) as (_, sha256):
            yield {"sha256": sha256, "error": None, "label": sha256, "duration": 1.0, "notes": [], "again": False}


def test_from_and_to_a_bucket_as_from_and_to_a_folder(tmp_path, bucket):
    folder = make_folder(tmp_path / "clips", 5)
    shutil.copy(folder / "0" / "0003.wav", folder / "again.wav")
    (folder / "text.mp3").write_text("not a song")
    (folder / "cover.jpg").write_text("not for us")
    address = put(bucket, folder, "in")
    bad = run_stub(address, f"{BUCKET}/out", job=real_job())
    assert list(bad) == ["text.mp3"] and "no audio file that can be decoded" in bad["text.mp3"]
    run_stub(folder, tmp_path / "out", job=real_job())
    assert table(bucket, "songs/out/rows") == rows_of(tmp_path / "out") and len(rows_of(tmp_path / "out")) == 6
    files = pq.read_table("songs/out/files", filesystem=bucket).to_pylist()
    assert {row["path"] for row in files} == {
        path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.suffix != ".jpg"
    }
    assert len({row["sha256"] for row in files}) == 6


class Refusing:
    """A pipeline that takes no clip."""

    def predict_many(self, paths):
        return [InputError("refused") for path in paths]


def test_the_server_does_not_stand_still_for_its_log(bucket):
    """A pipe takes 64 KB of it."""
    for k in range(80):
        assert bucket.get_file_info(f"songs/{k:01000d}").type == fs.FileType.NotFound


def test_the_clips_of_a_batch_are_fetched_at_once(tmp_path, bucket, monkeypatch):
    clips = make_folder(tmp_path / "clips", BATCH)
    tasks = [Task(entry.location) for entry in source(put(bucket, clips, "batch")).entries()]
    together = threading.Barrier(BATCH, timeout=60)

    @contextmanager
    def waiting(address):
        together.wait()
        with fetched(address) as found:
            yield found

    monkeypatch.setattr(of_archive, "fetched", waiting)
    rows = Answerer(Refusing())(tasks)
    assert [row["error"] for row in rows] == ["refused"] * BATCH
    assert [row["sha256"] for row in rows] == [sha256(path) for path in sorted(clips.rglob("*.wav"))]


def test_clips_are_fetched_while_those_before_them_are_answered(tmp_path, bucket, monkeypatch):
    clips = make_folder(tmp_path / "clips", AHEAD + 3)
    tasks = [Task(entry.location) for entry in source(put(bucket, clips, "ahead")).entries()]
    tasks[1:1] = [Task(f"{BUCKET}/nowhere.mp3"), Task(str(tmp_path / "local.wav"), "its hash")]
    together = threading.Barrier(AHEAD, timeout=60)

    @contextmanager
    def waiting(address, given_up):
        if address in {task.path for task in tasks[-AHEAD:]}:
            together.wait()
        with fetched(address) as found:
            yield found

    monkeypatch.setattr(of_copies, "fetched", waiting)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Copies() as copies:
        arriving = copies.here(tasks)
        first, gone, local = (next(arriving) for _ in range(3))
        assert Path(first.path).read_bytes() == (clips / "0" / "0000.wav").read_bytes()
        assert first.sha256 == sha256(Path(first.path)) and [gone, local] == tasks[1:3]
        copies.answered()
        assert not Path(first.path).exists()
        rest = list(arriving)
        assert [task.sha256 for task in rest] == [sha256(path) for path in sorted(clips.rglob("*.wav"))[1:]]
        assert all(Path(task.path).exists() for task in rest)
    assert not list(tmp_path.glob("reprise-clip-*")), "no copy is left"


def test_what_is_being_fetched_is_given_up_in_the_end(tmp_path, bucket, monkeypatch):
    with bucket.open_output_stream("songs/large.wav") as stream:
        stream.write(bytes(3 << 20))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    begun, ended = threading.Event(), []

    @contextmanager
    def slow(address, given_up):
        begun.set()
        while not given_up():
            time.sleep(0.01)
        with pytest.raises(InputError, match="given up"), fetched(address, given_up):
            pass
        ended.append(address)
        raise InputError("given up")
        yield

    monkeypatch.setattr(of_copies, "fetched", slow)
    monkeypatch.setattr(of_copies, "AHEAD", 1)
    with Copies() as copies:
        arriving = threading.Thread(target=lambda: list(copies.here([Task(f"{BUCKET}/large.wav")])))
        arriving.start()
        assert begun.wait(60)
    arriving.join(60)
    assert ended == [f"{BUCKET}/large.wav"] and list(tmp_path.iterdir()) == []


def test_what_has_no_room_here_is_left_to_its_worker(tmp_path, bucket, monkeypatch):
    tasks = [Task(f"{put(bucket, make_folder(tmp_path / 'clips', 1), 'room')}/0/0000.wav")] * 2
    monkeypatch.setattr(of_copies, "ROOM", 0)
    monkeypatch.setattr(of_copies, "AHEAD", 1)
    with Copies() as copies:
        assert [is_address(task.path) for task in copies.here(tasks)] == [False, True]
        copies.answered()
        assert [is_address(task.path) for task in copies.here(tasks)] == [False, True], "there is room again"


def test_a_second_run_fetches_what_is_new(tmp_path, bucket):
    folder = make_folder(tmp_path / "clips", 3)
    address, asked = put(bucket, folder, "more"), []

    def counting(job, tasks, workers):
        for task in tasks:
            asked.append(task.path.rpartition("/")[2])
            yield from fetching(job, [task], workers)

    run_stub(address, f"{BUCKET}/more-out", engine=counting)
    write_clip(tmp_path / "new" / "0003.wav", 3)
    put(bucket, tmp_path / "new", "more")
    for _ in range(2):
        run_stub(address, f"{BUCKET}/more-out", engine=counting)
    assert sorted(asked) == [f"000{k}.wav" for k in range(4)]
    assert len(table(bucket, "songs/more-out/rows")) == 4


def test_a_damaged_object_is_set_aside(tmp_path, bucket):
    address = put(bucket, make_folder(tmp_path / "clips", 2), "hurt")
    run_stub(address, f"{BUCKET}/hurt-out", engine=fetching)
    with bucket.open_output_stream("songs/hurt-out/rows/000000.parquet") as stream:
        stream.write(b"PAR1")
    run_stub(address, f"{BUCKET}/hurt-out", engine=fetching)
    assert len(table(bucket, "songs/hurt-out/rows")) == 2
    (aside,) = bucket.get_file_info(fs.FileSelector("songs/hurt-out/damaged"))
    assert aside.base_name == "rows-000000.parquet"


def test_an_object_that_is_gone_is_tried_again_and_a_place_that_is_none_is_one_line(tmp_path, bucket):
    listed = tmp_path / "list.txt"
    listed.write_text(f"{BUCKET}/nowhere.mp3\n")
    bad = run_stub(listed, tmp_path / "out", job=real_job())
    assert "cannot be fetched" in bad[f"{BUCKET}/nowhere.mp3"]
    assert pq.read_table(tmp_path / "out" / "rows").to_pylist()[0]["again"]
    for address, words in (("s3://nowhere/x", "cannot be listed"), ("ssh://here/x", "no store that can be opened")):
        with pytest.raises(InputError, match=words):
            source(address)


def test_an_object_store_takes_no_single_file():
    with pytest.raises(InputError, match="--single-file goes with a file of this machine"):
        archive.run(archive.Wanted("clips", f"{BUCKET}/out.parquet", single_file=True), {}, None)
