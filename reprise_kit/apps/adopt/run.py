"""The third step: the repository's entry point, untouched, in a box, with a spy beside its Keras."""

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import msgspec

from reprise_kit.apps.adopt import box, notebooks, readme_code
from reprise_kit.apps.adopt.arguments import DEVICES, PLACEHOLDER, by_kind
from reprise_kit.apps.adopt.repository import lay_over
from reprise_kit.apps.adopt.working_copy import WorkingCopy
from reprise_kit.compare.atomic import refuse_full
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.system import RECORDER
from reprise_kit.compare.walk import followed

SPY = Path(__file__).parent / "spy"
ERROR = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt)\b")  # as a traceback ends
LATE = 0.7  # of its time is over: what was only built is kept then
SAID_BYTES = 1 << 20  # of a file that the spy wrote, in which a full disk is looked for
PREDICTIONS = 16  # after which a program has shown enough
PYTHON = re.compile(r"(?<![\w./-])(python|ipython)[23]?(\.\d+)?(?![\w.-])")
WINDOWS = frozenset({"gym", "pygame", "pyglet", "Tkinter", "tkinter", "turtle", "PyQt4", "PyQt5", "wx"})
# What a box and a container lack, told to those that look for it: a screen, a sound card, a viewer of pictures.
ALONE = {
    "MPLBACKEND": "Agg",
    "SDL_AUDIODRIVER": "dummy",  # without a card pygame's mixer opens nothing
    "SCIPY_PIL_IMAGE_VIEWER": "true",  # the program of that name: scipy.misc.imshow starts one and wants its 0
}
OPENS = "python $REPRISE_SPY/open_files.py"  # with files' own names, brackets and all
ASKS = "python $REPRISE_SPY/ask_server.py"
ASKED = (
    "its routes were asked by a stand-in for its client, on loopback in its box: what it was given is not its own input"
)
MAKES = "python $REPRISE_SPY/make_models.py"
HOME, ROOT = "_home", "_root"  # of a stand-in: what is laid over HOME, and over places by their absolute path
XVFB = "it wants a display and there is no Xvfb here (Debian: apt-get install xvfb): run without one"


class NothingSeen(InputError):
    """The program ended, and the spy had seen no model with an answer or with weights from a file."""


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
    """What is run: an entry point of the repository at `source`, in an environment; stand_in is laid over a copy.

    built: whether models count that it built and neither asked nor gave weights. weights: paths in the repository of
    files that are then loaded into them where they fit. copy: what is copied for several programs; None for one alone.
    routes: of a server, the files that say what it answers; it is then asked.
    """

    entry: str
    source: Path
    python: Path
    variables: Mapping[str, str]
    stand_in: Path | None = None
    display: bool = False
    unboxed: bool = False
    limits: box.Limits = field(default_factory=box.Limits)
    predictions: int = PREDICTIONS
    built: bool = False
    weights: tuple[str, ...] = ()
    copy: WorkingCopy | None = None
    routes: tuple[str, ...] = ()

    @property
    def is_asked(self) -> bool:
        """Whether a stand-in for its client asks it; on loopback without a box would listen what is not ours."""
        return bool(self.routes) and not self.unboxed

    @property
    def shell(self) -> str:
        """What a shell is given to run it."""
        words = command(self.entry)
        asks = f"{ASKS} $server {shlex.join(self.routes)}"
        return f"{{ {words}; }} & server=$!; {asks}; wait $server" if self.is_asked else words


def run(program: Program, out: Path, log: str = "run.log") -> Ran:
    """Run the program; the spy's folder is `out`/caught, its output `out`/`log`.

    Raises NothingSeen where no model was seen, with the program's last lines, InputError where nothing can be boxed,
    OSError where the spy found the disk full.
    """
    if not program.entry.startswith((OPENS, MAKES)) and (blank := PLACEHOLDER.search(program.entry)):
        raise NothingSeen(f"run: `{program.entry}` leaves open what {blank[0]} is; give it with --entry")
    work, caught, home = out / "run", out / "caught", out / "home-of-run"
    for folder in (caught, home):
        shutil.rmtree(folder, ignore_errors=True)
    (program.copy or WorkingCopy()).renew(program.source, work)
    caught.mkdir()
    _settings(program, home)
    if program.stand_in:
        _lay_over(program.stand_in, work, home)
    has_display = program.display and shutil.which("Xvfb") is not None
    readable = {**box.needed(program.python, program.variables), SPY: "/spy", RECORDER: "/record"}
    writable = {work: "/adopted", caught: "/caught", **_places(work)}
    opened = box.open_box(home, writable, readable, program.unboxed, has_display)
    ended = opened.run(
        ["/bin/sh", "-c", program.shell],
        _variables(program, opened, work, caught),
        opened.name(work),
        out / log,
        program.limits,
        enough=(caught / "enough").exists,
        kept=lambda: any(caught.glob("*/about.json")),
    )
    if program.copy is None:
        shutil.rmtree(work)
    _keep_plain(caught)
    refuse_full(caught, *_said(caught))
    return _ran(program, ended, caught, out / log, opened.boxed, program.display and not has_display)


def _keep_plain(folder: Path) -> None:
    """Remove what is no file and no folder: a stranger's link leads to our files, his pipe keeps a reader for ever."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            path.unlink()


def _ran(program: Program, ended: box.Ended, caught: Path, log: Path, boxed: bool, blind: bool) -> Ran:
    notes = _notes(caught) + ([XVFB] if blind else []) + ([ASKED] if program.is_asked else [])
    how = ended.why or f"exit code {ended.code}"
    if not any(caught.glob("*/about.json")):
        said = " | ".join(last_words(ended.said)) or "nothing"
        more = f"; {'; '.join(notes)}" if notes else ""
        raise NothingSeen(
            f"run: `{program.entry}` ended ({how}) before a model answered or loaded weights; its last words: {said}"
            f"{more}; give another --entry, or what it misses with --stand-in FOLDER (all of it: {log})"
        )
    if ended.code:
        notes.append(f"it ended with {how} after its models were seen; its output: {log.name}")
    return Ran(program.entry, how, round(ended.seconds, 1), boxed, tuple(notes))


def _said(caught: Path) -> Iterator[bytes]:
    """What the spy said of what it kept and of what it could not keep."""
    for path in (caught / "notes.txt", *caught.glob("*/about.json")):
        if path.is_file():
            with path.open("rb") as file:
                yield file.read(SAID_BYTES)


def last_words(said: str) -> list[str]:
    """Return of a program's last output what tells most: its last error, with a little before and behind it."""
    lines = [line.strip() for line in said.splitlines() if re.search(r"[^\W_]", line)]
    errors = [k for k, line in enumerate(lines) if ERROR.match(line)]
    first = min(errors[-1] - 2, len(lines) - 4) if errors else len(lines) - 4
    return lines[max(first, 0) :][:6]


def opening(checkpoints: Sequence[str], architectures: Sequence[str]) -> str:
    """Return a command line that opens files of weights in the old Keras, for the spy to see."""
    words = [*checkpoints, *(["--architectures", *architectures] if architectures else [])]
    return f"{OPENS} {shlex.join(words)}"


def making(paths: Sequence[str]) -> str:
    """Return a command line that makes the models of a repository's files, for the spy to see."""
    return f"{MAKES} {shlex.join(f'{path}.py' if path.endswith(notebooks.ENDING) else path for path in paths)}"


def in_words(entry: str) -> str:
    """Return what a person reads of an entry point: the kit's own programs by what they do."""
    said = {OPENS: "its files, opened in its Keras without its program:", MAKES: "each function and statement of"}
    program = next((program for program in said if entry.startswith(f"{program} ")), None)
    return f"{said[program]}{entry.removeprefix(program)}" if program else entry


def prepare(source: Path) -> None:
    """Write the notebooks and READMEs of a repository's copy beside themselves as scripts, which `command` runs."""
    readme_code.write(source)
    for path in sorted(source.rglob(f"*{notebooks.ENDING}")):
        if path.is_file() and not path.is_symlink():
            notebooks.script(path)


def command(entry: str) -> str:
    """Return an entry point for a shell: `python` and the devices are the environment's, a notebook is its script."""
    entry = DEVICES.sub("", entry)
    words = shlex.split(entry)
    if words and words[0].endswith(".py"):
        entry = f"python {entry}"
    entry = re.sub(rf"{re.escape(notebooks.ENDING)}(?=['\"\s]|$)", f"{notebooks.ENDING}.py", entry)
    return PYTHON.sub("python", entry)


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


def _lay_over(stand_in: Path, work: Path, home: Path) -> None:
    lay_over(stand_in, work)
    if (work / HOME).is_dir():
        shutil.copytree(work / HOME, home, symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(work / HOME)


def _places(work: Path) -> dict[Path, str]:
    """Return the folders of a stand-in's _root, by what they are called in a box.

    A box shows what a link leads to, to be written: one that leads out of the copy is left out.
    """
    found = (path for path in sorted((work / ROOT).glob("*/*")) if followed(path).is_relative_to(followed(work)))
    return {path: f"/{path.relative_to(work / ROOT)}" for path in found}


def _settings(program: Program, home: Path) -> None:
    """The box's HOME: empty but for the Keras settings that the environment chose."""
    home.mkdir()
    chosen = Path(program.variables.get("HOME", "/nowhere")) / ".keras" / "keras.json"
    if chosen.is_file():
        (home / ".keras").mkdir()
        shutil.copyfile(chosen, home / ".keras" / "keras.json")


def _variables(program: Program, opened: box.Box, work: Path, caught: Path) -> dict[str, str]:
    # Scripts in folders import what lies at the root: an installed package of the repository's own, an IDE's source
    # root. A Keras of its own there would be met by programs that never met it.
    root = "" if (work / "keras").is_dir() else opened.name(work)
    paths = [opened.name(SPY), program.variables.get("PYTHONPATH", ""), root]
    late = str(program.limits.seconds * LATE)
    weights = os.pathsep.join(f"{opened.name(work)}/{path}" for path in program.weights)
    return {
        **ALONE,
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **program.variables,
        "PATH": f"{program.python.parent}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": ":".join(filter(None, paths)),
        "REPRISE_SPY": opened.name(SPY),
        "REPRISE_SPY_OUT": opened.name(caught),
        "REPRISE_SPY_ROOT": opened.name(work),
        "REPRISE_SPY_RECORDER": opened.name(RECORDER),
        "REPRISE_SPY_PREDICTIONS": str(program.predictions),
        "REPRISE_SPY_FILES": json.dumps(_asked_for(work, opened.name(work))),
        **({"REPRISE_SPY_DRAWN": "1"} if program.is_asked else {}),
        **(
            {"REPRISE_SPY_BUILT": "1", "REPRISE_SPY_WEIGHTS": weights, "REPRISE_SPY_SECONDS": late}
            if program.built
            else {}
        ),
    }


def _asked_for(work: Path, name: str) -> list[tuple[str, str]]:
    """What a question of the program says that asks for a file, as a pattern, and that one's path in the box."""
    paths = [path.relative_to(work).as_posix() for path in work.rglob("*") if path.is_file()]
    # As Python 2 takes it typed, whatever its locale.
    return [(says, typed) for says, path in by_kind(paths) if (typed := f"{name}/{path}").isascii()]


def _notes(caught: Path) -> list[str]:
    """What the spy could not keep."""
    path = caught / "notes.txt"
    if path.is_symlink() or not path.is_file():
        return []
    return path.read_text("utf-8", "replace").splitlines()[:20]
