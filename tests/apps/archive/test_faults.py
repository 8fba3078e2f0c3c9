"""An archive is not lost to one file, one part, one worker or one stop."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from reprise_kit.apps.archive import local
from reprise_kit.apps.archive.archive import Archive
from reprise_kit.apps.archive.rows import CHANGED, NO_MEMORY, Task, row, stamp
from reprise_kit.compare.contract import Prediction
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import predict_all
from tests.apps.archive.test_archive import ROOT, StubJob, rows_of, run_stub, stub_answer, stub_folder, stub_job

NAMES = [
    *(b"plain.wav", b"[live] [bold]x.wav", b"new\nline.wav", b"\x1b[31mred.wav", b"'\"`$(x).wav"),
    *("\U0001f3b5 \u202egnp.wav".encode(), b"caf\xe9.wav", b"caf\\xe9.wav"),
]


def nothing(n):
    pass


def held(parts):
    return [row["sha256"] for part in sorted(parts.glob("[0-9]*.parquet")) for row in pq.read_table(part).to_pylist()]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_what_was_answered_is_written_however_a_run_ends(stop, tmp_path):
    files = stub_folder(tmp_path / "clips", list("abcdef"))

    def stopping(job, tasks, workers):
        for k, task in enumerate(tasks):
            if k == 4:
                raise stop
            yield stub_answer(task)

    out = tmp_path / "out.parquet"
    with pytest.raises(stop):
        Archive(tmp_path / "clips", out, stub_job()).run(files, stopping, 1, nothing)
    assert len(held(tmp_path / "out.parquet.parts")) == 4 and not out.exists()
    run_stub(files, out)
    assert len(rows_of(out)) == 6 and not out.with_name("out.parquet.parts").exists()


def test_a_damaged_part_is_set_aside_and_its_clips_answered_again(tmp_path):
    files = stub_folder(tmp_path / "clips", ["x"] * 9)
    out, parts = tmp_path / "out.parquet", tmp_path / "out.parquet.parts"

    def stopping(job, tasks, workers):
        for k, task in enumerate(tasks):
            if k in (3, 6):
                raise KeyboardInterrupt
            yield stub_answer(task)

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            Archive(tmp_path / "clips", out, stub_job()).run(files, stopping, 1, nothing)
    assert len(held(parts)) == 6
    whole = (parts / "000000.parquet").read_bytes()
    (parts / "000000.parquet").write_bytes(whole[: len(whole) // 2])
    (parts / "000001.parquet").write_bytes(b"")
    asked = []

    def counting(job, tasks, workers):
        for task in tasks:
            asked.append(task.path)
            assert len(list(parts.glob("*.damaged"))) == 2
            yield stub_answer(task)

    Archive(tmp_path / "clips", out, stub_job()).run(files, counting, 1, nothing)
    assert len(asked) == 9 and len(rows_of(out)) == 9 and not parts.exists()


@dataclass(frozen=True)
class DyingOnce(StubJob):
    """Dies on a file named in it the first time only."""

    def open(self):
        return lambda tasks: [self.one(task) for task in tasks]

    def one(self, task):
        flag = Path(task.path).parent.parent / "died"
        if "die" in Path(task.path).read_text() and not flag.exists():
            flag.touch()
            os._exit(9)
        return stub_answer(task)


def test_a_lost_worker_is_tried_again_by_the_next_run_and_only_that(tmp_path):
    clips = tmp_path / "clips"
    files = stub_folder(clips, ["a", "b", "die", "c"])
    out, parts = tmp_path / "out.parquet", tmp_path / "out.parquet.parts"
    unreadable = run_stub(files, out)
    assert list(unreadable) == ["002.wav"] and parts.is_dir()
    asked = []

    def counting(job, tasks, workers):
        for task in tasks:
            asked.append(Path(task.path).name)
            yield {**stub_answer(Task(task.sha256, str(files[0]))), "label": "at last"}

    assert Archive(clips, out, stub_job()).run(files, counting, 1, nothing) == {}
    assert asked == ["002.wav"] and not parts.exists()
    assert sorted(r["label"] for r in rows_of(out).values()) == ["a 0", "at last", "b 1", "c 3"]


def test_files_that_vanish_or_change_cost_themselves_alone(tmp_path):
    clips = tmp_path / "clips"
    files = stub_folder(clips, list("abc"))
    files[1].unlink()

    def changing(job, tasks, workers):
        for task in tasks:
            if task.path.endswith("002.wav"):
                Path(task.path).write_text("something longer than it was")
            yield row(task, InputError(f"{task.path}: as it was"))

    out = tmp_path / "out.parquet"
    unreadable = Archive(clips, out, stub_job()).run(files, changing, 1, nothing)
    assert unreadable == {"000.wav": "as it was", "001.wav": "No such file or directory", "002.wav": CHANGED}
    assert [r["sha256"] is None for r in pq.read_table(out).to_pylist()] == [False, False, True]


def test_names_are_held_losslessly(tmp_path):
    clips = tmp_path / "clips"
    clips.mkdir()
    for k, name in enumerate(NAMES):
        with open(os.fsencode(clips) + b"/" + name, "w") as file:  # noqa: PTH123
            file.write(f"{name[:1]!r} {k}")
    files = sorted(clips.iterdir())
    run_stub(files, tmp_path / "out.parquet")
    rows = rows_of(tmp_path / "out.parquet").values()
    found = [(r["path_bytes"] or [r["paths"][0].encode()])[0] for r in rows]
    assert sorted(found) == sorted(NAMES)
    assert [r["paths"] for r in rows if r["path_bytes"]] == [["caf\\xe9.wav"]]


class Fragile:
    """A pipeline with a bug, or too little memory, on some clips."""

    def predict_many(self, paths):
        for path in paths:
            if "bug" in path.name:
                {}["nobody thought of it"]
            if "big" in path.name:
                raise MemoryError
        return [Prediction(("a",), None, 0.0, np.ones(1, np.float32), 1.0) for _ in paths]


def test_an_exception_nobody_thought_of_is_its_clips_row_and_a_trace(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    names = ["one.wav", "bug.wav", "big.wav", "two.wav"]
    for name in names:
        (tmp_path / name).write_text(name)
    tasks = [Task(name, str(tmp_path / name), stamp((tmp_path / name).stat())) for name in names]
    answers = predict_all(Fragile(), [Path(task.path) for task in tasks])
    made = [row(task, answer) for task, answer in zip(tasks, answers, strict=True)]
    (log,) = (tmp_path / "cache" / "logs").iterdir()
    assert [r["error"] for r in made] == [
        None,
        f"unforeseen KeyError: 'nobody thought of it'; its trace is in {log}",
        NO_MEMORY,
        None,
    ]
    assert [r["again"] for r in made] == [False, False, True, False]
    assert "predict_many" in log.read_text() and "Traceback" in log.read_text()


@dataclass(frozen=True)
class Sleeping(StubJob):
    """Says who it is and works on, deaf to everything."""

    def open(self):
        return self.work

    def work(self, tasks):
        Path(self.weights).with_name(str(os.getpid())).touch()
        until = time.monotonic() + 60
        while time.monotonic() < until:
            pass


def run_sleeping(folder):
    job = Sleeping("stub", str(folder / "pids" / "weights"), "theano", {}, ("a",))
    next(local.answer(job, iter([Task(str(k), "x") for k in range(32)]), 2))


def alive(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_workers_end_with_their_parent(number, tmp_path):
    (tmp_path / "pids").mkdir()
    code = (
        "import sys; from pathlib import Path; from tests.apps.archive.test_faults import run_sleeping;"
        "import signal; [signal.signal(s, signal.default_int_handler) for s in (signal.SIGINT, signal.SIGTERM)];"
        "run_sleeping(Path(sys.argv[1]))"  # whoever runs the tests may have SIGINT ignored
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(list((tmp_path / "pids").iterdir())) < 2:
        assert parent.poll() is None and time.monotonic() < deadline, "the workers did not begin"
        time.sleep(0.05)
    pids = [int(path.name) for path in (tmp_path / "pids").iterdir()]
    assert all(map(alive, pids))
    parent.send_signal(number)
    if number != signal.SIGKILL:
        parent.wait(30)
    time.sleep(1)
    assert not any(map(alive, pids))
    parent.wait()


def test_a_clip_no_decoder_knows_is_refused_by_name(tmp_path):
    from reprise_kit.port.audio.decode import decode

    content = (ROOT / "tests" / "clips" / "disco.m4a").read_bytes()
    (tmp_path / "odd.m4a").write_bytes(content.replace(b"mp4a", b"mha1").replace(b"esds", b"mhaC"))
    with pytest.raises(InputError, match=r"odd\.m4a: its audio has a codec that this FFmpeg cannot decode"):
        decode(tmp_path / "odd.m4a")
    name = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.m4a")
    shutil.copy(ROOT / "tests" / "clips" / "disco.m4a", name)
    assert decode(Path(name)).native.size
