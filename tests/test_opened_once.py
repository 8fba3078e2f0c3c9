"""How often a clip's file is opened, by whoever opens it: counted by the kernel (inotify), decoders in C included."""

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest

import reprise_kit
from reprise_kit.compare.digest import sha256
from reprise_kit.compare.system import CLIPS
from tests.shared import SHARED, needs_shared

OPENED, READ, CLOSED = 0x20, 0x1, 0x18  # two openings in a row would be told as one event: what lies between is watched
NAMES = ("drums_mono_vbr.mp3", "disco.m4a", "piano_22050.wav")
TFJS = SHARED / "data/deepsound-2018/model.json"


@contextmanager
def counted(path: Path) -> Iterator[list[int]]:
    """Yield a list that holds, after the block, how many times the file was opened in it."""
    libc, found = ctypes.CDLL(None, use_errno=True), []
    descriptor = libc.inotify_init1(os.O_NONBLOCK)
    assert descriptor >= 0 and libc.inotify_add_watch(descriptor, os.fsencode(path), OPENED | READ | CLOSED) >= 0
    try:
        yield found
        masks = [mask for _, mask, _, _ in struct.iter_unpack("iIII", _events(descriptor))]
        found.append(sum(bool(mask & OPENED) for mask in masks))
    finally:
        os.close(descriptor)


def _events(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 20)
    except BlockingIOError:
        return b""


@pytest.fixture(params=NAMES)
def clip(request, tmp_path):
    """A clip that nobody else opens."""
    path = tmp_path / request.param
    path.write_bytes((CLIPS / request.param).read_bytes())
    return path


def test_the_count_counts(clip):
    with counted(clip) as opens:
        with clip.open("rb") as outer:
            outer.read(1)
            clip.read_bytes()
        with av.open(str(clip)):
            pass
    assert opens == [3]


@pytest.fixture(scope="module")
def pipeline():
    return reprise_kit.open_pipeline("deepsound_crnn")


def test_an_answer_opens_the_file_once(clip, pipeline):
    with counted(clip) as opens:
        pipeline.predict(clip)
    assert opens == [1]


def test_a_trace_opens_the_file_once_and_hashes_what_it_read(clip):
    with counted(clip) as opens:
        made = reprise_kit.trace(clip)
    assert opens == [1]
    assert made.input_sha256 == sha256(clip)


def test_a_comparison_opens_the_file_once_a_side(clip, tmp_path):
    with counted(clip) as opens:
        (result,) = reprise_kit.compare_inputs([clip], tmp_path / "traces")
    assert result.agrees
    assert opens == [2]


@needs_shared
def test_the_browsers_front_end_opens_the_file_once(clip):
    with counted(clip) as opens:
        reprise_kit.trace(clip, "deepsound_cnn_2018", weights=TFJS)
    assert opens == [1]


def test_a_clip_that_changes_between_the_sides_is_no_agreement(tmp_path, monkeypatch):
    """Each side's hash is of the bytes that it read."""
    from reprise_kit.compare.runners.recorded import RecordedRunner

    path = tmp_path / "clip.wav"
    path.write_bytes((CLIPS / "piano_22050.wav").read_bytes())
    looked_up = RecordedRunner.trace

    def then_changed(*args):
        found = looked_up(*args)
        path.write_bytes((CLIPS / "prime_length.wav").read_bytes())
        return found

    monkeypatch.setattr(RecordedRunner, "trace", then_changed)
    with pytest.raises(reprise_kit.InputError, match="different clips"):
        reprise_kit.compare_inputs([path], tmp_path / "traces")
