"""The images: one for each environment, what is in them, that they are hardened alike, and that a second build changes
nothing."""

import json
import re
import subprocess

import pytest

from reprise_kit.compare import registry
from reprise_kit.compare.system import ROOT
from tests.docker.kit import HARDENED, IMAGES, SYSTEM, docker, image_ids

EXPECTED = {
    "reprise/py27-theano": {"keras": "1.1.0", "theano": "0.8.2", "numpy": "1.10.1", "backend": "theano"},
    "reprise/py27-theano-keras106": {"keras": "1.0.6", "theano": "0.8.2", "numpy": "1.10.1", "backend": "theano"},
    "reprise/py27-theano-keras122": {"keras": "1.2.2", "theano": "0.9.0", "numpy": "1.10.1", "backend": "theano"},
    "reprise/py27-tensorflow": {"keras": "1.1.0", "tensorflow": "0.12.1", "numpy": "1.11.3", "backend": "tensorflow"},
    "reprise/port": {"tensorflow": "2.20.0"},
}


def environments():
    """Every Python 2.7 environment that has an image: rows of system.toml."""
    rows = [row for name in registry.names() for row in registry.load(name).file.environments.values() if row.image]
    assert len(rows) >= 6
    return rows


def test_every_environment_has_its_image():
    for row in environments():
        assert row.image == f"reprise/py27-{row.requirements.partition('requirements-')[2].removesuffix('.lock')}"
    assert {row.image for row in environments()} | {"reprise/port"} == set(IMAGES) == set(EXPECTED)


def test_make_images_makes_them_all():
    done = subprocess.run(["make", "-n", "images"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert sorted(re.findall(r"-t (\S+)", done.stdout)) == sorted(IMAGES)
    assert set(re.findall(r"--target (\S+)\s", done.stdout)) == {"theano", "tensorflow"}


def test_links_that_an_image_takes_lead_to_what_it_takes():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    taken = [ROOT / line[1:] for line in lines if line.startswith("!")]
    links = [path for folder in taken for path in folder.rglob("*") if path.is_symlink()]
    assert ROOT / "reprise_kit/clips" in links
    assert [path for path in links if not any(path.resolve().is_relative_to(root) for root in taken)] == []


def test_verify_images_prints_a_row_for_every_base_and_image(kit):
    names = ("py27-theano", "port")
    done = kit.make("-s", "verify-images", f"IMAGES={' '.join(names)}", NO_COMPARE="1")
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")][2:]
    assert len(rows) == 4 and all("failed" not in row for row in rows)
    assert all(f"reprise/{name}" in row and " MB | amd64, {" in row for name, row in zip(names, rows[2:], strict=True))


def test_an_environment_without_a_lock_has_no_image():
    done = subprocess.run(["make", "image-py27-nowhere"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "No rule to make target" in done.stderr


@pytest.mark.parametrize("image", IMAGES)
def test_smoke_inside(kit, image):
    said = docker("run", "--rm", *HARDENED, image, "python", "/opt/reprise/smoke.py")
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
    before = image_ids()
    assert set(before) == set(IMAGES)
    seconds = kit.build()
    assert image_ids() == before
    print(f"second build: {seconds:.1f} s, the same {len(before)} images")
    assert seconds < 60


def test_a_wheel_with_another_hash_is_refused(kit, tmp_path):
    lock = (ROOT / "original/eras/bootstrap.lock").read_text()
    (tmp_path / "bootstrap.lock").write_text(re.sub(r"sha256:[0-9a-f]{64}", "sha256:" + "0" * 64, lock))
    base = kit.variables.get("PY27_BASE", "reprise/py27-theano")
    recipe = f"FROM {base}\nARG PIP_CERT\nARG PIP_INDEX_URL\nCOPY bootstrap.lock /\n"
    recipe += "RUN python -m pip install --no-cache-dir --force-reinstall --require-hashes -r /bootstrap.lock\n"
    (tmp_path / "Dockerfile").write_text(recipe)
    arguments = ["--build-arg", "PIP_CERT", "--build-arg", "PIP_INDEX_URL"]
    done = subprocess.run(["docker", "build", *arguments, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stdout + done.stderr
