"""A report of a comparison: one self-contained HTML file, the same in Markdown and JSON."""

import base64
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reprise_kit.compare import pictures
from reprise_kit.compare.comparison import ClipComparison, describe, headline, worst
from reprise_kit.compare.shown import shown
from reprise_kit.compare.system import System

TEMPLATES = Path(__file__).parent / "templates"
PICTURED_CLIPS = 6  # the first clips that differ, then the first of the rest: a report stays readable in a mail


@dataclasses.dataclass(frozen=True)
class Report:
    """What a report shows."""

    system: System
    results: Sequence[ClipComparison]
    sides: tuple[str, str]
    backend: str
    faults: Mapping[str, str] = dataclasses.field(default_factory=dict)  # clips that could not be compared, and why

    @property
    def agrees(self) -> bool:
        """True where every clip was compared and every stage of it matches."""
        return not self.faults and all(result.agrees for result in self.results)

    @property
    def headline(self) -> str:
        """The finding in one sentence."""
        found = headline(self.results, self.sides, self.backend)
        n_clips = len(self.results) + len(self.faults)
        return f"{found} {len(self.faults)} of {n_clips} clips could NOT be compared." if self.faults else found

    def rows(self) -> list[dict[str, Any]]:
        """One row per stage: the worst clip in each mode, needed beside allowed."""
        return [
            {"stage": stage, **{mode: worst(self.results, stage, mode) for mode in ("isolated", "chained")}}
            for stage in self.system.stages
        ]

    def write(self, folder: Path) -> dict[str, Path]:
        """Write report.html, report.md and report.json into `folder`; return their paths."""
        texts = {"html": self.html(), "md": self.markdown(), "json": self.json()}
        paths = {}
        for kind, text in texts.items():
            paths[kind] = folder / f"report.{kind}"
            paths[kind].write_text(text, "utf-8", "backslashreplace")
        return paths

    def json(self) -> str:
        """Every verdict of every clip, and the provenance of both sides."""
        clips = [
            {
                "clip": {"name": r.clip.path.name, "sha256": r.clip.sha256},
                "agrees": r.agrees,
                "first_difference": r.fault.stage if r.fault is not None else None,
                "explanation": r.explanation,
                "steps": dict(zip(("same", "all"), r.steps, strict=True)) if r.steps else None,
                "verdicts": [dataclasses.asdict(v) for v in (*r.isolated, *r.chained)],
                "reference": dict(r.reference.provenance),
                "candidate": dict(r.candidate.provenance),
            }
            for r in self.results
        ]
        about = {
            "system": self.system.name,
            "headline": self.headline,
            "agrees": self.agrees,
            "not_compared": dict(self.faults),
            "backend": self.backend,
            "sides": dict(zip(("reference", "candidate"), self.sides, strict=True)),
            "clips": clips,
        }
        return json.dumps(about, indent=1) + "\n"

    def markdown(self) -> str:
        """Headline, verdict table and clip table."""
        return self._render("report.md.j2", pictures={})

    def html(self) -> str:
        """The whole report in one file; pictures inside it, nothing fetched."""
        chosen = sorted(self.results, key=lambda r: r.agrees)[:PICTURED_CLIPS]
        return self._render("report.html.j2", pictures={r.clip.path.name: self._pictures(r) for r in chosen})

    def _pictures(self, result: ClipComparison) -> list[tuple[str, str]]:
        """What each picture shows, in words, and the picture, base64."""
        found = pictures.chosen(result, self.system)
        drawn = [(one.title, pictures.draw(one, result, self.system.labels)) for one in found]
        return [(title, base64.b64encode(png).decode()) for title, png in drawn]

    def _render(self, template: str, **more: Any) -> str:
        return rendered(TEMPLATES, template, report=self, describe=describe, **more)


def rendered(templates: Path, name: str, **known: Any) -> str:
    """Render one of a folder's templates; `report_style.css` is the look of all reports."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([templates, TEMPLATES]),
        autoescape=name.endswith(".html.j2"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"shown": shown, "number": number}
    return environment.get_template(name).render(**known)


def number(value: float | None) -> str:
    """Write a difference shortly: 0 exactly, else two figures."""
    if value is None:
        return "-"
    return "0" if value == 0 else f"{value:.1e}"
