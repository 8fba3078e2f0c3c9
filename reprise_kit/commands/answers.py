"""A system's answers on clips, as lines, JSON or CSV on standard output."""

import csv
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from reprise_kit.compare import registry
from reprise_kit.compare.bar import tracked
from reprise_kit.compare.contract import Pipeline, Prediction
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import unforeseen
from reprise_kit.compare.input import Input
from reprise_kit.compare.patience import patience
from reprise_kit.compare.screen import console
from reprise_kit.compare.shown import say, shown
from reprise_kit.compare.system import System
from reprise_kit.compare.weights import Weights

TOP = 3  # labels named in a line
NAME_WIDTH, BAR_WIDTH = 24, 8
_ORIGINS = {"upstream": "the authors' own weights", "given": "the weights that you gave"}

Answer = tuple[Path, Prediction]


@dataclass(frozen=True)
class Said:
    """What is said once for all clips: the system, whose weights answer, and what decided the numbers."""

    system: System
    weights: Weights
    provenance: dict[str, Any]


def predict(clips: list[Path], form: str, options: dict[str, Any], chosen: Any) -> int:
    """Print the answers on clips; return 1 where some could not be read, 0 otherwise.

    A single bad clip is bad input and raises InputError. options: of the pipeline. chosen: system, weights, backend
    and decoder, as a runner's settings have them.
    """
    if len(clips) == 1:
        _refuse_early(clips[0], chosen.system)
    with patience(lambda: "loading the network"):
        pipeline = registry.open_pipeline(chosen.system, chosen.weights, {**chosen.options, **options})
    answers, bad = [], []
    for clip, answer in _answers(pipeline, clips, chosen.system):
        if isinstance(answer, InputError):
            if len(clips) == 1:
                raise answer
            bad.append(clip)
            say(f"reprise: {answer}", error=True)
            continue
        answers.append((clip, answer))
        for note in answer.notes:
            say(f"{clip.name}: {note}", error=True)
    said = Said(chosen.system, chosen.weights, pipeline.provenance())
    {"table": _lines, "all": _all, "json": _json, "csv": _csv}[form](answers, said)
    return 1 if bad else 0


def _refuse_early(clip: Path, system: System) -> None:
    """Raise InputError on a file that cannot be answered, before TensorFlow is loaded, which takes seconds."""
    _refuse_folder(clip)
    if system.file.input != "sound":
        Input.open(clip)
        return
    from reprise_kit.port.audio.stream import incoming

    try:
        with incoming(clip, math.inf):
            pass
    except InputError as error:
        raise InputError(f"{clip}: {error}") from None


def _refuse_folder(clip: Path) -> None:
    if clip.is_dir():
        raise InputError(f"{clip}: a folder, not a clip; try reprise predict --recursive {clip} --out OUT")


def _answers(pipeline: Pipeline, clips: list[Path], system: System) -> Iterator[tuple[Path, Prediction | InputError]]:
    for clip in tracked(clips, "predicting"):
        try:
            _refuse_folder(clip)
            if system.file.input != "sound":  # its own reader would wait for a pipe
                Input.open(clip)
            yield clip, pipeline.predict(clip)
        except InputError as error:
            yield clip, error
        except Exception as error:
            if len(clips) == 1:
                raise
            yield clip, unforeseen(error, clip)


def _print_head(screen: Console, said: Said) -> None:
    """Say what answers, and whether it knows anything."""
    screen.print(said.system.title, highlight=False, markup=False, soft_wrap=True)
    origin = said.weights.note(said.system) or _ORIGINS[said.weights.origin]
    screen.print(origin, highlight=False, style="dim" if said.weights.knows else "yellow", soft_wrap=True)


def _lines(answers: list[Answer], said: Said) -> None:
    """A line for each clip, 80 columns wide: its name, its length, the likeliest label as a bar, the next two."""
    screen = console()
    _print_head(screen, said)
    for clip, answer in answers:
        best = np.argsort(answer.clip_probs)[::-1][:TOP]
        first, *next_ = [(answer.labels[k], float(answer.clip_probs[k])) for k in best]
        rest = "  ".join(f"{label} {share:.0%}" for label, share in next_)
        name = _fitted(shown(clip.name), NAME_WIDTH)
        screen.print(
            f"{name} {_length(answer.duration):>7}  {first[0]} {first[1]:.0%} {_bar(first[1], BAR_WIDTH)} {rest}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _all(answers: list[Answer], said: Said) -> None:
    """Every label of every clip, the likeliest first."""
    screen = console()
    _print_head(screen, said)
    for clip, answer in answers:
        screen.print(f"{shown(clip.name)} {_length(answer.duration)}".rstrip(), highlight=False, markup=False)
        width = max(map(len, answer.labels))
        for k in np.argsort(answer.clip_probs)[::-1]:
            share = float(answer.clip_probs[k])
            screen.print(f"  {answer.labels[k]:{width}} {share:7.4f} {_bar(share, 40)}", highlight=False, markup=False)


def _fitted(name: str, width: int) -> str:
    """A name as wide as its column: cut in the middle, so that its end is seen."""
    if len(name) <= width:
        return name.ljust(width)
    return f"{name[: width // 2 - 1]}…{name[-(width - width // 2) :]}"


def _length(seconds: float) -> str:
    return f"{seconds // 60:.0f}:{seconds % 60:04.1f}" if seconds else ""


def _bar(share: float, width: int) -> str:
    """A bar in eighths of a character."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    return ("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8]).strip().ljust(width)


def _json(answers: list[Answer], said: Said) -> None:
    """Each clip as the demo's API answers it (apps/demo/API.md), and what decided the numbers."""
    clips = [
        {
            "clip": str(clip),
            "system": said.system.name,
            "mode": "exact",
            "duration": answer.duration,
            "labels": list(answer.labels),
            "top": answer.labels[int(answer.clip_probs.argmax())],
            "clip_probs": answer.clip_probs.tolist(),
            "step_probs": None if answer.step_probs is None else answer.step_probs.tolist(),
            "step_seconds": answer.step_seconds,
            "notes": list(answer.notes),
        }
        for clip, answer in answers
    ]
    about = {
        "weights": {"origin": said.weights.origin, "know": said.weights.knows, "note": said.weights.note(said.system)},
        "provenance": said.provenance,
    }
    print(json.dumps({"system": said.system.name, "title": said.system.title, **about, "clips": clips}, indent=1))


def _csv(answers: list[Answer], said: Said) -> None:
    """A row for each step, or each clip where there are none; `weights` is whose they are: kit, upstream or given."""
    writer = csv.writer(sys.stdout)
    writer.writerow(["clip", "second", *said.system.labels, "system", "weights"])
    for clip, answer in answers:
        rows = [answer.clip_probs] if answer.step_probs is None else answer.step_probs
        for k, row in enumerate(rows):
            second = "" if answer.step_probs is None else f"{(k + 1) * answer.duration / len(rows):.4f}"
            writer.writerow([shown(clip), second, *row.tolist(), said.system.name, said.weights.origin])
