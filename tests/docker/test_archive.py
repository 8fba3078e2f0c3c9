"""images-save and images-load: the same images on another machine; an archive is whole or absent."""

import os
import signal
import subprocess
import time

import pytest

from reprise_kit.compare.system import ROOT
from tests.docker.engine import engine
from tests.docker.kit import HARDENED, image_ids
from tests.require import require

BEFORE = b"the archive of last week"
TWO = ("py27-theano-keras106", "py27-tensorflow")  # on one base; all of them are 5.4 GB, much for engines in memory


@pytest.fixture
def archive(tmp_path):
    """An archive of an earlier save, in a folder of its own."""
    path = tmp_path / "kept" / "images.tar"
    path.parent.mkdir()
    path.write_bytes(BEFORE)
    return path


def alone(path):
    return [found.name for found in path.parent.iterdir()] == [path.name] and path.read_bytes() == BEFORE


def test_the_same_images_on_another_engine(kit, archive):
    """The other engine is a second, empty one: another machine."""
    started = time.monotonic()
    done = kit.make("images-save", f"IMAGES={' '.join([*TWO, 'nowhere'])}", f"ARCHIVE={archive}")
    assert done.returncode == 0 and done.stderr == "not built, left out: reprise/nowhere\n", done.stderr
    assert [found.name for found in archive.parent.iterdir()] == [archive.name]
    saved, size = time.monotonic() - started, archive.stat().st_size
    if os.getuid():
        require("root", "a second container engine can only be started by root")
    with engine("--iptables=false") as other, pytest.MonkeyPatch.context() as there:
        here = {image: identity for image, identity in image_ids().items() if image.removeprefix("reprise/") in TWO}
        for name, value in other.items():
            there.setenv(name, value)
        assert image_ids() == {}
        done = kit.make("images-load", f"ARCHIVE={archive}")
        assert done.returncode == 0, done.stderr
        assert len(here) == len(TWO) and image_ids() == here
        smoke = ["docker", "run", "--rm", *HARDENED, "reprise/py27-theano-keras106", "python", "/opt/reprise/smoke.py"]
        assert '"keras": "1.0.6"' in subprocess.run(smoke, check=True, capture_output=True, text=True).stdout
    seconds = time.monotonic() - started - saved
    print(f"{size / 1e9:.1f} GB: saved in {saved:.0f} s, loaded into another engine and run in {seconds:.0f} s")


def test_an_interrupted_save_leaves_the_old_archive(kit, archive):
    part = archive.with_name("images.tar.part")
    command = ["make", "images-save", f"IMAGES={' '.join(TWO)}", f"ARCHIVE={archive}"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)
    while not (part.exists() and part.stat().st_size > 10_000_000):
        assert process.poll() is None, "it ended before it could be interrupted"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: to every process of the terminal
    assert process.wait(60) != 0
    assert alone(archive)


def test_a_full_disk_leaves_the_old_archive(kit, archive):
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=50m", "none", archive.parent], capture_output=True)
    if mounted.returncode:
        require("root", "no small disk to fill: mounting a tmpfs needs root")
    try:
        archive.write_bytes(BEFORE)
        done = kit.make("images-save", f"IMAGES={' '.join(TWO)}", f"ARCHIVE={archive}")
        assert done.returncode == 2
        assert alone(archive)
    finally:
        subprocess.run(["umount", archive.parent], check=True)
    print(done.stderr)
    assert "no space left on device" in done.stderr.splitlines()[0]


def test_an_image_that_is_not_built_is_named(kit, archive):
    done = kit.make("images-save", "IMAGES=nowhere", f"ARCHIVE={archive}")
    assert done.returncode == 2 and "reprise/nowhere" in done.stderr.splitlines()[0]
    assert alone(archive)


def test_an_archive_that_is_not_there_is_named(kit, tmp_path):
    done = kit.make("images-load", f"ARCHIVE={tmp_path / 'nowhere.tar'}")
    assert done.returncode == 2 and "nowhere.tar: no such file" in done.stderr.splitlines()[0]
