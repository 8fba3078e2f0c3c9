"""`reprise record`: what is run where, and what is refused before anything is installed; tests/original records."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reprise_kit.commands import record
from reprise_kit.compare import eras
from reprise_kit.compare.errors import InputError

ERAS = eras.load()


def test_every_era_locks_each_keras_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    pairs = [(era, keras) for era in ERAS for keras in era.keras]
    assert len(pairs) > 40
    for era, keras in pairs:
        assert eras.choose(keras, era.backend) == era
        text = eras.lock(era, keras).read_text()
        assert f"keras=={keras} \\" in text and text.count("--hash=sha256:") > len(era.packages)


def test_what_is_not_offered_is_named() -> None:
    with pytest.raises(InputError, match=r"Keras 2.4.3 on theano is not offered.*1.1.0"):
        record.record("2.4.3", "theano", (), False, ["--out", "golden.npz"])


@pytest.mark.parametrize(
    ("extra", "words"), [("-e .", "write NAME"), ("numpy", "pins it already"), ("Keras==2.0", "pins it already")]
)
def test_with_takes_a_package_that_the_era_lacks(extra: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        eras.lock(ERAS[0], ERAS[0].keras[0], [extra])


def test_no_python_and_no_engine_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eras.Era, "interpreter", lambda self: None)
    monkeypatch.setattr(record, "engine_problem", lambda: "docker is not installed")
    with pytest.raises(InputError, match=r"Keras 1.1.0 needs a Python 2.7 .*REPRISE_PYTHON27.*docker is not installed"):
        record.record("1.1.0", "theano", (), False, ["--out", "golden.npz"])


def test_a_container_sees_the_files_and_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(record, "image_id", lambda image: "sha256:1")  # the image is there: nothing is built
    era = eras.choose("1.1.0", "theano")
    arguments = ["--weights", str(tmp_path / "in" / "w.h5"), "--out=made/golden.npz"]
    command = record.in_container(era, Path("requirements-record.lock"), arguments)
    mounts = [command[i + 1] for i, word in enumerate(command) if word == "--volume"]
    assert f"{record.RECORDER}:/record:ro,z" in mounts
    assert {f"{tmp_path}:{tmp_path}:ro,z", f"{tmp_path / 'in'}:{tmp_path / 'in'}:ro,z"} <= set(mounts)
    assert [mount for mount in mounts if not mount.endswith(":ro,z")] == [f"{tmp_path / 'made'}:{tmp_path / 'made'}:z"]
    assert command[command.index("--network") + 1] == "none" and "--read-only" in command
    assert command[-len(arguments) - 5 :] == ["reprise/record", "python", "/record", "--backend", "theano", *arguments]


def test_the_folder_runs_alone(tmp_path: Path) -> None:
    """A copy elsewhere, by a Python without this project on its path, which leaves no bytecode among its parts."""
    copy = shutil.copytree(record.RECORDER, tmp_path / "record", ignore=shutil.ignore_patterns("__pycache__"))
    before = sorted(copy.rglob("reprise_record/*"))
    ran = subprocess.run(
        [sys.executable, str(copy), "--weights", "absent.h5", "--out", "golden.npz"],
        cwd=tmp_path, env={}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (2, "record: absent.h5: no such file\n")
    assert sorted(copy.rglob("reprise_record/*")) == before
