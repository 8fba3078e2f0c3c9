"""Checks of a system's folder: what system.toml says, the files that it names, the traces that were recorded."""

import re
from pathlib import Path
from typing import get_args

import numpy as np

from reprise_kit.compare import registry
from reprise_kit.compare import trace as traces
from reprise_kit.compare.checks.subject import Problems, Subject
from reprise_kit.compare.input import Input
from reprise_kit.compare.stage import Stage, Tolerance
from reprise_kit.compare.system import Backend, System

ADAPTERS = ("trace.py", "trace.js")
BACKENDS = get_args(Backend)
MAX_RTOL = 0.1  # a looser one would let anything pass
MIN_REASON = 5  # characters


def described(subject: Subject) -> Problems:
    """What system.toml says: title, labels, stages, tolerances with reasons."""
    described, labels = subject.system.file, subject.system.labels
    if not (described.title.strip() and described.licence.strip()):
        yield "an empty title or licence"
    if not labels or len(set(labels)) < len(labels):
        yield "labels: none, or one of them twice"
    for stage in subject.system.stages:
        yield from (f"stage {stage.name}: {problem}" for problem in _stage_problems(stage))


def _stage_problems(stage: Stage) -> Problems:
    if not stage.axes or not stage.unit.strip():
        yield "no axes or no unit"
    try:
        np.dtype(stage.dtype)
    except TypeError:
        yield f"dtype {stage.dtype!r} is none of NumPy's"
    for mode, tolerance in stage.tolerances.items():
        yield from (f"{mode}: {problem}" for problem in _tolerance_problems(tolerance))


def _tolerance_problems(tolerance: Tolerance) -> Problems:
    if not (0 <= tolerance.atol < np.inf and 0 <= tolerance.rtol < MAX_RTOL and 0 <= tolerance.equal <= 1):
        yield f"atol finite, rtol below {MAX_RTOL} and equal up to 1 are allowed, none below 0"
    if len(tolerance.reason.strip()) < MIN_REASON or "TBD" in tolerance.reason:
        yield f"the reason {tolerance.reason!r} is none: say what was measured"


def files(subject: Subject) -> Problems:
    """The adapter, the port, and what system.toml names."""
    system = subject.system
    if not system.file.paper and not any((system.folder / name).is_file() for name in ADAPTERS):
        yield f"{' or '.join(ADAPTERS)} is missing: the adapter that traces the original"
    if _lacks_its_half(system):
        yield f"adapter.py is missing: {ADAPTERS[0]} imports it; `reprise new-system` writes one that needs no change"
    if not registry.has_part(system, "pipeline"):
        yield "pipeline.py is missing: the port"
    named = [row.requirements for row in system.file.environments.values()]
    named += [system.file.node.lock] if system.file.node else []
    named += [str(system.default_weights)] if system.default_weights else []
    yield from (f"{name} is missing: system.toml names it" for name in named if not system.path(name).is_file())


def _lacks_its_half(system: System) -> bool:
    """Whether the adapter imports what all have in common and finds it neither beside itself nor among the kit's."""
    adapter = system.folder / ADAPTERS[0]
    common = (system.folder / "adapter.py", system.folder.parent / "eras" / "adapter.py")
    wanted = adapter.is_file() and re.search(rb"^\s*(import|from) adapter\b", adapter.read_bytes(), re.MULTILINE)
    return bool(wanted) and not any(path.is_file() for path in common)


def recordings(subject: Subject) -> Problems:
    """Traces recorded from the original: of declared stages, and of inputs that are here."""
    system = subject.system
    files = system.inputs.iterdir() if system.inputs.is_dir() else ()
    known = {Input.open(path).sha256 for path in files if path.is_file()}
    rooms = [path for backend in BACKENDS for path in sorted((system.recorded / backend).glob("*")) if path.is_dir()]
    for room in rooms:
        yield from (f"{room.relative_to(system.folder)}: {problem}" for problem in _recorded(system, room, known))


def _recorded(system: System, room: Path, known: set[str]) -> Problems:
    trace = traces.load(room)
    if trace.input_sha256 not in known:
        yield f"of an input that is not in {system.inputs.name}/: {trace.input_name}"
    if not trace.provenance.get("weights_sha256"):
        yield "no weights_sha256: whose answers are they"
    declared = {stage.name: stage for stage in system.stages}
    missing = [name for name in declared if name not in trace.arrays]
    if missing:
        yield f"no {', '.join(missing)}, of the stages of system.toml"
    for name, array in trace.arrays.items():
        if name not in declared:
            yield f"{name} is no stage of system.toml"
        elif array.ndim != len(declared[name].axes):
            yield f"{name} has {array.ndim} axes, declared ({', '.join(declared[name].axes)})"
