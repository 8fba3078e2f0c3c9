"""Every way of running an original runs its pinned files only: checked at each run, from a private copy.

The original here is a few lines of today's Python or JavaScript that say what they were made of.
"""

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from reprise_kit.compare import registry, runners, training
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.input import Input
from reprise_kit.compare.runners import Settings, docker, node, python27
from reprise_kit.compare.system import CLIPS, Node
from tests.pinned import pinned_to
from tests.require import require

# Answers requests as an adapter does; the trace is what upstream's module says and what could be imported beside it.
ADAPTER = """
import argparse, json, os, sys
sys.dont_write_bytecode = True
parser = argparse.ArgumentParser()
for name in ("upstream", "weights", "backend", "request", "out"):
    parser.add_argument("--" + name)
options = parser.parse_args()
sys.path.insert(0, options.upstream)
import common
try:
    import planted
    beside = 1.0
except ImportError:
    beside = 0.0
import numpy

def write(out):
    os.makedirs(out, exist_ok=True)
    numpy.savez(os.path.join(out, "trace.npz"), said=numpy.array([common.SAID, beside]))
    about = {"system": "deepsound_crnn", "clip": {"name": "c", "sha256": "0" * 64}, "scalars": {}, "provenance": {}}
    with open(os.path.join(out, "trace.json"), "w") as handle:
        json.dump(about, handle)

if options.out:
    write(options.out)
    sys.exit()
print(json.dumps({"ok": True}), flush=True)
for line in sys.stdin:
    write(json.loads(line)["out"])
    print(json.dumps({"ok": True}), flush=True)
"""
NODE_ADAPTER = """
const fs = require("fs"), path = require("path")
const upstream = process.argv[process.argv.indexOf("--upstream") + 1]
console.log(JSON.stringify({error: fs.readdirSync(upstream).sort().join(" ") + " says " +
  fs.readFileSync(path.join(upstream, "common.py"), "utf8").trim()}))
"""
CLIP = CLIPS / "piano_22050.wav"
STAGES = (dataclasses.replace(registry.load("deepsound_crnn").stages[0], name="said"),)


@pytest.fixture
def upstream(tmp_path):
    folder = tmp_path / "up"
    folder.mkdir()
    (folder / "common.py").write_text("SAID = 1.0\n")
    return folder


@pytest.fixture
def chosen(tmp_path, upstream, monkeypatch):
    """Settings of a system with these adapters, whose environment is this Python and whose packages are none."""
    home = tmp_path / "system"
    home.mkdir()
    for name, text in (("trace.py", ADAPTER), ("train_trace.py", ADAPTER), ("trace.js", NODE_ADAPTER)):
        (home / name).write_text(text)
    pinned = pinned_to(upstream)
    file = msgspec.structs.replace(pinned.file, node=Node("original/deepsound_cnn_2018/package-lock.json"))
    (home / "w.h5").write_bytes(b"w")
    monkeypatch.setattr(python27, "environment", lambda interpreter, lock: Path(sys.executable))
    monkeypatch.setattr(python27, "find_interpreter", lambda *_: Path(sys.executable))
    monkeypatch.setattr(python27.shutil, "which", lambda program: f"/bin/{program}")
    monkeypatch.setattr(node, "node_modules", lambda lock: tmp_path)
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    made = dataclasses.replace(pinned, folder=home, file=file, package="reprise_kit.port.nobody")
    return Settings(made, home / "w.h5", "theano", upstream, time_limit=60)


def opened(kind, chosen):
    return runners.open_runner(kind, chosen)


def said(runner):
    try:
        return runner.trace(Input.open(CLIP), STAGES).arrays["said"].tolist()
    finally:
        runner.close()


def test_python_runs_the_pinned_files_alone(chosen, upstream):
    (upstream / "planted.py").write_text("")
    (upstream / "numpy.py").write_text("raise SystemExit('planted')")
    runner = opened("python27", chosen)
    assert said(runner) == [1.0, 0.0]
    assert runner.copy is None


def test_what_changes_after_the_check_is_not_run(chosen, upstream):
    runner = opened("python27", chosen)
    checked = runner.checked

    def then_altered():
        settings = checked()
        (upstream / "common.py").write_text("SAID = 2.0\n")
        return settings

    runner.checked = then_altered
    assert said(runner) == [1.0, 0.0]
    with pytest.raises(InputError, match=r"common\.py .* is altered"):
        said(opened("python27", chosen))


def test_a_runner_that_is_started_again_checks_again(chosen, upstream, monkeypatch):
    runner = opened("python27", chosen)
    assert said(runner) == [1.0, 0.0]
    (upstream / "common.py").write_text("SAID = 2.0\n")
    monkeypatch.setattr(runner, "unavailable_reason", lambda: None)  # the check of the start itself
    with pytest.raises(InputError, match=r"common\.py .* is altered"):
        said(runner)


@pytest.mark.parametrize("kind", ["python27", "node", "docker"])
def test_an_altered_file_is_refused_by_name(chosen, upstream, monkeypatch, kind):
    monkeypatch.setattr(docker, "engine_problem", lambda: None)
    monkeypatch.setattr(docker, "image_id", lambda image: "sha256:0")
    assert opened(kind, chosen).unavailable_reason() is None
    (upstream / "common.py").write_text("SAID = 2.0\n")
    runner = opened(kind, chosen)
    assert "common.py of deepsound_crnn is altered" in runner.unavailable_reason()
    with pytest.raises(InputError, match=r"common\.py of deepsound_crnn is altered"):
        runner.command()


def test_the_containers_upstream_is_the_copy(chosen, upstream):
    (upstream / "numpy.py").write_text("raise SystemExit('planted')")
    runner = opened("docker", chosen)
    command, _ = runner.command()
    mounted = next(Path(word.removesuffix(":/upstream:ro,z")) for word in command if word.endswith(":/upstream:ro,z"))
    assert mounted != upstream and [path.name for path in mounted.iterdir()] == ["common.py"]
    assert mounted.stat().st_mode & 0o005 == 0o005  # the container's user is another one
    runner.close()
    assert not mounted.exists()


def test_node_runs_the_pinned_files_alone(chosen, upstream, monkeypatch):
    monkeypatch.undo()
    if shutil.which("node") is None:
        require("node", "no node program on PATH")
    monkeypatch.setattr(node, "node_modules", lambda lock: upstream)
    monkeypatch.setattr(node.NodeRunner, "unavailable_reason", lambda self: None)
    (upstream / "planted.js").write_text("")
    with pytest.raises(InputError, match=r"^common\.py says SAID = 1\.0$"):
        said(opened("node", chosen))


def test_the_trainer_runs_the_pinned_files_alone(chosen, upstream, tmp_path):
    (upstream / "planted.py").write_text("")
    made = training.run_original(chosen, {"x": np.zeros(1)}, tmp_path / "run")
    assert made["said"].tolist() == [1.0, 0.0]
    (upstream / "common.py").write_text("SAID = 2.0\n")
    with pytest.raises(InputError, match=r"common\.py .* is altered"):
        training.run_original(chosen, {"x": np.zeros(1)}, tmp_path / "run")


@pytest.mark.parametrize("command", ["trace", "compare"])
def test_an_altered_cache_ends_in_one_line_and_code_2(chosen, upstream, tmp_path, command):
    pinned = registry.load("deepsound_crnn")
    folder = tmp_path / "cache/upstream/deepsound_crnn" / pinned.upstream.commit
    folder.mkdir(parents=True)
    (folder / "LICENSE").write_text("altered")
    words = [str(CLIP), "--out", str(tmp_path / "out"), "--runner" if command == "trace" else "--reference", "python27"]
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("python2.7", "ffmpeg"):
        (programs / name).write_text("#!/bin/sh\necho 2.7\n")
        (programs / name).chmod(0o755)
    variables = {"PATH": f"{programs}:/usr/bin:/bin", "REPRISE_PYTHON27": str(programs / "python2.7")}
    done = subprocess.run(
        [sys.executable, "-m", "reprise_kit", command, *words],
        capture_output=True,
        text=True,
        check=False,
        env={**variables, "REPRISE_CACHE": str(tmp_path / "cache")},
    )
    assert done.returncode == 2, done.stderr
    assert "LICENSE of deepsound_crnn is altered" in done.stderr and done.stderr.strip().count("\n") == 0
    assert json.dumps(str(folder))[1:-1] in done.stderr
