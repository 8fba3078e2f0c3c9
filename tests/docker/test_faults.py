"""What goes wrong around containers ends in one clear line, with nothing left running."""

import os
import socket
import subprocess
import sys
import time
import wave
from pathlib import Path

import msgspec
import numpy as np
import pytest

from reprise_kit.compare import runners
from reprise_kit.compare.container_engine import engine_problem
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.input import Input
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.system import CLIPS, ROOT
from tests.docker.kit import PROJECT, SYSTEM, Kit, docker
from tests.pinned import pinned_to

CLIP = CLIPS / "metal_mono_cbr.mp3"


def running():
    return docker("ps", "-aq", "--filter", "name=reprise-")


def one_line(error):
    text = str(error.value)
    print(text)
    assert "\n" not in text
    return text


@pytest.fixture(scope="module")
def upstream(kit, tmp_path_factory):
    """The stand-in with its model made inside the image, or the real one."""
    if os.environ.get("REPRISE_UPSTREAM"):
        return Path(os.environ["REPRISE_UPSTREAM"])
    folder = tmp_path_factory.mktemp("upstream")
    folder.chmod(0o777)
    script = "cp -r /from/. /made && cd /made && python make_model.py"
    mounts = ["-v", f"{ROOT}/tests/original/stand_in:/from:ro", "-v", f"{folder}:/made"]
    docker("run", "--rm", "--user=0", *mounts, "reprise/py27-theano", "sh", "-c", script)
    return folder


@pytest.fixture(scope="module")
def pinned(upstream):
    """The system, its pins the stand-in's where that is run."""
    return SYSTEM if os.environ.get("REPRISE_UPSTREAM") else pinned_to(upstream)


@pytest.fixture
def live(upstream, pinned):
    runner = runners.open_runner("docker", Settings(pinned, None, "theano", upstream))
    assert runner.unavailable_reason() is None
    yield runner
    runner.close()
    assert running() == ""


def test_the_docker_runner_agrees_with_the_port(live):
    settings = Settings(SYSTEM, None, "theano")
    port = runners.open_runner("port", settings).trace(Input.open(CLIP), SYSTEM.stages)
    theirs = live.trace(Input.open(CLIP), SYSTEM.stages)
    assert set(theirs.arrays) == {stage.name for stage in SYSTEM.stages}
    assert theirs.provenance["runner"] == "docker" and theirs.provenance["image"].startswith("sha256:")
    assert theirs.arrays["step_probs"].shape == port.arrays["step_probs"].shape
    worst = float(np.abs(theirs.arrays["step_probs"] - port.arrays["step_probs"]).max())
    print(f"docker runner against the port: max |dp| {worst:.1e}")
    assert worst <= 5e-5


def test_container_killed_mid_run(live, monkeypatch, tmp_path):
    long = tmp_path / "long.wav"
    with wave.open(str(long), "wb") as file:  # a minute: the container dies long before its answer
        file.setparams((1, 2, 22050, 0, "NONE", ""))
        file.writeframes(np.zeros(60 * 22050, np.int16).tobytes())
    live.trace(Input.open(CLIP), SYSTEM.stages)
    answer = live._answer

    def killed_while_it_works(what):
        docker("kill", live.name)
        return answer(what)

    monkeypatch.setattr(live, "_answer", killed_while_it_works)
    with pytest.raises(InputError) as error:
        live.trace(Input.open(long), SYSTEM.stages)
    monkeypatch.undo()
    assert "ended with code 137: killed from outside" in one_line(error)
    # And the runner starts anew.
    assert live.trace(Input.open(CLIP), SYSTEM.stages).arrays["step_probs"].size


def test_clip_that_hangs_the_original(upstream, pinned, tmp_path):
    # SciPy 0.17 needs about a minute for the prime length 262,139.
    with wave.open(str(tmp_path / "hangs.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(44100)
        out.writeframes(np.random.default_rng(0).integers(-9999, 9999, 262_139, dtype="<i2").tobytes())
    runner = runners.open_runner("docker", Settings(pinned, None, "theano", upstream, time_limit=25))
    started = time.monotonic()
    with pytest.raises(InputError) as error:
        runner.trace(Input.open(tmp_path / "hangs.wav"), SYSTEM.stages)
    assert "no answer in 25 s" in one_line(error)
    assert time.monotonic() - started < 60
    assert running() == ""


def test_image_that_is_not_built(upstream, pinned, monkeypatch):
    row = msgspec.structs.replace(pinned.file.environments["theano"], image="reprise/nowhere")
    monkeypatch.setitem(pinned.file.environments, "theano", row)
    runner = runners.open_runner("docker", Settings(pinned, None, "theano", upstream))
    with pytest.raises(InputError) as error:
        runner.trace(Input.open(CLIP), SYSTEM.stages)
    assert "reprise/nowhere is not built" in one_line(error) and "make image-nowhere" in str(error.value)


def test_engine_absent(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert engine_problem().startswith("no docker program on PATH; install")


def test_engine_that_does_not_answer(kit, monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    assert "start it" in engine_problem() and "\n" not in engine_problem()


def test_engine_without_permission(kit, monkeypatch, tmp_path):
    if os.getuid():
        pytest.skip("only root can take another user's identity")
    wrapper = tmp_path / "docker"
    real = subprocess.run(["which", "docker"], capture_output=True, text=True, check=True).stdout.strip()
    wrapper.write_text(
        f'#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups "{Path(real).resolve()}" "$@"\n'
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert "permission denied" in engine_problem() and "usermod -aG docker" in engine_problem()


def test_port_taken(kit):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 8080))
        taken.listen()
        done = kit.compose("up", "-d", "original")
        doctor = subprocess.run(
            [sys.executable, "-m", "reprise_kit", "doctor"], cwd=ROOT, capture_output=True, text=True, check=False
        )
    kit.down()
    assert done.returncode != 0 and "8080" in done.stderr and "in use" in done.stderr
    print([line for line in done.stderr.splitlines() if "8080" in line][-1])
    assert any("port 8080" in line and "in use" in line for line in doctor.stdout.splitlines())
    assert docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={PROJECT}") == ""


def test_altered_upstream_is_refused_and_the_original_not_started(kit, tmp_path):
    (tmp_path / "LICENSE").write_text("altered")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    checked = Kit(kit.variables, ("compose.yaml",))
    done = checked.compose("up", "-d", "original", REPRISE_UPSTREAM=str(tmp_path))
    said = checked.compose("logs", "--no-color", "upstream").stdout
    started = docker("ps", "-q", "--filter", "label=com.docker.compose.service=original")
    kit.down()
    assert done.returncode != 0 and started == ""
    lines = [line for line in said.splitlines() if "reprise:" in line]
    print(lines)
    assert len(lines) == 1 and "LICENSE is not the pinned one" in lines[0]


def test_no_room_for_the_compile_cache(kit):
    command = ["docker", "run", "--rm", "--read-only", "--tmpfs=/tmp:exec,size=1m", "reprise/py27-theano"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("reprise: the compile cache does not fit into /tmp")
