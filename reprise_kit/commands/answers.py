"""A system's answers on clips, as a table, JSON or CSV on standard output."""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TimeRemainingColumn, track
from rich.table import Table
from rich.text import Text

from reprise_kit.compare import registry
from reprise_kit.compare.contract import Pipeline, Prediction
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import unforeseen
from reprise_kit.compare.screen import console
from reprise_kit.compare.shown import shown

TOP = 3  # labels named in a table row


def predict(clips: list[Path], form: str, options: dict[str, Any], chosen: Any) -> int:
    """Print the answers on clips; return 1 where some could not be read, 0 otherwise.

    A single bad clip is bad input and raises InputError. options: of the pipeline. chosen: system, weights, backend
    and decoder, as a runner's settings have them.
    """
    pipeline = registry.open_pipeline(chosen.system, chosen.weights, {**chosen.options, **options})
    answers, bad = [], []
    for clip, answer in _answers(pipeline, clips):
        if isinstance(answer, InputError):
            if len(clips) == 1:
                raise answer
            bad.append(clip)
            print(f"reprise: {shown(answer)}", file=sys.stderr)
            continue
        answers.append((clip, answer))
        for note in answer.notes:
            print(shown(f"{clip.name}: {note}"), file=sys.stderr)
    {"table": _table, "json": _json, "csv": _csv}[form](answers, pipeline.provenance())
    return 1 if bad else 0


def archive(
    folder: Path, out: Path, workers: int, engine: str, address: str | None, options: dict[str, Any], chosen: Any
) -> int:
    """Answer every clip under a folder into a Parquet file (see `apps/archive`); return 1 where some were unreadable.

    engine: "local" or "ray"; address: of the Ray cluster. Raises InputError as `Archive.run`, or without clips.
    """
    from reprise_kit.apps.archive import local, ray_cluster
    from reprise_kit.apps.archive.archive import Archive, Job
    from reprise_kit.compare.input import find

    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; --recursive wants one")
    settings = {**chosen.options, **options}
    weights = str(chosen.weights.path.resolve())
    job = Job(chosen.system.name, weights, chosen.backend, settings, chosen.system.labels)
    answer = local.answer if engine == "local" else ray_cluster.engine(address)
    files = find([folder.resolve()], chosen.system, recursive=True).files
    with _rated(console(stderr=True)) as progress:
        task = progress.add_task("clips", total=len(files))
        unreadable = Archive(folder.resolve(), out, job).run(
            files, answer, workers, lambda n: progress.advance(task, n)
        )
    for path, reason in unreadable.items():
        print(shown(f"reprise: {path}: {reason}"), file=sys.stderr)
    print(f"{out}: {len(files)} clips, {len(unreadable)} of them unreadable", file=sys.stderr)
    if out.with_name(f"{out.name}.parts").exists():
        print("some may be readable another time: the same command tries those again", file=sys.stderr)
    return 1 if unreadable else 0


def _rated(console: Console) -> Progress:
    """A bar with the rate and the time left."""
    rate = TaskProgressColumn(text_format="", show_speed=True)
    columns = (BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


def _answers(pipeline: Pipeline, clips: list[Path]) -> Iterator[tuple[Path, Prediction | InputError]]:
    clips_seen = track(clips, "predicting", console=console(stderr=True), transient=True, disable=len(clips) == 1)
    for clip in clips_seen:
        try:
            yield clip, pipeline.predict(clip)
        except InputError as error:
            yield clip, error
        except Exception as error:
            if len(clips) == 1:
                raise
            yield clip, unforeseen(error, clip)


def _table(answers: list[tuple[Path, Prediction]], provenance: dict[str, Any]) -> None:
    screen = console()
    for clip, answer in answers:
        if len(answers) == 1 and answer.step_probs is not None:
            screen.print(_steps(answer))
        best = np.argsort(answer.clip_probs)[::-1][:TOP]
        words = ", ".join(f"{answer.labels[k]} {answer.clip_probs[k]:.3f}" for k in best)
        seconds = f" ({answer.duration:.1f} s)" if answer.duration else ""
        screen.print(f"{clip.name}{seconds}: {words}", highlight=False, soft_wrap=True)


def _steps(answer: Prediction) -> Table:
    table = Table("second", *answer.labels)
    assert answer.step_probs is not None
    for k, row in enumerate(answer.step_probs):
        top = int(np.argmax(row))
        cells = [Text(f"{p:.3f}", "bold" if j == top else "") for j, p in enumerate(row)]
        table.add_row(f"{(k + 1) * answer.duration / len(answer.step_probs):.2f}", *cells)
    return table


def _json(answers: list[tuple[Path, Prediction]], provenance: dict[str, Any]) -> None:
    clips = [
        {
            "clip": str(clip),
            "duration": answer.duration,
            "notes": list(answer.notes),
            "clip_probs": dict(zip(answer.labels, answer.clip_probs.tolist(), strict=True)),
            "step_seconds": answer.step_seconds,
            "step_probs": None if answer.step_probs is None else answer.step_probs.tolist(),
        }
        for clip, answer in answers
    ]
    labels = list(answers[0][1].labels) if answers else []
    print(json.dumps({"labels": labels, "provenance": provenance, "clips": clips}, indent=1))


def _csv(answers: list[tuple[Path, Prediction]], provenance: dict[str, Any]) -> None:
    writer = csv.writer(sys.stdout)
    header_done = False
    for clip, answer in answers:
        if not header_done:
            writer.writerow(["clip", "second", *answer.labels])
            header_done = True
        if answer.step_probs is None:
            writer.writerow([shown(clip), "", *answer.clip_probs.tolist()])
            continue
        for k, row in enumerate(answer.step_probs):
            second = (k + 1) * answer.duration / len(answer.step_probs)
            writer.writerow([shown(clip), f"{second:.4f}", *row.tolist()])
