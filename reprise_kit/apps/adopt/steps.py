"""The five steps of an adoption, each a file in OUT: a run that was stopped goes on from the last one that is there."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import msgspec

from reprise_kit.apps.adopt import (
    adopted,
    box,
    captured,
    container,
    environment,
    evidence,
    judging,
    other_evidence,
    run,
    system_folder,
)
from reprise_kit.apps.adopt.earlier import gather
from reprise_kit.apps.adopt.evidence import Evidence
from reprise_kit.apps.adopt.repository import checkout
from reprise_kit.apps.adopt.ways import Ways
from reprise_kit.apps.adopt.working_copy import WorkingCopy
from reprise_kit.compare.atomic import atomic_file, atomic_folder, held_folder, write_text
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import reading
from reprise_kit.compare.fetch import cache
from reprise_kit.compare.patience import patience
from reprise_kit.compare.shown import utf8

STEPS = ("evidence", "environment", "run", "capture", "report")
ASKED = "adopt.json"
SHORT_BYTES = 256 << 20  # of a disk: what failed may have failed for want of more
FILES = dict(zip(STEPS, ("evidence.json", "environment.lock", "run.json", "captured.json", "report.json"), strict=True))


@dataclass(frozen=True)
class Request:
    """What a person asks for; entry, keras: None for what the evidence shows. until: the last step to take."""

    source: str
    commit: str | None = None
    entry: str | None = None
    keras: str | None = None
    stand_in: str | None = None
    until: str = STEPS[-1]
    unboxed: bool = False
    seconds: float = 900.0


class Adoption:
    """One repository on its way into one folder."""

    def __init__(self, request: Request, out: Path, say: Callable[[str], None]) -> None:
        """Go on in `out`; raises InputError where it holds the adoption of something else."""
        self.request, self.out, self.say = request, out, say
        said = {name: getattr(request, name) for name in ("source", "commit", "entry", "keras", "stand_in")}
        self.asked = {name: value if value is None else utf8(value)[0] for name, value in said.items()}
        self._compare_with_before()

    def go(self) -> int:
        """Take every step up to request.until; return the exit code, 0 where that is not the last."""
        for step in STEPS:
            if not (self.out / FILES[step]).is_file():
                began = time.monotonic()
                with patience(partial("{}: at work".format, step)):
                    getattr(self, f"_step_{step}")()
                self.say(f"{step}: took {time.monotonic() - began:.0f} s")
            else:
                self.say(f"{step}: done before ({FILES[step]})")
            if step == self.request.until and step != STEPS[-1]:
                return 0
        return int(json.loads((self.out / FILES["report"]).read_bytes())["exit_code"])

    def _compare_with_before(self) -> None:
        path, asked = self.out / ASKED, self.asked
        with reading(path, "record of what was asked; give another folder with -o"):
            before = msgspec.json.decode(path.read_bytes(), type=dict[str, str | None]) if path.is_file() else asked
            before = dict.fromkeys(asked) | before
        if (before["source"], before["commit"]) != (asked["source"], asked["commit"]):
            raise InputError(f"{self.out}: holds the adoption of {before['source']}; give another folder with -o")
        if any(before[name] != asked[name] for name in ("entry", "keras", "stand_in")):
            self._forget("evidence")
        if (self.out / FILES["evidence"]).is_file():
            self._remember()

    def _remember(self) -> None:
        """Keep what was asked, with the first thing that was found: a mistyped SOURCE does not take the folder."""
        write_text(self.out / ASKED, json.dumps(self.asked) + "\n")

    def _forget(self, step: str) -> None:
        """What a step and those after it found is of another question: it is found anew."""
        for later in STEPS[STEPS.index(step) :]:
            (self.out / FILES[later]).unlink(missing_ok=True)

    def _source(self) -> Path:
        folder = self.out / "source"
        if not folder.is_dir():
            with atomic_folder(folder, "adopt") as made:
                checkout(self.request.source, self.request.commit or self._evidence().earlier, made)
                run.prepare(made)
            (folder / ".reprise.json").unlink()
        return folder

    def _step_evidence(self) -> None:
        asked = self.request
        found = gather(asked.source, asked.commit, asked.entry, asked.keras, asked.stand_in)
        keras = found.keras_version or "of that date"
        self.say(f"evidence: {found.date}, Python {found.python}, Keras {keras}, {found.backend}")
        for line in [*found.disagreements, *(found.notes if found.refused else ())]:
            self.say(f"evidence: {line}")
        if found.refused:
            raise InputError(f"evidence: {'; '.join(found.refused)}")
        self._remember()
        found.save(self.out / FILES["evidence"])

    def _step_environment(self) -> None:
        for line in self._environment.notes:
            self.say(f"environment: {line}")

    @cached_property
    def _environment(self) -> environment.Environment:
        """Made, or looked at whether it is as it was made, once in a run: it is read whole for that."""
        return environment.make(self._evidence(), self.out, lambda line: self.say(f"environment: {line}"))

    def _captured_models(self) -> list[captured.Captured]:
        return captured.load(self.out / FILES["capture"])

    def _evidence(self) -> Evidence:
        return evidence.load(self.out / FILES["evidence"])

    def _step_run(self) -> None:
        found, made = self._evidence(), self._environment
        entry = next(iter(found.entry_points), "")
        if not (entry or found.checkpoints or found.makers):
            raise InputError('run: no entry point was found; give one, like --entry "python predict.py"')
        stand_in = Path(self.request.stand_in) if self.request.stand_in else None
        limits = box.Limits(seconds=self.request.seconds)
        program = run.Program(
            entry,
            self._source(),
            made.python,
            made.variables,
            stand_in,
            run.wants_display(found.imports, found.calls),
            self.request.unboxed,
            limits,
            copy=WorkingCopy(),
        )
        try:
            ran = Ways(program, found, self.out, self.say).first_that_shows_a_model()
        except run.NothingSeen as error:
            self._begin_again(error)
            return
        finally:
            shutil.rmtree(self.out / "run", ignore_errors=True)
        self.say(f"run: {ran.ended} after {ran.seconds:g} s")
        write_text(self.out / FILES["run"], json.dumps(msgspec.to_builtins(ran), indent=1) + "\n")

    def _begin_again(self, why: run.NothingSeen) -> None:
        """Take other evidence, with an environment of its own, where the first showed nothing.

        What is so found names none that is other still, so that this ends. Raises `why` where there is none.
        """
        found = self._evidence()
        second = other_evidence.second(found, self.request)
        if second is None:
            raise why
        other, because = second
        self.say(str(why))
        self.say(f"run: {because}")
        self._forget("environment")
        replace(other, earlier=found.earlier).save(self.out / FILES["evidence"])
        del self._environment
        try:
            self._step_environment()
            self._step_run()
        except InputError as error:
            raise InputError(f"{why}; and {error}") from None

    def _step_capture(self) -> None:
        made, folder = self._environment, self.out / "captured"
        shutil.rmtree(folder, ignore_errors=True)
        recorder = captured.Recorder(
            made.python, made.variables, self._source(), self.out / "home-of-run", self.request.unboxed
        )
        found = captured.record_all(self.out / "caught", folder, recorder, lambda line: self.say(f"capture: {line}"))
        with atomic_file(self.out / FILES["capture"]) as temporary:
            captured.save(found, temporary)

    def _step_report(self) -> None:
        found, made, ran = self._evidence(), self._environment, run.load(self.out / FILES["run"])
        all_of_them = self._migrated()
        container.write(
            self.out,
            made.version,
            next(iter(found.entry_points), ran.entry),
            made.variables,
            found.imports,
            run.wants_display(found.imports, found.calls),
            Path(self.request.stand_in) if self.request.stand_in else None,
        )
        self._write_system(all_of_them, made)
        report = adopted.Report(self._about(found, made, ran), all_of_them)
        report.write(self.out)
        self.say(f"{report.headline} Report: {self.out / 'report.html'}")

    def _migrated(self) -> list[adopted.Adopted]:
        """Migrate each captured model into OUT/models and judge it by its recording."""
        models, all_of_them = self.out / "models", []
        models.mkdir(exist_ok=True)
        with judging.judge() as judge:
            for one in self._captured_models():
                all_of_them.append(judge.adopt(one, self.out / "captured" / one.name, models))
                self.say(f"report: {one.name}: {all_of_them[-1].conclusion}")
        texts = {one.name: self.out / "captured" / one.name / "architecture.json" for one in self._captured_models()}
        networks = {name: path.read_text("utf-8", "replace") for name, path in texts.items() if path.is_file()}
        together = adopted.with_twins(all_of_them, networks)
        for beside in (one for one in together if one.twin):
            self.say(f"report: {beside.captured.name}: {beside.conclusion}")
        return together

    def _about(self, found: Evidence, made: environment.Environment, ran: run.Ran) -> dict[str, Any]:
        """Return what the report says above its models."""
        return {
            "source": self.request.source,
            "commit": found.commit,
            "date": found.date,
            "python": found.python,
            "keras": found.keras_version,
            "backend": found.backend,
            "entry point": run.in_words(ran.entry),
            "it ended": f"{ran.ended}, after {ran.seconds:g} s",
            "boxed": ran.boxed,
            "stand-in": self.request.stand_in,
            "environment": made.lock.name,
            "notes": [*ran.notes, *found.disagreements, *_other_backends(found, self._captured_models())],
        }

    def _write_system(self, all_of_them: list[adopted.Adopted], made: environment.Environment) -> None:
        proven = [one for one in all_of_them if one.code in (adopted.PROVEN, adopted.ON_STAND_IN) and not one.twin]
        if not proven:
            return
        main = max(proven, key=lambda one: (one.code == adopted.PROVEN, one.captured.calls))
        folder = self.out / "captured" / main.captured.name
        system_folder.write(main, folder, self.out / "system", self.request.source, made.lock, made.version)
        self.say(f"report: {main.captured.name} is the system {self.out / 'system'}")


def adopt(request: Request, out: Path, say: Callable[[str], None]) -> int:
    """Bring a repository to life in `out`; return 0 proven, 3 proven on stand-in input only, 1 differs, 2 not proven.

    Raises InputError where a step cannot go on, naming it, why and what to give, and where another run has the folder.
    """
    if request.until not in STEPS:
        raise InputError(f"--until {request.until!r}; allowed: {', '.join(STEPS)}")
    with held_folder(out, "adopt") as folder:
        try:
            return Adoption(request, folder, say).go()
        except InputError as error:
            raise InputError(f"{error}{_short_of_room(folder, cache(), Path(tempfile.gettempdir()))}") from None


def _short_of_room(*folders: Path) -> str:
    """Return what to add to an error, "" where every disk has room: on a full one others fail in their own words."""
    free = {folder: shutil.disk_usage(folder).free for folder in folders if folder.is_dir()}
    short = min(free, key=lambda folder: free[folder])
    few = free[short] < SHORT_BYTES
    return f"; {short} has {free[short] >> 20} MB left, which may be why: make room" if few else ""


def _other_backends(found: Evidence, models: Sequence[captured.Captured]) -> list[str]:
    """Say which models ran on another backend than the one that the evidence shows: what is proven is how they ran."""
    why = next(iter(found.why.get("backend", ())), "the evidence")
    return [
        f"{one.name} ran on {one.backend}, but the files are of {found.backend} ({why}): what it answered may not be "
        "what its makers saw"
        for one in models
        if one.backend and one.backend != found.backend
    ]
