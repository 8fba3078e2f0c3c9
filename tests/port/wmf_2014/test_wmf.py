"""The factorisation against the recorded original, broken on purpose, and on tables that are none."""

import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from reprise_kit.cli import cli
from reprise_kit.compare import registry, runners
from reprise_kit.compare import trace as traces
from reprise_kit.compare.diff import diff
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.input import Input
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.verdict import first_difference
from reprise_kit.port.wmf_2014 import als, plays
from reprise_kit.port.wmf_2014 import settings as of_file
from tests.port.wmf_2014 import movielens
from tests.port.wmf_2014.conjugate import by_implicit

SYSTEM = registry.load("wmf_2014")
TABLE = SYSTEM.inputs / "listeners.tsv"
PLAIN, BIAS = SYSTEM.folder / "settings.json", SYSTEM.folder / "bias.json"
RECORDED = {PLAIN: SYSTEM.recorded / "none/listeners.tsv", BIAS: SYSTEM.recorded / "none/listeners_bias.tsv"}
both = pytest.mark.parametrize("path", [PLAIN, BIAS], ids=["plain", "bias"])


def verdicts(path: Path, ours: Path, mode: str = "isolated"):
    """The port with settings `ours` against the original's recording with settings `path`."""
    reference = traces.load(RECORDED[path])
    runner = runners.open_runner("port", Settings(SYSTEM, ours, "none"))
    given = reference if mode == "isolated" else None
    return diff(reference, runner.trace(Input.open(TABLE), SYSTEM.stages, given), SYSTEM.stages, mode)


@both
@pytest.mark.parametrize("mode", ["isolated", "chained"])
def test_agrees_with_the_recorded_original(path: Path, mode: str) -> None:
    found = verdicts(path, path, mode)
    assert len(found) == 35 and first_difference(found) is None


@both
@pytest.mark.parametrize("mode", ["isolated", "chained"])
def test_swapped_alpha_and_epsilon(path: Path, mode: str, tmp_path: Path) -> None:
    swapped = movielens.settings(tmp_path, alpha=1e-6, epsilon=2.0, bias=path == BIAS)
    assert first_difference(verdicts(path, swapped, mode)).stage == "confidence"


def test_half_precision(tmp_path: Path) -> None:
    """Named where the first array of it is, and, given the original's start, at the first half-iteration."""
    found = verdicts(PLAIN, movielens.settings(tmp_path, dtype="float16"))
    assert [verdict.stage for verdict in found if not verdict][:2] == ["start", "users_01"]


def test_linear_confidence_is_another(tmp_path: Path) -> None:
    linear = movielens.settings(tmp_path, confidence="linear")
    assert first_difference(verdicts(PLAIN, linear)).stage == "confidence"


def test_the_penalty_of_the_bias(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A penalty on the bias column too is seen at the first half-iteration: with a strong one, here."""
    strong = of_file.load(movielens.settings(tmp_path, bias=True, **{"lambda": 1.0}))
    recorded = traces.load(RECORDED[BIAS]).arrays
    right = als.half_iteration(recorded["start"], recorded["confidence"], strong)
    monkeypatch.setattr(als, "_regularised", lambda settings: np.eye(settings.columns))
    assert np.abs(als.half_iteration(recorded["start"], recorded["confidence"], strong) - right).max() > 1e-3


def test_another_seed_is_another_start(tmp_path: Path) -> None:
    assert first_difference(verdicts(PLAIN, movielens.settings(tmp_path, seed=7))).stage == "start"


def test_implicits_own_default_is_no_substitute() -> None:
    """implicit's conjugate gradient, three steps of it, does not solve a half-iteration; its other solver does."""
    recorded = traces.load(RECORDED[PLAIN])
    settled = {name: recorded.arrays[name] for name in ("plays", "confidence", "start")}
    given = of_file.load(PLAIN)
    for use_cg, expected in ((True, "users_01"), (False, None)):
        halves = by_implicit(settled["confidence"], settled["start"], given, use_cg)
        arrays = {**settled, **halves}
        stages = [stage for stage in SYSTEM.stages if stage.name in arrays]
        candidate = traces.Trace(recorded.system, recorded.input_name, recorded.input_sha256, arrays)
        # Its exact solver sums in float32 throughout: measured 8.0e-5 in users up to 101, against 60 by its default.
        worst = {v.stage: v.max_abs for v in diff(recorded, candidate, stages) if not v}
        fault = next((name for name, off in worst.items() if off > 0.01), None)
        assert fault == expected, worst


def test_the_objective_is_that_of_all_pairs() -> None:
    """Against the sum over every pair, written out."""
    given = of_file.load(BIAS)
    recorded = traces.load(RECORDED[BIAS]).arrays
    users, songs = recorded["users_15"].astype(float), recorded["items_15"].astype(float)
    surplus = np.zeros((len(users), len(songs)))
    rows, columns = recorded["confidence"][:, :2].astype(int).T
    surplus[rows, columns] = recorded["confidence"][:, 2]
    error = np.sum((1 + surplus) * ((surplus > 0) - recorded["scores"]) ** 2)
    penalty = given.penalty * (np.sum(users[:, :8] ** 2) + np.sum(songs[:, :8] ** 2))
    found = als.objective(recorded["confidence"], recorded["users_15"], recorded["items_15"], given)
    np.testing.assert_allclose(found, [error + penalty, error], rtol=1e-12)


def test_every_half_iteration_lowers_the_objective() -> None:
    given, table = of_file.load(PLAIN), plays.read(TABLE)
    surplus = als.confidence(table.entries, given)
    songs, left = als.start(len(table.songs), given), math.inf
    for _ in range(3):
        users = als.half_iteration(songs, surplus, given)
        after_users = als.objective(surplus, users, songs, given)[0]
        songs = als.half_iteration(users, surplus, given, songs=True)
        after_songs = als.objective(surplus, users, songs, given)[0]
        assert left > after_users > after_songs
        left = after_songs


def test_the_greatest_count_is_answered(tmp_path: Path) -> None:
    table = tmp_path / "most.tsv"
    table.write_text("a\tx\t100000000\nb\ty\t1\na\ty\t2\n")
    settings = of_file.load(movielens.settings(tmp_path, factors=1))
    users, songs = als.factorize(plays.read(table).entries, settings)
    assert np.isfinite(users).all() and np.isfinite(songs).all()


def test_a_pair_that_comes_twice_is_added(tmp_path: Path) -> None:
    table = tmp_path / "twice.tsv"
    table.write_text("a\tx\t2\nb\tx\t1\na\tx\t3\n")
    assert plays.read(table).entries.tolist() == [[0, 0, 5], [1, 0, 1]]


def test_some_songs_alone() -> None:
    table = plays.read(TABLE)
    kept = np.array([7, 3])
    part = table.of_songs(kept)
    assert part.songs == (table.songs[7], table.songs[3])
    whole = {(table.users[int(u)], table.songs[int(s)]): c for u, s, c in table.entries if int(s) in kept}
    assert {(part.users[int(u)], part.songs[int(s)]): c for u, s, c in part.entries} == whole


BAD = {
    "": "no plays",
    "a\tx\tnan\n": "line 1: count nan",
    "a\tx\tinf\n": "line 1: count inf",
    "a\tx\t1\na\ty\t0\n": "line 2: count 0",
    "a\tx\t-1\n": "line 1: count -1",
    "a x 1\n": "line 1: 1 fields",
    "a\tx\t1000000000\n": "line 1: count 1000000000 is no number of plays",
    "a\tx\t6e7\na\tx\t6e7\n": "add up to 1.2e.08",
    "a\tx\tmany\n": "'many' is no number",
    "a" * 5000: "line 1",
    "\ud800": "no UTF-8",
}


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_bad_tables_are_one_line(text: str, tmp_path: Path) -> None:
    table = tmp_path / "bad.tsv"
    table.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError, match=BAD[text]):
        plays.read(table)
    done = CliRunner().invoke(cli, ["trace", "--system", "wmf_2014", str(table), "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, InputError) and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [({"alpha": -1}, "alpha"), ({"factors": 0}, "factors"), ({"epsilon": 0}, "epsilon"), ({"dtype": "int8"}, "dtype"),
     ({"rate": 1}, "rate"), ({"iterations": 2}, "15")],
)  # fmt: skip
def test_bad_settings(change: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        registry.part(SYSTEM, "pipeline").open_pipeline(movielens.settings(tmp_path, **change), "none")
