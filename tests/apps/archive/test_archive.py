"""A folder into one Parquet file: complete, the same whatever the workers, going on after a kill."""

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
import pyarrow.parquet as pq
import pytest

from reprise_kit.apps.archive import local
from reprise_kit.apps.archive.archive import Archive, Job, Row, Task, failed
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


def command(folder: Path, out: Path, workers: int) -> list[str]:
    return [*COMMAND, "predict", "--recursive", str(folder), "--out", str(out), "--workers", str(workers)]


def rows_of(out: Path) -> dict[str, Row]:
    rows = pq.read_table(out).to_pylist()
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
    return {"sha256": task.sha256, "error": None, "label": words, "duration": 1.0, "notes": []}


def stub_job(**options) -> StubJob:
    return StubJob("stub", __file__, "theano", options, ("a", "b"))


def stub_folder(folder: Path, words: list[str]) -> list[Path]:
    folder.mkdir()
    for k, word in enumerate(words):
        (folder / f"{k:03d}.wav").write_text(f"{word} {k}")
    return sorted(folder.iterdir())


def run_stub(files: list[Path], out: Path, workers: int = 2, **options) -> dict[str, str]:
    archive = Archive(files[0].parent, out, stub_job(**options))
    return archive.run(files, local.answer, workers, lambda n: None)


def test_real_clips_give_the_rows_of_single_runs_whatever_the_workers(tmp_path):
    folder = make_folder(tmp_path / "clips", 7)
    shutil.copy(folder / "0" / "0003.wav", folder / "again.wav")
    (folder / "text.mp3").write_text("not a song")
    tables = []
    for workers in (1, 2):
        out = tmp_path / f"{workers}.parquet"
        done = subprocess.run(command(folder, out, workers), cwd=ROOT, capture_output=True, text=True)
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
    files = stub_folder(tmp_path / "clips", ["wait"] * 40)
    out, parts = tmp_path / "out.parquet", tmp_path / "out.parquet.parts"
    code = (
        "import sys; from pathlib import Path; from reprise_kit.apps.archive import archive; archive.PART_ROWS = 4;"
        "from tests.apps.archive.test_archive import run_stub;"
        "run_stub(sorted(Path(sys.argv[1]).iterdir()), Path(sys.argv[2]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "clips"), str(out)], cwd=ROOT)
    deadline = time.monotonic() + 120
    while len(list(parts.glob("[0-9]*.parquet"))) < 5:
        assert process.poll() is None and time.monotonic() < deadline, "did not reach its half"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    held = {row["sha256"] for part in parts.glob("[0-9]*.parquet") for row in pq.read_table(part).to_pylist()}
    assert 20 <= len(held) < 40
    asked = []

    def counting(job, tasks, workers):
        for task in tasks:
            asked.append(task.sha256)
            yield stub_answer(task)

    Archive(tmp_path / "clips", out, stub_job()).run(files, counting, 1, lambda n: None)
    assert len(asked) == 40 - len(held) and not held & set(asked), "a finished clip was answered again"
    rows = rows_of(out)
    assert sorted(path for row in rows.values() for path in row["paths"]) == [file.name for file in files]
    whole = tmp_path / "whole.parquet"
    run_stub(files, whole)
    assert pq.read_table(whole).equals(pq.read_table(out))


def test_a_clip_that_ends_its_worker_is_named_and_the_rest_is_done(tmp_path):
    files = stub_folder(tmp_path / "clips", ["a", "b", "die", "c", "die", "d"])
    unreadable = run_stub(files, tmp_path / "out.parquet")
    assert set(unreadable) == {"002.wav", "004.wav"}
    assert all("worker that read it died" in reason for reason in unreadable.values())
    assert len(rows_of(tmp_path / "out.parquet")) == 6


def test_order_of_files_does_not_change_rows(tmp_path):
    files = stub_folder(tmp_path / "clips", list("abcdef"))
    run_stub(files, tmp_path / "one.parquet")
    run_stub(files[::-1], tmp_path / "two.parquet", workers=1)
    assert rows_of(tmp_path / "one.parquet") == rows_of(tmp_path / "two.parquet")


def test_an_engine_that_loses_a_clip_is_caught_and_nothing_written(tmp_path):
    files = stub_folder(tmp_path / "clips", list("abc"))

    def forgetful(job, tasks, workers):
        yield from (failed(task, "x") for task in list(tasks)[1:])

    with pytest.raises(RuntimeError, match=r"1 clips without a row, .*000\.wav"):
        Archive(tmp_path / "clips", tmp_path / "out.parquet", stub_job()).run(files, forgetful, 1, lambda n: None)
    assert not (tmp_path / "out.parquet").exists()


def test_parts_of_another_job_or_a_running_one_are_refused(tmp_path):
    files = stub_folder(tmp_path / "clips", list("ab"))

    def failing(job, tasks, workers):
        Archive(tmp_path / "clips", tmp_path / "out.parquet", stub_job()).run(files, failing, 1, lambda n: None)
        yield

    with pytest.raises(InputError, match="another run is writing it"):
        Archive(tmp_path / "clips", tmp_path / "out.parquet", stub_job()).run(files, failing, 1, lambda n: None)
    with pytest.raises(InputError, match="begun with other weights or options"):
        run_stub(files, tmp_path / "out.parquet", fix_quirks=True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--recursive", "nowhere"], "no such folder"), (["--recursive", "."], "folder without sound files")],
)
def test_bad_folders_are_one_line_and_leave_nothing(tmp_path, arguments, words):
    whole = [
        sys.executable,
        "-c",
        "from reprise_kit import cli; cli.main()",
        "predict",
        *arguments,
        "--out",
        "o.parquet",
    ]
    done = subprocess.run(
        whole, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
