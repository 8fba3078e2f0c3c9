"""The command line of `tests.fuzz`."""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import asdict
from pathlib import Path

from tests.fuzz import __doc__ as about
from tests.fuzz.readers import READERS
from tests.fuzz.readers.reader import Reader
from tests.fuzz.run import BATCH, batch, put
from tests.json_lines import rows


def main() -> int:
    """Read so many inputs, less what is done already; print the table. Returns 1 where something was found."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--inputs", type=int, default=300_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reader", action="append", choices=READERS)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    log = options.folder / f"done-{options.seed}.jsonl"
    chosen = [READERS[name] for name in options.reader or READERS]
    for reader in sorted(chosen, key=lambda reader: (reader.heavy, -reader.share)):  # the cheap ones have the shares
        _run(reader, -(-options.inputs * reader.share // _shares()), options.seed, log, options.folder)
    return _table(log, options.folder)


def _shares() -> int:
    return sum(reader.share for reader in READERS.values())


def _run(reader: Reader, count: int, seed: int, log: Path, folder: Path) -> None:
    done = max((row["first"] + row["tried"] for row in rows(log) if row["reader"] == reader.name), default=0)
    if done >= count:
        return
    if reader.heavy:
        import keras  # noqa: F401  (before it is forked)
    with tempfile.TemporaryDirectory(prefix="reprise-fuzz-") as name:
        scratch = Path(name)
        (scratch / "seeds").mkdir()
        (scratch / "work").mkdir()
        seeds = reader.seeds(scratch / "seeds")
        size = BATCH // 10 if reader.heavy else BATCH  # a batch is what a stop loses
        for first in range(done, count, size):
            tally = batch(reader, seeds, seed, first, min(size, count - first), scratch / "work")
            with log.open("a") as file:
                file.write(json.dumps(asdict(tally)) + "\n")
            for number, words in tally.findings:
                print(f"{reader.name} {number}: {words}", flush=True)
                kept = folder / "found" / reader.folder / f"{seed}-{number}"
                put(reader, seeds, seed, number, scratch / "work" / "input")
                shutil.copytree(scratch / "work" / "input", kept, dirs_exist_ok=True)


def _table(log: Path, folder: Path) -> int:
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    peaks: Counter[str] = Counter()
    for row in rows(log):
        sums[row["reader"]] += Counter(row["verdicts"]) + Counter(tried=row["tried"])
        sums[row["reader"]]["seconds"] += row["seconds"]  # type: ignore[assignment]
        peaks[row["reader"]] = max(peaks[row["reader"]], row["peak"])
    print("| reader | inputs | answered | refused | findings | inputs/s | MB at most |\n|---|---|---|---|---|---|---|")
    for name, found in [*sums.items(), ("all", sum(sums.values(), Counter()))]:
        counts = " | ".join(str(found[key]) for key in ("tried", "answered", "refused", "finding"))
        print(f"| {name} | {counts} | {found['tried'] / max(found['seconds'], 1e-9):.0f} | {peaks[name] >> 20} |")
    return 1 if any(found["finding"] for found in sums.values()) else 0


if __name__ == "__main__":
    began = time.monotonic()
    code = main()
    print(f"{time.monotonic() - began:.0f} s")
    sys.exit(code)
