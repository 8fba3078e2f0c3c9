"""Says what this machine has, what each missing thing blocks, and the one command that mends it."""

import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table
from rich.text import Text

from reprise_kit.compare import diagnosis, registry, system
from reprise_kit.compare.box import confinements
from reprise_kit.compare.confinement import NAMES
from reprise_kit.compare.container_engine import compose_command, engine_problem, image_id
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.fetch import cache, upstream_folder
from reprise_kit.compare.pins import check
from reprise_kit.compare.python27 import find_interpreter
from reprise_kit.compare.screen import console

NEEDED_GB = 6.0  # images of both eras and the port's, built
DEMO_PORTS = (8080, 8081)


@dataclass(frozen=True)
class Row:
    """One thing: whether it is here, what was found, what it blocks where it is missing, what mends that."""

    what: str
    here: bool
    found: str
    blocks: str = ""
    mend: str = ""


def rows(chosen: system.System) -> Iterator[Row]:
    """Look at this machine for one system; yields a row for each thing."""
    yield from _containers(chosen)
    interpreter = find_interpreter()
    yield Row("Python 2.7", interpreter is not None, str(interpreter or "none"),
              "--reference python27", "pyenv install 2.7.18")  # fmt: skip
    ffmpeg = shutil.which("ffmpeg")
    yield Row("ffmpeg program", ffmpeg is not None, ffmpeg or "not on PATH",
              "--reference python27, --decoder ffmpeg", "sudo apt-get install ffmpeg")  # fmt: skip
    if chosen.file.upstream:
        yield from _upstream(chosen)
    yield _box()
    yield _disk()


def _containers(chosen: system.System) -> Iterator[Row]:
    problem = engine_problem()
    cure = problem.rpartition("; ")[2] if problem else ""
    yield Row("container engine", problem is None, (problem or "answers").rpartition("; ")[0] or "answers",
              "docker compose up, --reference docker", cure)  # fmt: skip
    if problem:
        return
    compose = compose_command()
    yield Row("compose", compose is not None, " ".join(compose or ["none"]),
              "docker compose up", "sudo apt-get install docker-compose")  # fmt: skip
    for name, environment in chosen.file.environments.items():
        if not environment.image:
            continue
        found = image_id(environment.image)
        yield Row(f"image {environment.image}", found is not None, (found or "not built")[:19],
                  f"--reference docker on {name}", f"make image-{Path(environment.image).name}")  # fmt: skip
    for port in DEMO_PORTS:
        taken = _taken(port)
        yield Row(f"port {port}", not taken, "in use" if taken else "free",
                  "docker compose up (unless it is our own demo)", f"ss -ltnp 'sport = :{port}'")  # fmt: skip


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _upstream(chosen: system.System) -> Iterator[Row]:
    folder = upstream_folder(chosen)
    state = check(chosen, folder)
    wrong = state.altered or state.missing
    found = f"{wrong[0]} {'altered' if state.altered else 'missing'}" if wrong else "every blob as pinned"
    if not folder.is_dir():
        found = "not fetched yet"
    fetch = f"reprise fetch {chosen.name}"
    yield Row("upstream", state.pinned, found, "--reference python27 and docker", f"{fetch} --no-weights")
    weights = chosen.file.weights.path if chosen.file.weights else None
    if weights and weights in {file.path for file in chosen.files}:
        here = (folder / weights).is_file() and weights not in state.altered
        yield Row("trained weights", here, "as pinned" if here else "not here",
                  "upstream's own answers (the kit's weights know no genres)", fetch)  # fmt: skip


def _box() -> Row:
    """What keeps the process in that reads strangers' files; without the kernel's help it is limited and no more."""
    kept = confinements()
    missing = [name for name in NAMES if name not in kept]
    found = f"kept in by {', '.join(kept)}" + (f"; not here: {', '.join(missing)}" if missing else "")
    return Row("box for strangers' files", not missing, found, "nothing, but keeps less in",
               "Linux 5.13 or later, and a container that lets unshare, landlock and seccomp through")  # fmt: skip


def _disk() -> Row:
    folder = next(p for p in (cache(), *cache().parents) if p.exists())
    free = shutil.disk_usage(folder).free / 1e9
    return Row("disk", free > NEEDED_GB, f"{free:.0f} GB free at {folder}",
               f"building the images ({NEEDED_GB:.0f} GB)", "docker system prune")  # fmt: skip


def show_machine(chosen: system.System) -> int:
    """Print what is here and how to mend what is not; return 0: a machine may well do without some of it."""
    found = list(rows(chosen))
    table = Table("here", "what", "found")
    for row in found:
        table.add_row(Text("yes", "green") if row.here else Text("no", "red"), row.what, row.found)
    screen = console()
    screen.print(table)
    for row in found:
        if not row.here:
            screen.print(Text.assemble((row.what, "bold"), f": blocks {row.blocks}."), soft_wrap=True)
            screen.print(f"  mend it with: {row.mend}", soft_wrap=True)
    return 0


def show_environment(path: Path, system: str | None = None) -> int:
    """Explain what an environment leads to, for `system`'s program too; return 1 where something is wrong with it."""
    environment = diagnosis.inspect(path)
    findings = diagnosis.explain(environment, system)
    screen = console()
    names = ("keras", "theano", "tensorflow", "librosa", "numpy")
    installed = ", ".join(f"{n} {environment.packages[n]}" for n in names if n in environment.packages)
    about = f"Python {environment.python}; {installed or 'none of the packages'}; backend {environment.backend}"
    screen.print(about, soft_wrap=True)
    for finding in findings:
        screen.print()
        screen.print(finding.symptom, style="bold red", soft_wrap=True)
        screen.print(f"  why:  {finding.cause}", soft_wrap=True)
        screen.print(f"  cure: {finding.cure}", soft_wrap=True)
    if not findings:
        screen.print("Nothing known is wrong with it.", style="green")
    return 1 if findings else 0


def doctor(name: str, env: Path | None, given: bool = True) -> int:
    """Run `reprise doctor`; raises InputError on a path that is no environment.

    given: whether a person named the system; an environment is judged for its program only then.
    """
    if env is not None and not env.exists():
        raise InputError(f"{env}: no such folder; give a virtual environment or an interpreter")
    return show_environment(env, name if given else None) if env else show_machine(registry.load(name))
