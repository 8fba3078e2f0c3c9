"""docker compose up: the original's own server and the port's, asked over HTTP with the same song."""

import json
import os
import shutil
import time

import numpy as np
import pytest

from reprise_kit.compare import system
from tests.docker.kit import container, docker, original_answer, port_answer, wait_healthy
from tests.shared import SHARED, needs_shared

ALLOWED = 1e-4  # probability
CLIPS = ("metal_mono_cbr.mp3", "five_to_the_seventh.flac", "guitar_22050.au")


@needs_shared
def test_the_first_upload_of_a_whole_song_is_quick_and_answered_alike(demo):
    song = SHARED / "data/choi/clips/bensound-cute.mp3"
    started = time.monotonic()
    theirs = np.array(original_answer(8080, song))
    seconds = time.monotonic() - started
    worst = float(np.abs(theirs - np.array(port_answer(song))).max())
    print(f"{song.name}: first upload {seconds:.1f} s, {len(theirs)} steps, max |dp| {worst:.1e}")
    assert len(theirs) == 80 and worst <= ALLOWED
    assert seconds < 30


@pytest.mark.parametrize("name", CLIPS)
def test_the_original_and_the_port_answer_alike(demo, name):
    theirs, ours = (
        np.array(ask) for ask in (original_answer(8080, system.CLIPS / name), port_answer(system.CLIPS / name))
    )
    assert theirs.shape == ours.shape and theirs.shape[0] >= 1 and theirs.shape[1] == 10
    assert np.isfinite(theirs).all() and np.ptp(theirs) > 0.01
    worst = float(np.abs(theirs - ours).max())
    print(f"{name}: {len(theirs)} steps, max |dp| {worst:.1e} (allowed {ALLOWED:.0e})")
    assert worst <= ALLOWED


def test_answers_depend_on_the_song(demo):
    answers = [np.array(original_answer(8080, system.CLIPS / name)).mean(axis=0) for name in CLIPS]
    assert min(np.abs(a - b).max() for i, a in enumerate(answers) for b in answers[:i]) > 100 * ALLOWED


@pytest.mark.parametrize("service", ["original", "port"])
def test_services_are_hardened_and_on_loopback_only(demo, service):
    about = json.loads(docker("inspect", container(service)))[0]
    host = about["HostConfig"]
    assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and host["Memory"] > 0 and host["PidsLimit"] > 0
    assert any("no-new-privileges" in option for option in host["SecurityOpt"])
    assert about["Config"]["User"] == "1000:1000"
    published = [p["HostIp"] for ports in host["PortBindings"].values() for p in ports]
    assert published == ["127.0.0.1"]
    mounts = {m["Destination"]: m["RW"] for m in about["Mounts"]}
    assert mounts["/upstream"] is False


def test_the_tensorflow_profile_starts_and_answers_wrongly(demo):
    done = demo.compose("--profile", "tensorflow", "up", "-d", "original-tensorflow")
    assert done.returncode == 0, done.stderr
    wait_healthy("original-tensorflow")
    clip = system.CLIPS / CLIPS[0]
    right, wrong = np.array(original_answer(8080, clip)), np.array(original_answer(8082, clip))
    assert right.shape == wrong.shape
    worst = float(np.abs(right - wrong).max())
    print(f"the same weights on TensorFlow: max |dp| {worst:.2f}, no error")
    assert worst > 0.01


def test_the_compare_profile_leaves_a_report(kit, tmp_path):
    clips, report = tmp_path / "clips", tmp_path / "report"
    clips.mkdir()
    report.mkdir()
    (report / "report.html").write_text("of `make compare`")
    for name in CLIPS:
        shutil.copy(system.CLIPS / name, clips)
    for folder in (tmp_path, *tmp_path.parents[:2], clips):
        folder.chmod(0o755)
    if os.getuid() == 0:  # a folder of somebody's who is nobody in the containers
        os.chown(report, 501, 20)
    report.chmod(0o555)
    folders = {"REPRISE_CLIPS": str(clips), "REPRISE_REPORT": str(report)}
    done = kit.compose("--profile", "compare", "run", "--rm", "compare", **folders)
    kit.down()
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "agrees with" in done.stdout
    left = report / "comparison" / "report.html"
    assert left.stat().st_size > 10_000 and left.stat().st_uid == report.stat().st_uid
    assert f"On this machine: {report}/comparison/report.html" in done.stdout
    assert sorted(p.name for p in report.iterdir()) == ["comparison", "report.html"]
    assert {p.name for p in (report / "comparison" / "traces").iterdir()} == set(CLIPS)


def test_a_folder_that_the_compare_profile_did_not_make_is_kept_and_named(kit, tmp_path):
    mine = tmp_path / "comparison" / "notes.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    done = kit.compose("--profile", "compare", "run", "--rm", "compare", REPRISE_REPORT=str(tmp_path))
    kit.down()
    assert done.returncode == 2 and mine.read_text() == "mine"
    assert f"reprise: {tmp_path}/comparison holds what this did not write" in done.stdout + done.stderr
