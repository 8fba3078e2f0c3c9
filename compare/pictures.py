"""The pictures of a report, as PNG bytes: log-mel of both sides and their difference, label curves over time."""

import io
from typing import Any

import numpy as np

from reprise_kit.compare.comparison import ClipComparison

# Paul Tol's muted scheme and one grey: ten hues told apart with the common colour-vision deficiencies.
COLOURS = (
    "#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255", "#AA4499", "#888888",
)  # fmt: skip


def features(result: ClipComparison, stage: str) -> bytes | None:
    """Draw a two-dimensional stage of both sides and the difference; None where either lacks it."""
    reference, candidate = (t.arrays.get(stage) for t in (result.reference, result.candidate))
    if reference is None or candidate is None or reference.shape != candidate.shape or reference.ndim != 2:
        return None
    figure, axes = _figure(3, 2.2)
    low, high = np.percentile(reference, (1, 99.9))
    for axis, array, title in zip(axes, (reference, candidate), ("reference", "candidate"), strict=False):
        image = axis.imshow(array.T, aspect="auto", origin="lower", vmin=low, vmax=max(high, low + 1e-9), cmap="magma")
        axis.set_title(f"{stage}, {title}", loc="left", fontsize=9)
        figure.colorbar(image, ax=axis, pad=0.01)
    difference = np.abs(candidate - reference).T
    image = axes[2].imshow(difference, aspect="auto", origin="lower", cmap="viridis", vmin=0)
    axes[2].set_title(f"|difference|, largest {difference.max():.2g}", loc="left", fontsize=9)
    figure.colorbar(image, ax=axes[2], pad=0.01)
    axes[2].set_xlabel("frame")
    for axis in axes:
        axis.set_ylabel("band")
    return _png(figure)


def curves(result: ClipComparison, labels: tuple[str, ...]) -> bytes | None:
    """Draw the label probabilities of both sides over time; None where the system has no steps."""
    reference, candidate = (t.arrays.get("step_probs") for t in (result.reference, result.candidate))
    if reference is None or candidate is None or reference.shape != candidate.shape:
        return None
    figure, axes = _figure(1, 3.2)
    axis = axes[0]
    seconds = float(result.reference.scalars.get("duration", len(reference)))
    times = (np.arange(len(reference)) + 1) * seconds / len(reference)
    # The eye needs only the labels that ever matter here; the rest would be lines along zero.
    shown = [k for k in range(reference.shape[1]) if max(reference[:, k].max(), candidate[:, k].max()) >= 0.1][:10]
    for k in shown:
        colour = COLOURS[k % len(COLOURS)]
        axis.plot(times, reference[:, k], color=colour, lw=5, alpha=0.35, solid_capstyle="round")
        axis.plot(times, candidate[:, k], color=colour, lw=1.2, marker=".", ms=5, label=labels[k])
    axis.plot([], [], color="black", lw=5, alpha=0.35, label="reference")
    axis.plot([], [], color="black", lw=1.2, marker=".", label="candidate")
    axis.set(xlabel="seconds", ylabel="probability", ylim=(-0.03, 1.03))
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
