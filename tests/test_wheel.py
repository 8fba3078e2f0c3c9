"""The wheel in an environment of its own, outside any checkout: one new import name, and the commands work there."""

import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest

from reprise_kit.compare.system import CLIPS, ROOT
from tests.port.keras_legacy import models

CLIP = CLIPS / "piano_22050.wav"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has the wheel, and the packages of this one but for the kit itself."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, ROOT]
    made = subprocess.run(build, capture_output=True, text=True, timeout=300, check=False)
    assert made.returncode == 0, made.stderr
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    site = next((folder / "env").glob("lib/python*/site-packages"))
    # A path that a .pth names is searched, but its own .pth files are not read: the checkout is not installed there.
    (site / "packages.pth").write_text(sysconfig.get_paths()["purelib"] + "\n" + _shared_packages())
    zipfile.ZipFile(next(folder.glob("reprise_kit-*.whl"))).extractall(site)
    assert {path.name.partition("-")[0] for path in site.iterdir()} - {"packages.pth"} == {"reprise_kit"}
    return folder / "env" / "bin" / "python"


def _shared_packages() -> str:
    """Where NumPy is, should this environment itself take it from elsewhere."""
    return str(Path(np.__file__).parents[1]) + "\n"


def run(installed: Path, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [installed, "-m", "reprise_kit", *map(str, arguments)]
    alone = environment(cwd)
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=alone, timeout=300, check=False)


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "REPRISE"))}
    return {**kept, "REPRISE_CACHE": str(folder / "cache")}


def test_it_is_the_wheel_that_runs(installed: Path, tmp_path: Path) -> None:
    code = "import reprise_kit.compare.system as s; print(s.ROOT, s.CLIPS.is_dir())"
    said = subprocess.run([installed, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True).stdout
    assert Path(said.split()[0]).parent.name == "site-packages" and said.split()[1] == "True"


def test_compare_agrees_on_the_kits_clips(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "compare", CLIP, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "agrees with the recorded original" in done.stdout and (tmp_path / "report" / "report.html").is_file()


def test_predict_and_systems(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "predict", CLIP, "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["clips"]
    done = run(installed, "systems", cwd=tmp_path)
    assert done.returncode == 0 and "deepsound_crnn" in done.stdout and "compact_cnn" in done.stdout


def test_serve(installed: Path, tmp_path: Path) -> None:
    """It listens, answers and ends when it is told to."""
    serving = [installed, "-m", "reprise_kit", "serve", "--host", "127.0.0.1", "--port", str(port := free_port())]
    log = tmp_path / "log"
    with (
        log.open("wb") as said,
        subprocess.Popen(serving, stdout=said, stderr=said, cwd=tmp_path, env=environment(tmp_path)) as server,
    ):
        try:
            with urlopen(f"http://127.0.0.1:{answered(port, server, log)}/health", timeout=30) as answer:
                assert answer.status == 200 and json.loads(answer.read())["status"] == "ok"
            server.send_signal(signal.SIGTERM)
            assert server.wait(timeout=30) == 0, log.read_text()
        finally:
            server.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def answered(port: int, server: "subprocess.Popen[bytes]", log: Path, seconds: float = 180.0) -> int:
    """Wait until something listens on the port, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return port
        time.sleep(0.2)
    raise AssertionError(f"it does not listen: {log.read_text()}")


def test_doctor_and_the_demos_files(installed: Path, tmp_path: Path) -> None:
    assert run(installed, "doctor", cwd=tmp_path).returncode == 0
    code = "import pathlib; from reprise_kit.apps.demo import app; print(*pathlib.Path(app.__file__).parent.rglob('*'))"
    said = subprocess.run([installed, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True).stdout
    assert "index.html" in said and "main.js" in said


def test_migrate(installed: Path, tmp_path: Path) -> None:
    architecture, weights = models.save(tmp_path, *models.dense_net(np.random.RandomState(0)))
    done = run(
        installed, "migrate", "--architecture", architecture, "--weights", weights, "-o", "model.keras", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model.keras").is_file()


def test_a_new_system(installed: Path, tmp_path: Path) -> None:
    assert run(installed, "new-system", "own", cwd=tmp_path).returncode == 0
    done = run(installed, "check-system", "own", cwd=tmp_path)
    assert done.returncode == 0 and "own keeps the contract" in done.stdout, done.stdout + done.stderr
    assert run(installed, "compare", "--system", "own", cwd=tmp_path).returncode == 0
