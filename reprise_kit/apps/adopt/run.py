"""The third step: the repository's entry point, untouched, in a box, with a spy beside its Keras."""

import json
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import msgspec

from reprise_kit.apps.adopt import box
from reprise_kit.compare.errors import InputError

SPY = Path(__file__).parent / "spy"
PREDICTIONS = 16  # after which a program has shown enough
PYTHON = re.compile(r"(?<![\w./-])(python|ipython)[23]?(\.\d+)?(?![\w.-])")
WINDOWS = frozenset({"gym", "pygame", "pyglet", "Tkinter", "tkinter", "turtle", "PyQt4", "PyQt5", "wx"})
XVFB = "it wants a display and there is no Xvfb here (Debian: apt-get install xvfb): run without one"


@dataclass(frozen=True)
class Ran:
    """How the entry point ran: the command, how it ended, seconds, whether in a box, and what a person should know."""

    entry: str
    ended: str
    seconds: float
    boxed: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Program:
    """What is run: an entry point of the repository at `source`, in an environment; stand_in is laid over a copy."""

    entry: str
    source: Path
    python: Path
    variables: Mapping[str, str]
    stand_in: Path | None = None
    display: bool = False
    unboxed: bool = False
    limits: box.Limits = field(default_factory=box.Limits)
    predictions: int = PREDICTIONS


def run(program: Program, out: Path) -> Ran:
    """Run the program; the spy's folder is `out`/caught, its output `out`/run.log.

    Raises InputError where no model was seen, with the program's last lines, or where nothing can be boxed.
    """
    work, caught, home = out / "run", out / "caught", out / "home-of-run"
    for folder in (work, caught, home):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(program.source, work, symlinks=True)
    if program.stand_in:
        _lay_over(program.stand_in, work)
    caught.mkdir()
    _settings(program, home)
    has_display = program.display and shutil.which("Xvfb") is not None
    readable = {**box.needed(program.python, program.variables), SPY: "/spy"}
    opened = box.open_box(home, {work: "/adopted", caught: "/caught"}, readable, program.unboxed)
    opened = box.Box(opened.home, opened.writable, opened.readable, opened.boxed, has_display)
    ended = opened.run(
        ["/bin/sh", "-c", command(program.entry)],
        _variables(program, opened, caught),
        opened.name(work),
        out / "run.log",
        program.limits,
        enough=(caught / "enough").exists,
        kept=lambda: any(caught.glob("*/about.json")),
    )
    shutil.rmtree(work)
    notes = _notes(caught) + ([XVFB] if program.display and not has_display else [])
    how = ended.why or f"exit code {ended.code}"
    if not any(caught.glob("*/about.json")):
        said = " | ".join(ended.said.splitlines()[-4:]) or "nothing"
        more = f"; {'; '.join(notes)}" if notes else ""
        raise InputError(
            f"run: `{program.entry}` ended ({how}) before a model answered or loaded weights; its last words: {said}"
            f"{more}; give another --entry, or what it misses with --stand-in FOLDER (all of it: {out / 'run.log'})"
        )
    if ended.code:
        notes.append(f"it ended with {how} after its models were seen; its output: run.log")
    return Ran(program.entry, how, round(ended.seconds, 1), opened.boxed, tuple(notes))


def command(entry: str) -> str:
    """Return an entry point for a shell: `python` is the environment's, and a bare script is given to it."""
    words = shlex.split(entry)
    if words and words[0].endswith(".py"):
        entry = f"python {entry}"
    return PYTHON.sub(lambda found: found[1], entry)


def wants_display(imports: Sequence[str], calls: Sequence[str]) -> bool:
    """Tell whether a program opens windows: by its toolkit, or OpenCV's."""
    return bool(WINDOWS & set(imports)) or ("cv2" in imports and bool({"imshow", "namedWindow"} & set(calls)))


def save(ran: Ran, path: Path) -> None:
    """Write it as JSON."""
    path.write_text(json.dumps(asdict(ran), indent=1) + "\n", "utf-8")


def load(path: Path) -> Ran:
    """Read it back; raises InputError on a file that is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Ran)
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); remove it, and adopt runs the program again") from None


def _lay_over(stand_in: Path, work: Path) -> None:
    if not stand_in.is_dir():
        raise InputError(f"--stand-in {stand_in}: no such folder; its files are laid over the repository's")
    shutil.copytree(stand_in, work, symlinks=True, dirs_exist_ok=True)


def _settings(program: Program, home: Path) -> None:
    """The box's HOME: empty but for the Keras settings that the environment chose."""
    home.mkdir()
    chosen = Path(program.variables.get("HOME", "/nowhere")) / ".keras" / "keras.json"
    if chosen.is_file():
        (home / ".keras").mkdir()
        shutil.copyfile(chosen, home / ".keras" / "keras.json")


def _variables(program: Program, opened: box.Box, caught: Path) -> dict[str, str]:
    paths = [opened.name(SPY), program.variables.get("PYTHONPATH", "")]
    return {
        "MPLBACKEND": "Agg",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **program.variables,
        "PATH": f"{program.python.parent}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": ":".join(filter(None, paths)),
        "REPRISE_SPY_OUT": opened.name(caught),
        "REPRISE_SPY_PREDICTIONS": str(program.predictions),
    }


def _notes(caught: Path) -> list[str]:
    """What the spy could not keep."""
    path = caught / "notes.txt"
    if path.is_symlink() or not path.is_file():
        return []
    return path.read_text("utf-8", "replace").splitlines()[:20]
