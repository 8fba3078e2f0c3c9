"""The process in which models are migrated and verified: native code that dies there ends one verdict, not a report."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reprise_kit.apps.adopt import adopted
from reprise_kit.apps.adopt.adopted import OWN, STAND_IN, WHOSE, Adopted, Verification
from reprise_kit.apps.adopt.captured import Captured
from reprise_kit.compare.workers import begin_worker, end_now

Adopt = Callable[[Captured, Path, Path], Adopted]


class Judge:
    """Adopts captured models in a child process, which stays for the next one; one that died is replaced."""

    def __init__(self, adopt: Adopt = adopted.adopt) -> None:
        """Take what is to be done with each model; it runs in the child."""
        self._adopt = adopt
        self._pool = _pool()

    def adopt(self, captured: Captured, folder: Path, models: Path) -> Adopted:
        """As adopted.adopt; where the child dies, a model that could not be judged, without a file."""
        asked = self._pool.submit(self._adopt, captured, folder, models)
        workers = list((getattr(self._pool, "_processes", None) or {}).values())
        try:
            return asked.result()
        except BrokenProcessPool:
            end_now(self._pool)
            self._pool = _pool()
            return _could_not_be_judged(captured, _how(workers), models)

    def end(self) -> None:
        """End the child."""
        end_now(self._pool)


@contextmanager
def judge() -> Iterator[Judge]:
    """Give a judge; its process ends with the block."""
    one = Judge()
    try:
        yield one
    finally:
        one.end()


def _pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), begin_worker)


def _how(workers: list[Any]) -> str:
    """Say how a process of native code ended; what was killed by another is most often memory."""
    codes = []
    for worker in workers:
        worker.join()
        codes.append(worker.exitcode)
    code = next((code for code in codes if code), None)
    if code is None or code >= 0:
        return f"exit code {code}"
    return signal.Signals(-code).name + (", which the system sends where memory runs out" if code == -9 else "")


def _could_not_be_judged(captured: Captured, how: str, models: Path) -> Adopted:
    line = (
        f"could not be judged: the process that migrated and verified it died ({how}); "
        "try again, or `reprise migrate --verify` on its folder in captured/"
    )
    (models / f"{captured.name}.keras").unlink(missing_ok=True)
    recorded = [name for name, there in ((OWN, captured.own), (STAND_IN, captured.stand_in)) if there]
    refused = tuple(Verification(WHOSE[name], "refused", (line,)) for name in recorded)
    return Adopted(captured, None, (*captured.notes, line), refused)
