"""The support vector machine on the published features of GTZAN: the published table, and an honest figure beside it.

Published: ten-fold cross-validation, folds stratified and not shuffled, features as they are (upstream's switch for
scaling them does nothing), each row with the best parameters of a grid chosen on the very folds that it reports. Folds
that mix artists, repeats of a track in two folds and that choice all flatter it. Honest: the fault-filtered,
artist-aware split (gtzan_filtered.txt); parameters chosen on its validation part, the figure from its test part.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.svm import SVC

from reprise_kit.compare.errors import InputError
from reprise_kit.port.shared.gtzan import GENRES

N_TRACKS = 1000
N_FEATURES = 32  # of one layer
N_FOLDS = 10
FILTERED = Path(__file__).with_name("gtzan_filtered.txt")
COSTS = (0.1, 2.0, 8.0, 32.0)  # upstream's grid
GAMMAS: tuple[float | str, ...] = (*(0.5**i for i in (3, 5, 7, 9, 11, 13)), "auto")


@dataclass(frozen=True)
class Row:
    """A row of the published table: its layers, its accuracy, and the parameters that the grid chose."""

    layers: tuple[int, ...]
    published: float
    kernel: str
    cost: float
    gamma: float | str = "auto"

    def machine(self) -> SVC:
        """Return the untrained machine."""
        return SVC(C=self.cost, kernel=self.kernel, gamma=self.gamma)


PUBLISHED = (
    Row((0, 1, 2, 3, 4), 0.898, "rbf", 32),
    Row((0,), 0.775, "linear", 32),
    Row((1,), 0.808, "linear", 32),
    Row((2,), 0.805, "rbf", 32, 0.5**5),
    Row((3,), 0.819, "rbf", 8, 0.5**5),
    Row((4,), 0.788, "rbf", 8, 0.5**3),
)


@dataclass(frozen=True)
class Gtzan:
    """The published features by layer, each (1000, 32) float32, genre numbers (1000,) and tracks' names."""

    layers: Mapping[int, np.ndarray]
    genres: np.ndarray
    names: tuple[str, ...]

    def features(self, layers: tuple[int, ...]) -> np.ndarray:
        """Return the features of some layers side by side, (1000, 32 n)."""
        return np.concatenate([self.layers[layer] for layer in layers], axis=1)


def load(folder: Path) -> Gtzan:
    """Read upstream's features and labels, from its own folders or all from one; raises InputError."""
    table = _find(folder, "data_csv", "gtzan_genre.csv")
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    layers = {}
    for layer in range(5):
        path = _find(folder, "data_feats", f"gtzan_genre_layer_{layer}.npy")
        try:
            layers[layer] = np.load(path, allow_pickle=False)
        except ValueError as error:
            raise InputError(f"{path}: not an array file ({error})") from None
        if layers[layer].shape != (N_TRACKS, N_FEATURES):
            raise InputError(f"{path}: {layers[layer].shape} instead of ({N_TRACKS}, {N_FEATURES})")
    try:
        genres = np.array([GENRES.index(row["id"]) for row in rows])
        names = tuple(Path(row["filepath"]).stem for row in rows)
    except (KeyError, ValueError) as error:
        raise InputError(f"{table}: not upstream's table of tracks ({error})") from None
    if len(rows) != N_TRACKS:
        raise InputError(f"{table}: {len(rows)} tracks instead of {N_TRACKS}")
    return Gtzan(layers, genres, names)


def _find(folder: Path, inside: str, name: str) -> Path:
    for path in (folder / inside / name, folder / name):
        if path.is_file():
            return path
    raise InputError(f"{folder}: no {inside}/{name}; get upstream with: reprise fetch transfer_learning_music")


def cross_validated(gtzan: Gtzan, row: Row) -> float:
    """Return the accuracy as published: ten stratified folds in the tracks' order."""
    folds = StratifiedKFold(N_FOLDS)
    return float(cross_val_score(row.machine(), gtzan.features(row.layers), gtzan.genres, cv=folds).mean())


def filtered_parts(gtzan: Gtzan) -> dict[str, np.ndarray]:
    """Return the tracks' numbers of the parts train (443), valid (197) and test (290)."""
    lines = [line.split() for line in FILTERED.read_text().splitlines() if not line.startswith("#")]
    number = {name: i for i, name in enumerate(gtzan.names)}
    return {
        part: np.array([number[name] for name, listed in lines if listed == part])
        for part in ("train", "valid", "test")
    }


def honest(gtzan: Gtzan, layers: tuple[int, ...]) -> tuple[float, Row]:
    """Return the accuracy on tracks of unheard artists, and the parameters that the validation part chose."""
    parts, features = filtered_parts(gtzan), gtzan.features(layers)

    def score(row: Row, learnt: np.ndarray, asked: np.ndarray) -> float:
        machine = row.machine().fit(features[learnt], gtzan.genres[learnt])
        return float(machine.score(features[asked], gtzan.genres[asked]))

    grid = [Row(layers, 0.0, "rbf", cost, gamma) for cost in COSTS for gamma in GAMMAS]
    grid += [Row(layers, 0.0, "linear", cost) for cost in COSTS]
    best = max(grid, key=lambda row: score(row, parts["train"], parts["valid"]))
    return score(best, np.concatenate([parts["train"], parts["valid"]]), parts["test"]), best


def table(folder: Path) -> list[tuple[Row, float, float]]:
    """Return each published row with its accuracy reproduced and the honest one."""
    gtzan = load(folder)
    return [(row, cross_validated(gtzan, row), honest(gtzan, row.layers)[0]) for row in PUBLISHED]


def train(folder: Path) -> SVC:
    """Return the machine of the first published row, trained on all 1000 tracks."""
    gtzan = load(folder)
    machine = PUBLISHED[0].machine().set_params(decision_function_shape="ovo")
    return machine.fit(gtzan.features(PUBLISHED[0].layers), gtzan.genres)


def vote_shares(machine: SVC, features: np.ndarray) -> np.ndarray:
    """Return each genre's share of the 45 duels between two genres, (10,) float32 that sum to 1: no probabilities."""
    decisions = machine.decision_function(features[None])[0]
    pairs = [(a, b) for a in range(len(GENRES)) for b in range(a + 1, len(GENRES))]
    winners = [a if decision > 0 else b for (a, b), decision in zip(pairs, decisions, strict=True)]
    return np.bincount(winners, minlength=len(GENRES)).astype(np.float32) / np.float32(len(pairs))
