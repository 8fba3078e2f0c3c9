"""`reprise migrate` and `inspect`: what they print, and their exit codes."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.patience import patience
from reprise_kit.compare.shown import say
from reprise_kit.compare.workers import Died, child

if TYPE_CHECKING:
    from reprise_kit.port.keras_legacy.migrate import Report


def migrate(
    architecture: Path | None, weights: Path, out: Path, recording: Path | None, golden: Path | None, **options: Any
) -> int:
    """Migrate, print what was seen and decided, and return the exit code: 1 where a verification fails."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with patience(lambda: f"migrating {weights.name}"):
        from reprise_kit.port.keras_legacy.migrate import Options, migrate_files

        asked = architecture, weights, out, Options(**options), recording, golden
        report = migrate_files(*asked) if golden is None else _verified(*asked)
    for line in report.lines:
        say(line)
    say(f"wrote {out}")
    if report.verdict is None:
        return 0
    for line in report.verdict.lines():
        say(line)
    if report.explanation:
        say(report.explanation)
    return 0 if report.agrees else 1


def _verified(*asked: Any) -> "Report":
    """As migrate_files, in a child: TensorFlow's native code can end the process that asks it for a gradient."""
    from reprise_kit.port.keras_legacy.migrate import migrate_files

    with child() as process:
        try:
            return process.run(migrate_files, *asked)
        except Died as error:
            raise InputError(
                f"the process that migrated and verified it died ({error}): nothing is proven; try again, or leave "
                "out --verify and compare an answer that you know"
            ) from None


def migrate_folder(folder: Path, out: Path, **options: Any) -> int:
    """Migrate every model below `folder`, a line each and a table at the end; 1 where one was refused, else 0."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from reprise_kit.port.keras_legacy import folder as folders
    from reprise_kit.port.keras_legacy.migrate import Options

    refused, migrated = 0, 0
    for outcome in folders.migrate_folder(folder, out, Options(**options)):
        name = outcome.job.weights.relative_to(folder)
        if outcome.error:
            refused += 1
            say(f"refused  {name}: {outcome.error}")
            continue
        migrated += 1
        say(f"wrote    {name} -> {outcome.job.out}: {'; '.join(outcome.lines)}")
    for what, count in (("migrated", migrated), ("refused", refused), ("models", migrated + refused)):
        say(f"{what:9}{count:6}")
    return 1 if refused else 0


def inspect(path: Path, weights: Path | None) -> None:
    """Print facts, a table of layers, the number of parameters and the risks."""
    from reprise_kit.port.keras_legacy.inspect import inspect as look

    found = look(path, weights)
    for fact in found.facts:
        say(fact)
    name_width = max([len(row.name) for row in found.rows] or [1])
    class_width = max([len(row.class_name) for row in found.rows] or [1])
    for row in found.rows:
        line = f"  {row.name:{name_width}}  {row.class_name:{class_width}}  {row.parameters:>10,}  {row.shapes}"
        say(line.rstrip())
    say(f"{sum(row.parameters for row in found.rows):,} parameters")
    for risk in found.risks:
        say(f"risk: {risk}")
