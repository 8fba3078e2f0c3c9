"""A folder of models in one run: a line each, a table, and a bad file ends nothing."""

from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from reprise_kit.cli import cli
from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import folder as folders
from reprise_kit.port.keras_legacy.migrate import Options
from tests.compare.test_walk import too_deep
from tests.port.keras_legacy import models


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """Three good models in the ways they lie about, and three bad files."""
    net = models.dense_net(np.random.RandomState(0))
    folder = tmp_path / "zoo"
    (folder / "pair").mkdir(parents=True)
    models.save(folder / "pair", *net)
    models.save_whole(folder / "whole.h5", *net, version="1.1.0")
    architecture, weights = models.save(folder, *net)
    architecture.rename(folder / "net.json")
    weights.rename(folder / "net_weights.h5")
    (folder / "page.h5").write_text("<html>")
    (folder / "alone").mkdir()
    (folder / "alone" / "w.h5").write_bytes((folder / "net_weights.h5").read_bytes())
    (folder / "bad").mkdir()
    models.save(folder / "bad", models.sequential(models.first(models.layer("Capsule", "c"), 3)), [])
    return folder


def test_every_model_has_a_line(zoo: Path, tmp_path: Path) -> None:
    ran = CliRunner().invoke(cli, ["migrate", str(zoo), "-o", str(tmp_path / "out"), "--source-backend", "theano"])
    assert ran.exit_code == 1, ran.output
    lines = ran.output.splitlines()
    for name in ("pair/weights.h5", "whole.h5", "net_weights.h5"):
        assert any(line.startswith(f"wrote    {name} -> ") for line in lines), ran.output
    for name, words in (("page.h5", "a web page"), ("alone/w.h5", "--architecture"), ("bad/weights.h5", "Capsule")):
        assert any(line.startswith(f"refused  {name}: ") and words in line for line in lines), ran.output
    assert [line.split() for line in lines[-3:]] == [["migrated", "3"], ["refused", "3"], ["models", "6"]]
    written = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.keras"))
    assert written == ["net_weights.keras", "pair/weights.keras", "whole.keras"]
    keras.saving.load_model(tmp_path / "out" / "whole.keras", safe_mode=True)


@pytest.mark.parametrize(
    "way", ["net.json {}", "net.json --weights {}", "net.json --weights {} --architecture net.json"]
)
def test_files_that_do_not_go_together_are_told_how_they_do(way: str, tmp_path: Path) -> None:
    words = ["migrate", *way.format("net_weights.h5").split(), "-o", str(tmp_path / "out.keras")]
    with pytest.raises(InputError, match=r"2 files came \(net.json, net_weights.h5\): give .* --architecture"):
        CliRunner().invoke(cli, words, catch_exceptions=False)


def test_all_good_is_0_and_none_is_2(zoo: Path, tmp_path: Path) -> None:
    out = ["-o", str(tmp_path / "out"), "--source-backend", "theano"]
    assert CliRunner().invoke(cli, ["migrate", str(zoo / "pair"), *out]).exit_code == 0
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no model in it"):
        folders.jobs(tmp_path / "empty", tmp_path / "out", "keras")
    with pytest.raises(InputError, match="without --architecture"):
        CliRunner().invoke(cli, ["migrate", str(zoo), *out, "--verify", "g.npz"], catch_exceptions=False)


@pytest.mark.parametrize(
    ("names", "results"),
    [
        (["m.h5", "m.hdf5"], ["m.h5.keras", "m.hdf5.keras"]),
        (["m.h5", "m.h5.h5", "m.hdf5"], ["m.h5.keras", "m.h5.h5.keras", "m.hdf5.keras"]),
        (["m.h5.h5", "n.h5"], ["m.h5.keras", "n.keras"]),
    ],
)
def test_two_of_one_name_do_not_meet(names: list[str], results: list[str], tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert [job.out.name for job in folders.jobs(tmp_path, tmp_path / "out", "keras")] == results


def test_results_of_an_earlier_run_are_no_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    for name in ("m.h5", "out/m.weights.h5"):
        (tmp_path / name).touch()
    assert [job.weights for job in folders.jobs(Path(), tmp_path / "out", "weights")] == [Path("m.h5")]


def test_a_folder_that_cannot_be_listed_is_a_line(zoo: Path, tmp_path: Path) -> None:
    too_deep(zoo / "pair")
    outcomes = list(folders.migrate_folder(zoo / "pair", tmp_path / "out", Options(source_backend="theano")))
    assert [outcome.error for outcome in outcomes] == ["cannot be listed: File name too long", ""]


def test_a_fault_of_ours_ends_nothing(zoo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(folders, "migrate_files", broken)
    found = list(folders.migrate_folder(zoo / "pair", tmp_path / "out", Options()))
    assert [outcome.error for outcome in found] == ["fault in this kit, RuntimeError: broken on purpose"]
