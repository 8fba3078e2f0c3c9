"""What adoption gives: each captured model migrated and verified, and a report of what is proven on whose input."""

import dataclasses
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from reprise_kit.apps.adopt.captured import FILES, OWN, STAND_IN, Captured
from reprise_kit.compare.atomic import write_text
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.report import rendered
from reprise_kit.compare.shown import shown
from reprise_kit.port.keras_legacy import verify

Finding = Literal["agrees", "differs", "proves nothing", "refused"]
WHOSE = {OWN: "the repository's own input", STAND_IN: "stand-in input"}
PROVEN, DIFFERS, STOPPED, ON_STAND_IN = 0, 1, 2, 3  # exit codes


@dataclass(frozen=True)
class Row:
    """Of a layer or output: largest differences, absolute and relative, alone (None of an output) and end to end."""

    name: str
    alone: tuple[float, float] | None
    whole: tuple[float, float]
    agrees: bool

    @property
    def is_output(self) -> bool:
        """Whether it is what the model answers, not a layer of it."""
        return self.alone is None


@dataclass(frozen=True)
class Verification:
    """One comparison of a migrated model: on whose input, what it found, in words, and of each layer and output."""

    whose: str
    finding: Finding
    words: tuple[str, ...]
    rows: tuple[Row, ...] = ()

    @property
    def worst(self) -> tuple[Row, ...]:
        """The layer that is furthest off by itself, and the one that is end to end."""
        layers = [row for row in self.rows if row.alone]
        if not layers:
            return ()
        return max(layers, key=lambda row: (row.alone or row.whole)[1]), max(layers, key=lambda row: row.whole[1])


@dataclass(frozen=True)
class Adopted:
    """A captured model and what became of it; file: the migrated model below OUT, or None where it was refused.

    twin: of a model of which nothing can be shown, the name and code of a proven one that is the same network.
    """

    captured: Captured
    file: str | None
    notes: tuple[str, ...]
    verifications: tuple[Verification, ...]
    twin: tuple[str, int] | None = None

    @property
    def code(self) -> int:
        """What its verifications prove, as an exit code: the own input decides where it says anything."""
        if self.twin is not None:
            return self.twin[1]
        found = {v.whose: v.finding for v in self.verifications}
        if "differs" in found.values():
            return DIFFERS
        if found.get(WHOSE[OWN]) == "agrees":
            return PROVEN
        return ON_STAND_IN if found.get(WHOSE[STAND_IN]) == "agrees" else STOPPED

    @property
    def conclusion(self) -> str:
        """One sentence."""
        said = {
            PROVEN: "right, proven on the repository's own input",
            ON_STAND_IN: "right, proven on stand-in input only",
            DIFFERS: "DIFFERS from what the old Keras computed",
        }
        reasons = [v.words[-1] for v in self.verifications if v.words]
        reasons += [*self.captured.notes, "nothing of it was recorded"]
        if self.twin is not None:
            return f"the network of {self.twin[0]}, which is right; with these weights {reasons[0]}"
        return said.get(self.code) or f"not proven: {reasons[0]}"

    @property
    def checks(self) -> list[str]:
        """What a person should check of it, in words that hold for others like it."""
        found = [self.conclusion] if self.code != PROVEN or self.twin else []
        if self.captured.event.split()[0] in ("fit", "train_on_batch"):
            found.append("seen in training, so these weights may not be the ones to keep")
        if self.captured.event == "built":
            found.append("seen as built, so these weights are drawn, not a file's")
        return found


def adopt(captured: Captured, folder: Path, models: Path) -> Adopted:
    """Migrate a captured model into `models` and verify it on whatever was recorded of it in `folder`."""
    recorded = [name for name, there in ((OWN, captured.own), (STAND_IN, captured.stand_in)) if there]
    file = models / f"{captured.name}.keras"
    verified, notes = [], list(captured.notes)
    for name in recorded:
        found, said = _verify(captured, folder, file, name)
        verified.append(found)
        notes += [line for line in said if line not in notes]
    if not recorded and all((folder / name).is_file() for name in FILES):
        verified = _refusal(captured, folder, file)
    return Adopted(captured, f"{models.name}/{file.name}" if file.is_file() else None, tuple(notes), tuple(verified))


def _refusal(captured: Captured, folder: Path, file: Path) -> list[Verification]:
    """What no old Keras could record may be what this one refuses, by its name; what it takes proves nothing."""
    found, _ = _verify(captured, folder, file, None)
    file.unlink(missing_ok=True)
    return [found] if found.finding == "refused" else []


def with_twins(models: Sequence[Adopted], networks: Mapping[str, str]) -> list[Adopted]:
    """Let a model whose recordings prove nothing stand by a proven one of the same network, met with other weights.

    networks: the architectures, as text, by the models' names. A network that is dead when its training begins or ends
    shows nothing then; what it shows in between is the migration of the same layers.
    """
    proven = {networks.get(one.captured.name): one for one in models if one.code in (PROVEN, ON_STAND_IN)}

    def twin(one: Adopted) -> Adopted | None:
        silent = one.verifications and all(v.finding == "proves nothing" for v in one.verifications)
        return proven.get(networks.get(one.captured.name)) if silent and one.captured.name in networks else None

    return [replace(one, twin=(of.captured.name, of.code)) if (of := twin(one)) else one for one in models]


def _verify(captured: Captured, folder: Path, file: Path, name: str | None) -> tuple[Verification, list[str]]:
    """Migrate it into `file` and compare it with the recording of that name; of none nothing is proven."""
    whose = WHOSE[name or STAND_IN]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    from reprise_kit.port.keras_legacy.migrate import Options, migrate_files

    architecture, weights = (folder / name for name in FILES)
    options = Options(
        source_backend=captured.backend or "auto",
        keras_version=captured.keras or None,
        dim_ordering=captured.image_ordering if captured.image_ordering in ("th", "tf") else None,
    )
    try:
        for path in (architecture, weights):
            if not path.is_file():
                raise InputError(f"its {path.name} could not be saved by the old Keras")
        report = migrate_files(architecture, weights, file, options, golden=folder / name if name else None)
    except InputError as error:
        return Verification(whose, "refused", (shown(str(error)),)), []
    verdict = report.verdict
    if verdict is None:
        return Verification(whose, "proves nothing", ("nothing of it was recorded",)), []
    words = [*verdict.words(), *filter(None, [report.explanation])]
    finding: Finding = "agrees" if verdict.agrees else "differs" if verdict.differing else "proves nothing"
    rows = tuple(_row(row, verdict.tolerance) for row in verdict.rows())
    return Verification(whose, finding, tuple(words), rows), list(report.lines)


def _row(row: verify.Row, tolerance: float) -> Row:
    alone = (row.alone.max_abs, row.alone.max_rel) if row.alone else None
    agrees = all(d.within(tolerance) for d in (row.alone, row.whole) if d)
    return Row(row.name, alone, (row.whole.max_abs, row.whole.max_rel), agrees)


def exit_code(adopted: Sequence[Adopted]) -> int:
    """Return 1 where a model differs, else 2 where one is not proven, else 3 where one is on stand-in input only."""
    codes = {one.code for one in adopted} or {STOPPED}
    return next(code for code in (DIFFERS, STOPPED, ON_STAND_IN, PROVEN) if code in codes)


@dataclass(frozen=True)
class Report:
    """What a report shows. about: the source, how it was run, in which environment; checks: what a person should do."""

    about: Mapping[str, Any]
    adopted: Sequence[Adopted]

    @property
    def code(self) -> int:
        """The exit code of all models together."""
        return exit_code(self.adopted)

    @property
    def shown_about(self) -> dict[str, str]:
        """What there is to say of the source and its run, in words."""
        words = {True: "yes", False: "no"}
        known = {name: value for name, value in self.about.items() if name not in ("source", "notes")}
        return {name: words.get(value, str(value)) for name, value in known.items() if value not in (None, "")}

    @property
    def headline(self) -> str:
        """The finding in one sentence."""
        count = f"{len(self.adopted)} model{'s' if len(self.adopted) != 1 else ''}"
        alike = sum(one.code == self.code for one in self.adopted)
        twins = sum(one.twin is not None for one in self.adopted)
        by = f", {twins} of them by another of the same network" if twins else ""
        which = "The model" if len(self.adopted) == 1 else f"{alike} of {count}"
        return {
            PROVEN: f"{count} migrated and proven on the repository's own input{by}.",
            ON_STAND_IN: f"{count} migrated; proven on stand-in input where the repository gave none{by}.",
            DIFFERS: f"{which} gave answers that DIFFER from the old Keras's.",
            STOPPED: f"{which} could not be proven.",
        }[self.code]

    @property
    def checks(self) -> list[str]:
        """What a person should check."""
        models: dict[str, list[str]] = {}  # of each line, so that one of many models is read once
        for one in self.adopted:
            for line in one.checks:
                models.setdefault(line, []).append(one.captured.name)
        found = [f"{', '.join(names)}: {line}" for line, names in models.items()]
        if not self.about.get("boxed", True):
            found.append("the program ran unboxed: see what it did to this machine")
        notes = self.about.get("notes", ())
        found += [
            f"the program: {line}" for line in notes if not any(line in other for other in notes if other != line)
        ]
        return found or ["nothing stands out; compare an answer that you know"]

    def write(self, folder: Path) -> None:
        """Write report.html, report.md and report.json into `folder`."""
        for kind, text in (("html", self._render("html")), ("md", self._render("md")), ("json", self.json())):
            write_text(folder / f"report.{kind}", text)

    def json(self) -> str:
        """Everything, for a program."""
        models = [{**dataclasses.asdict(one), "code": one.code, "conclusion": one.conclusion} for one in self.adopted]
        whole = {"headline": self.headline, "exit_code": self.code, "checks": self.checks}
        return json.dumps({**whole, "about": dict(self.about), "models": models}, indent=1) + "\n"

    def _render(self, kind: str) -> str:
        templates = Path(__file__).parent / "templates"
        return rendered(templates, f"report.{kind}.j2", report=self)
