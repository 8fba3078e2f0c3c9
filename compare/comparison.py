"""A comparison: two runners over a set of clips, their traces on disk, and a verdict for every stage of every clip."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from reprise_kit.compare.diff import diff
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import unforeseen
from reprise_kit.compare.input import Input
from reprise_kit.compare.runners import Runner
from reprise_kit.compare.shown import shown
from reprise_kit.compare.stage import Stage
from reprise_kit.compare.trace import Trace
from reprise_kit.compare.verdict import Verdict, first_difference


@dataclass(frozen=True)
class ClipComparison:
    """Both sides on one clip: traces, and verdicts in both modes.

    isolated: each stage of the candidate computed from the reference's own source array, so that the first failure is
    the stage with the fault. chained: from the file on, what a user sees. explanation: which known cause makes the
    fault vanish, in a sentence, or that none does.
    """

    clip: Input
    reference: Trace
    candidate: Trace
    isolated: list[Verdict]
    chained: list[Verdict]
    explanation: str | None = None

    @property
    def agrees(self) -> bool:
        """True where every stage matches in both modes."""
        return all(self.isolated) and all(self.chained)

    @property
    def fault(self) -> Verdict | None:
        """The verdict to look at first: the first isolated failure, else the first chained one."""
        isolated = first_difference(self.isolated)  # a verdict that differs is false: `or` would pass over it
        return isolated if isolated is not None else first_difference(self.chained)

    @property
    def steps(self) -> tuple[int, int] | None:
        """(steps with the same most likely label, all steps), or None where the system has no steps."""
        sides = [trace.arrays.get("step_probs") for trace in (self.reference, self.candidate)]
        if any(side is None for side in sides) or sides[0].shape != sides[1].shape:  # type: ignore[union-attr]
            return None
        same = np.argmax(sides[0], axis=-1) == np.argmax(sides[1], axis=-1)  # type: ignore[arg-type]
        return int(same.sum()), int(same.size)


def compare_clips(
    clips: Sequence[Input],
    stages: Sequence[Stage],
    reference: Runner,
    candidate: Runner,
    out: Path,
    done: Callable[[ClipComparison], None] = lambda result: None,
    explain: Callable[[ClipComparison, Trace], str | None] = lambda result, isolated: None,
    failed: Callable[[Input, InputError], None] | None = None,
) -> list[ClipComparison]:
    """Compare two runners on clips, keeping every trace under `out`/traces; calls `done` after each clip.

    explain: says why a clip differs, from its comparison and the candidate's isolated trace (compare.explain).
    failed: told of each clip that a side cannot take, the rest is compared; without it the first one ends the run.

    Raises InputError where there are no clips or a side cannot run: that is no agreement.
    """
    if not clips:
        raise InputError("no clips to compare: an empty set is not an agreement")
    for name, runner in (("reference", reference), ("candidate", candidate)):
        reason = runner.unavailable_reason()
        if reason:
            raise InputError(f"the {name} cannot run: {reason}")
    results = []
    for clip in clips:
        try:
            result, isolated = _compare_clip(clip, stages, reference, candidate, out)
            if not result.agrees:
                result = replace(result, explanation=explain(result, isolated))
        except OSError:  # of writing; what cannot be read is an InputError
            raise
        except Exception as error:
            if failed is None:
                raise
            failed(clip, error if isinstance(error, InputError) else unforeseen(error, clip.path))
            continue
        results.append(result)
        done(result)
    return results


def _compare_clip(
    clip: Input, stages: Sequence[Stage], reference: Runner, candidate: Runner, out: Path
) -> tuple[ClipComparison, Trace]:
    original = reference.trace(clip, stages)
    undeclared = sorted(original.arrays.keys() - {stage.name for stage in stages})
    if undeclared:  # nothing that was recorded is passed over in silence
        raise InputError(f"the reference holds {', '.join(undeclared)}, no stage of system.toml: add it there")
    chained = candidate.trace(clip, stages)
    isolated = candidate.trace(clip, stages, given=original)
    folder = out / "traces" / clip.path.name
    if folder.exists():  # clips of one name, from two folders
        folder = folder.with_name(f"{folder.name}.{clip.sha256[:8]}")
    for name, trace in (("reference", original), ("chained", chained), ("isolated", isolated)):
        trace.save(folder / name)
    verdicts = diff(original, isolated, stages, "isolated"), diff(original, chained, stages)
    return ClipComparison(clip, original, chained, *verdicts), isolated


def worst(results: Sequence[ClipComparison], stage: Stage, mode: str) -> tuple[Verdict, Input]:
    """Return the verdict of one stage that comes nearest to failing (or fails worst), and its clip."""

    def badness(pair: tuple[Verdict, Input]) -> tuple[int, float]:
        verdict = pair[0]
        if verdict.needed_atol is None:
            return (2, 0.0)
        return (int(not verdict), verdict.needed_atol / verdict.allowed_atol if verdict.allowed_atol else 0.0)

    verdicts = [(v, r.clip) for r in results for v in getattr(r, mode) if v.stage == stage.name]
    return max(verdicts, key=badness)


def headline(results: Sequence[ClipComparison], sides: tuple[str, str], backend: str) -> str:
    """Say in one sentence what the comparison found."""
    if not results:
        raise InputError("no clips were compared")
    bad = [result for result in results if not result.agrees]
    counted = [result.steps for result in results if result.steps]
    kernels = "" if backend == "none" else f" ({backend} kernels)"
    same, steps = (sum(column) for column in zip(*counted, strict=True)) if counted else (0, 0)
    labels = f"; the same label on {same} of {steps} steps" if steps else ""
    candidate = sides[1][:1].upper() + sides[1][1:]
    if not bad:
        return (
            f"{candidate} agrees with {sides[0]}{kernels} at every stage on "
            f"{'the clip' if len(results) == 1 else f'all {len(results)} clips'}{labels}."
        )
    fault = bad[0].fault
    assert fault is not None
    return (
        f"{candidate} DIFFERS from {sides[0]}{kernels} on {len(bad)} of {len(results)} clips{labels}; "
        f"first at stage {fault.stage} of {shown(bad[0].clip.path.name)} ({describe(fault)})."
    )


def describe(verdict: Verdict) -> str:
    """Say what a verdict found, in a few words."""
    if verdict.max_abs is None:
        return f"{verdict.outcome}: {verdict.detail}"
    if verdict.equal is not None and verdict.equal < verdict.allowed_equal:
        return (
            f"{verdict.equal:.1%} of the values bit-equal, {verdict.allowed_equal:.0%} wanted; "
            f"off by {verdict.max_abs:.2g}, {verdict.mode}"
        )
    at = ", ".join(str(i) for i in verdict.worst_index or ())
    return f"off by {verdict.max_abs:.2g} at [{at}], allowed {verdict.allowed_atol:.2g}, {verdict.mode}"
