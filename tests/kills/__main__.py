"""The command line of `tests.kills`."""

import argparse
import json
import shutil
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from tests.json_lines import rows
from tests.kills import __doc__ as about
from tests.kills.jobs import JOBS
from tests.kills.run import Place

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
    options.folder.mkdir(parents=True, exist_ok=True)
    log = options.folder / f"done-{options.seed}.jsonl"
    chosen = options.command or list(JOBS)
    for name in chosen:
        stops = {
            number: -(-total * (place + 1) // len(chosen)) - -(-total * place // len(chosen))
            for number, total in ((signal.SIGKILL, options.kills), (signal.SIGINT, options.interrupts))
            for place in [chosen.index(name)]
        }
        run(name, stops, options.seed, log, options.folder / name)
    return table(log)


def run(name: str, stops: dict[signal.Signals, int], seed: int, log: Path, folder: Path) -> None:
    """Stop one command by each signal so often, and let it come to its end after each few stops."""
    done = Counter(row["signal"] for row in rows(log) if row["command"] == name)
    wanted = [number for number, count in stops.items() for _ in range(count - done[number.name])]
    if not wanted:
        return
    random = Random(f"{seed}/{name}/{sum(done.values())}")
    random.shuffle(wanted)
    place = Place(JOBS[name], folder, random)
    chain: list[dict[str, Any]] = []
    while wanted:
        after = random.uniform(0, place.seconds)
        began = time.monotonic()
        hit = place.stop(wanted[-1], after)
        if hit:
            row = {
                "command": name,
                "signal": wanted.pop().name,
                "after": round(after, 2),
                "of": round(place.seconds, 2),
            }
            chain.append({**row, "found": place.found})
            place.found = []
        if hit and wanted and random.random() < AGAIN:
            continue
        if hit:
            place.check_end(place.finish())
        if chain:
            chain[-1]["found"] += place.found
        elif place.found:
            chain.append({"command": name, "signal": "none", "after": 0.0, "of": place.seconds, "found": place.found})
        place.found = []
        _write(log, chain, time.monotonic() - began)
        chain = []
        if random.random() < 0.5:  # else what is there is written over, or known
            place.clear()
        else:
            place.held = JOBS[name].kept(place.out)
    shutil.rmtree(folder)


def _write(log: Path, chain: list[dict[str, Any]], seconds: float) -> None:
    with log.open("a") as file:
        for row in chain:
            file.write(json.dumps(row) + "\n")
            for words in row["found"]:
                print(f"{row['command']}, {row['signal']} after {row['after']} s of {row['of']}: {words}", flush=True)


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
