"""Verdicts from two traces: exactly one for each declared stage, always; nothing is trimmed to fit."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.profiles.audio import decoded_differently
from reprise_kit.compare.stage import Stage
from reprise_kit.compare.trace import Trace
from reprise_kit.compare.verdict import Outcome, Verdict


def diff(reference: Trace, candidate: Trace, stages: Sequence[Stage], mode: str = "chained") -> list[Verdict]:
    """Compare two traces of one clip stage by stage.

    mode: `isolated` or `chained`; raises InputError where the clips or systems differ or no stage is declared.
    """
    if reference.input_sha256 != candidate.input_sha256:
        raise InputError(
            f"the traces are of different clips: {reference.input_name} ({reference.input_sha256[:12]}) and "
            f"{candidate.input_name} ({candidate.input_sha256[:12]}); trace the same file on both sides"
        )
    if reference.system != candidate.system:
        raise InputError(f"the traces are of different systems: {reference.system} and {candidate.system}")
    if not stages:
        raise InputError(f"system {reference.system} declares no stages: there is nothing to compare")
    chained = "chained_redecoded" if decoded_differently(reference, candidate) else "chained"
    verdicts = []
    for stage in stages:
        # A stage that starts from the clip itself is never given anything: it is compared end to end in both modes.
        row = chained if mode == "chained" or stage.source == "clip" else mode
        sides = (trace.arrays.get(stage.name) for trace in (reference, candidate))
        verdicts.append(compare_arrays(stage, row, *sides))
    return verdicts


def compare_arrays(stage: Stage, mode: str, reference: np.ndarray | None, candidate: np.ndarray | None) -> Verdict:
    """Compare one stage's arrays: presence, then shape and dtype, then finiteness, then values."""
    row = stage.tolerances[mode]
    allowed: dict[str, Any] = {"allowed_atol": row.atol, "allowed_rtol": row.rtol, "allowed_equal": row.equal}
    if reference is None or candidate is None:
        sides = [s for s, a in (("reference", reference), ("candidate", candidate)) if a is None]
        return Verdict(stage.name, mode, "missing", detail=f"in the {' and the '.join(sides)}", **allowed)
    unfit = _unfit(stage, reference, candidate)
    if unfit is not None:
        outcome, detail = unfit
        return Verdict(stage.name, mode, outcome, detail=detail, **allowed)
    expected = reference.astype(np.float64)
    difference = np.abs(candidate.astype(np.float64) - expected)
    worst = np.unravel_index(int(np.argmax(difference)), difference.shape)
    max_abs = float(difference[worst])
    equal = float(np.mean(difference == 0))
    needed = max(0.0, float(np.max(difference - row.rtol * np.abs(expected))))
    return Verdict(
        stage.name,
        mode,
        "match" if needed <= row.atol and equal >= row.equal else "mismatch",
        max_abs=max_abs,
        max_rel=relative(max_abs, float(np.max(np.abs(expected)))),
        worst_index=tuple(int(i) for i in worst),
        needed_atol=needed,
        equal=equal,
        **allowed,
    )


def _unfit(stage: Stage, reference: np.ndarray, candidate: np.ndarray) -> tuple[Outcome, str] | None:
    """Return why the values of two arrays cannot be compared, as an outcome and its detail, or None."""
    if reference.shape != candidate.shape or reference.ndim != len(stage.axes) or reference.size == 0:
        return "shape", f"{reference.shape} against {candidate.shape}, declared ({', '.join(stage.axes)})"
    if reference.dtype.kind not in "fiu" or candidate.dtype.kind not in "fiu":
        return "shape", f"{reference.dtype} and {candidate.dtype}"
    for side, array in (("reference", reference), ("candidate", candidate)):
        n_bad = int(np.size(array) - np.count_nonzero(np.isfinite(array)))
        if n_bad:
            return "nonfinite", f"{n_bad} values of the {side}"
    return None


def relative(worst: float, largest: float) -> float:
    """Return a largest difference over the largest |value| that was expected; infinite beside nothing but zeros."""
    return worst / largest if largest else (0.0 if worst == 0 else float("inf"))
