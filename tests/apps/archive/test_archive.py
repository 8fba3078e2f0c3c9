"""A folder into one Parquet file: complete, the same whatever the workers, going on after a kill."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reprise_kit.apps.archive import local
from reprise_kit.apps.archive.archive import Job
from reprise_kit.apps.archive.rows import Row, Task, failed
from reprise_kit.apps.archive.sources import source
from reprise_kit.apps.archive.status import read_all
from reprise_kit.apps.archive.stores import FolderStore
from reprise_kit.commands import archive
from reprise_kit.commands.archive import Wanted
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.registry import load
from reprise_kit.port.deepsound_crnn.pipeline import open_pipeline

ROOT = Path(__file__).parents[3]
# Parts of four rows, so that a short run has many.
COMMAND = [
    sys.executable,
    "-c",
    "from reprise_kit import cli; from reprise_kit.apps.archive import archive; archive.PART_ROWS = 4; cli.main()",
]


def write_clip(path: Path, seed: int, seconds: float = 1.8) -> None:
    """Write chords of seeded pitches, 22,050 Hz mono wav."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(22_050 * seconds)) / 22_050
    tones = sum(np.sin(2 * np.pi * f * t) for f in rng.uniform(100, 4000, 5)) + rng.normal(0, 0.05, len(t))
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1), file.setsampwidth(2), file.setframerate(22_050)
        file.writeframes((tones * 4000).astype("<i2").tobytes())


def make_folder(folder: Path, n_clips: int) -> Path:
    for k in range(n_clips):
        write_clip(folder / f"{k % 3}" / f"{k:04d}.wav", k)
    return folder


def real_job() -> Job:
    system = load("deepsound_crnn")
    options = {"decoder": "pyav", "fix_quirks": False}
    return Job(system.name, str(system.default_weights), "theano", options, system.labels)


def command(folder: Path, out: Path, workers: int, *more: str) -> list[str]:
    return [*COMMAND, "predict", "--recursive", str(folder), "--out", str(out), "--workers", str(workers), *more]


def rows_of(out: Path) -> dict[str, Row]:
    """The rows of a dataset, or of a single file, by hash."""
    rows = pq.read_table(out / "rows" if out.is_dir() else out).to_pylist()
    by_key = {row["sha256"]: row for row in rows}
    assert len(by_key) == len(rows), "a clip twice"
    return by_key


@dataclass(frozen=True)
class StubJob(Job):
    """Answers without a model, and dies on a file that says so."""

    def open(self):
        return lambda tasks: [stub_answer(task) for task in tasks]


def stub_answer(task: Task) -> Row:
    words = Path(task.path).read_text()
    if words.startswith("die"):
        os._exit(9)
    if words.startswith("wait"):
        time.sleep(0.3)
    return {"sha256": task.sha256, "error": None, "label": words, "duration": 1.0, "notes": [], "again": False}


def stub_job(**options) -> StubJob:
    return StubJob("stub", __file__, "theano", options, ("a", "b"))


def stub_folder(folder: Path, words: list[str]) -> Path:
    folder.mkdir()
    for k, word in enumerate(words):
        (folder / f"{k:03d}.wav").write_text(f"{word} {k}")
    return folder


def run_stub(folder: Path, out: Path, workers: int = 2, engine=local.answer, job=None, **more) -> dict[str, str]:
    """Answer a folder; return path: reason of what could not be read."""
    wanted = Wanted(str(folder), str(out), workers=workers, **more)
    clips = source(str(folder))
    clips = clips if wanted.share is None else clips.shard(*wanted.share)
    _, bad = archive.answer(wanted, clips, job or stub_job(), engine)
    return {path: reason for path, reason, _ in bad}


def files_of(out: Path) -> dict[str, str]:
    """The files of a dataset and their clips' hashes."""
    rows = pq.read_table(out / "files").to_pylist()
    return {row["path"]: row["sha256"] for row in rows}


def test_real_clips_give_the_rows_of_single_runs_whatever_the_workers(tmp_path):
    folder = make_folder(tmp_path / "clips", 7)
    shutil.copy(folder / "0" / "0003.wav", folder / "again.wav")
    (folder / "text.mp3").write_text("not a song")
    tables = []
    for workers in (1, 2):
        out = tmp_path / f"{workers}.parquet"
        whole = command(folder, out, workers, "--single-file")
        done = subprocess.run(whole, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 1, done.stderr
        assert "text.mp3: no audio file that can be decoded" in done.stderr
        assert "9 clips, 1 of them unreadable" in done.stderr
        tables.append(pq.read_table(out))
        assert not out.with_name(out.name + ".parts").exists()
    assert tables[0].equals(tables[1])
    rows = rows_of(tmp_path / "1.parquet")
    assert len(rows) == 8
    twice = [row for row in rows.values() if len(row["paths"]) == 2]
    assert [row["paths"] for row in twice] == [["0/0003.wav", "again.wav"]]
    single = open_pipeline(load("deepsound_crnn").default_weights, "theano")
    for row in rows.values():
        if row["error"] is None:
            expected = single.predict(folder / row["paths"][0])
            np.testing.assert_allclose(row["clip_probs"], expected.clip_probs, atol=1e-6)
            np.testing.assert_allclose(row["step_probs"], expected.step_probs, atol=1e-6)
            assert row["label"] == expected.labels[int(np.argmax(expected.clip_probs))]


def test_killed_at_half_it_goes_on_without_loss_or_repeat(tmp_path):
    folder = stub_folder(tmp_path / "clips", ["wait"] * 40)
    out = tmp_path / "out"
    code = (
        "import sys; from pathlib import Path; from reprise_kit.apps.archive import archive; archive.PART_ROWS = 4;"
        "from tests.apps.archive.test_archive import run_stub;"
        "run_stub(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(folder), str(out)], cwd=ROOT)
    deadline = time.monotonic() + 600
    while len(list((out / "rows").glob("[0-9]*.parquet"))) < 5:
        assert process.poll() is None and time.monotonic() < deadline, "did not reach its half"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    held = set(rows_of(out))
    assert 4 <= len(held) < 40
    asked = []

    def counting(job, tasks, workers):
        for task in tasks:
            asked.append(task.sha256)
            yield stub_answer(task)

    run_stub(folder, out, engine=counting)
    assert len(asked) == 40 - len(held) and not held & set(asked), "a finished clip was answered again"
    assert sorted(files_of(out)) == sorted(path.name for path in folder.iterdir())
    assert set(files_of(out).values()) == set(rows_of(out)) and len(rows_of(out)) == 40
    run_stub(folder, tmp_path / "whole")
    assert rows_of(tmp_path / "whole") == rows_of(out)


def test_a_known_file_is_not_opened_again_and_a_changed_one_is(tmp_path, monkeypatch):
    folder, out, asked = stub_folder(tmp_path / "clips", list("abc")), tmp_path / "out", []

    def counting(job, tasks, workers):
        for task in tasks:
            asked.append(Path(task.path).name)
            yield stub_answer(task)

    run_stub(folder, out, engine=counting)
    (folder / "001.wav").write_text("something else")
    shutil.copy(folder / "000.wav", folder / "copy.wav")
    hashed = hashlib.file_digest
    opened: list[str] = []
    monkeypatch.setattr(hashlib, "file_digest", lambda file, name: opened.append(file.name) or hashed(file, name))
    run_stub(folder, out, engine=counting)
    assert [Path(name).name for name in opened if Path(name).parent == folder] == ["001.wav", "copy.wav"]
    assert asked == ["000.wav", "001.wav", "002.wav", "001.wav"] and len(rows_of(out)) == 4
    counts = read_all(FolderStore(out))["status/run.json"]
    assert (counts.known, counts.answered, counts.duplicates, counts.finished) == (2, 1, 1, True)


def test_shards_share_a_folder_and_make_the_whole(tmp_path):
    folder = stub_folder(tmp_path / "clips", ["x"] * 30)
    for k in (2, 1, 3):
        run_stub(folder, tmp_path / "shared", shard=f"{k}/3")
    run_stub(folder, tmp_path / "one")
    names = [path.name for path in (tmp_path / "shared" / "rows").glob("[!.]*")]
    assert {name[:14] for name in names} == {f"0000{k}-of-00003" for k in (1, 2, 3)}
    assert len(rows_of(tmp_path / "shared")) == 30
    assert files_of(tmp_path / "shared") == files_of(tmp_path / "one")
    assert run_stub(folder, tmp_path / "shared", engine=lambda job, tasks, workers: list(tasks)) == {}


@pytest.mark.parametrize("words", ["0/3", "4/3", "1", "a/b", "1/3/4", "-1/3"])
def test_a_share_that_is_none_is_refused(words):
    with pytest.raises(InputError, match="I/N with 1 <= I <= N"):
        Wanted("clips", "out", shard=words).share  # noqa: B018


@pytest.mark.parametrize("suffix", [".txt", ".parquet"])
def test_a_list_or_a_manifest_names_clips(suffix, tmp_path):
    folder = stub_folder(tmp_path / "clips", list("abc"))
    (folder / "002.wav").unlink()
    names = ["clips/001.wav", "clips/002.wav", str(folder / "000.wav")]
    listed = tmp_path / f"list{suffix}"
    if suffix == ".txt":
        listed.write_text("\n".join(names) + "\n\n")
    else:
        pq.write_table(pa.table({"path": names, "year": [1, 2, 3]}), listed)
    assert run_stub(listed, tmp_path / "out") == {"clips/002.wav": "No such file or directory"}
    assert list(files_of(tmp_path / "out")) == [names[0], names[2]]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.txt", b"\n \n", "names no clips"),
        ("odd.parquet", b"PAR1 not", "not a readable Parquet file"),
        ("gone.txt", None, "no such file"),
    ],
)
def test_a_bad_list_is_one_line(name, content, words, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        source(str(tmp_path / name))


def test_names_in_lists_that_are_no_utf_8_or_no_name(tmp_path):
    folder = stub_folder(tmp_path / "clips", list("ab"))
    (folder / "000.wav").rename(folder / os.fsdecode(b"caf\xe9.wav"))
    names = [b"clips/caf\xe9.wav", b"clips/\0.wav", b"clips/001.wav"]
    (tmp_path / "list.txt").write_bytes(b"\n".join(names))
    as_binary = pa.array(names, pa.binary())
    pq.write_table(pa.table({"path": as_binary}), tmp_path / "binary.parquet")
    offsets, content = as_binary.buffers()[1:]
    pq.write_table(pa.table({"path": pa.StringArray.from_buffers(3, offsets, content)}), tmp_path / "text.parquet")
    for listed in ("list.txt", "binary.parquet", "text.parquet"):
        assert run_stub(tmp_path / listed, tmp_path / f"{listed}.out") == {"clips/\0.wav": "embedded null byte"}
        assert len(files_of(tmp_path / f"{listed}.out")) == 2


def test_a_manifest_without_the_column_is_named(tmp_path):
    pq.write_table(pa.table({"file": ["a.wav"]}), tmp_path / "m.parquet")
    with pytest.raises(InputError, match="without the column `path`"):
        source(str(tmp_path / "m.parquet"))


def test_a_clip_that_ends_its_worker_is_named_and_the_rest_is_done(tmp_path):
    folder = stub_folder(tmp_path / "clips", ["a", "b", "die", "c", "die", "d"])
    unreadable = run_stub(folder, tmp_path / "out")
    assert set(unreadable) == {"002.wav", "004.wav"}
    assert all("worker that read it died" in reason for reason in unreadable.values())
    assert len(rows_of(tmp_path / "out")) == 6


def test_an_engine_that_loses_a_clip_is_caught_and_no_file_written(tmp_path):
    folder = stub_folder(tmp_path / "clips", list("abc"))

    def forgetful(job, tasks, workers):
        yield from (failed(task, "x") for task in list(tasks)[1:])

    def lazy(job, tasks, workers):
        yield from (failed(task, "x") for task in list(tasks)[:-1])

    with pytest.raises(RuntimeError, match="was not asked about"):
        run_stub(folder, tmp_path / "out.parquet", engine=forgetful, single_file=True)
    with pytest.raises(RuntimeError, match=r"1 clips without a row, 002\.wav the first"):
        run_stub(folder, tmp_path / "out.parquet", engine=lazy, single_file=True)
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize("single", [False, True])
def test_parts_of_another_job_or_a_running_one_are_refused(single, tmp_path):
    folder, out = stub_folder(tmp_path / "clips", list("ab")), tmp_path / "out"

    def failing(job, tasks, workers):
        run_stub(folder, out, engine=failing, single_file=single)
        yield

    with pytest.raises(InputError, match="another run is writing it"):
        run_stub(folder, out, engine=failing, single_file=single)
    with pytest.raises(InputError, match="begun with other weights or options"):
        run_stub(folder, out, job=stub_job(fix_quirks=True), single_file=single)


@pytest.mark.parametrize(
    "change", [{"updated": "now"}, {"answered": None}, {"total": [1]}, {"began": float("inf")}, {"known": 10**400}]
)
def test_a_status_of_another_form_is_one_line(change, tmp_path):
    run_stub(stub_folder(tmp_path / "clips", list("ab")), tmp_path / "out")
    (file,) = (tmp_path / "out" / "status").iterdir()
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(InputError, match="no status of an archive"):
        archive.status(str(tmp_path / "out"), as_json=False)


def test_what_else_lies_among_the_parts_ends_no_run(tmp_path):
    clips, out = stub_folder(tmp_path / "clips", list("ab")), tmp_path / "out"
    run_stub(clips, out)
    (out / "rows" / "1.parquet").write_bytes((out / "rows" / "000000.parquet").read_bytes())
    assert run_stub(clips, out) == {}
    (out / "job.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="begun with other weights"):
        run_stub(clips, out)


def test_status_says_how_far_it_is(tmp_path, capsys):
    folder, out = stub_folder(tmp_path / "clips", list("abc")), tmp_path / "out"
    run_stub(folder, out)
    archive.status(str(out), False)
    assert "run: finished, 3 files met\n  3 answered" in capsys.readouterr().out
    with pytest.raises(InputError, match="no status of an archive here"):
        archive.status(str(folder), False)
    (out / "status" / "run.json").write_text("[1]")
    with pytest.raises(InputError, match="no status of an archive"):
        archive.status(str(out), False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--recursive", "nowhere"], "no such folder"), (["--recursive", "."], "a folder without files that count")],
)
def test_bad_folders_are_one_line_and_leave_nothing(tmp_path, arguments, words):
    whole = [
        sys.executable,
        "-c",
        "from reprise_kit import cli; cli.main()",
        "predict",
        *arguments,
        "--out",
        "o",
    ]
    done = subprocess.run(
        whole, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
