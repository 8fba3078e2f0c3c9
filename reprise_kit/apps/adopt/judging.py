"""Models are migrated and verified in a child process: native code that dies there ends one verdict, not a report."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reprise_kit.apps.adopt import adopted
from reprise_kit.apps.adopt.adopted import WHOSE, Adopted, Verification
from reprise_kit.apps.adopt.captured import OWN, STAND_IN, Captured
from reprise_kit.compare.workers import Child, Died, child

Adopt = Callable[[Captured, Path, Path], Adopted]


class Judge:
    """Adopts captured models in a child process."""

    def __init__(self, process: Child, adopt: Adopt = adopted.adopt) -> None:
        """Take the child, and what is to be done with each model in it."""
        self._child, self._adopt = process, adopt

    def adopt(self, captured: Captured, folder: Path, models: Path) -> Adopted:
        """As adopted.adopt; where the child dies, a model that could not be judged, without a file."""
        try:
            return self._child.run(self._adopt, captured, folder, models)
        except Died as error:
            return _could_not_be_judged(captured, str(error), models)


@contextmanager
def judge() -> Iterator[Judge]:
    """Give a judge; its process ends with the block."""
    with child() as process:
        yield Judge(process)


def _could_not_be_judged(captured: Captured, how: str, models: Path) -> Adopted:
    line = (
        f"could not be judged: the process that migrated and verified it died ({how}); "
        "try again, or `reprise migrate --verify` on its folder in captured/"
    )
    (models / f"{captured.name}.keras").unlink(missing_ok=True)
    recorded = [name for name, there in ((OWN, captured.own), (STAND_IN, captured.stand_in)) if there]
    refused = tuple(Verification(WHOSE[name], "refused", (line,)) for name in recorded)
    return Adopted(captured, None, (*captured.notes, line), refused)
