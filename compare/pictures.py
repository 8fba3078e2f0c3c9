"""The pictures of a report, as PNG bytes: a stage of both sides, drawn by its axes and unit.

Two axes make an image of each side and one of the difference; probabilities over time are curves; one axis makes bars,
or a line where it is long. More axes are drawn where all but two are of length 1.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.comparison import ClipComparison
from reprise_kit.compare.stage import Stage
from reprise_kit.compare.system import System

# Paul Tol's muted scheme and one grey: ten hues told apart with the common colour-vision deficiencies.
COLOURS = (
    "#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255", "#AA4499", "#888888",
)  # fmt: skip
TIME = re.compile("frame|step|native|sample|time|window")  # in the name of an axis that runs to the right
MATTERS = 0.1  # probability that a label reaches where its curve tells the eye something
MAX_BARS = 64
REFERENCE: dict[str, Any] = {"lw": 5, "alpha": 0.35, "solid_capstyle": "round"}  # a broad line under the candidate's
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """A stage of both sides, (n, m) or (n,) float64, and the names of its axes without "n_"."""

    stage: Stage
    axes: tuple[str, ...]
    reference: Array
    candidate: Array

    @property
    def title(self) -> str:
        """Name and unit."""
        return f"{self.stage.name} ({self.stage.unit})"


def pair(result: ClipComparison, stage: Stage) -> Pair | None:
    """Return a stage as it can be drawn, or None where a side lacks it, the shapes differ or it has more axes."""
    sides = [trace.arrays.get(stage.name) for trace in (result.reference, result.candidate)]
    reference, candidate = sides
    if reference is None or candidate is None or reference.shape != candidate.shape:
        return None
    if reference.ndim != len(stage.axes) or not reference.size or not np.isfinite([reference, candidate]).all():
        return None
    kept = [i for i, n in enumerate(reference.shape) if n > 1 or reference.ndim <= 2] or [reference.ndim - 1]
    if len(kept) > 2:
        return None
    shape = [reference.shape[i] for i in kept]
    names = tuple(stage.axes[i].removeprefix("n_") for i in kept)
    return Pair(stage, names, *(side.astype(np.float64).reshape(shape) for side in (reference, candidate)))


def chosen(result: ClipComparison, system: System) -> list[Pair]:
    """Return what tells most, in data order: the first stage that is an image, the answer, and the one at fault."""
    pairs = [found for stage in system.stages if (found := pair(result, stage)) is not None]
    images = [one for one in pairs if len(one.axes) == 2]
    answers = [one for one in pairs if one.stage.unit == "probability"]
    answer = ([one for one in answers if len(one.axes) == 2] or answers or pairs)[-1:]
    fault = result.fault.stage if result.fault is not None else None
    wanted = {one.stage.name for one in (images or pairs)[:1] + answer} | {fault}
    return [one for one in pairs if one.stage.name in wanted]


@contextmanager
def plain() -> Iterator[None]:
    """Draw as matplotlib does by itself; also as a decorator.

    A user's settings, or a `matplotlibrc` in the folder that a command runs in, would change pictures and start LaTeX.
    """
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield


@plain()
def draw(found: Pair, result: ClipComparison, labels: tuple[str, ...]) -> bytes:
    """Draw a stage: curves, images, bars or a line."""
    if len(found.axes) == 2:
        is_answer = found.stage.unit == "probability" and found.reference.shape[1] == len(labels)
        return _curves(found, labels, result.reference.scalars.get("duration")) if is_answer else _images(found)
    named = labels if found.stage.unit == "probability" and len(labels) == len(found.reference) else ()
    return _bars(found, named) if len(found.reference) <= MAX_BARS else _line(found)


def _images(found: Pair) -> bytes:
    """Both sides and their difference; time runs to the right, else rows down, columns to the right."""
    turned = bool(TIME.search(found.axes[0])) and not TIME.search(found.axes[1])
    in_time = turned or bool(TIME.search(found.axes[1]))
    reference, candidate = (a.T if turned else a for a in (found.reference, found.candidate))
    down, right = found.axes[::-1] if turned else found.axes
    figure, axes = _figure(3, 2.2)
    low, high = np.percentile(reference, (1, 99.9))
    scale = {"vmin": low, "vmax": max(high, low + 1e-9), "cmap": "magma"}
    difference = np.abs(candidate - reference)
    largest = difference.max()
    shown = (
        (reference, f"{found.title}, reference", scale),
        (candidate, f"{found.title}, candidate", scale),
        (difference, f"|difference|, largest {largest:.2g}", {"vmin": 0, "vmax": largest or 1, "cmap": "viridis"}),
    )
    for axis, (array, title, colours) in zip(axes, shown, strict=True):
        image = axis.imshow(array, aspect="auto", origin="lower" if in_time else "upper", **colours)
        axis.set_title(title, loc="left", fontsize=9)
        axis.set_ylabel(down)
        axis.locator_params(integer=True)
        figure.colorbar(image, ax=axis, pad=0.01)
    axes[2].set_xlabel(right)
    return _png(figure)


def _curves(found: Pair, labels: tuple[str, ...], seconds: float | None) -> bytes:
    """Label probabilities of both sides over the first axis: in seconds where the input has a duration."""
    figure, (axis,) = _figure(1, 3.2)
    reference, candidate = found.reference, found.candidate
    places = (np.arange(len(reference)) + 1) * (seconds or len(reference)) / len(reference)
    # The eye needs only the labels that ever matter here; the rest would be lines along zero.
    highest = np.maximum(reference, candidate).max(axis=0)
    for k in np.flatnonzero(highest >= min(MATTERS, highest.max()))[: len(COLOURS)]:
        colour = COLOURS[k % len(COLOURS)]
        axis.plot(places, reference[:, k], color=colour, marker="o", ms=8, **REFERENCE)
        axis.plot(places, candidate[:, k], color=colour, lw=1.2, marker=".", ms=5, label=labels[k])
    axis.plot([], [], color="black", **REFERENCE, label="reference")
    axis.plot([], [], color="black", lw=1.2, marker=".", label="candidate")
    axis.set(xlabel="seconds" if seconds else found.axes[0], ylabel=found.stage.unit, ylim=(-0.03, 1.03))
    axis.set_title(found.title, loc="left", fontsize=9)
    axis.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), fontsize=8, frameon=False)
    return _png(figure)


def _bars(found: Pair, labels: tuple[str, ...]) -> bytes:
    figure, (axis,) = _figure(1, 2.6)
    places = np.arange(len(found.reference))
    axis.bar(places, found.reference, width=0.8, color=COLOURS[1], label="reference")
    axis.bar(places, found.candidate, width=0.35, color=COLOURS[0], label="candidate")
    if labels:
        axis.set_xticks(places, labels, rotation=90 if len(labels) > 12 else 0, fontsize=8)
    return _titled(figure, axis, found)


def _line(found: Pair) -> bytes:
    figure, (axis,) = _figure(1, 2.6)
    axis.plot(found.reference, color=COLOURS[1], lw=2.5, label="reference")
    axis.plot(found.candidate, color=COLOURS[0], lw=0.7, label="candidate")
    return _titled(figure, axis, found)


def _titled(figure: Any, axis: Any, found: Pair) -> bytes:
    difference = np.abs(found.candidate - found.reference).max()
    axis.set_title(f"{found.title}; |difference|, largest {difference:.2g}", loc="left", fontsize=9)
    axis.set(xlabel=found.axes[0], ylabel=found.stage.unit)
    axis.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), fontsize=8, frameon=False)
    return _png(figure)


def _figure(rows: int, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, height * rows), layout="constrained")
    return figure, figure.subplots(rows, 1, squeeze=False, sharex=True)[:, 0]


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()
