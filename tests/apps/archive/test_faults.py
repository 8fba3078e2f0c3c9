"""An archive is not lost to one file, one part, one worker or one stop."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reprise_kit.apps.archive import local, single_file
from reprise_kit.apps.archive.rows import CHANGED, NO_MEMORY, Task, row, stamp
from reprise_kit.compare.contract import Prediction
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import predict_all
from reprise_kit.port.audio import parts, stream
from reprise_kit.port.audio.decode import decode
from tests.apps.archive.test_archive import (
    ROOT,
    StubJob,
    files_of,
    rows_of,
    run_stub,
    stub_answer,
    stub_folder,
    write_clip,
)
from tests.compare.test_walk import too_deep
from tests.port.audio import hostile_decoders

NAMES = [
    *(b"plain.wav", b"[live] [bold]x.wav", b"new\nline.wav", b"\x1b[31mred.wav", b"'\"`$(x).wav"),
    *("\U0001f3b5 \u202egnp.wav".encode(), b"caf\xe9.wav", b"caf\\xe9.wav"),
]


@dataclass(frozen=True)
class DecodingJob(StubJob):
    """Decodes each clip, with a decoder that does what a file says."""

    def open(self):
        parts.heard = hostile_decoders.heard
        stream.LIMITS = replace(stream.LIMITS, seconds=1)
        return lambda tasks: [decoded_row(task) for task in tasks]


def decoded_row(task):
    class Lengths:
        def predict_many(self, paths):
            return [self.predict(path) for path in paths]

        def predict(self, path):
            try:
                seconds = decode(path).native.size / 22_050
            except InputError as error:
                return error
            return Prediction(("a", "b"), None, 0.0, np.array([0.25, 0.75]), seconds)

    return row(task, *predict_all(Lengths(), [Path(task.path)]))


def test_whatever_a_decoder_does_costs_its_own_clip_alone(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    deeds = ("crash", "spins", "grows", "calls")
    for k, deed in enumerate(deeds):
        (folder / f"{deed}.mp3").write_text(f"{deed} and more")
        write_clip(folder / f"{k}.wav", k, 0.2)
    bad = run_stub(folder, tmp_path / "out", job=DecodingJob("stub", __file__, "theano", {}, ("a", "b")))
    assert set(bad) == {f"{deed}.mp3" for deed in deeds}
    for deed in deeds:
        assert hostile_decoders.ENDS.get(deed, f"could not: {deed} (") in bad[f"{deed}.mp3"]
    rows = rows_of(tmp_path / "out").values()
    assert sum(one["error"] is None for one in rows) == len(deeds) == len(rows) - len(bad)
    assert not (folder / "written").exists()


def held(out):
    parts = sorted((out / "rows").glob("[0-9]*.parquet"))
    return [row["sha256"] for part in parts for row in pq.read_table(part).to_pylist()]


def stopping_at(stop, *numbers):
    def engine(job, tasks, workers):
        for k, task in enumerate(tasks):
            if k in numbers:
                raise stop
            yield stub_answer(task)

    return engine


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_what_was_answered_is_written_however_a_run_ends(stop, tmp_path):
    folder, out = stub_folder(tmp_path / "clips", list("abcdef")), tmp_path / "out.parquet"
    with pytest.raises(stop):
        run_stub(folder, out, engine=stopping_at(stop, 4), single_file=True)
    assert len(held(tmp_path / "out.parquet.parts")) == 4 and not out.exists()
    run_stub(folder, out, single_file=True)
    assert len(rows_of(out)) == 6 and not out.with_name("out.parquet.parts").exists()


def test_a_damaged_part_is_set_aside_and_its_clips_answered_again(tmp_path):
    folder, out = stub_folder(tmp_path / "clips", ["x"] * 9), tmp_path / "out"
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run_stub(folder, out, engine=stopping_at(KeyboardInterrupt, 3, 6))
    rows = out / "rows"
    assert len(held(out)) == 6
    whole = (rows / "000000.parquet").read_bytes()
    (rows / "000000.parquet").write_bytes(whole[: len(whole) // 2])
    (rows / "000001.parquet").write_bytes(b"")
    asked = []

    def counting(job, tasks, workers):
        for task in tasks:
            asked.append(task.path)
            assert len(list((out / "damaged").glob("rows-*.parquet"))) == 2
            yield stub_answer(task)

    run_stub(folder, out, engine=counting)
    assert len(asked) == 9 and len(rows_of(out)) == 9
    assert set(files_of(out).values()) == set(rows_of(out))


@pytest.mark.parametrize("folder", ["rows", "files"])
@pytest.mark.parametrize("form", ["another type", "a column missing", "hashes of no length"])
def test_a_part_of_another_form_costs_no_clip_its_row(form, folder, tmp_path):
    clips, out = stub_folder(tmp_path / "clips", list("abc")), tmp_path / "out"
    run_stub(clips, out)
    part = out / folder / "000000.parquet"
    table = pq.read_table(part)
    odd = {
        "another type": table.set_column(table.column_names.index("sha256"), "sha256", pa.array([1] * len(table))),
        "a column missing": table.drop_columns(["sha256"]),
        "hashes of no length": table.set_column(
            table.column_names.index("sha256"), table.schema.field("sha256"), pa.array([""] * len(table))
        ),
    }[form]
    pq.write_table(odd, part)
    run_stub(clips, out)
    assert len(list((out / "damaged").iterdir())) == 1
    assert len(rows_of(out)) == 3 and set(files_of(out).values()) == set(rows_of(out))


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


@pytest.mark.parametrize("single", [False, True])
def test_a_lost_worker_is_tried_again_by_the_next_run_and_only_that(single, tmp_path):
    folder, out = stub_folder(tmp_path / "clips", ["a", "b", "die", "c"]), tmp_path / "out"
    assert list(run_stub(folder, out, single_file=single)) == ["002.wav"]
    assert out.with_name("out.parts").is_dir() == single
    asked = []

    def counting(job, tasks, workers):
        for task in tasks:
            asked.append(Path(task.path).name)
            yield {**stub_answer(Task(str(folder / "000.wav"), task.sha256)), "label": "at last"}

    assert run_stub(folder, out, engine=counting, single_file=single) == {}
    assert asked == ["002.wav"] and not out.with_name("out.parts").exists()
    assert sorted(r["label"] for r in rows_of(out).values()) == ["a 0", "at last", "b 1", "c 3"]


@pytest.mark.parametrize("single", [False, True])
def test_files_that_vanish_or_change_cost_themselves_alone(single, tmp_path):
    folder, out = stub_folder(tmp_path / "clips", list("abc")), tmp_path / "out"
    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"clips/{path.name}\n" for path in sorted(folder.iterdir())))
    (folder / "001.wav").unlink()

    def changing(job, tasks, workers):
        for task in tasks:
            if task.path.endswith("002.wav"):
                Path(task.path).write_text("something longer than it was")
            yield row(task, InputError(f"{task.path}: as it was"))

    assert run_stub(listed, out, engine=changing, single_file=single) == {
        "clips/001.wav": "No such file or directory",
        "clips/000.wav": "as it was",
        "clips/002.wav": CHANGED,
    }
    rows = pq.read_table(out if single else out / "rows").to_pylist()
    assert sorted(r["sha256"] is None for r in rows) == [False, False, True]


def test_what_cannot_be_looked_at_costs_itself_alone(tmp_path):
    clips = stub_folder(tmp_path / "clips", list("ab"))
    (clips / "round.wav").symlink_to("round.wav")
    with (clips / "hole.wav").open("wb") as file:
        file.truncate(1 << 40)
    too_deep(clips)
    failed = run_stub(clips, tmp_path / "out")
    assert sorted(failed.values()) == [
        "1024 GB; at most 8 are read of a clip",
        "File name too long",
        "Too many levels of symbolic links",
    ]
    assert sorted(files_of(tmp_path / "out")) == ["000.wav", "001.wav"]


def test_names_are_held_losslessly(tmp_path):
    clips = tmp_path / "clips"
    clips.mkdir()
    for k, name in enumerate(NAMES):
        with open(os.fsencode(clips) + b"/" + name, "w") as file:  # noqa: PTH123
            file.write(f"{name[:1]!r} {k}")
    run_stub(clips, tmp_path / "out.parquet", single_file=True)
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
    tasks = [Task(str(tmp_path / name), name, stamp((tmp_path / name).stat())) for name in names]
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
    next(local.answer(job, iter([Task("x", str(k)) for k in range(32)]), 2))


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
    with pytest.raises(InputError, match=r"odd\.m4a: not one sample .* a codec that is not known here; convert it"):
        decode(tmp_path / "odd.m4a")
    name = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.m4a")
    shutil.copy(ROOT / "tests" / "clips" / "disco.m4a", name)
    assert decode(Path(name)).native.size


@pytest.mark.parametrize("small_disk", ["400k"], indirect=True)
def test_a_disk_that_fills_before_the_single_file_loses_no_answer(small_disk, tmp_path, monkeypatch):
    folder, out = stub_folder(tmp_path / "clips", list("abcdef")), small_disk / "out.parquet"
    write = single_file.write

    def full(*arguments):
        with contextlib.suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        write(*arguments)

    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space left on device"):
        patched.setattr(single_file, "write", full)
        run_stub(folder, out, single_file=True)
    assert {path.name for path in small_disk.iterdir()} == {"filler", "out.parquet.parts"}
    (small_disk / "filler").unlink()
    run_stub(folder, out, single_file=True, engine=stopping_at(AssertionError(), 0))
    assert len(rows_of(out)) == 6 and [path.name for path in small_disk.iterdir()] == ["out.parquet"]
