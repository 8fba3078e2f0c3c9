"""docker compose up without a network or without upstream's weights: the port plays on, the original says why not."""

import json
import os
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from reprise_kit.compare.container_engine import ask
from reprise_kit.compare.system import CLIPS
from tests.docker.kit import SYSTEM, Kit, container, docker, port_answer, wait_healthy
from tests.require import require

CLIP = CLIPS / "metal_mono_cbr.mp3"
RECORDED = SYSTEM.recorded / "theano" / CLIP.name / "trace.npz"


@pytest.fixture(params=["no network", "upstream without weights"])
def offline(kit, request):
    """Both services, started where upstream, or its weights, cannot be had: (the kit, the file that is missing)."""
    variables, missing = {}, "server.py"
    if request.param != "no network":
        folder = Path(os.environ.get("REPRISE_UPSTREAM", "nowhere"))
        if not (folder / "server.py").is_file() or (folder / "models/weights.h5").is_file():
            require("upstream", "REPRISE_UPSTREAM=DIR names no copy of the real upstream without its weights")
        variables, missing = {"REPRISE_UPSTREAM": str(folder)}, "models/weights.h5"
    plain = Kit({**kit.variables, "REPRISE_UPSTREAM": ""}, ("compose.yaml", "tests/docker/offline.yaml"))
    done = plain.compose("up", "-d", "original", "port", **variables)
    try:
        assert done.returncode == 0, done.stderr
        yield missing
    finally:
        kit.down()


def test_the_port_plays_the_kits_own_weights_and_the_original_says_what_is_missing(offline):
    wait_healthy("port")
    with urllib.request.urlopen("http://127.0.0.1:8081/health", timeout=10) as answer:
        assert json.load(answer)["weights_know_genres"] is False
    with urllib.request.urlopen("http://127.0.0.1:8081/", timeout=10) as answer:
        assert "These weights know no genres" in answer.read().decode()
    with np.load(RECORDED) as trace:
        assert np.abs(np.array(port_answer(CLIP)) - trace["step_probs"]).max() < 5e-5
    assert "which know no genres" in logs("port")[0]

    assert docker("wait", container("original")) == "2"
    said = logs("original")
    print(*said, *logs("upstream"), sep="\n")
    assert len(said) == 1 and said[0].startswith(f"reprise: upstream's {offline} is not here")
    assert "REPRISE_UPSTREAM=FOLDER docker compose up" in said[0]
    if offline == "server.py":
        assert len(logs("upstream")) == 1 and "cannot be downloaded" in logs("upstream")[0]


def test_compare_says_in_its_own_output_what_is_missing(kit, tmp_path):
    plain = Kit({**kit.variables, "REPRISE_UPSTREAM": ""}, ("compose.yaml", "tests/docker/offline.yaml"))
    done = plain.compose("--profile", "compare", "run", "--rm", "compare", REPRISE_REPORT=str(tmp_path))
    kit.down()
    assert done.returncode == 2 and "reprise: upstream's server.py is not here" in done.stdout + done.stderr


def logs(service: str) -> list[str]:
    """Lines that a service has written."""
    done = ask("logs", container(service))
    return (done.stdout + done.stderr).splitlines()
