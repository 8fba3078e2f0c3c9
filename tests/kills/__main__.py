"""The command line of `tests.kills`."""

import argparse
import json
import shutil
import signal
import sys
from collections import Counter
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

from tests.json_lines import rows
from tests.kills import __doc__ as about
from tests.kills.jobs import JOBS
from tests.kills.run import Place

WARM = 0.75  # of the chains are of commands that need not import
AGAIN = 0.75  # of the stopped runs are followed by one that is stopped, too


def main() -> int:
    """Stop commands so often, less what is done already; print the table. Returns 1 where something was found."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--interrupts", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--command", action="append", choices=JOBS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and what was begun is ended, too
    options.folder.mkdir(parents=True, exist_ok=True)
    log = options.folder / f"done-{options.seed}.jsonl"
    shares = dict(zip(JOBS, zip(shared(options.kills), shared(options.interrupts), strict=True), strict=True))
    in_turn([Stops(name, shares[name], options.seed, log, options.folder / name) for name in options.command or JOBS])
    return table(log)


def shared(total: int) -> list[int]:
    """Return how many of so many stops each command has."""
    return [(total + place) // len(JOBS) for place in range(len(JOBS))]


class Stops:
    """The stops of one command that are still to be done."""

    def __init__(self, name: str, count: tuple[int, int], seed: int, log: Path, folder: Path) -> None:
        """Want so many SIGKILLs and so many SIGINTs, less those of the log."""
        self.name, self.log, self.folder = name, log, folder
        done = Counter(row["signal"] for row in rows(log) if row["command"] == name)
        numbers = zip((signal.SIGKILL, signal.SIGINT), count, strict=True)
        self.wanted = [number for number, often in numbers for _ in range(often - done[number.name])]
        self.random = Random(f"{seed}/{name}/{done.total()}")
        self.random.shuffle(self.wanted)

    @cached_property
    def place(self) -> Place:
        """The place of the command, in which it ran once undisturbed."""
        return Place(JOBS[self.name], self.folder)

    def chain(self) -> None:
        """Stop the command once or a few times, let it come to its end, and write down what was found."""
        chain: list[dict[str, Any]] = []
        self.place.warm = self.random.random() < WARM
        while self.wanted and (not chain or self.random.random() < AGAIN):
            if not (row := self._stopped()):
                break
            chain.append(row)
        else:
            self.place.check_end(self.place.finish())
        if self.place.found:
            chain.append({"command": self.name, "signal": "none", "found": self.place.found})
        _write(self.log, chain)
        self.place.found = []
        if self.random.random() < 0.5:  # else what is there is written over, or known
            self.place.clear()
        else:
            self.place.again()
        if not self.wanted:
            shutil.rmtree(self.folder)

    def _stopped(self) -> dict[str, Any] | None:
        """Stop once; None where the command was done before."""
        after = self.random.uniform(0, self.place.seconds)
        row = {
            "command": self.name,
            "after": round(after, 2),
            "of": round(self.place.seconds, 2),
            "warm": self.place.warm,
        }
        if not self.place.stop(self.wanted[-1], after):
            return None
        found, self.place.found = self.place.found, []
        return {**row, "signal": self.wanted.pop().name, "found": found}


def in_turn(commands: list[Stops]) -> None:
    """Take a chain of stops of each command in turn, until all are done."""
    while commands := [command for command in commands if command.wanted]:
        for command in commands:
            command.chain()


def _write(log: Path, chain: list[dict[str, Any]]) -> None:
    with log.open("a") as file:
        file.write("".join(f"{json.dumps(row)}\n" for row in chain))
    for row in chain:
        for words in row["found"]:
            print(
                f"{row['command']}, {row['signal']} after {row.get('after')} of {row.get('of')} s: {words}", flush=True
            )


def table(log: Path) -> int:
    """Print how often each command was stopped, and how often something was wrong then."""
    counts, bad = Counter[tuple[str, str]](), Counter[str]()
    for row in rows(log):
        counts[row["command"], row["signal"]] += 1
        bad[row["command"]] += bool(row["found"])
    print("| command | SIGKILL | SIGINT | findings |\n|---|---|---|---|")
    for name in dict.fromkeys(name for name, _ in counts):
        print(f"| {name} | {counts[name, 'SIGKILL']} | {counts[name, 'SIGINT']} | {bad[name]} |")
    kills, interrupts = (sum(n for (_, kind), n in counts.items() if kind == k) for k in ("SIGKILL", "SIGINT"))
    print(f"| all | {kills} | {interrupts} | {bad.total()} |")
    return 1 if bad.total() else 0


if __name__ == "__main__":
    sys.exit(main())
