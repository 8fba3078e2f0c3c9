"""Training: the original's recipe, repeated as it was, and one whose figure says what was learned.

`original` is that of train_model.py at the pinned commit: Keras 1.1.0's initialisation, RMSprop and pooling gradient,
100 epochs, a random 70/30 split, the last epoch kept. `honest` takes the optimizer of the authors' own recipe of 2018
(Adam, halved when validation stalls, best epoch kept), stops early, and reports on artists it never heard.

A run's folder holds everything: state after each epoch (so that a killed run goes on from there, bit by bit), the
best epoch's weights, TensorBoard events and, at the end, report.json with its pictures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from reprise_kit.compare.atomic import claim_folder
from reprise_kit.port.deepsound_crnn import model as crnn
from reprise_kit.port.deepsound_crnn.training import initial_weights as start
from reprise_kit.port.deepsound_crnn.training.corpus import Corpus, refuse_unfit
from reprise_kit.port.deepsound_crnn.training.split import Split
from reprise_kit.port.keras_legacy.training import RMSpropK1, as_theano_learned
from reprise_kit.port.shared.resumed import LOSS, Progress

BATCH = 32  # tracks


@dataclass(frozen=True)
class Recipe:
    """name: "original" or "honest". patience: epochs without a better validation loss after which training stops."""

    name: Literal["original", "honest"]
    learning_rate: float
    epochs: int = 100
    patience: int | None = None
    seed: int = 42


ORIGINAL = Recipe("original", learning_rate=1e-5)
HONEST = Recipe("honest", learning_rate=1e-3, patience=20)


def network(recipe: Recipe, weights: Path | None = None, source_backend: str = "theano") -> keras.Model:
    """Return the compiled network at its start: new, or with the weights of a Keras-1 checkpoint."""
    keras.utils.set_random_seed(recipe.seed)
    model = crnn.load(weights, source_backend) if weights else crnn.build()
    if recipe.name == "original":
        if not weights:
            # Keras 1 on Theano draws kernels that it then reverses: of no consequence for random ones.
            start.set_weights(model, start.converted(start.keras1_weights(recipe.seed), "theano"))
        model = as_theano_learned(model)
    optimizer = RMSpropK1 if recipe.name == "original" else keras.optimizers.Adam
    model.compile(
        optimizer(learning_rate=recipe.learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)
    return model


def batches(x: np.ndarray, y: np.ndarray, seed: int, epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield batches without end from the given epoch on; an epoch's order depends on seed and epoch alone."""
    while True:
        order = np.random.default_rng([seed, epoch]).permutation(len(x))
        for first in range(0, len(x), BATCH):
            rows = order[first : first + BATCH]
            yield x[rows], y[rows]
        epoch += 1


def train(
    corpus: Corpus,
    split: Split,
    recipe: Recipe,
    folder: Path,
    weights: Path | None = None,
    source_backend: str = "theano",
    shown: Sequence[keras.callbacks.Callback] = (),
) -> tuple[keras.Model, list[dict[str, float]]]:
    """Train in `folder`, from where an earlier run of the same data and recipe was stopped; `shown` may watch.

    Returns the network with the weights the recipe keeps, and the history: one dict of figures per epoch. Raises
    InputError where the corpus has other than ten genres, or the folder holds another run.
    """
    refuse_unfit(corpus)
    tf.config.experimental.enable_op_determinism()
    claim_folder(folder, "train")
    model = network(recipe, weights, source_backend)
    counting = _schedule(recipe)
    progress = Progress(folder, _setting(corpus, split, recipe, weights), counting)
    done = progress.resume(model)
    if not progress.stopped:
        x, y = corpus.x[split.train], corpus.y[split.train]
        model.fit(
            batches(x, y, recipe.seed, done),
            steps_per_epoch=-(-len(x) // BATCH),
            initial_epoch=done,
            epochs=recipe.epochs,
            validation_data=(corpus.x[split.val], corpus.y[split.val]),
            validation_batch_size=BATCH,
            callbacks=[*counting, progress, keras.callbacks.TensorBoard(str(folder / "tensorboard")), *shown],
            shuffle=False,  # the batches already are
            verbose=0,
        )
    if recipe.patience is not None:
        model.load_weights(folder / "best.weights.h5")
    return model, progress.history


def _schedule(recipe: Recipe) -> list[keras.callbacks.Callback]:
    if recipe.patience is None:
        return []
    halve = keras.callbacks.ReduceLROnPlateau(LOSS, factor=0.5, patience=10, min_delta=0.01)
    return [halve, keras.callbacks.EarlyStopping(LOSS, patience=recipe.patience)]


def _setting(corpus: Corpus, split: Split, recipe: Recipe, weights: Path | None) -> dict[str, Any]:
    rows = {part: getattr(split, part).tolist() for part in ("train", "val", "test")}
    shown = {"x": list(corpus.x.shape), "mean": float(corpus.x.mean(dtype=np.float64)), "genres": list(corpus.genres)}
    return {"recipe": asdict(recipe), "weights": str(weights), "rows": rows, "corpus": shown}
