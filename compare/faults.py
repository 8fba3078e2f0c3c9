"""An exception that nobody thought of: a line for a person, and its trace in a log file."""

import errno
import os
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from reprise_kit.compare.errors import InputError, UnforeseenError
from reprise_kit.compare.shown import shown
from reprise_kit.compare.system import OTHERS

if TYPE_CHECKING:
    from reprise_kit.compare.contract import Pipeline, Prediction

LINE = 200  # characters of an exception's own words


def unforeseen(error: BaseException, name: object = None) -> InputError:
    """Return what to tell of an exception, its trace kept; name: what was at work, a file most often.

    UnforeseenError; but a plain InputError where the code of a system from elsewhere raised it: no fault of the kit.
    """
    words = shown(f"{type(error).__name__}: {error}".strip(": "))[:LINE]
    kept = keep_trace(error)
    where = f"its trace is in {kept}" if kept else "its trace could not be written anywhere"
    own = _line_of_a_system(error)
    if own:
        return InputError(f"{own}: {words}; {where}")
    line = f"unforeseen {words}; {where}"
    return UnforeseenError(line if name is None else f"{name}: {line}")


def _line_of_a_system(error: BaseException) -> str | None:
    """Return the file and line where a system from elsewhere raised it, None where the kit was at work last."""
    frames = [(str(frame.f_globals.get("__name__")), frame.f_code.co_filename, line)
              for frame, line in traceback.walk_tb(error.__traceback__)]  # fmt: skip
    ours = [(module, file, line) for module, file, line in frames if module.startswith(("reprise_kit", OTHERS))]
    module, file, line = ours[-1] if ours else ("", "", 0)
    return f"{shown(file)}, line {line}" if module.startswith(OTHERS) else None


@contextmanager
def reading(path: object, what: str) -> Iterator[None]:
    """Make an InputError of whatever is raised on a file, or on what `path` names, that is not `what` it should be."""
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except MemoryError:
        raise InputError(f"{path}: takes more memory than there is") from None
    except Exception as error:
        words = f"{type(error).__name__}: {error}".strip(": ")[:LINE]
        raise InputError(f"{path}: not a readable {what} ({words})") from None


def keep_trace(error: BaseException) -> Path | None:
    """Add an exception's trace to this process' log file; return the file, or None where there is no room for it."""
    from reprise_kit.compare.fetch import cache
    from reprise_kit.compare.scratch import outer

    name = f"{time.strftime('%Y%m%d')}-{os.getpid()}.log"
    text = f"{time.strftime('%H:%M:%S')}\n{''.join(traceback.format_exception(error))}\n"
    for place, folder_name in ((cache, "logs"), (outer, "reprise-logs")):
        with suppress(OSError, InputError):
            folder = place() / folder_name
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / name).open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
            return folder / name
    return None


def predict_all(pipeline: "Pipeline", paths: Sequence[Path]) -> "list[Prediction | Exception]":
    """Return the answer on each input or what it failed with: InputError, or MemoryError where there was too little.

    One on which a decoder or the network fails in a way that nobody thought of costs no other its answer.
    """
    try:
        return list(pipeline.predict_many(paths))
    except Exception as error:
        if len(paths) > 1:
            return [answer for path in paths for answer in predict_all(pipeline, [path])]
        return [MemoryError(str(paths[0])) if out_of_memory(error) else unforeseen(error, paths[0])]


def out_of_memory(error: Exception) -> bool:
    """Whether an exception, NumPy's, TensorFlow's or FFmpeg's, says that there was too little memory."""
    named = type(error).__name__ == "ResourceExhaustedError"
    return isinstance(error, MemoryError) or named or getattr(error, "errno", None) == errno.ENOMEM
