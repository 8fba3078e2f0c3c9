"""`reprise compare`, `trace`, `diff`, `fetch` and `systems`: tables, progress, one-line findings, exit codes."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from reprise_kit.compare import fetch as fetching
from reprise_kit.compare import registry, runners
from reprise_kit.compare import trace as traces
from reprise_kit.compare.atomic import atomic_folder, refuse_foreign, refuse_inputs
from reprise_kit.compare.bar import bar
from reprise_kit.compare.comparison import ClipComparison, compare_clips, describe
from reprise_kit.compare.diff import diff as diff_traces
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.explain import explainer
from reprise_kit.compare.input import Input, find
from reprise_kit.compare.patience import patience
from reprise_kit.compare.report import Report, number
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.screen import console as new_console
from reprise_kit.compare.shown import shown
from reprise_kit.compare.system import System
from reprise_kit.compare.verdict import Verdict, first_difference
from reprise_kit.compare.weights import find as find_weights

SIDES = {
    "recorded": "the recorded original",
    "python27": "the live original in Python 2.7",
    "docker": "the live original in its container",
    "node": "the live original in Node",
    "port": "the port",
}


LEGEND = (
    "isolated: each stage given the reference's own input, so the first failure is the fault",
    "chained: from the file on, as a user gets it",
    "needed: the tolerance that the worst value wants; allowed: the system's row for it",
)


def settings(
    system: str,
    weights: Path | None,
    source_backend: str | None,
    decoder: str | None = None,
    upstream: Path | None = None,
    strict: bool = False,
) -> Settings:
    """Turn the command line's choices into a runner's settings."""
    chosen = registry.load(system)
    options: dict[str, Any] = ({"decoder": decoder} if decoder else {}) | ({"strict": True} if strict else {})
    return Settings(chosen, weights, source_backend or chosen.backend, upstream, options)


def compare(clips: list[Path], reference: str, candidate: str, out: Path, chosen: Settings) -> int:
    """Compare two sides, write the report, print the verdict table; return the exit code."""
    console = new_console()
    refuse_inputs(out, [Path(side) for side in (reference, candidate) if side not in runners.kinds()])
    if reference == "recorded":  # the kit's recordings are of its own checkpoint
        chosen = replace(chosen, given=chosen.given or chosen.system.default_weights)
    found = find(clips or [chosen.system.inputs], chosen.system)
    if reference == "recorded" and not clips:
        _refuse_unrecorded(found.files, chosen)
    faults: dict[str, str] = {}
    with atomic_folder(out, "compare") as folder, runners.decoding_alike(reference, chosen) as chosen:
        results = _compared(_opened(found.files, faults), reference, candidate, folder, chosen, faults)
        sides = (SIDES.get(reference, reference), SIDES.get(candidate, candidate))
        report = Report(chosen.system, results, sides, chosen.backend, faults)
        with patience(lambda: "writing the report"):
            paths = report.write(folder)
    print_report(console, report, results)
    for path in found.passed_over if clips else ():
        console.print(f"passed over: {shown(path)}: no {chosen.system.file.input} by its name", soft_wrap=True)
    console.print(f"Report: {out / paths['html'].name} (also .md, .json; traces beside it)", soft_wrap=True)
    if not all(result.agrees for result in results):
        return 1
    return 2 if faults else 0


def _refuse_unrecorded(inputs: list[Path], chosen: Settings) -> None:
    """Raise InputError where a recording of the system's own inputs is not whole: the system is broken, not a clip."""
    recorded = runners.open_runner("recorded", chosen)
    if recorded.unavailable_reason() is None:
        for path in inputs:
            recorded.trace(Input.open(path), chosen.system.stages)


def _opened(files: list[Path], faults: dict[str, str]) -> list[Input]:
    """Hash the files; why one cannot be read goes into `faults`, unless it is the only one."""
    opened = []
    for path in files:
        try:
            opened.append(Input.open(path))
        except InputError as error:
            if len(files) == 1:
                raise
            faults[shown(path)] = shown(str(error).removeprefix(f"{path}: "))
    return opened


def _compared(
    clips: list[Input], reference: str, candidate: str, folder: Path, chosen: Settings, faults: dict[str, str]
) -> list[ClipComparison]:
    """Compare the clips; why one cannot be goes into `faults`. Raises InputError where none can."""

    def failed(clip: Input, error: InputError) -> None:
        if len(clips) + len(faults) == 1:
            raise error
        faults[shown(clip.path)] = shown(str(error).removeprefix(f"{clip.path}: "))
        progress.advance(progress.task_ids[0])

    with (
        runners.running(reference, chosen) as original,
        runners.running(candidate, chosen) as port,
        bar("comparing", len(clips)) as progress,
        _patience(progress),
    ):
        results = compare_clips(
            clips,
            chosen.system.stages,
            original,
            port,
            folder,
            lambda result: progress.advance(progress.task_ids[0]),
            explainer(chosen),
            failed,
        )
    if not results:
        name, reason = next(iter(faults.items()))
        raise InputError(f"none of {len(faults)} clips can be compared; the first, {name}: {reason}")
    return results


def print_report(console: Console, report: Report, results: list[ClipComparison]) -> None:
    """Print the verdict table, a line for each clip that differs, and the finding."""
    table = Table(title=f"{report.system.title}: {_worst_of(len(results))}", title_justify="left")
    table.add_column("stage")
    for mode in ("isolated", "chained"):
        table.add_column(mode)
        table.add_column("needed", justify="right")
        table.add_column("allowed", justify="right")
    for row in report.rows():
        cells: list[str | Text] = [row["stage"].name]
        for mode in ("isolated", "chained"):
            verdict = row[mode][0]
            cells += [_mark(verdict), number(verdict.needed_atol), number(verdict.allowed_atol)]
        table.add_row(*cells)
    console.print(table)
    for words in LEGEND:
        console.print(words, style="dim", soft_wrap=True)
    n_differing = sum(result.fault is not None for result in results)
    for result in results:
        if result.fault is not None and n_differing > 1:  # the headline names the first
            clip, stage = (shown(result.clip.path.name), "bold red"), (result.fault.stage, "bold")
            line = Text.assemble(clip, ": first at stage ", stage, f", {shown(describe(result.fault))}")
            console.print(line, soft_wrap=True)
        if result.explanation:
            console.print(f"  {result.explanation}", soft_wrap=True)
    for name, reason in report.faults.items():
        console.print(f"not compared: {name}: {reason}", soft_wrap=True)
    console.print(report.headline, soft_wrap=True, style="green" if report.agrees else "bold red")


def _worst_of(n_clips: int) -> str:
    return "one clip" if n_clips == 1 else f"worst of {n_clips} clips"


def _mark(verdict: Verdict) -> Text:
    return Text("match", "green") if verdict else Text(verdict.outcome, "bold red")


def _patience(progress: Progress) -> AbstractContextManager[None]:
    """Lines off a terminal, where the bar is not shown."""
    if progress.console.is_terminal:
        return nullcontext()
    return patience(lambda: " ".join(f"{task.description}: {task.completed:.0f} of {task.total:.0f} done"
                                     for task in progress.tasks) or "starting")  # fmt: skip


def trace(clip: Path, kind: str, out: Path, given: Path | None, chosen: Settings) -> None:
    """Write one side's trace of a clip."""
    refuse_foreign(out, "trace")
    with runners.running(kind, chosen) as runner:
        reason = runner.unavailable_reason()
        if reason:
            raise InputError(f"{kind} cannot run: {reason}")
        source = traces.load(given) if given else None
        with patience(lambda: f"tracing {shown(clip.name)}"):
            made = runner.trace(Input.open(clip), chosen.system.stages, source)
    made.save(out)
    inside = [stage.name for stage in chosen.system.stages if stage.name in made.arrays]
    new_console().print(f"{out}: {', '.join(inside)}", soft_wrap=True)


def diff(reference: Path, candidate: Path, mode: str, system: str | None = None) -> int:
    """Print the verdicts on two traces by the stages of `system`, default: theirs; return 0 where all match, else 1."""
    sides = traces.load(reference), traces.load(candidate)
    verdicts = diff_traces(*sides, registry.load(system or sides[0].system).stages, mode)
    table = Table("stage", "verdict")
    for name in ("max |difference|", "needed", "allowed"):
        table.add_column(name, justify="right")
    for verdict in verdicts:
        values = (verdict.max_abs, verdict.needed_atol, verdict.allowed_atol)
        table.add_row(verdict.stage, _mark(verdict), *map(number, values))
    console = new_console()
    console.print(table)
    fault = first_difference(verdicts)
    if fault is None:
        console.print(f"All {len(verdicts)} stages agree ({mode}).", style="green")
        return 0
    console.print(f"First difference at stage {fault.stage}: {describe(fault)}.", style="bold red", soft_wrap=True)
    return 1


def fetch(name: str, sources: Sequence[Path], out: Path | None, no_weights: bool) -> int:
    """Fetch upstream and say what came; return 1 where the trained weights are wanted and missing."""
    chosen = registry.load(name)
    folder, state = fetching.fetch(chosen, sources, out)
    console = new_console()
    here = len(chosen.files) - len(state.missing_optional)
    console.print(f"{folder}: {here} of {len(chosen.files)} files, every blob id checked", soft_wrap=True)
    if state.missing_optional and not no_weights:
        console.print(
            f"missing: {', '.join(state.missing_optional)}; the code runs without, with --weights FILE", soft_wrap=True
        )
        return 1
    return 0


def systems() -> None:
    """Print every system: licence, source, what of it is on this machine, and its parity as last measured.

    Raises InputError, after the others, where a system.toml cannot be read.
    """
    console, unread = new_console(), []
    for name in registry.names():
        try:
            one = registry.load(name)
        except InputError as error:
            unread.append(str(error))
            continue
        weights = find_weights(one)
        have = {"upstream": "the original's", "kit": "the kit's own"}[weights.origin] if weights else "none"
        console.print(Text.assemble((name, "bold"), f": {one.title}"), soft_wrap=True)
        for label, text in (
            ("upstream", _upstream(one)),
            ("weights", have),
            ("parity", one.file.parity),
        ):
            console.print(f"  {label:9}{text}", soft_wrap=True)
    if unread:
        raise InputError("; ".join(unread))


def _upstream(one: System) -> str:
    """Where the original is, its licence, and whether it is here."""
    source = one.file.upstream
    if source is None:
        return f"none named, {one.file.licence}"
    fetched = "fetched" if fetching.upstream_folder(one).is_dir() else f"not here yet (reprise fetch {one.name})"
    return f"{source.url} {source.commit[:12]}, {one.file.licence}; {fetched}"
