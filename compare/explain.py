"""Why two sides differ: known causes tried as counterfactuals on the first stage that fails in isolation.

A system's causes are its module `causes`: CAUSES, and RULES that compute a stage as it should be. A cause explains
a side where that side's array is what the cause gives and not what the rule gives.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reprise_kit.compare import registry
from reprise_kit.compare.comparison import ClipComparison
from reprise_kit.compare.contract import Case, Cause
from reprise_kit.compare.diff import compare_arrays
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.stage import Stage
from reprise_kit.compare.trace import Trace
from reprise_kit.compare.verdict import Verdict

DROP = 100  # by which a cause must lower the difference where it does not bring it within the tolerance
CANNOT = (ImportError, InputError, LookupError)  # what a cause may need and not find here


@dataclass(frozen=True)
class Tried:
    """A cause that makes the difference vanish. side: whose array it gives. verdict: that array against it."""

    cause: Cause
    side: str
    verdict: Verdict

    @property
    def rank(self) -> tuple[bool, float, float]:
        """Smaller is better: within tolerance, then nearer, then with more bit-equal values."""
        needed = self.verdict.needed_atol
        return not self.verdict, np.inf if needed is None else needed, -(self.verdict.equal or 0.0)


def explainer(settings: Settings) -> Callable[[ClipComparison, Trace], str | None]:
    """Return a function of a comparison and the candidate's isolated trace that says why they differ, or None."""
    return lambda result, isolated: explain(result, isolated, settings)


def explain(result: ClipComparison, isolated: Trace, settings: Settings) -> str | None:
    """Say in a sentence which known cause makes the first difference vanish; None where there is nothing to tell.

    Every cause is computed from the reference's own source array, or from the clip where a stage starts there.
    """
    fault = result.fault
    if fault is None:
        return None
    if all(result.isolated):
        return "given the reference's own input every stage agrees: no single stage is at fault"
    stage = next(s for s in settings.system.stages if s.name == fault.stage)
    sides = {side: trace.arrays.get(stage.name) for side, trace in (("reference", result.reference),
                                                                    ("candidate", isolated))}  # fmt: skip
    if any(array is None for array in sides.values()):
        return None  # the verdict says already who has no such stage
    known = registry.causes(settings.system)
    if known is None:
        return None
    weights = _weights(settings)
    source = stage.taken(result.reference.arrays)  # None where a stage starts from the clip
    case = Case(stage.name, source, result.reference.scalars, result.clip.path, weights, settings.backend)
    fitting = [cause for cause in known.CAUSES if stage.name in cause.stages]
    arrays = {side: array for side, array in sides.items() if array is not None}
    found, left_out = _try(fitting, known.RULES.get(stage.name), case, stage, fault, arrays)
    return _sentence(found, len(fitting), left_out, case, fault)


def _weights(settings: Settings) -> Path | None:
    try:
        return settings.weights.path
    except InputError:
        return None


def _try(
    causes: Sequence[Cause],
    rule: Callable[[Case], np.ndarray] | None,
    case: Case,
    stage: Stage,
    fault: Verdict,
    sides: dict[str, np.ndarray],
) -> tuple[Tried | None, list[str]]:
    """Return the cause that fits best, if one does, and the names of those that could not be tried."""

    def vanishes(verdict: Verdict) -> bool:
        known = verdict.needed_atol is not None and fault.needed_atol is not None
        return bool(verdict) or (known and verdict.needed_atol * DROP <= fault.needed_atol)  # type: ignore[operator]

    if rule is None:
        return None, []
    try:
        right = rule(case)
    except CANNOT as error:
        return None, [f"every cause ({error})"]
    # What a side that keeps to the rule has is explained by no cause.
    odd = [side for side, array in sides.items() if not vanishes(compare_arrays(stage, fault.mode, array, right))]
    fits, left_out = [], []
    for cause in causes:
        try:
            array = cause.compute(case)
        except CANNOT as error:
            left_out.append(f"{cause.name} ({error})")
            continue
        if array is not None:
            tried = [Tried(cause, side, compare_arrays(stage, fault.mode, sides[side], array)) for side in odd]
            fits += [one for one in tried if vanishes(one.verdict)]
    return min(fits, key=lambda one: one.rank, default=None), left_out


def _sentence(found: Tried | None, n_causes: int, left_out: list[str], case: Case, fault: Verdict) -> str:
    differs = f"{fault.stage} differs" + (f" by {fault.max_abs:.2g}" if fault.max_abs is not None else " in shape")
    if fault.outcome == "nonfinite":
        differs = f"{fault.stage} is not finite"
    if found is None:
        missing = f"; not tried: {', '.join(left_out)}" if left_out else ""
        return f"{differs}; no known cause makes it vanish ({n_causes - len(left_out)} tried{missing})"
    why = found.cause.why.format(backend=case.other_backend)
    off = found.verdict.max_abs
    near = "in shape" if off is None else "bit for bit" if off == 0 else f"to {off:.0e}"
    if found.side == "reference":
        remedy = f". {found.cause.remedy.format(backend=case.other_backend)}" if found.cause.remedy else ""
        return f"{differs}; with {found.cause.name} it agrees {near}: {why}{remedy}"
    return f"{differs}; the candidate computes it with {found.cause.name} ({near}), the reference does not: {why}"
