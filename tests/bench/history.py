"""`python -m tests.bench.history [PICTURE]`: the ratios of every recorded `make bench`, as a table and a picture.

A line of `history.jsonl` is one run: machine, its load, commit, day, how many clips and rounds, and CPU seconds of each
subject over those of the port's whole path, summed over the clips. Only ratios are kept: seconds do not carry over.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from reprise_kit.compare.system import ROOT
from tests.json_lines import rows

HISTORY = Path(__file__).with_name("history.jsonl")


def append(machine: str, ratios: dict[str, float], clips: int, rounds: int, file: Path = HISTORY) -> None:
    """Add a run on so many clips, each so many times."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    line = {
        "time": time.strftime("%Y-%m-%d"),
        "machine": machine,
        "load": round(os.getloadavg()[0], 1),
        "commit": commit.strip(),
        "clips": clips,
        "rounds": rounds,
    }
    with file.open("a") as lines:
        lines.write(json.dumps({**line, "ratios": {name: round(ratio, 3) for name, ratio in ratios.items()}}) + "\n")


def read(file: Path = HISTORY) -> list[dict[str, Any]]:
    """Return the recorded runs, the oldest first."""
    return rows(file)


def beside_the_last(machine: str, ratios: dict[str, float], clips: int, runs: list[dict[str, Any]]) -> Table:
    """Return this run's ratios beside the newest recorded ones, of as many clips and this machine where it can."""
    runs = [run for run in runs if run["clips"] == clips] or runs
    same = [run for run in runs if run["machine"] == machine] or runs
    last = same[-1] if same else {"ratios": {}, "commit": "nothing", "machine": machine, "clips": clips}
    title = f"Beside {last['commit']}"
    title += "" if last["machine"] == machine else f" on {last['machine']}"
    title += "" if last["clips"] == clips else f", of {last['clips']} clips"
    table = Table(title=title, title_justify="left")
    for column in ("CPU, of the port's whole path", "now", "then"):
        table.add_column(column, justify="left" if column.startswith("CPU") else "right")
    for name, ratio in ratios.items():
        before = last["ratios"].get(name)
        table.add_row(name.strip(), f"{ratio:.2f} x", "-" if before is None else f"{before:.2f} x")
    return table


def draw(runs: list[dict[str, Any]], picture: Path) -> None:
    """Draw each subject's ratio over the runs, on a logarithmic axis."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 5), layout="constrained")
    for name in dict.fromkeys(name for run in runs for name in run["ratios"]):
        points = [(k, run["ratios"][name]) for k, run in enumerate(runs) if name in run["ratios"]]
        axes.plot(*zip(*points, strict=True), marker="o", label=name.strip())
    axes.set_yscale("log")
    axes.set_xticks(range(len(runs)), [f"{run['commit']}\n{run['time']}" for run in runs])
    axes.set_xlabel("commit and day")
    axes.set_ylabel("CPU seconds over those of the port's whole path")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(picture)
    plt.close(figure)


def main() -> None:
    """Print the table and draw the picture."""
    runs = read()
    if not runs:
        sys.exit("no run is recorded; `make bench ARGS=--record` adds one")
    picture = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("bench.png")
    draw(runs, picture)
    names = list(dict.fromkeys(name for run in runs for name in run["ratios"]))
    table = Table("run", *(name.strip() for name in names))
    for run in runs:
        cells = [f"{run['ratios'][name]:.2f}" if name in run["ratios"] else "-" for name in names]
        table.add_row(f"{run['commit']} {run['time']} {run['machine']}", *cells)
    Console().print(table)
    print(picture)


if __name__ == "__main__":
    main()
