"""What `reprise dataset`, `train`, `filters` and `training-parity` do: files in, files out, a few lines said."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise_kit.compare.atomic import (
    atomic_file,
    atomic_folder,
    discard_folder,
    held_folder,
    refuse_folder,
    refuse_foreign,
)
from reprise_kit.compare.bar import bar
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.patience import loading, patience
from reprise_kit.port.deepsound_crnn.training import dataset as data
from reprise_kit.port.deepsound_crnn.training.corpus import Corpus, refuse_unfit
from reprise_kit.port.shared.gtzan import GENRES

if TYPE_CHECKING:
    from reprise_kit.port.deepsound_crnn.training.split import Split

Say = Callable[[str], None]


@contextmanager
def _goes_on(say: Say) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say("the same command goes on from here")
        raise


def dataset(folder: Path, out: Path, workers: int, n_frames: int | None, say: Say) -> None:
    """Write a corpus' data set; a stopped run goes on from OUT.parts, which a finished one removes."""
    data.refuse_format(out)
    refuse_folder(out)
    parts = out.with_name(out.name + ".parts")
    with held_folder(parts, "dataset"), _goes_on(say):
        with bar("tracks", None) as shown:
            (task,) = shown.task_ids
            corpus = data.collect(
                folder, parts, workers, n_frames, lambda done, all_: shown.update(task, completed=done, total=all_)
            )
        data.save(corpus, out)
        discard_folder(parts, data.PARTS)
    for fault in corpus.faults:
        say(f"left out: {fault}")
    for note in corpus.notes:
        say(f"taken as the original takes it: {note}")
    say(
        f"{out}: {len(corpus.x)} tracks of {corpus.x.shape[1]} frames, {len(corpus.genres)} genres, "
        f"{len(corpus.faults)} left out"
    )
    if len(corpus.genres) != len(GENRES):
        say(f"note: `reprise train` takes {len(GENRES)} genres, no more and no fewer")


def train(
    source: Path,
    out: Path,
    recipe_name: str,
    epochs: int | None,
    seed: int | None,
    artists: Path | None,
    parts: Path | None,
    weights: Path | None,
    source_backend: str,
    say: Say,
) -> None:
    """Train, or go on training, in folder `out`, and report on the tracks that the recipe keeps aside."""
    corpus = data.load(source)  # which may refuse it: before TensorFlow, which takes a while to begin
    refuse_unfit(corpus)
    with loading():
        from reprise_kit.port.deepsound_crnn.training import progress as training_progress
        from reprise_kit.port.deepsound_crnn.training import report as training_report
        from reprise_kit.port.deepsound_crnn.training import train as trainer

    recipe = trainer.ORIGINAL if recipe_name == "original" else trainer.HONEST
    changes = {name: value for name, value in (("epochs", epochs), ("seed", seed)) if value is not None}
    recipe = dataclasses.replace(recipe, **changes)  # type: ignore[arg-type]
    split = _split(corpus, recipe_name, artists, parts)
    say(f"split: {split.how}: {len(split.train)} / {len(split.val)} / {len(split.test)} tracks")
    with held_folder(out, "train"), _goes_on(say):
        with training_progress.Shown(say) as shown:
            model, history = trainer.train(corpus, split, recipe, out, weights, source_backend, [shown])
        answers = model.predict(corpus.x[split.test], batch_size=trainer.BATCH, verbose=0).argmax(axis=1)
        figures = training_report.figures(corpus.labels[split.test], answers, corpus.genres)
        with atomic_file(out / "model.keras") as temporary:
            model.save(temporary)
        about = {"recipe": dataclasses.asdict(recipe), "split": split.how, "epochs": len(history)}
        training_report.write(out, figures, history, about)
    say(f"accuracy {figures['accuracy']:.3f} on {figures['tracks']} tracks after {len(history)} epochs: {out}")


def _split(corpus: Corpus, recipe_name: str, artists: Path | None, parts: Path | None) -> "Split":
    """Return which tracks are trained on, stop it and judge it, as the recipe or the person has it."""
    from reprise_kit.port.deepsound_crnn.training import split as splits

    if recipe_name == "original":
        if artists or parts:
            raise InputError("the original's recipe splits at random; --artists and --split go with --recipe honest")
        train_rows, val_rows = splits.as_original(len(corpus.x))
        return splits.Split(train_rows, val_rows, val_rows, "70/30 at random, reported on what validation used")
    if parts:
        return splits.read_split(parts, corpus.paths)
    names = splits.read_artists(artists, corpus.paths) if artists else [""] * len(corpus.paths)
    return splits.by_artist(np.array(corpus.genres)[corpus.labels], names)


@patience(lambda: "looking for what excites each filter")
def filters(
    source: Path, out: Path, weights: Path, source_backend: str, count: int, receptive_field: bool, say: Say
) -> None:
    """Write the sounds that excite each filter most, with a page to listen to."""
    refuse_foreign(out, "filters")
    corpus = data.load(source)
    missing = [path for path in corpus.paths if not Path(path).is_file()]
    if missing:
        raise InputError(f"{missing[0]}: no such file ({len(missing)} tracks of {source.name} are not where they were)")

    from reprise_kit.port.deepsound_crnn import model
    from reprise_kit.port.deepsound_crnn.filters import page as filters_page
    from reprise_kit.port.deepsound_crnn.filters import winners as finder

    network = model.load(weights, source_backend)
    found = list(finder.winners(network, corpus.x, count))
    how = "All that each filter heard." if receptive_field else "Cut as the original cut them: late and too short."
    with atomic_folder(out, "filters") as temporary:
        span = finder.receptive_field if receptive_field else finder.as_original
        filters_page.write(temporary, found, corpus, span, how)
    say(f"{sum(len(won.tracks) for won in found)} filters: {out / 'index.html'}")


def training_parity(source: Path, out: Path, steps: int | None, upstream: Path | None, seed: int, say: Say) -> bool:
    """Train the original and the port alike; write curves.png and verdicts.json, return whether all agree."""
    import subprocess

    from reprise_kit.compare import registry, training
    from reprise_kit.compare.runners import Settings

    refuse_foreign(out, "training-parity")
    corpus, system = data.load(source), registry.load("deepsound_crnn")

    from reprise_kit.port.deepsound_crnn.training import initial_weights as start

    steps = steps or int(training.rows(system)["steps"])
    request = training.make_request(corpus.x, corpus.y, start.keras1_weights(seed), steps)
    settings = Settings(system, None, "theano", upstream, time_limit=1200 + 30.0 * steps)
    say(f"the original trains {steps} steps (minutes the first time: Theano compiles its gradient) ...")
    with atomic_folder(out, "training-parity") as temporary:
        try:
            original = training.run_original(settings, request, temporary)
        except subprocess.TimeoutExpired as error:
            raise InputError(
                f"the original was not done after {error.timeout:.0f} s; try fewer --steps, or again on an idle machine"
            ) from None
        parity = training.compare(system, request, original)
        _write_parity(temporary, parity)
    for verdict in parity.verdicts:
        figures = (
            f"max {verdict.max_abs:.1e}, relative {verdict.max_rel:.1e}"
            if verdict.max_abs is not None
            else verdict.detail
        )
        say(f"{verdict.outcome:9} {verdict.mode:9} {verdict.stage:26} {figures}")
    apart = np.abs(parity.port["losses"] / original["losses"] - 1).max()
    say(f"losses of {steps} steps: at most {apart:.1e} apart, relative")
    return all(parity.verdicts)


def _write_parity(folder: Path, parity: Any) -> None:
    from reprise_kit.port.deepsound_crnn.training import report as training_report

    losses = {"original, Keras 1.1.0 on Theano": parity.original["losses"], "port": parity.port["losses"]}
    curves = {name: curve.tolist() for name, curve in losses.items()}
    training_report.draw_curves(folder / "curves.png", curves, "step", "loss (nats)")
    rows = [dataclasses.asdict(verdict) for verdict in parity.verdicts]
    (folder / "verdicts.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
