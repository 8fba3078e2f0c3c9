"""Training: plays to factors, log-mel to factors by the network, and what it knows of songs that nobody has played yet.

A run's folder holds everything: the log-mel of each song, state after each epoch (a killed run goes on bit by bit), the
settings with their tags, report.json, and recommender.npz, what `playlist` and `predict` take.
"""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from reprise_kit.compare.atomic import atomic_file
from reprise_kit.compare.errors import InputError
from reprise_kit.port.dieleman_spotify_2014 import baselines, data, front_end, metrics, network, recommender, settings
from reprise_kit.port.dieleman_spotify_2014.data import Split
from reprise_kit.port.dieleman_spotify_2014.songs import Songs
from reprise_kit.port.shared.resumed import Progress
from reprise_kit.port.wmf_2014 import als
from reprise_kit.port.wmf_2014.settings import Settings

ROWS = ("random", "bag of words, linear", "mean spectrum, linear", "bag of words, MLP", "network", "factors from usage")
Matrix = NDArray[np.floating]


@dataclass(frozen=True)
class Recipe:
    """mode: "blog" or "nips". loss: "mse" or "wpe". epochs: all of them; the best by validation is kept."""

    mode: str = "blog"
    loss: str = "mse"
    epochs: int = 20
    seed: int = 1
    patience: int | None = None


@dataclass(frozen=True)
class Targets:
    """Factors of the songs learnt from and of their listeners, and every song's surplus confidence.

    users: (n_users, n_factors). songs: (n_songs, n_factors), as their plays give them, the users' held. surplus:
    (n_plays, 3), user, song, surplus. wmf: what the factorisation was told.
    """

    users: Matrix
    songs: Matrix
    surplus: NDArray[np.float64]
    wmf: Settings


def targets(songs: Songs, split: Split, mode: str, seed: int) -> Targets:
    """Factorise the plays of the songs learnt from; others get the factors that those users' plays of them give."""
    given = settings.of(mode)
    alpha, epsilon, penalty = given["alpha, epsilon, lambda"]
    known = songs.plays.of_songs(split.train)
    factors = min(given["factors"], len(known.songs) - 1)
    if factors < given["factors"]:
        raise InputError(f"{len(known.songs)} songs to learn from give no {given['factors']} factors; more are needed")
    wmf = Settings(alpha, epsilon, factors, given["wmf iterations"], seed, penalty)
    users = als.factorize(known.entries, wmf)[0]
    places = {name: number for number, name in enumerate(known.users)}
    place = np.array([places.get(name, -1) for name in songs.plays.users])
    entries = songs.plays.entries[place[songs.plays.entries[:, 0].astype(int)] >= 0].copy()
    entries[:, 0] = place[entries[:, 0].astype(int)]
    if len(np.unique(entries[:, 1])) < len(songs.files):
        raise InputError(
            "a song was played only by listeners who know none of the songs to learn from; give more plays"
        )
    surplus = als.confidence(entries, wmf)
    return Targets(users, als.half_iteration(users, surplus, wmf, songs=True), surplus, wmf)


def wished(found: Targets, recipe: Recipe) -> Matrix:
    """Return what the network is to say of every song: unit vectors by the blog, factors, or what "wpe" needs."""
    if recipe.loss == "wpe":
        return network.pack(found.users, found.surplus, len(found.songs))
    if recipe.mode == "nips":
        return np.asarray(found.songs / np.abs(found.songs).max())
    return np.asarray(found.songs / np.linalg.norm(found.songs, axis=1, keepdims=True))


def batches(x: Matrix, y: Matrix, recipe: Recipe, epoch: int) -> Iterator[tuple[Matrix, Matrix]]:
    """Yield batches without end from an epoch on: songs in random order, each from a random frame on.

    What an epoch holds depends on the seed and its number alone, so that a resumed run sees what it would have seen.
    """
    given = settings.of(recipe.mode)
    wanted, size = given["frames"], given["batch"]
    while True:
        random = np.random.default_rng([recipe.seed, epoch])
        order, first = random.permutation(len(x)), random.integers(0, x.shape[1] - wanted + 1, len(x))
        for at in range(0, len(x), size):
            rows = order[at : at + size]
            yield np.stack([x[row, first[row] : first[row] + wanted] for row in rows]), y[rows]
        epoch += 1


def train(
    songs: Songs, recipe: Recipe, folder: Path, shown: Sequence[keras.callbacks.Callback] = ()
) -> dict[str, dict[str, float]]:
    """Train in a folder that is held, or go on in it; return the report, {row: {"auc": ..., "map": ...}}.

    Raises InputError where the folder holds another run, or the songs are too few.
    """
    tf.config.experimental.enable_op_determinism()
    parts = folder / "log-mels"
    parts.mkdir(exist_ok=True)
    split = data.split(songs, recipe.seed)
    found = targets(songs, split, recipe.mode, recipe.seed)
    log_mels = data.log_mels(songs.files, recipe.mode, parts)
    scale = recommender.Scale.of(log_mels[split.train])
    x, y = scale.applied(log_mels), wished(found, recipe)
    model = network.compiled(recipe.mode, recipe.loss, recipe.seed)
    progress = Progress(folder, _setting(songs, split, recipe, log_mels), [])
    done = progress.resume(model)
    if not progress.stopped:
        size = settings.of(recipe.mode)["batch"]
        held = np.stack([front_end.windows(frames, recipe.mode)[0] for frames in x[split.val]]), y[split.val]
        model.fit(
            batches(x[split.train], y[split.train], recipe, done),
            steps_per_epoch=-(-len(split.train) // size),
            initial_epoch=done,
            epochs=recipe.epochs,
            validation_data=held,
            validation_batch_size=size,
            callbacks=[progress, *shown],
            shuffle=False,  # the batches already are
            verbose=0,
        )
    model.load_weights(folder / "best.weights.h5")
    recommender.save(folder / "recommender.npz", recipe.mode, scale, model)
    trained = recommender.Recommender(recipe.mode, scale, model)
    said = np.array([trained.factors(frames) for frames in x])
    report = _report(found, songs, split, log_mels, said, recipe)
    _write(folder / "report.json", recipe, report)
    return report


def _write(path: Path, recipe: Recipe, report: dict[str, dict[str, float]]) -> None:
    content = {"settings": settings.saved(recipe.mode), "recipe": dataclasses.asdict(recipe), "new songs": report}
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")


def _setting(songs: Songs, split: Split, recipe: Recipe, log_mels: Matrix) -> dict[str, Any]:
    rows = {part: getattr(split, part).tolist() for part in ("train", "val", "test")}
    heard = {"shape": list(log_mels.shape), "mean": float(log_mels.mean(dtype=np.float64))}
    plays = {"users": len(songs.plays.users), "counts": float(songs.plays.entries[:, 2].sum())}
    return {"recipe": dataclasses.asdict(recipe), "rows": rows, "log-mels": heard, "plays": plays}


def _report(
    found: Targets, songs: Songs, split: Split, log_mels: Matrix, by_network: Matrix, recipe: Recipe
) -> dict[str, dict[str, float]]:
    """Rank the new songs for every listener, by each of ROWS."""
    seed, learned, y = recipe.seed, split.train, wished(found, dataclasses.replace(recipe, loss="mse"))
    counted = baselines.words(list(log_mels), learned, seed)
    spectra = np.concatenate([log_mels.mean(axis=1), log_mels.std(axis=1)], axis=1)
    random = np.random.default_rng(seed).normal(size=y.shape)
    by_words, by_spectra = (baselines.linear(x, y, learned, split.val) for x in (counted, spectra))
    predicted = (random, by_words, by_spectra,
                 baselines.dense(counted, y, learned, seed), by_network, found.songs)  # fmt: skip
    played = np.zeros((len(found.users), len(songs.files)), bool)
    played[tuple(found.surplus[:, :2].astype(int).T)] = True
    new, rows = split.test, {}
    for name, factors in zip(ROWS, predicted, strict=True):
        scores = found.users @ factors[new].T
        rows[name] = {
            "auc": metrics.auc(scores, played[:, new]),
            "map": metrics.mean_average_precision(scores, played[:, new]),
        }
    return rows
