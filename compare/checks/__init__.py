"""The contract test: whether a system's folder is what `compare`, `predict` and the demo take it for, check by check.

Nothing here knows what an input is. The kit's own systems and everybody else's are held to the same checks.
"""

import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reprise_kit.compare.checks import folder, pipeline
from reprise_kit.compare.checks.subject import Problems, Subject
from reprise_kit.compare.errors import InputError, Terminated

FIRST: dict[str, Callable[[Subject], Problems]] = {
    "system.toml: title, labels, stages, tolerances with reasons": folder.described,
    "files: adapter, port, what system.toml names": folder.files,
    "inputs": pipeline.inputs,
    "weights": pipeline.weights,
    "pipeline: opens with its Options": pipeline.opens,
    "trace: the declared stages, their axes and dtypes, finite": pipeline.chained,
}
THEN: dict[str, Callable[[Subject], Problems]] = {
    "decode: the stages that start from the input": pipeline.decode,
    "stage: alone as in the chain": pipeline.isolated,
    "predict: labels and shapes": pipeline.predicts,
    "predict_many: as predict": pipeline.predicts_many,
    "predict: refuses an empty file": pipeline.refuses,
    "provenance": pipeline.provenance,
    "recorded traces: of declared stages and of inputs that are here": folder.recordings,
}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, and every fault that was found in it."""

    what: str
    problems: tuple[str, ...]

    def __bool__(self) -> bool:
        """True where nothing is wrong."""
        return not self.problems


def check(subject: Subject) -> Iterator[Check]:
    """Yield every check of a system in data order; what hangs on a failed one of FIRST is left out."""
    for what, look in FIRST.items():
        found = Check(what, _problems(subject, look))
        yield found
        if not found:
            return
    for what, look in THEN.items():
        yield Check(what, _problems(subject, look))


def _problems(subject: Subject, look: Callable[[Subject], Problems]) -> tuple[str, ...]:
    """The faults that a check finds; what it cannot survive is one too, with the line of the system's own file."""
    try:
        return tuple(look(subject))
    except InputError as error:
        return (str(error),)
    except (KeyboardInterrupt, Terminated):
        raise
    except BaseException as error:  # an exit, too: the checks that follow would be left out, and it looked like a pass
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if Path(frame.filename).is_relative_to(subject.system.folder)]
        where = (own or frames)[-1]
        return (f"{type(error).__name__}: {error} ({Path(where.filename).name}, line {where.lineno})",)
