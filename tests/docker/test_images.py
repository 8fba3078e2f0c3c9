"""The images: what is in them, that they are hardened alike, and that a second build changes nothing."""

import json
import re
import subprocess

import pytest

from compare.system import ROOT
from tests.docker.kit import HARDENED, IMAGES, SYSTEM, docker

EXPECTED = {
    "reprise/py27-theano": {"keras": "1.1.0", "theano": "0.8.2", "numpy": "1.10.1", "backend": "theano"},
    "reprise/py27-tensorflow": {"keras": "1.1.0", "tensorflow": "0.12.1", "numpy": "1.11.3"},
    "reprise/port": {"tensorflow": "2.20.0"},
}
SMOKE = {"reprise/py27-theano": [], "reprise/py27-tensorflow": [], "reprise/port": ["python", "/opt/reprise/smoke.py"]}


def test_every_image_is_expected():
    assert set(EXPECTED) == set(SMOKE) == set(IMAGES)


@pytest.mark.parametrize("image", IMAGES)
def test_smoke_inside(kit, image):
    said = docker("run", "--rm", *HARDENED, image, *SMOKE[image])
    found = json.loads(said.splitlines()[-1])
    assert {name: found[name] for name in EXPECTED[image]} == EXPECTED[image]
    assert found["convolution_max_abs"] < 1e-4
    print(f"{image}: {int(docker('image', 'inspect', '-f', '{{.Size}}', image)) / 1e6:.0f} MB, {found}")


@pytest.mark.parametrize("image", IMAGES)
def test_nothing_of_upstream_is_baked_in(kit, image):
    names = [f.path.rpartition("/")[2] for f in SYSTEM.files if f.path.endswith((".py", ".yaml", ".js", ".html"))]
    assert "genre_recognizer.py" in names
    wanted = {"genre_recognizer.py", "extract_filters.py", "create_data_pickle.py", "siriwave.js"} & set(names)
    tests = [word for name in sorted(wanted) for word in ("-o", "-name", name)][1:]
    found = docker("run", "--rm", "--user=0", "--entrypoint=find", image, "/", "-xdev", *tests)
    assert found == ""


def test_images_run_as_nobody_special(kit):
    for image in IMAGES:
        assert docker("image", "inspect", "-f", "{{.Config.User}}", image) == "1000:1000"


def test_a_second_build_changes_nothing(kit):
    before = [docker("image", "inspect", "-f", "{{.Id}}", image) for image in IMAGES]
    seconds = kit.build()
    assert [docker("image", "inspect", "-f", "{{.Id}}", image) for image in IMAGES] == before
    print(f"second build: {seconds:.1f} s, the same three images")
    assert seconds < 60


def test_a_wheel_with_another_hash_is_refused(kit, tmp_path):
    lock = (ROOT / "original/py27/bootstrap.lock").read_text()
    (tmp_path / "bootstrap.lock").write_text(re.sub(r"sha256:[0-9a-f]{64}", "sha256:" + "0" * 64, lock))
    base = kit.variables.get("PY27_BASE", "reprise/py27-theano")
    recipe = f"FROM {base}\nARG PIP_CERT\nARG PIP_INDEX_URL\nCOPY bootstrap.lock /\n"
    recipe += "RUN python -m pip install --no-cache-dir --force-reinstall --require-hashes -r /bootstrap.lock\n"
    (tmp_path / "Dockerfile").write_text(recipe)
    arguments = ["--build-arg", "PIP_CERT", "--build-arg", "PIP_INDEX_URL"]
    done = subprocess.run(["docker", "build", *arguments, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stdout + done.stderr
